//! The contents of batches. They follow from the seed and the batch's number, so nothing needs to be remembered.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The number of a batch: whose it is, and its place among those of this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BatchId {
    pub(crate) appender: u32,
    pub(crate) number: u32,
}

/// Most records of a batch.
const MOST_RECORDS: u32 = 10;
/// Of a hundred batches so many go to one of the few busy keys.
const BUSY_PERCENT: u32 = 20;
const BUSY_KEYS: u32 = 16;

/// Who appends the first record of each key, before the others begin.
pub(crate) const FILLER: u32 = u32::MAX;
/// Keys of one of its batches.
const FILL: u32 = 500;

/// What batches are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batches {
    pub(crate) seed: u64,
    pub(crate) keys: u32,
}

impl Batches {
    /// The records of a batch: the number of each one's key, and its value.
    pub(crate) fn of(self, id: BatchId) -> Vec<(u32, Vec<u8>)> {
        if id.appender == FILLER {
            return self.of_filler(id);
        }
        let place = u64::from(id.appender) << 32 | u64::from(id.number);
        let mut random =
            StdRng::seed_from_u64(self.seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let count = random.random_range(1..=MOST_RECORDS);
        let busy = random.random_range(0..100) < BUSY_PERCENT;
        let keys = if busy {
            BUSY_KEYS.min(self.keys)
        } else {
            self.keys
        };
        (0..count)
            .map(|index| {
                let key = random.random_range(0..keys);
                let padding = random.random_range(0..400);
                (key, value(id, index, padding))
            })
            .collect()
    }

    /// How many batches of the filler it takes to reach every key.
    pub(crate) fn of_filler_count(self) -> u32 {
        self.keys.div_ceil(FILL)
    }

    fn of_filler(self, id: BatchId) -> Vec<(u32, Vec<u8>)> {
        let first = id.number * FILL;
        let keys = first..(first + FILL).min(self.keys);
        keys.zip(0..)
            .map(|(key, index)| (key, value(id, index, 0)))
            .collect()
    }
}

/// The name of a key.
pub(crate) fn key(number: u32) -> String {
    format!("soak-{number:06}")
}

fn value(id: BatchId, index: u32, padding: usize) -> Vec<u8> {
    let text = format!(
        "{}/{}/{index}/{}",
        id.appender,
        id.number,
        "x".repeat(padding)
    );
    text.into_bytes()
}

/// The batch that a value belongs to, and its index in it.
pub(crate) fn origin(value: &[u8]) -> Option<(BatchId, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('/');
    let mut number = || parts.next()?.parse().ok();
    let id = BatchId {
        appender: number()?,
        number: number()?,
    };
    Some((id, number()?))
}
