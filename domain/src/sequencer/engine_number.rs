//! The numbers of the storage engine's writes.

use crate::Sequence;

/// Numbers that belong to one tip: its commit, and 255 writes without records after it.
const METADATA_BITS: u32 = 8;

/// Numbers of each tip that commits without records leave free: for reservations and the clean close.
const KEPT: u64 = 16;

/// The number of one atomic write in the storage engine. It encodes the tip after that write.
///
/// The commit after which the log reaches to `tip` (exclusive) has number `tip << 8`. The 255 numbers above it are for
/// writes without records before the next commit with some. So the engine's durable number *is* the durable watermark, without
/// a table between the two, also after a restart and on another machine.
///
/// Of the 255, commits without records take the even numbers, and reservations and the clean close the odd ones. A writer
/// begins with a reservation, so before a write with an even number there is another one of the same writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EngineNumber(u64);

impl EngineNumber {
    /// The write with this number in the engine.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number in the engine.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of the commit after which the log reaches to `tip`.
    pub const fn of_commit(tip: Sequence) -> Self {
        Self(tip.get() << METADATA_BITS)
    }

    /// Whether it is that of a commit, with or without records, and not that of a reservation or a clean close.
    pub const fn is_commit(self) -> bool {
        self.0.is_multiple_of(2)
    }

    /// The number of the next reservation or clean close, when `self` is the last in use and the log reaches to `tip`.
    pub fn next_metadata(self, tip: Sequence) -> Self {
        Self((self.max(Self::of_commit(tip)).0 + 1) | 1)
    }

    /// The number of the next commit without records, when `self` is the last in use and the log reaches to `tip`.
    pub fn next_without_records(self, tip: Sequence) -> Self {
        Self((self.max(Self::of_commit(tip)).0 + 2) & !1)
    }

    /// The end (exclusive) of the log once everything up to this write is there.
    pub const fn watermark(self) -> Sequence {
        Sequence::new(self.0 >> METADATA_BITS)
    }

    /// The tip to continue with, when the log reaches to `tip` and `self` is the last number in use. It is one further
    /// if the numbers of this tip have nearly run out, as they do when a log is opened a hundred times without an append.
    pub fn tip_with_room(self, tip: Sequence) -> Sequence {
        tip.max(Self(self.max(Self::of_commit(tip)).0 + KEPT).watermark())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_always_rise_and_say_how_far_the_log_reaches(steps in prop::collection::vec(0u64..4, 1..2_000)) {
            let (mut last, mut tip) = (EngineNumber::default(), Sequence::ZERO);
            for step in steps {
                let number = if step < 2 {
                    let opened = last.tip_with_room(tip);
                    prop_assert!(opened == tip || opened == tip.plus(1));
                    tip = opened;
                    match step {
                        0 => last.next_metadata(tip),
                        _ => last.next_without_records(tip),
                    }
                } else {
                    tip = tip.plus(step);
                    EngineNumber::of_commit(tip)
                };
                prop_assert!(number > last);
                prop_assert_eq!(number.is_commit(), step > 0);
                prop_assert_eq!(number.watermark(), tip);
                last = number;
            }
        }
    }
}
