//! Rejections of well-formed appends.

use bytes::Bytes;

use crate::{CursorName, Sequence};

/// Why a well-formed append was rejected. Nothing was applied, and no sequence of its producer was consumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A precondition does not hold: read the new records of the key, and decide again.
    #[error(
        "the key has a record with sequence {last}, and the precondition demands none since {no_record_since}; \
         nothing was applied, read the key from there and decide again"
    )]
    Conflict {
        /// The key.
        key: Bytes,
        /// What the precondition said.
        no_record_since: Sequence,
        /// The last sequence of the key.
        last: Sequence,
    },

    /// A precondition asks about records that were trimmed, and the key has no other ones since: whether one came in between
    /// is not known. Read what is left of the key, and decide again.
    #[error(
        "the log was trimmed before {trimmed_before}, and the precondition demands that the key has no record since \
         {no_record_since}, which can no longer be known; nothing was applied, read the key and decide again"
    )]
    Trimmed {
        /// The key.
        key: Bytes,
        /// What the precondition said.
        no_record_since: Sequence,
        /// The floor of the log: the first sequence that can still be there.
        trimmed_before: Sequence,
    },

    /// A cursor is not where it is expected: another consumer moved it. Read it, and continue from there.
    #[error(
        "cursor {:?} {}, and the request expects it at {expected}; nothing was applied, read the cursor and decide again",
        .name.as_str(), place(.position)
    )]
    CursorConflict {
        /// The cursor.
        name: CursorName,
        /// Where it is expected.
        expected: Sequence,
        /// Where it is; `None` if it does not exist, which counts as 0.
        position: Option<Sequence>,
    },

    /// The request is a duplicate of an applied one whose start sequence is no longer kept: there is nothing to retry.
    #[error("the request was applied before; its start sequence is no longer known")]
    SequenceTooOld,

    /// A request with this sequence was applied before, and had other records.
    #[error(
        "the producer has used sequence {sequence} for other records; nothing was applied, give every request a sequence \
         of its own"
    )]
    SequenceReused {
        /// The sequence of the request.
        sequence: u64,
    },

    /// Requests before this one have not arrived: send them again from `expected` on.
    #[error(
        "it is not the turn of sequence {sequence}; nothing was applied, send again from sequence {expected} on"
    )]
    OutOfOrder {
        /// The sequence of the request.
        sequence: u64,
        /// The sequence of the next request that will be applied.
        expected: u64,
    },

    /// A newer instance of the producer uses a higher epoch: this instance is fenced and must stop.
    #[error(
        "the producer is in epoch {current} now; nothing was applied, and nothing of an earlier epoch will be"
    )]
    ProducerFenced {
        /// The epoch of the producer.
        current: u64,
    },

    /// The producer is new or has expired: the outcome of its earlier requests is no longer known.
    #[error(
        "the producer is not known (any more); nothing was applied, start again with sequence 0"
    )]
    ProducerUnknown,
}

fn place(position: &Option<Sequence>) -> String {
    match position {
        Some(position) => format!("is at {position}"),
        None => "does not exist, which counts as position 0".to_owned(),
    }
}
