//! Reads of read-only servers.

use serde::Serialize;

/// A page of the whole log that a read-only server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplicaCall {
    /// From this sequence on.
    pub start: u64,
    /// Once the server shows everything below this one.
    pub at_least: Option<u64>,
    /// Waiting for the first record for so long.
    pub follow_ms: Option<u64>,
}

/// A count that a read-only server is asked for, once it shows the range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplicaCount {
    /// Of this key.
    pub key: String,
    /// Below this sequence.
    pub below: u64,
}
