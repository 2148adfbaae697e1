//! Reservation of sequences: which ones may be assigned.

use super::EngineNumber;
use crate::Sequence;

/// Sequences that one reservation covers at least.
pub const RESERVATION: u64 = 1 << 20;

/// A reservation covers this many times the records that are not durable when it is written. It is written when half of it is left, and is
/// durable when they are: as many records later as there are of them now, if the load stays the same.
const TIMES_UNDURABLE: u64 = 4;

/// Grants sequences so that none is assigned to two records, even after a crash.
///
/// Only sequences below a *reserved bound that is already durable* are granted. After a crash the log continues from
/// that bound, so everything that the crashed process granted, durable or not, is below it. The next bound is written
/// with an ordinary commit long before it is needed, so in steady state no append waits for it, also while object storage is behind. A crash
/// skips the rest of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reservation {
    next: Sequence,
    bound: Sequence,
    pending: Option<Pending>,
    /// Records below it are durable.
    durable: Sequence,
}

/// A bound that was written and is not known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    bound: Sequence,
    written_by: EngineNumber,
}

/// What is needed to grant a number of sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Use the next sequences, and write this bound in the same atomic commit.
    Grant(Sequence),
    /// Write this bound by itself and plan again.
    Reserve(Sequence),
    /// A bound is on its way: wait until this write is durable and plan again.
    AwaitDurable(EngineNumber),
    /// The log is full ([`Sequence::LIMIT`]).
    Exhausted,
}

impl Reservation {
    /// Continues at `tip`, below which everything is durable. It is the bound that was found when the log was opened:
    /// the exact tip after a clean close, and 0 for a new log.
    pub(super) fn resume(tip: Sequence) -> Self {
        Self {
            next: tip,
            bound: tip,
            pending: None,
            durable: tip,
        }
    }

    /// The sequence that the next record gets.
    pub(super) fn next(&self) -> Sequence {
        self.next
    }

    /// What is needed to grant up to `count` sequences.
    pub(super) fn plan(&self, count: u64) -> Plan {
        let end = self.next.plus(count);
        if end >= Sequence::LIMIT {
            return Plan::Exhausted;
        }
        let undurable = end.get().saturating_sub(self.durable.get());
        let covered = RESERVATION.max(undurable.saturating_mul(TIMES_UNDURABLE));
        let next_bound = end.plus(covered).min(Sequence::LIMIT);
        if end > self.bound {
            return match self.pending {
                Some(pending) => Plan::AwaitDurable(pending.written_by),
                None => Plan::Reserve(next_bound),
            };
        }
        Plan::Grant(match self.pending {
            Some(pending) => pending.bound,
            None if self.bound.get() - end.get() >= covered / 2 => self.bound,
            None => next_bound,
        })
    }

    /// The write `number` was applied: the log reaches to `tip` now, and `bound` was in it.
    pub(super) fn written(&mut self, tip: Sequence, bound: Sequence, number: EngineNumber) {
        self.next = tip;
        if self.pending.is_none() && bound > self.bound {
            self.pending = Some(Pending {
                bound,
                written_by: number,
            });
        }
    }

    /// Every write up to `number` is durable.
    pub(super) fn durable(&mut self, number: EngineNumber) {
        self.durable = self.durable.max(number.watermark());
        if let Some(pending) = self.pending
            && number >= pending.written_by
        {
            self.bound = self.bound.max(pending.bound);
            self.pending = None;
        }
    }
}

#[cfg(test)]
mod tests;
