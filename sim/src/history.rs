//! What happened in one run: every call with its outcome, every life of a server, every fault; in one order.

mod cursors;
mod headers;
mod keys;
mod record;
mod replica;
mod safety;
mod segment;
mod several;

use std::fmt;

use serde::Serialize;

pub use cursors::{Move, consumed_by, cursor_of, made_of, origin_of};
pub use headers::{HeadersSeen, as_sent, headers_of};
pub use keys::{CONSUMED, RESULTS, key};
pub use record::Recorder;
pub use replica::{ReplicaCall, ReplicaCount};
pub use safety::{Condition, Numbered, Safety};
pub use segment::SegmentSeen;
pub use several::{Named, Selected, SeveralCall};

/// When something happened. Moments are totally ordered, several can share a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moment {
    /// Its place among all moments of the run.
    pub index: u64,
    /// Simulated milliseconds since the start.
    pub ms: u64,
}

/// Everything that happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct History {
    /// What clients asked and were told, in the order in which they asked.
    pub operations: Vec<Operation>,
    /// The lives of servers, in the order in which they began.
    pub lives: Vec<Life>,
    /// What was done to them, with when it began and ended.
    pub faults: Vec<Fault>,
}

/// One call and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// Its place in [`History::operations`].
    pub id: usize,
    /// Who asked.
    pub client: String,
    /// Which server was asked.
    pub node: String,
    /// When.
    pub called: Moment,
    /// What.
    pub call: Call,
    /// What came of it, and when the client knew; nothing if the run ended before.
    pub answered: Option<(Moment, Outcome)>,
}

/// A record that is appended, with the headers that are [those of its value](headers_of). The values of a run are all different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Sent {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Sent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}: {}", self.key, shown(&self.value))
    }
}

/// A record as a reader saw it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its place in the log.
    pub sequence: u64,
    /// Its value.
    pub value: String,
    /// Its headers.
    pub headers: HeadersSeen,
    /// When it was appended (Unix ms), as the server says.
    pub timestamp_ms: i64,
}

impl fmt::Debug for Seen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.timestamp_ms;
        write!(out, "{} at {at}: {}", self.sequence, shown(&self.value))
    }
}

/// A value by its name, and by how many bytes are there to make it longer.
fn shown(value: &str) -> String {
    value.split_once(':').map_or_else(
        || value.into(),
        |(name, padding)| format!("{name}+{}", padding.len()),
    )
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Call {
    /// To append these records.
    Append {
        /// In this order.
        records: Vec<Sent>,
        /// And to be told when they are durable.
        durable: bool,
        /// Only if this holds, and only once.
        safety: Safety,
    },
    /// For a page of a key.
    Scan(ScanCall),
    /// For a page of several keys.
    Several(SeveralCall),
    /// How many records of a key there are.
    Count {
        /// The key.
        key: String,
        /// The first sequence that counts.
        start: u64,
        /// The first one that does not.
        end: u64,
    },
    /// For a page of the keys.
    Keys {
        /// In segments from this on.
        start_segment: u32,
        /// And below this.
        end_segment: u32,
        /// After this key.
        start_after: Option<String>,
        /// So many at most.
        limit: u64,
    },
    /// For all segments.
    Segments,
    /// To trim the log.
    Trim {
        /// Below this sequence.
        before: u64,
    },
    /// To delete records of a key.
    Delete {
        /// The key.
        key: String,
        /// Below this sequence; all of them if not given.
        before: Option<u64>,
    },
    /// Where a cursor is.
    GetCursor {
        /// Its name.
        name: String,
    },
    /// To move a cursor.
    PutCursor(Move),
    /// A read-only server for a page of the whole log.
    Replica(ReplicaCall),
    /// A read-only server for the number of records of a key.
    ReplicaCount(ReplicaCount),
}

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanCall {
    /// Of this key.
    pub key: String,
    /// From this sequence on.
    pub start: u64,
    /// Below this one.
    pub end: u64,
    /// So many records at most.
    pub limit: u64,
    /// Only what is durable.
    pub durable: bool,
    /// The last records of the range, which begins at 0.
    pub newest: bool,
    /// Waiting for the first record for so long.
    pub follow_ms: Option<u64>,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Outcome {
    /// The records have the sequences from this one on.
    Appended {
        /// The sequence of the first.
        start: u64,
        /// How many they are.
        count: u64,
    },
    /// The same, by an earlier call with the same producer and number; nothing was applied now.
    Duplicate {
        /// The sequence of the first.
        start: u64,
        /// How many they are.
        count: u64,
    },
    /// That it was not applied now (409): a precondition does not hold, or the producer may not.
    Rejected {
        /// The code of the error.
        code: String,
        /// The key of the precondition that does not hold.
        key: Option<String>,
        /// The last sequence of that key, if it was not trimmed; or the number that the producer is expected to send.
        sequence: Option<u64>,
    },
    /// A page.
    Page {
        /// Its records.
        values: Vec<Seen>,
        /// Where to go on.
        next: u64,
        /// The first sequence that could still be there, if something before it was asked for.
        trimmed: Option<u64>,
        /// Whether its time was over.
        more: bool,
        /// The end of what was durable when it was answered, as the answer says.
        durable: Option<u64>,
    },
    /// A page of several keys.
    Named {
        /// Its records.
        values: Vec<Named>,
        /// Where to go on.
        next: u64,
        /// The first sequence that could still be there of any of the keys, if something before it was asked for.
        trimmed: Option<u64>,
        /// Whether its time was over.
        more: bool,
    },
    /// So many.
    Count {
        /// Records.
        count: u64,
        /// As in a page.
        trimmed: Option<u64>,
    },
    /// A page of keys.
    Keys {
        /// The keys.
        keys: Vec<String>,
        /// Where to go on.
        next_start_after: Option<String>,
    },
    /// These segments.
    Segments(Vec<SegmentSeen>),
    /// This is the floor of the log.
    Trimmed {
        /// The floor.
        floor: u64,
    },
    /// This is the floor of the key.
    Deleted {
        /// The floor.
        floor: u64,
    },
    /// The cursor is here.
    Cursor {
        /// Its position; nothing if there is no such cursor.
        position: Option<u64>,
    },
    /// That it was not done, with the status and the code.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code of the error.
        code: String,
        /// Its message.
        message: String,
    },
    /// Nothing: there was no connection, so nothing was asked either.
    NotSent,
    /// Nothing: the connection broke.
    Broken,
    /// Nothing, for longer than the client waits.
    Late,
    /// Something that is no answer of a log.
    Garbled(String),
}

/// One process of a server, from its start to its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Life {
    /// Its place in [`History::lives`].
    pub id: usize,
    /// On which host.
    pub node: String,
    /// Whether it was started with `--take-over`.
    pub take_over: bool,
    /// How many milliseconds the clock of its host was ahead when it began, and from when on after each step.
    pub clock: Vec<(u64, i64)>,
    /// When the process began.
    pub started: Moment,
    /// When the log was open and it began to serve.
    pub opened: Option<Moment>,
    /// When it was asked to stop.
    pub asked: Option<Moment>,
    /// When and how it ended.
    pub ended: Option<(Moment, End)>,
}

/// How the process of a server ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum End {
    /// It was killed.
    Crashed,
    /// Exit code 0.
    Clean,
    /// Exit code 2: it could not open the log.
    CannotStart(String),
    /// Exit code 3.
    Fenced,
    /// Exit code 4.
    NotFlushed(String),
}

/// Something that was done to the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What.
    pub what: String,
    /// When it began.
    pub from: Moment,
    /// When it ended.
    pub until: Option<Moment>,
}

impl Operation {
    /// What came of it.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.answered.as_ref().map(|(_, outcome)| outcome)
    }

    /// What it was told of a trim, if it read.
    pub fn told_trimmed(&self) -> Option<u64> {
        match self.outcome() {
            Some(Outcome::Page { trimmed, .. } | Outcome::Count { trimmed, .. }) => *trimmed,
            _ => None,
        }
    }

    /// Whether it was told a page whose time was over.
    pub fn told_more(&self) -> bool {
        matches!(
            self.outcome(),
            Some(Outcome::Page { more: true, .. } | Outcome::Named { more: true, .. })
        )
    }

    /// The key that it reads or deletes, if it is about one.
    pub fn key(&self) -> Option<&str> {
        match &self.call {
            Call::Scan(ScanCall { key, .. })
            | Call::Count { key, .. }
            | Call::ReplicaCount(ReplicaCount { key, .. })
            | Call::Delete { key, .. } => Some(key),
            _ => None,
        }
    }

    /// What it appends, if it does.
    pub fn appends(&self) -> Option<(&[Sent], bool)> {
        match &self.call {
            Call::Append {
                records, durable, ..
            } => Some((records, *durable)),
            _ => None,
        }
    }

    /// Under which conditions, and for whom, it appends, if it does.
    pub fn safety(&self) -> Option<&Safety> {
        match &self.call {
            Call::Append { safety, .. } => Some(safety),
            _ => None,
        }
    }

    /// Whether something can be in its way, so that it is rejected as a conflict.
    pub fn may_conflict(&self) -> bool {
        match &self.call {
            Call::Append { safety, .. } => {
                !safety.conditions.is_empty() || !safety.moves.is_empty()
            }
            Call::PutCursor(moved) => moved.expected.is_some(),
            _ => false,
        }
    }

    /// The sequence of the first record, if this is an append that was acknowledged, and when it was.
    pub fn acknowledged(&self) -> Option<(Moment, u64)> {
        match (&self.call, &self.answered) {
            (Call::Append { .. }, Some((when, Outcome::Appended { start, .. }))) => {
                Some((*when, *start))
            }
            _ => None,
        }
    }

    /// Whether the server promised that nothing was applied, or was never asked.
    pub fn not_applied(&self) -> bool {
        match self.outcome() {
            Some(Outcome::NotSent) => true,
            Some(Outcome::Refused { status, .. }) => *status != 504 && *status != 500,
            Some(Outcome::Rejected { code, .. }) => code != "producer_sequence_too_old",
            _ => false,
        }
    }
}

impl Life {
    /// Whether it had ended by then.
    pub fn over_by(&self, when: Moment) -> bool {
        self.ended.as_ref().is_some_and(|(end, _)| *end < when)
    }

    /// Whether it ended because another server has the log.
    pub fn was_fenced(&self) -> bool {
        matches!(self.ended, Some((_, End::Fenced)))
    }

    /// Whether it ended with nothing left to flush.
    pub fn was_clean(&self) -> bool {
        matches!(self.ended, Some((_, End::Clean)))
    }
}

impl History {
    /// The lives that can have answered an operation: those of its node while it was under way.
    pub fn answering(&self, operation: &Operation) -> impl Iterator<Item = &Life> {
        let until = operation.answered.as_ref().map(|(when, _)| *when);
        let (node, called) = (operation.node.clone(), operation.called);
        self.lives.iter().filter(move |life| {
            life.node == node
                && until.is_none_or(|until| life.started < until)
                && !life.over_by(called)
        })
    }

    /// The only life that can have answered an operation, if it is only one.
    pub fn life_of(&self, operation: &Operation) -> Option<&Life> {
        let mut lives = self.answering(operation);
        lives.next().filter(|_| lives.next().is_none())
    }

    /// Acknowledged appends: the operation, when, and the first sequence.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&Operation, Moment, u64)> {
        self.operations.iter().filter_map(|operation| {
            let (when, start) = operation.acknowledged()?;
            Some((operation, when, start))
        })
    }

    /// The same, and those that were told so as duplicates.
    pub fn confirmed(&self) -> impl Iterator<Item = (&Operation, Moment, u64)> {
        self.operations.iter().filter_map(|operation| {
            let told = match &operation.answered {
                Some((when, Outcome::Duplicate { start, .. })) => Some((*when, *start)),
                _ => operation.acknowledged(),
            };
            told.map(|(when, start)| (operation, when, start))
        })
    }

    /// Pages that were answered.
    pub fn pages(&self) -> impl Iterator<Item = (&Operation, &ScanCall, &[Seen], u64)> {
        self.operations.iter().filter_map(|operation| {
            match (&operation.call, operation.outcome()) {
                (Call::Scan(scan), Some(Outcome::Page { values, next, .. })) => {
                    Some((operation, scan, values.as_slice(), *next))
                }
                _ => None,
            }
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id, client, node, ..
        } = self;
        write!(
            f,
            "{:>7} ms  #{id} {client} to {node}: {:?}",
            self.called.ms, self.call
        )?;
        match &self.answered {
            Some((when, outcome)) => write!(f, " -> {} ms: {outcome:?}", when.ms),
            None => write!(f, " -> never answered"),
        }
    }
}
