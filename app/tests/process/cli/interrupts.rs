//! Signals, and servers that go away and come back.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use log_testkit::ports::free_ports;

use super::{command, ended, in_memory, printed, run_at};
use crate::support::place::Place;
use crate::support::server::binary;

fn interrupt(child: &Child) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status();
    assert!(sent.expect("run sh").success());
}

/// Reads so many lines.
fn lines(from: &mut impl BufRead, count: usize) -> Vec<String> {
    let lines = from.lines().take(count);
    lines.collect::<Result<_, _>>().expect("lines")
}

/// Runs a command that was printed, as a shell does.
fn pasted(url: &str, line: &str) -> super::Ran {
    let own = binary().into_string().expect("text");
    let rest = line
        .strip_prefix(&own)
        .unwrap_or_else(|| panic!("{line} is no command"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("\"$0\" {rest}"), &own]);
    shell.env("LOG_URL", url);
    ended(shell.output().expect("run bash"))
}

#[test]
fn an_interrupted_tail_says_the_command_that_continues_it() {
    let server = in_memory();
    printed(&server, &["append", "a key", "0"]);
    printed(&server, &["append", "a key", "1"]);
    let mut tail = command(server.url(), &["tail", "a key", "--output", "raw"])
        .spawn()
        .expect("start");
    let mut stdout = BufReader::new(tail.stdout.take().expect("a pipe"));
    assert_eq!(lines(&mut stdout, 2), ["0", "1"]);
    interrupt(&tail);
    let ran = ended(tail.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    printed(&server, &["append", "a key", "2"]);
    let resume = ran
        .stderr
        .trim()
        .strip_prefix("interrupted; to resume: ")
        .expect("a command");
    assert!(resume.ends_with("--from 2"), "{resume}");
    let ran = pasted(server.url(), &format!("{resume} --limit 1"));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "2\n"), "{ran:?}");
}

#[test]
fn an_interrupted_scan_and_export_and_append_end_at_once_and_say_what_was_done() {
    let (_listener, url) = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        (listener, url)
    };
    for (args, said) in [
        (&["scan", "k", "--from", "5"][..], "--from 5"),
        (
            &["append", "k", "v"],
            "it is not known whether 1 record more",
        ),
        (
            &["trim", "--before", "1", "--yes"],
            "it is not known whether",
        ),
        (&["count", "k"], "interrupted"),
    ] {
        let child = command(&url, args).spawn().expect("start");
        std::thread::sleep(Duration::from_millis(400));
        interrupt(&child);
        let ran = ended(child.wait_with_output().expect("ended"));
        assert_eq!(ran.code, Some(130), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:?}");
    }
    // Lines that do not end: what came before is appended at once.
    let server = in_memory();
    let mut append = command(server.url(), &["append", "k", "--lines"]);
    let mut append = append.stdin(Stdio::piped()).spawn().expect("start");
    let mut stdin = append.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, b"a\nb\n").expect("written");
    let appended = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        printed(&server, &["count", "k", "-o", "raw"]) == "2\n"
    });
    assert!(
        appended,
        "the lines were not appended while the pipe was open"
    );
    interrupt(&append);
    let ran = ended(append.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(
        ran.stderr.contains("2 records appended") && ran.stderr.contains("line 3"),
        "{ran:?}"
    );
}

#[test]
fn a_tail_continues_through_a_crash_and_a_stop_of_the_server() {
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let url = server.url().to_owned();
    let append = |value: &str| {
        let ran = run_at(&url, &["append", "k", value, "--durable"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    append("0");
    let mut tail = command(&url, &["tail", "k", "-o", "raw"])
        .spawn()
        .expect("start");
    let mut stdout = BufReader::new(tail.stdout.take().expect("a pipe"));
    assert_eq!(lines(&mut stdout, 1), ["0"]);
    for value in ["1", "2"] {
        server.kill9();
        server = place.starter(port)();
        append(value);
        assert_eq!(lines(&mut stdout, 1), [value]);
    }
    interrupt(&tail);
    assert_eq!(tail.wait().expect("ended").code(), Some(130));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "");
    let mut notes = String::new();
    let mut stderr = tail.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut notes).expect("read");
    let answers = format!("{url} answers again\n");
    assert_eq!(
        notes.matches("waiting for the server: ").count(),
        2,
        "{notes}"
    );
    assert_eq!(notes.matches(&answers).count(), 2, "{notes}");
    drop(server);
}
