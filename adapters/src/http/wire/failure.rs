//! What a client is told when something was not done: the one table from errors to answers.

use std::error::Error as _;
use std::time::Duration;

use log_domain::{Denied, Error, Rejection, Right, Sequence};
use poem::http::StatusCode;

use super::append_parts;
use super::proto::{self, Conflict, ErrorResponse};
use super::request_id::RequestId;
use crate::causes;

mod respond;

/// A client that follows may come back after so long where no other time is told: to the server that took over, for example.
const COME_BACK: Duration = Duration::from_secs(5);

/// Bytes of a message that quotes a client.
const MAX_MESSAGE: usize = 500;

/// Why a request was not done, by what the client can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Reason {
    InvalidArgument,
    SpansPartitions,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    UnsupportedContentCoding,
    Conflict,
    PartlyApplied,
    NotWriter,
    ProducerSequenceTooOld,
    ProducerSequenceReused,
    ProducerOutOfOrder,
    ProducerFenced,
    ProducerUnknown,
    Overloaded,
    Full,
    Unavailable,
    Behind,
    Fenced,
    DeadlineExceeded,
    Internal,
}

/// How a reason is answered.
pub(in crate::http) struct Row {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) code: &'static str,
    /// Seconds after which the same request may succeed.
    retry_after: Option<&'static str>,
    /// When it happens, for the OpenAPI document.
    pub(in crate::http) when: &'static str,
}

impl Reason {
    #[rustfmt::skip]
    pub(in crate::http) fn row(self) -> Row {
        let row = |status, code, retry_after, when| Row { status, code, retry_after, when };
        match self {
            Self::InvalidArgument => row(StatusCode::BAD_REQUEST, "invalid_argument", None,
                "A body or parameter is malformed; the message names it."),
            Self::SpansPartitions => row(StatusCode::BAD_REQUEST, "spans_partitions", None,
                "In a cluster: keys or cursors of the request are in different partitions. Nothing was applied."),
            Self::Unauthenticated => row(StatusCode::UNAUTHORIZED, "unauthenticated", None,
                "Tokens are configured, and the header Authorization has none or an unknown one."),
            Self::PermissionDenied => row(StatusCode::FORBIDDEN, "permission_denied", None,
                "The token does not have the right that this operation requires; or a web page of an origin that is not in \
                 http.cors.allow_origins requests a change; or the host name of the request is not one of the server's \
                 (http.allowed_hosts)."),
            Self::NotFound => row(StatusCode::NOT_FOUND, "not_found", None,
                "There is no such cursor."),
            Self::MethodNotAllowed => row(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", None,
                "The path does not support this method; the header Allow lists the supported ones."),
            Self::TooLarge => row(StatusCode::PAYLOAD_TOO_LARGE, "too_large", None,
                "A body, record, key or batch exceeds its limit; the message names it and the limit."),
            Self::UnsupportedMediaType => row(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None,
                "The content type of the body is not one of those listed, or its content encoding is neither gzip nor zstd."),
            Self::UnsupportedContentCoding => row(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", None,
                "The content encoding of the body is neither gzip nor zstd."),
            Self::Conflict => row(StatusCode::CONFLICT, "conflict", None,
                "Code conflict: a precondition does not hold; `conflict` has the key and its last sequence, or `trimmedBefore` if the records \
                 that the precondition asks about were trimmed or deleted; or a cursor is not at its `expected` position: `conflict` has the cursor and its \
                 position. Read the new records of the key, or the cursor, and decide again. Code producer_out_of_order: requests before this one are missing; repeat the requests from \
                 `expectedSequence` on. Code producer_sequence_too_old: the request was applied, and its start sequence is no \
                 longer known. Code producer_sequence_reused: the producer used this sequence for other records. Code \
                 producer_fenced: the producer has a higher epoch now. Code producer_unknown: the producer is new or \
                 was forgotten, and must start with sequence 0. Nothing was applied now, with one exception: code partly_applied \
                 follows only an append with `atomic: false`; some of its `parts` were applied, and the others were not."),
            Self::PartlyApplied => row(StatusCode::CONFLICT, "partly_applied", None,
                "Some parts of an append with `atomic: false` were applied, and the others were not; `parts` has each one."),
            Self::ProducerSequenceTooOld => row(StatusCode::CONFLICT, "producer_sequence_too_old", None,
                "The request was applied before; its start sequence is no longer known."),
            Self::ProducerSequenceReused => row(StatusCode::CONFLICT, "producer_sequence_reused", None,
                "The producer used this sequence for other records."),
            Self::ProducerOutOfOrder => row(StatusCode::CONFLICT, "producer_out_of_order", None,
                "Requests of the producer before this one are missing."),
            Self::ProducerFenced => row(StatusCode::CONFLICT, "producer_fenced", None,
                "The producer has a higher epoch now."),
            Self::ProducerUnknown => row(StatusCode::CONFLICT, "producer_unknown", None,
                "The producer is new or was forgotten."),
            Self::NotWriter => row(StatusCode::MISDIRECTED_REQUEST, "not_writer", None,
                "This server is read-only. Nothing was applied; send the request to the server that writes the log."),
            Self::Overloaded => row(StatusCode::TOO_MANY_REQUESTS, "overloaded", Some("1"),
                "A queue is full or a concurrency limit is reached. Nothing was applied; retry later."),
            Self::Full => row(StatusCode::TOO_MANY_REQUESTS, "overloaded", None,
                "There is no room for another cursor. Nothing was applied; the message says what to do."),
            Self::Unavailable => row(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some("1"),
                "Code unavailable: the store cannot be reached or the server is stopping; nothing was applied. \
                 Code fenced: another writer took over; nothing was applied, do not retry on this server."),
            Self::Behind => row(StatusCode::SERVICE_UNAVAILABLE, "behind", Some("1"),
                "The server does not show the log as far as `at_least` requires; retry, or read from the server that writes the log."),
            Self::Fenced => row(StatusCode::SERVICE_UNAVAILABLE, "fenced", None,
                "Another writer took over. Nothing was applied; do not retry on this server."),
            Self::DeadlineExceeded => row(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", None,
                "The deadline of the request passed. An append may have been applied, unless the message says \
                 that it was not."),
            Self::Internal => row(StatusCode::INTERNAL_SERVER_ERROR, "internal", None,
                "A bug, or damaged data. The server logs the cause with the request id."),
        }
    }

    fn of_rejection(why: &Rejection) -> Self {
        match why {
            Rejection::Conflict { .. }
            | Rejection::Trimmed { .. }
            | Rejection::CursorConflict { .. } => Self::Conflict,
            Rejection::SequenceTooOld => Self::ProducerSequenceTooOld,
            Rejection::SequenceReused { .. } => Self::ProducerSequenceReused,
            Rejection::OutOfOrder { .. } => Self::ProducerOutOfOrder,
            Rejection::ProducerFenced { .. } => Self::ProducerFenced,
            Rejection::ProducerUnknown => Self::ProducerUnknown,
        }
    }
}

/// A request that was not done.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(in crate::http) struct Failure {
    reason: Reason,
    message: String,
    /// For the log only.
    #[source]
    cause: Option<Error>,
    /// With `atomic: false`, where the log has one partition: how many records the only part had.
    of_part: Option<u64>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = match &error {
            Error::Invalid(_) => Reason::InvalidArgument,
            Error::SpansPartitions { .. } => Reason::SpansPartitions,
            Error::Rejected(why) => Reason::of_rejection(why),
            Error::TooLarge { .. } => Reason::TooLarge,
            Error::Overloaded { .. } => Reason::Overloaded,
            Error::Full(_) => Reason::Full,
            Error::Unavailable { .. } => Reason::Unavailable,
            Error::NoCursor(_) => Reason::NotFound,
            Error::NotWriter => Reason::NotWriter,
            Error::Behind { .. } => Reason::Behind,
            Error::Fenced => Reason::Fenced,
            Error::DeadlineExceeded(_)
            | Error::OutcomeUnknown { .. }
            | Error::TrimUnknown(_)
            | Error::DeletionUnknown(_)
            | Error::CursorUnknown(_) => Reason::DeadlineExceeded,
            Error::Corrupt(_) | Error::Internal { .. } => Reason::Internal,
        };
        Self {
            reason,
            message: error.to_string(),
            cause: Some(error),
            of_part: None,
        }
    }
}

impl From<poem::Error> for Failure {
    /// What the handlers and extractors of this server answer comes back as it was; the rest is the router's.
    fn from(error: poem::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(failure) => return failure,
            Err(error) => error,
        };
        match error.status() {
            StatusCode::NOT_FOUND => Self::new(Reason::NotFound, "there is no such path"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                Reason::MethodNotAllowed,
                "this path does not take this method",
            ),
            status if status.is_client_error() => {
                Self::new(Reason::InvalidArgument, error.to_string())
            }
            _ => Error::internal(error.to_string()).into(),
        }
    }
}

impl Failure {
    pub(in crate::http) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            cause: None,
            of_part: None,
        }
    }

    /// A request that can never succeed. The message may quote what was sent, but never at length.
    pub(in crate::http) fn invalid(message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Self::new(Reason::InvalidArgument, message)
    }

    /// A request of a client that may not do what needs `right`.
    pub(in crate::http) fn denied(denied: Denied, right: Right) -> Self {
        match denied {
            Denied::Unauthenticated => Self::new(
                Reason::Unauthenticated,
                "a known bearer token is needed in the header Authorization",
            ),
            Denied::Insufficient => Self::new(
                Reason::PermissionDenied,
                format!("the token does not have the right `{}`", right.name()),
            ),
        }
    }

    /// A request to a server that has not opened the log yet.
    pub(in crate::http) fn starting() -> Self {
        Self::new(
            Reason::Unavailable,
            "the server is starting: it is opening the log",
        )
    }

    /// The same, with what it is about before the message.
    pub(in crate::http) fn of(mut self, what: impl std::fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same, of an append with `atomic: false` of so many records, which has one part because the log has one partition.
    pub(in crate::http) fn of_only_part(mut self, records: u64) -> Self {
        self.of_part = Some(records);
        self
    }

    /// Logs what is not the client's doing and answers what the client may know.
    pub(in crate::http) fn logged_answer(&self, request: &RequestId) -> ErrorResponse {
        let row = self.reason.row();
        let cause = self.cause.as_ref().map(behind).unwrap_or_default();
        if self.reason == Reason::Internal {
            tracing::error!(request_id = %request, error = self.message, cause, "internal error");
        } else if row.status.is_server_error() && !cause.is_empty() {
            tracing::warn!(request_id = %request, error = self.message, cause, code = row.code, "request failed");
        }
        self.answer(request)
    }

    /// What the client may know.
    pub(in crate::http) fn answer(&self, request: &RequestId) -> ErrorResponse {
        let message = if self.reason == Reason::Internal {
            format!("internal error, see the server's log for request id {request}")
        } else {
            self.message.clone()
        };
        let (conflict, expected_sequence) = self.details();
        let mut answer = ErrorResponse {
            status: proto::ERROR.to_owned(),
            message,
            code: self.reason.row().code.to_owned(),
            conflict,
            expected_sequence,
            parts: Vec::new(),
        };
        if let Some(records) = self.of_part {
            let is_unknown = self.reason == Reason::DeadlineExceeded;
            answer.parts = vec![append_parts::not_applied(0, records, is_unknown, &answer)];
        }
        answer
    }

    /// The details of a rejection that a client needs to continue.
    fn details(&self) -> (Option<Conflict>, Option<u64>) {
        let Some(Error::Rejected(why)) = &self.cause else {
            return (None, None);
        };
        match &**why {
            Rejection::Conflict { key, last, .. } => {
                let conflict = Conflict {
                    key: key.clone(),
                    last_sequence: Some(last.get()),
                    ..Conflict::default()
                };
                (Some(conflict), None)
            }
            Rejection::CursorConflict { name, position, .. } => {
                let conflict = Conflict {
                    cursor: Some(name.to_string()),
                    position: position.map(Sequence::get),
                    ..Conflict::default()
                };
                (Some(conflict), None)
            }
            Rejection::Trimmed {
                key,
                trimmed_before,
                ..
            } => {
                let conflict = Conflict {
                    key: key.clone(),
                    trimmed_before: Some(trimmed_before.get()),
                    ..Conflict::default()
                };
                (Some(conflict), None)
            }
            Rejection::OutOfOrder { expected, .. } => (None, Some(*expected)),
            _ => (None, None),
        }
    }

    /// The time after which a follower should reconnect, to this server or the one that took over. `None` if the request
    /// itself is wrong, or the server has a bug.
    pub(in crate::http) fn passes_after(&self) -> Option<Duration> {
        match self.reason {
            Reason::Overloaded
            | Reason::Unavailable
            | Reason::Behind
            | Reason::Fenced
            | Reason::DeadlineExceeded => {
                let seconds = self
                    .reason
                    .row()
                    .retry_after
                    .and_then(|text| text.parse().ok());
                Some(seconds.map_or(COME_BACK, Duration::from_secs))
            }
            _ => None,
        }
    }
}

/// What lies behind `error`, outermost first.
fn behind(error: &Error) -> String {
    error.source().map(causes::told).unwrap_or_default()
}

impl poem::error::ResponseError for Failure {
    fn status(&self) -> StatusCode {
        self.reason.row().status
    }
}
