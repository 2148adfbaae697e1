//! Reads of read-only servers.

use serde::Serialize;

/// A page of the whole log that a read-only server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplicaCall {
    /// From this sequence on.
    pub start: u64,
    /// Once the server shows everything below this one.
    pub at_least: Option<u64>,
}
