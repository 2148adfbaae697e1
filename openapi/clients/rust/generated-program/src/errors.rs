//! What can go wrong, a kind for each `code` of the server.
//!
//! The generated `entity` of an error is of no use for this: it is the first of its variants, whatever the status was.

use std::error::Error;
use std::fmt;

use opendata_log_client::apis::Error as Failure;
use opendata_log_client::apis::configuration::Configuration;
use opendata_log_client::models::ErrorResponse;

use crate::whole_requests::NotSentWhole;

/// What the caller must do next depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request can never succeed; the message names what is wrong.
    InvalidArgument,
    /// What the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition.
    SpansPartitions,
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
    /// The server or its store cannot be reached, or the server starts or stops. Nothing was applied.
    Unavailable,
    /// Another server took the log over. Nothing was applied; go there.
    Fenced,
    /// The server is read-only. Nothing was applied; go to the server that writes the log.
    NotWriter,
    /// The server does not show the log up to what the read requires yet.
    Behind,
    /// A read took too long. (For an append it is `OutcomeUnknown`.)
    DeadlineExceeded,
    /// An append may have been applied, whole or not at all. Read the key before it is sent again.
    OutcomeUnknown,
    /// A bug, or damaged data.
    Internal,
    /// A precondition failed: another writer was faster. Nothing was applied; read the key on, and decide again.
    Conflict,
    /// Some parts of an append with `atomic: false` were applied, and the others were not; `parts` of the answer says which.
    PartlyApplied,
    /// Requests of the producer before this one are missing. Nothing was applied.
    ProducerOutOfOrder,
    /// The request was applied before, so long ago that its start sequence is no longer known.
    ProducerSequenceTooOld,
    /// The producer has used the sequence for other records. Nothing was applied.
    ProducerSequenceReused,
    /// The producer writes in a higher epoch by now. Nothing was applied.
    ProducerFenced,
    /// The producer is new or was forgotten, and has to start with sequence 0. Nothing was applied.
    ProducerUnknown,
    /// What answered was no log server: another one, or something in between.
    UnexpectedAnswer,
}

/// Something was not done.
#[derive(Debug, Clone)]
pub struct LogError {
    pub kind: Kind,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The server's words, or why there was no answer; and the URL.
    pub message: String,
}

impl LogError {
    /// What a read from the server of `log` ended in.
    pub fn of_read<T>(failure: Failure<T>, log: &Configuration) -> Self {
        let (kind, status, message) = match failure {
            Failure::ResponseError(told) => {
                let status = Some(told.status.as_u16());
                match serde_json::from_str::<ErrorResponse>(&told.content) {
                    Ok(said) => (kind(&said.code), status, said.message),
                    Err(_) => (Kind::UnexpectedAnswer, status, told.content),
                }
            }
            Failure::Serde(error) => (Kind::UnexpectedAnswer, None, error.to_string()),
            Failure::Reqwest(error) => (Kind::Unavailable, None, reason(&error)),
            Failure::ReqwestMiddleware(error) => (Kind::Unavailable, None, reason(&error)),
            Failure::Io(error) => (Kind::Unavailable, None, reason(&error)),
        };
        let message = format!("{message} ({})", log.base_path);
        Self {
            kind,
            status,
            message,
        }
    }

    /// What an append ended in: where nobody knows whether it was applied, `OutcomeUnknown`.
    pub fn of_append<T>(failure: Failure<T>, log: &Configuration) -> Self {
        let answered = matches!(failure, Failure::ResponseError(_));
        let certain = match &failure {
            Failure::Reqwest(error)
            | Failure::ReqwestMiddleware(reqwest_middleware::Error::Reqwest(error)) => {
                was_not_sent_whole(error)
            }
            Failure::ReqwestMiddleware(reqwest_middleware::Error::Middleware(error)) => {
                error.is::<NotSentWhole>()
            }
            _ => false,
        };
        let mut error = Self::of_read(failure, log);
        let refused = REFUSED_ON_THE_WAY.contains(&error.status.unwrap_or(0));
        // The body did not arrive in time.
        if error.kind == Kind::DeadlineExceeded && error.message.contains("nothing was applied") {
            error.kind = Kind::Unavailable;
            return error;
        }
        let unsure = match error.kind {
            Kind::DeadlineExceeded => true,
            Kind::UnexpectedAnswer => !refused,
            _ => !answered,
        };
        if unsure && !certain {
            error.kind = Kind::OutcomeUnknown;
        }
        error
    }
}

/// With these, what is in between refuses a request that it does not pass on.
const REFUSED_ON_THE_WAY: [u16; 9] = [401, 408, 411, 413, 414, 415, 417, 429, 431];

/// Whether the server certainly has not got the whole request: there was no connection (refused, no such name, no trusted certificate),
/// or writing to it failed, which is only done while a part of the request is left.
fn was_not_sent_whole(error: &reqwest::Error) -> bool {
    let broke = causes(error).any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        let pipe = io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
        // What hyper calls a write that failed; its kinds are its own.
        pipe || cause
            .to_string()
            .starts_with("error writing a body to connection")
    });
    error.is_builder() || error.is_connect() || broke
}

/// Why there was no answer, down to the cause.
fn reason(error: &(dyn Error + 'static)) -> String {
    let first = error.to_string();
    let deeper: Vec<_> = causes(error)
        .skip(1)
        .map(|cause| cause.to_string())
        .collect();
    [&[first], &deeper[..]].concat().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn kind(code: &str) -> Kind {
    match code {
        "invalid_argument" => Kind::InvalidArgument,
        "spans_partitions" => Kind::SpansPartitions,
        "unauthenticated" => Kind::Unauthenticated,
        "permission_denied" => Kind::PermissionDenied,
        "not_found" => Kind::NotFound,
        "method_not_allowed" => Kind::MethodNotAllowed,
        "too_large" => Kind::TooLarge,
        "unsupported_media_type" => Kind::UnsupportedMediaType,
        "overloaded" => Kind::Overloaded,
        "unavailable" => Kind::Unavailable,
        "fenced" => Kind::Fenced,
        "not_writer" => Kind::NotWriter,
        "behind" => Kind::Behind,
        "deadline_exceeded" => Kind::DeadlineExceeded,
        "internal" => Kind::Internal,
        "conflict" => Kind::Conflict,
        "partly_applied" => Kind::PartlyApplied,
        "producer_out_of_order" => Kind::ProducerOutOfOrder,
        "producer_sequence_too_old" => Kind::ProducerSequenceTooOld,
        "producer_sequence_reused" => Kind::ProducerSequenceReused,
        "producer_fenced" => Kind::ProducerFenced,
        "producer_unknown" => Kind::ProducerUnknown,
        _ => Kind::UnexpectedAnswer,
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for LogError {}
