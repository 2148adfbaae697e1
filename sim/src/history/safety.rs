//! What an append demands beside being applied: preconditions, to be applied once, and cursors to move.

use serde::Serialize;

use super::cursors::Move;

/// What an append demands. By default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Safety {
    /// It is applied only if all of these hold.
    pub conditions: Vec<Condition>,
    /// It is applied once for this number of this producer.
    pub numbered: Option<Numbered>,
    /// These cursors move with it.
    pub moves: Vec<Move>,
}

/// That a key has no record from a sequence on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The key.
    pub key: String,
    /// The sequence.
    pub since: u64,
}

/// A request of a producer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Numbered {
    /// The name of the producer.
    pub id: String,
    /// Its epoch.
    pub epoch: u64,
    /// The number of the request in the epoch.
    pub sequence: u64,
}
