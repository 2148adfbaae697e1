//! Sequences and who may hand them out.

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

/// How many sequences a reservation covers. A crash skips at most this many numbers.
pub const RESERVATION: u64 = 1 << 20;

/// Hands out sequences so that none is ever given to two records, whatever crashes.
///
/// Only sequences below a *reserved bound that is already durable* are handed out. After a crash the log goes
/// on from that bound, so whatever the crashed process had given away, durable or not, lies below it. The next
/// bound travels with an ordinary commit long before it is needed, so in steady state nobody waits for it.
///
/// This is a state machine without I/O: [`plan`](Self::plan) says what to write, the caller writes it and
/// reports back with [`committed`](Self::committed), [`durable`](Self::durable) and [`reserved`](Self::reserved).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocator {
    next: Sequence,
    bound: Sequence,
    pending: Option<Pending>,
}

/// A bound that was written with a commit and is not known to be durable yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    bound: Sequence,
    carried_to: Sequence,
}

/// What must be written so that a number of sequences can be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Use the sequences from `start` on, and write `bound` with them as the reserved bound.
    Grant {
        /// The first sequence to use.
        start: Sequence,
        /// The bound to write in the same atomic commit.
        bound: Sequence,
    },
    /// Write this bound by itself, wait until it is durable, report [`Allocator::reserved`], and plan again.
    Reserve(Sequence),
    /// A bound is on its way with an earlier commit: wait until the log is durable up to this sequence, report
    /// [`Allocator::durable`], and plan again.
    AwaitDurable(Sequence),
    /// The log is full ([`Sequence::LIMIT`]).
    Exhausted,
}

impl Allocator {
    /// Continues a log whose reserved bound was found to be `bound` when it was opened (0 for a new log).
    ///
    /// After a clean close the bound is the exact tip and no number is skipped.
    pub fn resume(bound: Sequence) -> Self {
        Self {
            next: bound,
            bound,
            pending: None,
        }
    }

    /// The sequence that the next record gets.
    pub fn next(&self) -> Sequence {
        self.next
    }

    /// What to write to hand out `count` sequences.
    pub fn plan(&self, count: u64) -> Plan {
        let end = self.next.plus(count);
        if end >= Sequence::LIMIT {
            return Plan::Exhausted;
        }
        if end > self.bound {
            return match self.pending {
                Some(pending) => Plan::AwaitDurable(pending.carried_to),
                None => Plan::Reserve(end.plus(RESERVATION).min(Sequence::LIMIT)),
            };
        }
        let written = self.pending.map_or(self.bound, |pending| pending.bound);
        let low = written.get() - end.get() < RESERVATION / 2;
        let bound = if low && self.pending.is_none() {
            end.plus(RESERVATION).min(Sequence::LIMIT)
        } else {
            written
        };
        Plan::Grant {
            start: self.next,
            bound,
        }
    }

    /// The commit of a [`Plan::Grant`] for `count` sequences was applied, with `bound` in it.
    pub fn committed(&mut self, count: u64, bound: Sequence) {
        self.next = self.next.plus(count);
        if self.pending.is_none() && bound > self.bound {
            self.pending = Some(Pending {
                bound,
                carried_to: self.next,
            });
        }
    }

    /// Everything below `watermark` is durable.
    pub fn durable(&mut self, watermark: Sequence) {
        if let Some(pending) = self.pending
            && watermark >= pending.carried_to
        {
            self.reserved(pending.bound);
        }
    }

    /// A bound is durable.
    pub fn reserved(&mut self, bound: Sequence) {
        self.bound = self.bound.max(bound);
        self.pending = None;
    }
}

#[cfg(test)]
mod tests;
