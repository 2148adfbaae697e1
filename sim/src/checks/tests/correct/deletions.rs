//! Deletions of a key, in a correct history.

use super::{Server, key, sent};
use crate::history::{Call, Safety};

impl Server {
    /// Without the producer, whose requests are to be there without gaps.
    pub(super) fn delete(&mut self, round: usize, all: bool) {
        let records = (0..2).map(|place| sent(2, format!("{round}.{place}.delete:")));
        let append = Call::Append {
            records: records.collect(),
            durable: true,
            safety: Safety::default(),
        };
        self.operate("deleter", append);
        let delete = Call::Delete {
            key: key(2),
            before: (!all).then_some(self.next - 1),
        };
        self.operate("deleter", delete);
        let keys = Call::Keys {
            start_segment: 0,
            end_segment: u32::MAX,
            start_after: None,
            limit: 1_000,
        };
        self.operate("deleter", keys);
    }
}
