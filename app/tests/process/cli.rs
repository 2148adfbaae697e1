//! The commands of the client, as processes against real servers: what they print, how they end, and what they leave.

mod commands;
mod examples;
mod exits;
mod imports;
mod interrupts;
mod secure;

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use crate::support::server::{Server, binary};

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A server that forgets everything.
pub(crate) fn in_memory() -> Server {
    Server::start(&["--in-memory".to_owned()], &[])
}

/// A command that sees none of the developer's own settings, and this server.
pub(crate) fn command(url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("LOG_") || text.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(&name);
        }
    }
    command
        .args(args)
        .env("LOG_URL", url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn ended(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs a command against `url`.
fn run_at(url: &str, args: &[&str]) -> Ran {
    ended(command(url, args).output().expect("run the command"))
}

/// Runs a command against the server.
pub(crate) fn run(server: &Server, args: &[&str]) -> Ran {
    run_at(server.url(), args)
}

/// What a command prints that must succeed.
pub(crate) fn printed(server: &Server, args: &[&str]) -> String {
    let ran = run(server, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran.stdout
}

/// As [`printed`], with this on standard input.
pub(crate) fn given(server: &Server, args: &[&str], input: &[u8]) -> String {
    let ran = ended(
        begun_with(command(server.url(), args), input)
            .wait_with_output()
            .expect("ended"),
    );
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran.stdout
}

/// A command that was given all of this on its standard input, if it takes it.
fn begun_with(mut command: Command, input: &[u8]) -> Child {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("start");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // One that ends before has read enough.
    std::thread::spawn(move || drop(stdin.write_all(&input)));
    child
}
