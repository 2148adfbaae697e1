//! Deletions of keys. A deletion raises the *floor of a key*: below it, no record of the key is read any more.

use crate::{Error, Key, Result, Sequence};

/// What is no longer to be read of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The key.
    pub key: Key,
    /// Its records below this sequence, which is at most the tip; `None` for all that it has.
    pub before: Option<Sequence>,
}

impl Deletion {
    /// The floor that it asks for, in a log that ends at `tip`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a sequence beyond the tip.
    pub fn floor(&self, tip: Sequence) -> Result<Sequence> {
        match self.before {
            Some(before) if before > tip => Err(Error::invalid(format!(
                "before_seq ({before}) must not be beyond the end of the log, {tip}: send at most {tip}, or leave it out to \
                 delete all records of the key"
            ))),
            Some(before) => Ok(before),
            None => Ok(tip),
        }
    }
}

/// The floor of a key whose records below it may still be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFloor {
    /// The key.
    pub key: Key,
    /// Nothing of the key is read below it.
    pub floor: Sequence,
    /// When the oldest of the records was deleted that are still stored (Unix ms).
    pub deleted_ms: i64,
}
