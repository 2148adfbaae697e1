//! How commands end when something is wrong.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{command, ended, given, in_memory, printed, run, run_at};
use crate::support::server::binary;

/// An address where nobody answers: connections are taken, and nothing is said.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, format!("http://{address}"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time that a process takes")]
fn one_shot_commands_give_up_on_a_silent_server_and_name_it() {
    let (_listener, url) = silent();
    for (args, code) in [
        (&["scan", "k"][..], 6),
        (&["count", "k"], 6),
        (&["keys"], 6),
        (&["segments"], 6),
        (&["cursors"], 6),
        (&["status"], 6),
        (&["tail", "k"], 6),
        (&["export"], 6),
        (&["bench"], 6),
        (&["append", "k", "v"], 7),
        (&["trim", "--before", "1", "--yes"], 7),
        (&["delete", "k", "--yes"], 7),
        (&["cursors", "set", "p", "1"], 7),
    ] {
        let began = Instant::now();
        let args = [args, &["--timeout", "300ms"]].concat();
        let ran = run_at(&url, &args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(&url), "{args:?}: {ran:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{args:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        let is_unknown = ran.stderr.contains("not known whether");
        assert_eq!(is_unknown, code == 7, "{args:?}: {ran:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named_and_why() {
    for args in [&["scan", "k"][..], &["append", "k", "v"], &["status"]] {
        let ran = run_at("http://127.0.0.1:1", args);
        assert_eq!(ran.code, Some(6), "{ran:?}");
        assert!(ran.stderr.contains("http://127.0.0.1:1"), "{ran:?}");
        assert!(ran.stderr.contains("refused"), "{ran:?}");
    }
}

#[test]
fn a_wrong_command_line_is_told_in_one_line_and_nothing_is_sent() {
    for (args, why) in [
        (&["scan"][..], "KEY"),
        (&["scan", "k", "--prefix", "p"], "cannot be used with"),
        (
            &["scan", "k", "--from", "3", "--to", "2"],
            "--to 2 is before --from 3",
        ),
        (&["scan", "k", "--last", "0"], "at least 1"),
        (
            &["scan", "k", "--last", "1", "--from", "1"],
            "cannot be used with",
        ),
        (&["scan", ""], "at least one byte"),
        (&["append", "k", "v", "--lines"], "cannot be used with"),
        (&["append", "k", "v", "--header", "x"], "NAME=VALUE"),
        (&["scan", "--key-base64", "*"], "no base64"),
        (&["keys", "--url", "nonsense"], "url must be one such as"),
        (&["keys", "--timeout", "10"], "such as 10s"),
        (&["keys", "--output", "xml"], "xml"),
        (&["keys", "--ca", "/nowhere.pem"], "/nowhere.pem"),
        (&["keys", "--token-file", "/nowhere"], "/nowhere"),
        (&["keys", "--token", "two words"], "token must consist of"),
        (&["--port", "1", "keys"], "keys accepts no server flags"),
        (&["import", "x", "--id", ""], "1 to 200 bytes"),
        (&["trim", "--yes"], "--before"),
    ] {
        let ran = run_at("http://127.0.0.1:1", args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(why), "{args:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{args:?}: {ran:?}");
        assert!(
            ran.stderr.starts_with("opendata-log: "),
            "{args:?}: {ran:?}"
        );
    }
}

#[test]
fn an_answer_that_is_an_error_is_told() {
    let server = in_memory();
    let ran = run(&server, &["append", &"k".repeat(10_000), "v"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains(server.url()), "{ran:?}");
    let missing = run(&server, &["import", "/nowhere.jsonl"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("/nowhere.jsonl"), "{missing:?}");
}

#[test]
fn an_append_says_that_it_was_applied_when_only_its_output_fails() {
    let server = in_memory();
    let mut append = command(server.url(), &["append", "k", "v"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    append.stdout(full.expect("the device"));
    let ran = ended(append.output().expect("run"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("1 record appended"), "{ran:?}");
    assert_eq!(printed(&server, &["count", "k"]), "1\n");
}

#[test]
fn nothing_on_standard_input_is_no_empty_record() {
    let server = in_memory();
    let ran = run(&server, &["append", "k"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("standard input is empty"), "{ran:?}");
    printed(&server, &["append", "k", ""]);
    assert_eq!(printed(&server, &["count", "k"]), "1\n");
}

#[test]
fn a_count_is_a_number_for_programs_also_without_an_option() {
    let server = in_memory();
    let lines = "x\n".repeat(1_200);
    given(&server, &["append", "k", "--lines"], lines.as_bytes());
    assert_eq!(printed(&server, &["count", "k"]), "1200\n");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let server = in_memory();
    let lines: String = (0..30_000)
        .map(|number| format!("line number {number}\n"))
        .collect();
    given(&server, &["append", "k", "--lines"], lines.as_bytes());
    for words in [
        "scan k",
        "scan --prefix ''",
        "tail k --from 0",
        "export",
        "tail k --last 2",
    ] {
        let script = format!(
            "set -o pipefail; \"$0\" {words} | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        );
        let mut shell = Command::new("timeout");
        shell.args(["20", "bash", "-c", &script]).arg(binary());
        shell.env("LOG_URL", server.url());
        let output = shell.output().expect("run bash");
        let code = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(code, "0", "{words}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !said.contains("Broken pipe") && !said.contains("panicked"),
            "{words}: {said}"
        );
    }
}

#[test]
fn a_token_in_the_way_of_a_server_and_the_clients_variables_do_not_disturb_it() {
    let env = [
        ("LOG_URL", "http://x"),
        ("LOG_TOKEN", "t"),
        ("LOG_CA", "/x"),
    ];
    let checked = crate::support::server::run(&["config", "check"], &env);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn nothing_that_a_terminal_obeys_and_no_colour_goes_to_a_pipe() {
    let server = in_memory();
    printed(&server, &["append", "k", "\u{1b}[31mred"]);
    for args in [&["scan", "k"][..], &["cursors"], &["segments"], &["status"]] {
        assert!(!printed(&server, args).contains('\u{1b}'), "{args:?}");
    }
    let mut forced = command(server.url(), &["scan", "k"]);
    let output = forced.env("CLICOLOR_FORCE", "1").output().expect("run");
    assert!(!output.stdout.contains(&0x1b));
}
