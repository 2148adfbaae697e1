//! One error type, divided by what the caller must do next.

use std::sync::Arc;

use crate::Rejection;

/// The cause of an error: kept for logs, never shown to a client.
pub type Cause = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, classified by what the caller must do next.
///
/// For an append, every variant except [`Error::OutcomeUnknown`] guarantees that nothing was applied; for a trim, every one
/// except [`Error::TrimUnknown`]; for a deletion, [`Error::DeletionUnknown`]; for a cursor, [`Error::CursorUnknown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The request is invalid: change it.
    #[error("{0}")]
    Invalid(String),

    /// The request is about keys or cursors of different partitions: give them a common tag, or send a request for each.
    #[error(
        "{one:?} and {other:?} are in different partitions, and a request is about one: nothing was applied. Names with the same text in braces \
         are in the same partition, for example {{42}}/order and {{42}}/lines; else send a request for each partition, or an append with atomic: false"
    )]
    SpansPartitions {
        /// A key, or the name of a cursor.
        one: String,
        /// One in another partition.
        other: String,
    },

    /// The log is not in the state that the append requires: read, decide, and send another one.
    #[error("{0}")]
    Rejected(Box<Rejection>),

    /// A part of the request exceeds its limit: send less.
    #[error("{what} is {actual}, over the limit of {limit}")]
    TooLarge {
        /// What was too large, with its unit, for example `record value in bytes`.
        what: &'static str,
        /// How large it was; for a body that was cut off, how much had been read.
        actual: u64,
        /// The limit it went over.
        limit: u64,
    },

    /// A bounded queue or a concurrency limit is full: wait and send the same again.
    #[error("{what} is full (limit {limit}); try again later")]
    Overloaded {
        /// Which bound was reached.
        what: &'static str,
        /// The bound.
        limit: u64,
    },

    /// There is no room for one more of what stays until it is deleted: waiting does not help. The message says what does.
    #[error("{0}")]
    Full(String),

    /// The store cannot be reached, or the server is stopping: try again later, perhaps elsewhere.
    #[error("{message}")]
    Unavailable {
        /// What is unavailable, for the client.
        message: String,
        /// What the engine said.
        #[source]
        cause: Option<Cause>,
    },

    /// Another writer took over this log: never retry here.
    #[error("another writer has taken over this log; this server no longer writes to it")]
    Fenced,

    /// The server only reads the log: send the change to the server that writes it.
    #[error(
        "this server is read-only: nothing was changed. Send appends and other changes to the server that writes this log"
    )]
    NotWriter,

    /// The server does not show the log as far as the read requires: try again, or ask another server.
    #[error(
        "the log is shown here up to sequence {shown}, and the read requires everything below {at_least}; waited for {waited_ms} ms: \
         try again later, or read from the server that writes the log"
    )]
    Behind {
        /// What the read requires: everything below it.
        at_least: u64,
        /// What the server shows: everything below it.
        shown: u64,
        /// How long the read has waited.
        waited_ms: u64,
    },

    /// A read did not end in time: try again, with a smaller page if it happens again.
    #[error("the request did not finish within {0} ms")]
    DeadlineExceeded(u64),

    /// An append may or may not have been applied: read before writing again.
    #[error(
        "outcome unknown: {message}; the batch was either applied whole or not at all, read the key to find out"
    )]
    OutcomeUnknown {
        /// Why it is unknown.
        message: String,
        /// What the engine said.
        #[source]
        cause: Option<Cause>,
    },

    /// A trim may or may not have been applied: send it again.
    #[error("outcome unknown: {0}; send the trim again, a floor never goes back")]
    TrimUnknown(String),

    /// A deletion may or may not have been applied: send it again.
    #[error("outcome unknown: {0}; send the deletion again, the floor of a key never goes back")]
    DeletionUnknown(String),

    /// A cursor may or may not have been moved or deleted: read it.
    #[error("outcome unknown: {0}; read the cursor to find out")]
    CursorUnknown(String),

    /// There is no such cursor: create it.
    #[error("there is no cursor {0:?}; to create it, put it at a position, for example 0")]
    NoCursor(String),

    /// Stored data is corrupt or not of this version: an operator must act.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),

    /// A bug in this server.
    #[error("internal error: {message}")]
    Internal {
        /// What was being done.
        message: String,
        /// What went wrong.
        #[source]
        cause: Option<Cause>,
    },
}

impl Error {
    /// An [`Error::Invalid`] with this message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// An [`Error::Rejected`] for this reason.
    pub fn rejected(why: Rejection) -> Self {
        Self::Rejected(Box::new(why))
    }

    /// An [`Error::Unavailable`] without a cause.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            cause: None,
        }
    }

    /// What an append is answered behind one that ended its session.
    pub fn behind_failed() -> Self {
        Self::unavailable(
            "an earlier request of the session failed; nothing of this one was applied",
        )
    }

    /// An [`Error::OutcomeUnknown`] without a cause.
    pub fn outcome_unknown(message: impl Into<String>) -> Self {
        Self::OutcomeUnknown {
            message: message.into(),
            cause: None,
        }
    }

    /// An [`Error::Internal`] without a cause.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal {
            message: message.into(),
            cause: None,
        }
    }
}
