//! What can go wrong, a kind for each `code` of the server.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::no_answer::NoAnswer;
use crate::part::AppendPart;
use crate::record::Appended;
use crate::wire::ErrorResponse;

/// Something was not done, or nobody knows whether it was ([`Error::is_unknown_outcome`]).
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    message: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    request: Option<String>,
    is_unknown_outcome: bool,
    was_not_sent: bool,
    parts: Vec<AppendPart>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the caller must do next depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request can never succeed; the message names what is wrong. Also a setting or argument that was never sent.
    InvalidArgument,
    /// What the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition.
    SpansPartitions,
    /// The server requires a token that it knows.
    Unauthenticated,
    /// The token does not have the right that is needed.
    PermissionDenied,
    /// There is no such path: the address is probably not that of a log server.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// Something is over its limit; the message says what, and the limit.
    TooLarge,
    /// The server does not read the format of the body.
    UnsupportedMediaType,
    /// A queue is full. Nothing was applied.
    Overloaded,
    /// The server or its store cannot be reached, or the server starts or stops. Nothing was applied.
    Unavailable,
    /// Another server took the log over. Nothing was applied; send it there.
    Fenced,
    /// The server is read-only. Nothing was applied; send it to the server that writes the log.
    NotWriter,
    /// The server does not show the log up to what the read requires yet.
    Behind,
    /// A read took too long. (An append that did is an [`ErrorKind::OutcomeUnknown`].)
    DeadlineExceeded,
    /// The append may have been applied, whole or not at all.
    OutcomeUnknown,
    /// A precondition failed, or a cursor is not where it is expected. Nothing was applied.
    Conflict(Conflict),
    /// Some parts of an append that was split were applied, and the others were not: see [`Error::parts`]. Send only the records of those again.
    PartlyApplied,
    /// Appends that were acknowledged before they were durable were lost in a crash of the server. The one that found out was not applied
    /// either, unless [`Error::is_unknown_outcome`]: then an earlier attempt of it was lost from sight, too. The next ones are not affected.
    AppendsLost(LostAppends),
    /// The server no longer knows the producer: the client was idle for days.
    ProducerUnknown,
    /// Another client writes as the same producer with a higher epoch.
    ProducerFenced,
    /// Another client has sent other records as the same producer and with the same sequence.
    ProducerSequenceReused,
    /// The request was applied long ago. (The client counts it as a success.)
    ProducerSequenceTooOld,
    /// The request is ahead of its turn. (The client sends it again, or finds that appends were lost.)
    ProducerOutOfOrder {
        /// The sequence that the server applies next.
        expected: u64,
    },
    /// A bug of the server, or damaged data.
    Internal,
    /// The answer is not from a log server that this client knows: another server, or a proxy. (For an append it is an
    /// [`ErrorKind::OutcomeUnknown`], unless the status says that the proxy did not pass the request on.)
    UnexpectedAnswer,
}

/// Which precondition of an append failed, or which cursor is not where it is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The key of the precondition; empty if it is about a cursor.
    pub key: Bytes,
    /// The sequence of its last record. To decide anew, read from the sequence of the precondition up to this one.
    pub last_sequence: Option<u64>,
    /// Records below this sequence may have been deleted, so the server cannot tell. Read the key to its end: the `next_sequence` is then high
    /// enough.
    pub trimmed_before: Option<u64>,
    /// The cursor, if it is about one.
    pub cursor: Option<String>,
    /// Where the cursor is; `None` if it does not exist.
    pub position: Option<u64>,
}

/// Appends that were acknowledged, and lost in a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostAppends {
    /// How many.
    pub requests: u64,
    /// What they had been answered, as far as it is remembered.
    pub appended: Vec<Appended>,
}

impl ErrorKind {
    /// The kind that the server tells of.
    pub(crate) fn of_response(response: &ErrorResponse) -> Option<Self> {
        let conflict = response.conflict.clone().unwrap_or_default();
        Some(match response.code.as_str() {
            "invalid_argument" => Self::InvalidArgument,
            "spans_partitions" => Self::SpansPartitions,
            "unauthenticated" => Self::Unauthenticated,
            "permission_denied" => Self::PermissionDenied,
            "not_found" => Self::NotFound,
            "method_not_allowed" => Self::MethodNotAllowed,
            "too_large" => Self::TooLarge,
            "unsupported_media_type" => Self::UnsupportedMediaType,
            "overloaded" => Self::Overloaded,
            "unavailable" => Self::Unavailable,
            "fenced" => Self::Fenced,
            "not_writer" => Self::NotWriter,
            "behind" => Self::Behind,
            "deadline_exceeded" => Self::DeadlineExceeded,
            "internal" => Self::Internal,
            "conflict" => Self::Conflict(Conflict {
                key: conflict.key,
                last_sequence: conflict.last_sequence,
                trimmed_before: conflict.trimmed_before,
                cursor: conflict.cursor,
                position: conflict.position,
            }),
            "partly_applied" => Self::PartlyApplied,
            "producer_unknown" => Self::ProducerUnknown,
            "producer_fenced" => Self::ProducerFenced,
            "producer_sequence_reused" => Self::ProducerSequenceReused,
            "producer_sequence_too_old" => Self::ProducerSequenceTooOld,
            "producer_out_of_order" => Self::ProducerOutOfOrder {
                expected: response.expected_sequence?,
            },
            _ => return None,
        })
    }
}

impl ErrorKind {
    /// Whether it is about the producer of an append.
    pub(crate) fn is_of_producer(&self) -> bool {
        matches!(
            self,
            Self::ProducerUnknown
                | Self::ProducerFenced
                | Self::ProducerSequenceReused
                | Self::ProducerSequenceTooOld
                | Self::ProducerOutOfOrder { .. }
        )
    }
}

impl Error {
    /// What the caller must do next depends on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the append may have been applied, whole or not at all. Otherwise nothing was.
    pub fn is_unknown_outcome(&self) -> bool {
        self.0.is_unknown_outcome || self.0.kind == ErrorKind::OutcomeUnknown
    }

    /// Whether the last attempt certainly did not reach a server: there was no connection.
    pub fn was_not_sent(&self) -> bool {
        self.0.was_not_sent
    }

    /// What went wrong, in the server's words if it answered.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Of [`LogClient::append_split`](crate::LogClient::append_split): what became of each part, if the server told that.
    pub fn parts(&self) -> &[AppendPart] {
        &self.0.parts
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// After how long the same request may succeed; `None` if there is no use in sending it again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What to look for in the server's log.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            status: None,
            retry_after: None,
            request_id: None,
            request: None,
            is_unknown_outcome: false,
            was_not_sent: false,
            parts: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_parts(mut self, parts: Vec<AppendPart>) -> Self {
        self.0.parts = parts;
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_source_of(mut self, lost: NoAnswer) -> Self {
        self.0.was_not_sent = lost.was_not_sent;
        match lost.source {
            Some(source) => self.with_source(source),
            None => self,
        }
    }

    /// The same error with a message that goes on so.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.0.message.push_str(note);
        self
    }

    /// The same error as another kind.
    pub(crate) fn into_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_unknown_outcome(mut self, is_unknown: bool) -> Self {
        self.0.is_unknown_outcome = is_unknown;
        self
    }

    /// An error of another kind, of the same request, that this one caused.
    pub(crate) fn into_cause_of(self, kind: ErrorKind, message: String) -> Self {
        let mut error = Self::new(kind, message);
        error.0.status = self.0.status;
        error.0.request_id.clone_from(&self.0.request_id);
        error.0.request.clone_from(&self.0.request);
        error.with_source(self)
    }

    /// Names the request, such as `POST http://localhost:8080/api/v1/log/append`.
    pub(crate) fn of_request(mut self, method: &str, url: &str) -> Self {
        self.0.request = Some(format!("{method} {url}"));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.request {
            Some(request) => write!(f, " ({request})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source: &(dyn StdError + 'static) = self.0.source.as_deref()?;
        Some(source)
    }
}
