//! What can go wrong, a kind for each `code` of the server.
//!
//! The generated `entity` of an error is of no use for this: it is the first of its variants, whatever the status was.

use std::fmt;

use opendata_log_client::apis::Error as Failure;
use opendata_log_client::models::ErrorResponse;

/// What the caller must do next depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request can never succeed; the message names what is wrong.
    InvalidArgument,
    /// The server wants a token that it knows.
    Unauthenticated,
    /// The token does not have the right that is needed.
    PermissionDenied,
    /// There is no such path: the address is probably not that of a log server.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// Something is over its limit; the message says what, and the limit.
    TooLarge,
    /// The body is in a format that the server does not read.
    UnsupportedMediaType,
    /// A queue is full. Nothing was applied.
    Overloaded,
    /// The store cannot be reached, or the server stops. Nothing was applied.
    Unavailable,
    /// Another server took the log over. Nothing was applied; go there.
    Fenced,
    /// A read took too long. (For an append it is `OutcomeUnknown`.)
    DeadlineExceeded,
    /// An append may have been applied, whole or not at all. Read the key before it is sent again.
    OutcomeUnknown,
    /// A bug, or damaged data.
    Internal,
    /// What answered was no log server: another one, or something in between.
    UnexpectedAnswer,
}

/// Something was not done.
#[derive(Debug, Clone)]
pub struct LogError {
    pub kind: Kind,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The server's words.
    pub message: String,
}

impl LogError {
    /// What a read ended in.
    pub fn of_read<T>(failure: Failure<T>) -> Self {
        let told = match failure {
            Failure::ResponseError(told) => told,
            Failure::Serde(error) => {
                return Self::new(Kind::UnexpectedAnswer, None, error.to_string());
            }
            error => return Self::new(Kind::Unavailable, None, error.to_string()),
        };
        let status = Some(told.status.as_u16());
        match serde_json::from_str::<ErrorResponse>(&told.content) {
            Ok(said) => Self::new(kind(&said.code), status, said.message),
            Err(_) => Self::new(Kind::UnexpectedAnswer, status, told.content),
        }
    }

    /// What an append ended in: where nobody knows whether it was applied, `OutcomeUnknown`.
    pub fn of_append<T>(failure: Failure<T>) -> Self {
        let answered = matches!(failure, Failure::ResponseError(_));
        let mut error = Self::of_read(failure);
        if !answered || [Kind::DeadlineExceeded, Kind::UnexpectedAnswer].contains(&error.kind) {
            error.kind = Kind::OutcomeUnknown;
        }
        error
    }

    fn new(kind: Kind, status: Option<u16>, message: String) -> Self {
        Self {
            kind,
            status,
            message,
        }
    }
}

fn kind(code: &str) -> Kind {
    match code {
        "invalid_argument" => Kind::InvalidArgument,
        "unauthenticated" => Kind::Unauthenticated,
        "permission_denied" => Kind::PermissionDenied,
        "not_found" => Kind::NotFound,
        "method_not_allowed" => Kind::MethodNotAllowed,
        "too_large" => Kind::TooLarge,
        "unsupported_media_type" => Kind::UnsupportedMediaType,
        "overloaded" => Kind::Overloaded,
        "unavailable" => Kind::Unavailable,
        "fenced" => Kind::Fenced,
        "deadline_exceeded" => Kind::DeadlineExceeded,
        "internal" => Kind::Internal,
        _ => Kind::UnexpectedAnswer,
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LogError {}
