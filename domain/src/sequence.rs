//! Sequences: positions in the log.

use std::fmt;

/// The place of a record in the log: one counter for all keys, from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// The first place.
    pub const ZERO: Self = Self(0);
    /// Above every place; the open end of a range.
    pub const MAX: Self = Self(u64::MAX);
    /// The log is full before this (2^56: at a million records a second, 2,283 years).
    pub const LIMIT: Self = Self(1 << 56);

    /// The sequence with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sequence `count` places further, at most [`Sequence::MAX`].
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl From<u64> for Sequence {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
