//! What cannot be meant is refused in one line, with exit code 2.

use super::files::Files;
use crate::support::server::{Exit, run};

fn refused(env: &[(&str, &str)], names: &str) -> Exit {
    let exit = run(&["--in-memory", "--port", "0"], env);
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let lines: Vec<_> = exit.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{exit:?}");
    assert!(lines[0].contains(names), "{exit:?} does not name {names}");
    exit
}

#[test]
fn a_certificate_that_is_missing_broken_or_of_another_key_ends_the_start() {
    let (files, others) = (Files::new(), Files::new());
    let (certificate, key) = (files.text("tls.crt"), files.text("tls.key"));
    let tls = |certificate: &str, key: &str, names: &str| {
        let env = [("LOG_TLS__CERTIFICATE", certificate), ("LOG_TLS__KEY", key)];
        refused(&env, names);
    };
    tls("/tmp/does-not-exist.pem", &key, "/tmp/does-not-exist.pem");
    tls(
        &certificate,
        "/tmp/does-not-exist.key",
        "/tmp/does-not-exist.key",
    );
    tls(
        &certificate,
        &others.text("tls.key"),
        "not the key of the certificate",
    );
    tls(&key, &key, "no certificate in PEM format");
    tls(&certificate, &certificate, "no private key in PEM format");
    refused(&[("LOG_TLS__KEY", &key)], "tls.certificate");
    refused(&[("LOG_TLS__CERTIFICATE", &certificate)], "tls.key");
}

#[test]
fn a_token_file_that_is_missing_or_does_not_parse_ends_the_start_without_being_quoted() {
    let files = Files::new();
    refused(
        &[("LOG_AUTH__TOKENS", "/tmp/does-not-exist")],
        "/tmp/does-not-exist",
    );
    let secret = "a-very-secret-token-in-the-wrong-place";
    files.write("tokens", &format!("# tokens\nname {secret} read\n"));
    let exit = refused(&[("LOG_AUTH__TOKENS", &files.text("tokens"))], "line 2");
    assert!(!exit.stderr.contains(secret), "{exit:?}");
    files.write("tokens", "");
    refused(&[("LOG_AUTH__TOKENS", &files.text("tokens"))], "no token");
}

#[test]
fn bounds_of_nothing_end_the_start() {
    for name in [
        "LOG_LIMITS__CONNECTIONS",
        "LOG_LIMITS__CONNECTION_STREAMS",
        "LOG_LIMITS__HEADER_BYTES",
    ] {
        let setting = name
            .trim_start_matches("LOG_")
            .to_lowercase()
            .replace("__", ".");
        refused(&[(name, "0")], &setting);
    }
    refused(&[("LOG_AUTH__RELOAD", "0s")], "auth.reload");
    refused(&[("LOG_TIMEOUTS__HEADERS", "0s")], "timeouts.headers");
}
