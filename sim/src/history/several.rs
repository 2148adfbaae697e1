//! Reads of several keys.

use serde::Serialize;

use super::Seen;

/// Which keys are read together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Selected {
    /// All that begin with this.
    Prefix(String),
    /// These.
    Keys(Vec<String>),
}

impl Selected {
    /// Whether `key` is one of them.
    pub fn has(&self, key: &str) -> bool {
        match self {
            Self::Prefix(prefix) => key.starts_with(prefix),
            Self::Keys(keys) => keys.iter().any(|one| one == key),
        }
    }
}

/// A page of several keys that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeveralCall {
    /// Of these keys.
    pub keys: Selected,
    /// From this sequence on.
    pub start: u64,
    /// Below this one.
    pub end: u64,
    /// So many records at most.
    pub limit: u64,
    /// Only what is durable.
    pub durable: bool,
    /// Waiting for the first record for so long.
    pub follow_ms: Option<u64>,
}

/// A record as a reader of several keys saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The key that it names.
    pub key: String,
    /// The record.
    pub seen: Seen,
}
