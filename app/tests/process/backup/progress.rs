//! What `backup` shows while it runs: a bar on a terminal, lines elsewhere.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::succeeded;
use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::binary;

/// Of the terminal. One with fewer has no room for a bar.
const COLUMNS: usize = 80;

/// What clears a line of a terminal.
const CLEAR: &str = "\u{1b}[2K";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_a_bar_on_a_terminal_that_goes_at_the_end_and_lines_elsewhere() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    for _ in 0..4 {
        client.append_one("key", &"v".repeat(500_000), true).await;
    }
    let above = TempDir::new().expect("a folder");
    let to = |name: &str| above.path().join(name).display().to_string();

    let shown = on_a_terminal(&format!(
        "backup --data-dir {} --to {} --verify",
        place.path(),
        to("terminal")
    ));
    let painted = shown.split(['\r', '\n', '\u{1b}']);
    let bars: Vec<_> = painted.filter(|part| part.contains(" left")).collect();
    assert!(
        bars.iter().any(|bar| bar.contains("copying WAL [")),
        "{shown:?}"
    );
    for bar in bars {
        // It would wrap into the next line.
        let width = bar.trim_start_matches("[2K").chars().count();
        assert!(width <= COLUMNS, "{bar:?} is too wide");
    }
    let (_, left) = shown.rsplit_once(CLEAR).expect("the bar is cleared");
    assert!(left.starts_with("backup 20"), "{left:?}");
    assert!(left.contains("verified: "), "{left:?}");

    let elsewhere = place.run(&["backup", "--to", &to("pipe"), "--verify"], &[]);
    succeeded(&elsewhere);
    let lines: Vec<_> = elsewhere.stderr.lines().collect();
    for (line, begin) in lines
        .iter()
        .zip(["copying WAL: ", "copying data: ", "verifying: "])
    {
        assert!(line.starts_with(begin), "{lines:?}");
    }
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(!elsewhere.stderr.contains(['\u{1b}', '\r']), "{lines:?}");
}

/// What a terminal gets from a command of the binary, which must succeed.
fn on_a_terminal(command: &str) -> String {
    let line = format!(
        "stty cols {COLUMNS} rows 24 && exec {} {command}",
        binary().display()
    );
    let ran = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .expect("run `script` of util-linux");
    let shown = String::from_utf8(ran.stdout).expect("UTF-8");
    assert!(ran.status.success(), "{shown}");
    shown
}
