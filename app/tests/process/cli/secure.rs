//! TLS with an authority of its own, and tokens.

use super::{command, ended, run};
use crate::security::files::{Files, in_memory};
use crate::support::server::{Server, variable};

#[test]
fn a_server_with_tls_and_tokens_is_spoken_to_with_both() {
    let files = Files::new();
    let token = "read-token-0123456789abcdef";
    files.write("tokens", &format!("reader read {token}\n"));
    let mut settings = files.tls();
    settings.push(variable("LOG_AUTH__TOKENS", &files.text("tokens")));
    let server = Server::start(&in_memory(), &settings);
    let ca = files.text("ca.pem");
    files.write("token", &format!("{token}\n"));
    let token_file = files.text("token");

    let untrusted = run(&server, &["keys"]);
    assert_eq!(untrusted.code, Some(6), "{untrusted:?}");
    let without = run(&server, &["keys", "--ca", &ca]);
    assert_eq!(without.code, Some(1), "{without:?}");
    assert!(without.stderr.contains("LOG_TOKEN"), "{without:?}");
    for with in [&["--token", token][..], &["--token-file", &token_file]] {
        let args = [&["keys", "--ca", &ca], with].concat();
        let ran = run(&server, &args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let mut by_variable = command(server.url(), &["keys"]);
    by_variable.env("LOG_TOKEN", token).env("LOG_CA", &ca);
    let ran = ended(by_variable.output().expect("run"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut forbidden = command(server.url(), &["append", "k", "v"]);
    forbidden.env("LOG_TOKEN", token).env("LOG_CA", &ca);
    let ran = ended(forbidden.output().expect("run"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.stderr.contains(token), "{ran:?}");
    let mut help = command(server.url(), &["keys", "--help"]);
    let help = ended(help.env("LOG_TOKEN", token).output().expect("run"));
    assert!(!help.stdout.contains(token), "{help:?}");
}
