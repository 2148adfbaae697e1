//! SlateDB's sequence numbers are the log's: the number of a write says how far the log reaches with it.
//!
//! A commit after which the log reaches to `tip` (exclusive) is written as number `tip << 8`. The 255 numbers
//! above it are for writes of metadata that come before the next commit. So SlateDB's durable number is the durable
//! watermark, without a table between them, also after a restart and on another machine.

use log_domain::Sequence;

const METADATA_BITS: u32 = 8;

/// The number of a commit after which the log reaches to `tip`.
pub(super) fn of_commit(tip: Sequence) -> u64 {
    tip.get() << METADATA_BITS
}

/// The number of the next write of metadata, when `last` is in use and the log reaches to `tip`.
pub(super) fn of_metadata(last: u64, tip: Sequence) -> u64 {
    last.max(of_commit(tip)) + 1
}

/// The tip to open with, when the log was left at `tip` and `last` is in use: one further if the numbers for
/// metadata at this tip have nearly run out, as they do when a log is opened a hundred times without an append.
pub(super) fn tip_at_open(last: u64, tip: Sequence) -> Sequence {
    const NEEDED: u64 = 16;
    tip.max(watermark(last.max(of_commit(tip)) + NEEDED))
}

/// How far the log reaches with everything up to the write `number`.
pub(super) fn watermark(number: u64) -> Sequence {
    Sequence::new(number >> METADATA_BITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_always_rise_and_say_how_far_the_log_reaches(steps in prop::collection::vec(0u64..3, 1..2_000)) {
            let (mut last, mut tip) = (0, Sequence::ZERO);
            for records in steps {
                let number = if records == 0 {
                    let opened = tip_at_open(last, tip);
                    prop_assert!(opened == tip || opened == tip.plus(1));
                    tip = opened;
                    of_metadata(last, tip)
                } else {
                    tip = tip.plus(records);
                    of_commit(tip)
                };
                prop_assert!(number > last);
                prop_assert_eq!(watermark(number), tip);
                last = number;
            }
        }
    }
}
