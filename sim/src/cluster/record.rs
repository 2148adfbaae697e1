//! What happened in a run of a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::time::now_ms;

/// What all keys have in the end: sequences and values.
pub(super) type Final = BTreeMap<String, Vec<(u64, String)>>;

/// What a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// Appended these values to a key.
    Append {
        key: String,
        values: Vec<String>,
        durable: bool,
        /// Whether it was sent until it was known what became of it, so that it is applied once.
        once: bool,
    },
    /// Read records of a key from a sequence on, only durable ones or all.
    Read {
        key: String,
        from: u64,
        durable: bool,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Appended from this sequence on.
    Appended(u64),
    /// What was read: sequences and values, and up to where.
    Page(Vec<(u64, String)>, u64),
    /// Nothing was done.
    Refused(String),
    /// It is not known.
    Unknown(String),
}

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) client: String,
    /// The node that was asked last.
    pub(super) node: &'static str,
    pub(super) call: Call,
    /// When it began and ended: places in the order of everything, and milliseconds.
    pub(super) called: (u64, u64),
    pub(super) returned: (u64, u64),
    pub(super) outcome: Outcome,
}

/// Something that happened to a node or to S3.
#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub(super) at_ms: u64,
    pub(super) what: String,
    /// Whether a node was killed.
    pub(super) killed: bool,
}

/// Which partitions each node says that it serves, all nodes asked one after the other.
pub(super) type Served = BTreeMap<&'static str, Vec<u32>>;

/// A session of a client.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) client: String,
    /// The node that was asked.
    pub(super) node: &'static str,
    /// How many appends were sent.
    pub(super) sent: usize,
    /// How many answers there were, up to the last one that acknowledges an append. The whole session may be refused before an append is sent.
    pub(super) answers: usize,
    /// Those that were acknowledged, in the order in which they were sent: the first sequence and the number of records.
    pub(super) acknowledged: Vec<(u64, u64)>,
}

/// What a partition has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// How often a compactor has claimed it.
    pub(super) compactor_epoch: u64,
    /// The files of the WAL that are not in data files.
    pub(super) files: u64,
    /// The bytes of those of them that the node wrote that has it.
    pub(super) bytes: u64,
}

/// What all partitions have stored.
pub(super) type AllStored = BTreeMap<u32, Stored>;

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) operations: Vec<Operation>,
    pub(super) happened: Vec<Happened>,
    /// What was seen when nothing had happened for long.
    pub(super) settled: Vec<Served>,
    /// What was stored before and after that.
    pub(super) stored: Vec<AllStored>,
    pub(super) sessions: Vec<Session>,
    moments: u64,
}

/// Where it is written down. Clones write to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<History>>);

impl Recorder {
    /// A moment, which comes after all before.
    pub(super) fn moment(&self) -> (u64, u64) {
        let mut history = self.0.lock();
        history.moments += 1;
        (history.moments, now_ms())
    }

    pub(super) fn did(&self, operation: Operation) {
        self.0.lock().operations.push(operation);
    }

    pub(super) fn happened(&self, what: String, killed: bool) {
        let at_ms = now_ms();
        self.0.lock().happened.push(Happened {
            at_ms,
            what,
            killed,
        });
    }

    pub(super) fn saw(&self, served: Served) {
        self.0.lock().settled.push(served);
    }

    pub(super) fn found_stored(&self, stored: AllStored) {
        self.0.lock().stored.push(stored);
    }

    pub(super) fn had(&self, session: Session) {
        self.0.lock().sessions.push(session);
    }

    pub(super) fn history(&self) -> History {
        self.0.lock().clone()
    }
}
