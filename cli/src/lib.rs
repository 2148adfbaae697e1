//! The commands of `opendata-log` that are a client of a server, over the Rust client.
//!
//! What is pure is apart from what reads and writes: `text`, `json`, `record_line`, `resume` and `commands::import::window` know no file,
//! terminal or server. `commands` has a file for each command.

mod arguments;
mod commands;
mod connection;
mod exit;
mod input;
mod json;
mod output;
mod partitions;
mod progress;
mod record_line;
mod resume;
mod signals;
mod table;
mod text;

use std::ffi::OsString;
use std::io::Write;

pub use commands::Command;
pub use exit::{
    ANSWERED_WITH_ERROR, CONFLICT, INTERRUPTED, OK, TERMINATED, UNKNOWN_OUTCOME, UNREACHABLE, USAGE,
};

/// Runs a command and gives the exit code.
///
/// `program` is the whole command line, for completions and manual pages; `arguments` are those of this process, of which the command to
/// resume is made.
pub fn run(command: Command, program: clap::Command, arguments: Vec<OsString>) -> u8 {
    let outcome = commands::run(command, program, arguments);
    let Err(failure) = outcome else {
        return OK;
    };
    if !failure.message.is_empty() {
        let message = text::in_one_line(&failure.message);
        // Nobody can be told if this fails.
        drop(writeln!(std::io::stderr(), "opendata-log: {message}"));
    }
    failure.code
}
