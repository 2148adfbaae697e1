//! How commands end.

use std::fmt::Display;

use opendata_log::{Error, ErrorKind};

/// Done. Also if the reader of the output closed it early, as `head` does.
pub const OK: u8 = 0;
/// The server refused the request, or a file cannot be read or written, or what was asked for does not exist.
pub const ANSWERED_WITH_ERROR: u8 = 1;
/// The command line is wrong. Nothing was sent.
pub const USAGE: u8 = 2;
/// A precondition does not hold, or a cursor is not where it is expected. Nothing was changed.
pub const CONFLICT: u8 = 5;
/// The server cannot be reached, does not answer, or is not ready. Nothing was changed.
pub const UNREACHABLE: u8 = 6;
/// Nobody knows whether the change was made.
pub const UNKNOWN_OUTCOME: u8 = 7;
/// SIGINT, as of Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// SIGTERM.
pub const TERMINATED: u8 = 143;

/// Why a command did not finish.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What is said on standard error; nothing if it is empty.
    pub(crate) message: String,
}

/// What a command ends in.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// A file or stream cannot be read or written.
    pub(crate) fn io(what: impl Display, error: &std::io::Error) -> Self {
        Self::new(ANSWERED_WITH_ERROR, format!("{what}: {error}"))
    }

    /// The output was closed by who reads it: enough was read.
    pub(crate) fn reader_left() -> Self {
        Self::new(OK, "")
    }

    /// The same, with the command that goes on.
    pub(crate) fn resumed_by(self, command: &str) -> Self {
        Self::new(self.code, format!("{}; to resume: {command}", self.message))
    }

    /// The same, of which more is to be said before.
    pub(crate) fn after(mut self, before: impl Display) -> Self {
        if !self.message.is_empty() {
            self.message = format!("{before}: {}", self.message);
        }
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_unknown_outcome() {
            let message = format!("it is not known whether the change was made: {error}");
            return Self::new(UNKNOWN_OUTCOME, message);
        }
        let code = match error.kind() {
            // What the client refuses was not sent.
            ErrorKind::InvalidArgument if error.status().is_none() => USAGE,
            ErrorKind::Conflict(_) => CONFLICT,
            ErrorKind::Unavailable
            | ErrorKind::Overloaded
            | ErrorKind::Behind
            | ErrorKind::DeadlineExceeded => UNREACHABLE,
            _ => ANSWERED_WITH_ERROR,
        };
        let hint = match error.kind() {
            ErrorKind::Unauthenticated => {
                ": give a token that this server knows, in the variable LOG_TOKEN or in a file with --token-file"
            }
            ErrorKind::InvalidArgument if error.message().starts_with("partition: missing") => {
                ": give it with --partition"
            }
            _ => "",
        };
        Self::new(code, format!("{error}{hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exit_code_means_what_another_one_of_the_server_does() {
        let of_server = [3, 4];
        let all = [
            OK,
            ANSWERED_WITH_ERROR,
            USAGE,
            CONFLICT,
            UNREACHABLE,
            UNKNOWN_OUTCOME,
            INTERRUPTED,
            TERMINATED,
        ];
        assert!(all.iter().all(|code| !of_server.contains(code)));
    }

    #[test]
    fn a_closed_output_stays_a_success() {
        let failure = Failure::reader_left().after("3 records");
        assert_eq!((failure.code, failure.message.as_str()), (OK, ""));
    }
}
