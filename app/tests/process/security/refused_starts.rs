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

const CONSENT: &str = "LOG_AUTH__I_KNOW_THAT_EVERYBODY_CAN_WRITE";

#[test]
fn a_server_that_must_be_told_so_does_not_listen_beyond_this_machine_without_tokens() {
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let exit = refused(&[("LOG_HOST", host), (CONSENT, "false")], host);
        for way_out in ["LOG_AUTH__TOKENS", &format!("{CONSENT}=true"), "127.0.0.1"] {
            assert!(exit.stderr.contains(way_out), "{exit:?}");
        }
    }
    let files = Files::new();
    files.write("tokens", "client append a-token-0123456789abcdef\n");
    let tokens = files.text("tokens");
    let checked = |env: &[(&str, &str)]| run(&["config", "check", "--in-memory"], env).code;
    let (everywhere, no, yes) = (
        ("LOG_HOST", "0.0.0.0"),
        (CONSENT, "false"),
        (CONSENT, "true"),
    );
    assert_eq!(checked(&[everywhere, no]), Some(2));
    assert_eq!(checked(&[everywhere, yes]), Some(0));
    assert_eq!(checked(&[everywhere]), Some(0), "as before");
    assert_eq!(checked(&[("LOG_HOST", "localhost"), no]), Some(0));
    assert_eq!(
        checked(&[everywhere, no, ("LOG_AUTH__TOKENS", &tokens)]),
        Some(0)
    );
    // Commands listen nowhere.
    let data = files.text("no-log");
    let backups = files.text("backups");
    for command in [
        &["check", "--data-dir", &data][..],
        &["backup", "--data-dir", &data, "--to", &backups],
    ] {
        let exit = run(command, &[everywhere, no]);
        assert!(exit.stderr.contains("no-log does not exist"), "{exit:?}");
    }
}
