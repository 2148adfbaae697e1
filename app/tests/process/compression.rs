//! Compressed requests and answers, as curl and the programs gzip and zstd have them.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::client::Client;
use crate::support::server::Server;

/// What comes out of a program that `input` is given to.
fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("run {program}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("its output");
    writer.join().expect("no panic").expect("written");
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

fn curl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    through(
        "curl",
        &[
            &[
                "-sS",
                "--max-time",
                "30",
                "-H",
                "content-type: application/json",
            ],
            arguments,
        ]
        .concat(),
        input,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_sends_and_reads_both_codings_and_sees_what_a_plain_client_sees() {
    let server = Server::start(&["--in-memory".to_owned()], &[]);
    let api = |path: &str| format!("{}/api/v1/log/{path}", server.url());
    let append = api("append");
    let records: Vec<_> = (0..2_000)
        .map(|number| format!(r#"{{"keyText":"k","valueText":"value {number}"}}"#))
        .collect();
    let body = format!(r#"{{"records":[{}]}}"#, records.join(","));
    for program in ["gzip", "zstd"] {
        let small = through(program, &["-c"], body.as_bytes());
        assert!(small.len() < body.len() / 2);
        let coding = format!("content-encoding: {program}");
        for more in [&[][..], &["-H", "transfer-encoding: chunked"]] {
            let send = ["-H", &coding, "--data-binary", "@-", &append];
            let answer = curl(&[&send[..], more].concat(), &small);
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            assert_eq!(answer["recordsAppended"], 2_000, "{answer}");
        }
        // Cut short: nothing is applied.
        let send = ["-H", &coding, "--data-binary", "@-", &append];
        let answer = curl(&send, &small[..small.len() / 2]);
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["code"], "invalid_argument", "{answer}");
    }
    assert_eq!(Client::new(&server).count(b"k").await, 8_000);

    for path in [
        "scan?key=k&limit=8000",
        "keys?limit=10",
        "../../../openapi.json",
    ] {
        let url = api(path);
        let plain = curl(&[&url], b"");
        // Whatever curl was built with.
        assert!(curl(&["--compressed", &url], b"") == plain, "{path}");
        for program in ["gzip", "zstd"] {
            let accept = format!("accept-encoding: {program}");
            let head = curl(&["-D", "-", "-o", "/dev/null", "-H", &accept, &url], b"");
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let answer = curl(&["-H", &accept, &url], b"");
            if plain.len() < 1_024 {
                assert!(answer == plain, "{path}");
                continue;
            }
            let coding = format!("content-encoding: {program}\r\n");
            assert!(head.contains(&coding), "{path}: {head}");
            assert!(answer.len() < plain.len() / 2, "{path}: {program}");
            assert!(through(program, &["-dc"], &answer) == plain, "{path}");
        }
    }
}
