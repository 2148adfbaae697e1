//! Batches of an import: one that is being made for each partition of the log.

use std::num::NonZeroU32;

use opendata_log::{BatchBuilder, partition_of};

use super::window::Chunk;

/// So many bytes all partitions of a cluster have together in batches that are being made.
const ALL_BYTES: usize = 32 * 1024 * 1024;

/// The room of a batch is made at once up to this size.
const MOST_ROOM: usize = 4 * 1024 * 1024;

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) records: u64,
    pub(super) bytes: usize,
}

/// The batches that are being made.
#[derive(Debug)]
pub(super) struct Batches {
    partitions: NonZeroU32,
    limits: Limits,
    parts: Vec<Part>,
    /// The partition of the last record.
    last: usize,
}

#[derive(Debug)]
struct Part {
    batch: BatchBuilder,
    /// How many records come before the batch.
    start: u64,
    /// How many records are to be skipped in all, and how many were.
    skips: u64,
    skipped: u64,
}

impl Batches {
    /// None yet, of a log with as many partitions as numbers of records that are skipped. There is at least one.
    pub(super) fn new(limits: Limits, skipped: Vec<u64>) -> Self {
        let number = u32::try_from(skipped.len()).unwrap_or(u32::MAX);
        let partitions = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let of_each = match skipped.len() {
            0 | 1 => limits.bytes,
            several => limits.bytes.min(ALL_BYTES / several),
        };
        let parts = skipped.into_iter().map(|skips| Part {
            batch: BatchBuilder::default(),
            start: skips,
            skips,
            skipped: 0,
        });
        Self {
            partitions,
            limits: Limits {
                records: limits.records,
                bytes: of_each,
            },
            parts: parts.collect(),
            last: 0,
        }
    }

    /// Whether the next record is skipped, whatever it is: there is one partition.
    pub(super) fn skips_any(&self) -> bool {
        match self.parts.as_slice() {
            [all] => all.skipped < all.skips,
            _ => false,
        }
    }

    /// A record was skipped that [`Batches::skips_any`].
    pub(super) fn skip(&mut self) {
        self.parts[0].skipped += 1;
    }

    /// The batch for the next record, which has this key; `None` if it is skipped.
    pub(super) fn of(&mut self, key: &[u8]) -> Option<&mut BatchBuilder> {
        self.last = match self.parts.len() {
            1 => 0,
            _ => partition_of(key, self.partitions) as usize,
        };
        let part = &mut self.parts[self.last];
        if part.skipped < part.skips {
            part.skipped += 1;
            return None;
        }
        if part.batch.records() == 0 {
            let room = self.limits.bytes.min(MOST_ROOM);
            part.batch = BatchBuilder::with_capacity(room + room / 8);
        }
        Some(&mut part.batch)
    }

    /// The batch of the last record, if it is full. `read` is how many bytes were read.
    pub(super) fn full(&mut self, read: u64) -> Option<Chunk> {
        let batch = &self.parts[self.last].batch;
        let is_full = batch.records() >= self.limits.records || batch.bytes() >= self.limits.bytes;
        (is_full && batch.records() > 0).then(|| self.take(self.last, read))
    }

    /// One of the batches that are not full.
    pub(super) fn rest(&mut self, read: u64) -> Option<Chunk> {
        let rest = self.parts.iter().position(|part| part.batch.records() > 0);
        rest.map(|partition| self.take(partition, read))
    }

    /// A partition of which fewer records were found than are to be skipped: how many were, how many are, and its number if there are several.
    pub(super) fn missing(&self) -> Option<(u64, u64, Option<usize>)> {
        let mut parts = self.parts.iter().enumerate();
        let (partition, part) = parts.find(|(_, part)| part.skipped < part.skips)?;
        let number = (self.parts.len() > 1).then_some(partition);
        Some((part.skipped, part.skips, number))
    }

    fn take(&mut self, partition: usize, read: u64) -> Chunk {
        let part = &mut self.parts[partition];
        let batch = std::mem::take(&mut part.batch).finish();
        let start = part.start;
        part.start += batch.records();
        Chunk {
            partition,
            batch,
            start,
            end: part.start,
            read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_batches_together_stay_within_the_bound_however_many_partitions_there_are() {
        let limits = Limits {
            records: 1_000_000,
            bytes: 4 * 1024 * 1024,
        };
        let (mut batches, mut most) = (Batches::new(limits, vec![0; 64]), 0);
        let value = vec![b'v'; 10_000];
        for number in 0..10_000 {
            let key = format!("key-{number}");
            let batch = batches.of(key.as_bytes()).expect("nothing is skipped");
            batch.push(key.as_bytes(), &value, &[]).expect("a record");
            let sizes = batches.parts.iter().map(|part| part.batch.bytes());
            most = sizes.sum::<usize>().max(most);
            if let Some(full) = batches.full(0) {
                assert!(full.batch.bytes() < ALL_BYTES / 64 + 2 * value.len());
            }
        }
        assert!(
            (ALL_BYTES / 4..ALL_BYTES + value.len()).contains(&most),
            "{most}"
        );
        // One partition has what it is given.
        let mut single = Batches::new(limits, vec![0]);
        for _ in 0..300 {
            let batch = single.of(b"k").expect("nothing is skipped");
            batch.push(b"k", &value, &[]).expect("a record");
            assert!(single.full(0).is_none());
        }
    }
}
