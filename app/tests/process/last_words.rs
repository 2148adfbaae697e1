//! A start that fails says why, in one line, whatever is filtered; and the command line says what it does not understand.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::client::Client;
use crate::support::server::{Exit, Server, binary, run};

/// Ended with exit code 2 and one line, which has all of these.
fn refused(exit: &Exit, parts: &[&str]) {
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
    for part in parts {
        assert!(exit.stderr.contains(part), "{part} is not in {exit:?}");
    }
}

#[test]
fn why_a_start_failed_is_told_whatever_is_filtered_and_in_every_format() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for filter in ["off", "error", "slatedb=warn", "mio=info"] {
        for format in ["json", "text", "auto"] {
            let variables = [("LOG_LOG", filter), ("LOG_LOG_FORMAT", format)];
            let exit = run(&["--in-memory", "--port", &port], &variables);
            refused(&exit, &["in use", &port]);
            if format != "text" {
                let line: Value = serde_json::from_str(&exit.stderr).expect("an object");
                assert_eq!(line["exit_code"], 2, "{line}");
                assert_eq!(line["level"], "ERROR", "{line}");
            }
        }
    }
}

#[test]
fn a_word_that_is_no_level_is_refused_at_the_start_and_by_the_check() {
    for filter in ["infoo", "warning", "info,slatedb", "slatedb=verbose"] {
        for arguments in [&["--in-memory"][..], &["config", "check"]] {
            let exit = run(arguments, &[("LOG_LOG", filter)]);
            refused(&exit, &["log: ", "error, warn, info"]);
        }
    }
}

#[test]
fn a_check_reads_certificate_key_and_tokens_and_looks_at_the_data_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("write a file");
        path.to_str().expect("a path in text").to_owned()
    };
    let missing = folder.path().join("missing");
    let missing = missing.to_str().expect("a path in text");
    let empty = file("empty", "# nothing\n");
    let encrypted = file(
        "key.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    // Ed448, made by openssl for this test.
    let unsupported = file(
        "ed448.pem",
        "-----BEGIN PRIVATE KEY-----\nMEcCAQAwBQYDK2VxBDsEOZ3L9Pm6DpG/w4mdGCmCp4x+0DyRMmmNCCl87efA+xky\nDGRyD2j+a5HQnFVQpu7TBkYAfYKL+othCQ==\n-----END PRIVATE KEY-----\n",
    );
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = file("cert.pem", &format!("\u{feff}{}", made.cert.pem()));
    let key = file(
        "own.pem",
        &format!("\u{feff}{}", made.signing_key.serialize_pem()),
    );
    let tokens = file("tokens", "\u{feff}name read 0123456789abcdef\n");

    let tls = |certificate: &str, key: &str| {
        let variables = [("LOG_TLS__CERTIFICATE", certificate), ("LOG_TLS__KEY", key)];
        run(&["config", "check"], &variables)
    };
    refused(&tls(missing, missing), &["tls", missing]);
    refused(&tls(&empty, &key), &["no certificate", &empty]);
    refused(&tls(&certificate, missing), &["tls", missing]);
    refused(&tls(&certificate, &encrypted), &["encrypted", &encrypted]);
    let exit = tls(&certificate, &unsupported);
    refused(&exit, &["not supported", "Ed25519", &unsupported]);
    assert_eq!(tls(&certificate, &key).code, Some(0));

    let data = |path: &str| run(&["config", "check", "--data-dir", path], &[]);
    refused(&data(&key), &["is a file", &key]);
    assert_eq!(data(missing).code, Some(0));
    assert!(!folder.path().join("missing").exists());

    let check = |tokens: &str| run(&["config", "check"], &[("LOG_AUTH__TOKENS", tokens)]);
    refused(&check(missing), &["auth.tokens", missing]);
    refused(&check(&empty), &["auth.tokens", &empty]);
    assert_eq!(check(&tokens).code, Some(0));
}

#[test]
fn a_secret_given_in_the_place_of_its_file_is_never_printed() {
    for (variable, secret) in [
        ("LOG_AUTH__TOKENS", "9tQm0vVtGdQnY8x1c5Wq2A"),
        ("LOG_AUTH__TOKENS", "name read 9tQm0vVtGdQnY8x1c5Wq2A"),
        ("LOG_AUTH__TOKENS", "/9tQm0vVtGdQnY8x1c5Wq2A="),
        ("LOG_AUTH__TOKENS", "9tQm0v/VtGdQnY8x1c5Wq2A"),
        (
            "LOG_TLS__KEY",
            "-----BEGIN PRIVATE KEY-----\n9tQm0vVtGdQnY8x1c5Wq2A\n",
        ),
        ("LOG_AUTH", "9tQm0vVtGdQnY8x1c5Wq2A"),
        ("LOG_TLS", "9tQm0vVtGdQnY8x1c5Wq2A"),
    ] {
        let certificate = ("LOG_TLS__CERTIFICATE", "/etc/hostname");
        let all = match variable {
            "LOG_TLS__KEY" => vec![(variable, secret), certificate],
            _ => vec![(variable, secret)],
        };
        for arguments in [
            &["--in-memory"][..],
            &["config", "check"],
            &["config", "show"],
        ] {
            let exit = run(arguments, &all);
            for said in [&exit.stdout, &exit.stderr] {
                assert!(!said.contains("9tQm0v"), "{variable}: {exit:?}");
            }
        }
        refused(&run(&["config", "check"], &all), &[]);
    }
}

#[test]
fn what_the_command_line_does_not_understand_is_named() {
    for (arguments, parts) in [
        (
            &["--port", "eighty"][..],
            &["--port", "\"eighty\"", "65535", "for example"][..],
        ),
        (
            &["--host", "my-host"],
            &["--host", "localhost", "127.0.0.1"],
        ),
        (&["--s3-bucket", ""], &["--s3-bucket", "empty"]),
        (&["--prot", "1"], &["--prot", "--port"]),
        (&["--port"], &["--port"]),
        (&["serv"], &["serv", "serve"]),
        (
            &["--port", "1", "serve", "--port", "2"],
            &["--port", "twice"],
        ),
        (&["--port", "1", "--port", "2"], &["--port"]),
        (&["--in-memory", "openapi"], &["openapi", "no server flags"]),
        (&["openapi", "--format", "xml"], &["xml", "yaml", "json"]),
        (
            &["--in-memory", "serve", "--data-dir", "d"],
            &["--in-memory", "--data-dir"],
        ),
    ] {
        refused(&run(arguments, &[]), parts);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_of_the_server_may_stand_before_and_after_the_subcommand() {
    let arguments = ["--host", "localhost", "--in-memory", "serve", "--port", "0"];
    let server = Server::start(&arguments.map(str::to_owned), &[]);
    Client::new(&server).append_one("key", "value", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
    let shown = run(
        &["--port", "9000", "config", "show", "--host", "localhost"],
        &[],
    );
    assert!(shown.stdout.contains("port = 9000  (flag)"), "{shown:?}");
}

#[test]
fn a_configuration_comes_from_standard_input_too() {
    for (text, code) in [("port: 9000\n", 0), ("prot: 9000\n", 2)] {
        let mut child = Command::new(binary())
            .args(["config", "check", "--config", "/dev/stdin"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the binary");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin.write_all(text.as_bytes()).expect("write to it");
        drop(stdin);
        let exit = child.wait_with_output().expect("an end");
        assert_eq!(exit.status.code(), Some(code), "{exit:?}");
    }
}
