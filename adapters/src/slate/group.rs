//! One group commit: what waits, merged into one atomic write with one row for each key.

use std::collections::HashMap;

use bytes::Bytes;
use log_domain::run::RunBuilder;
use log_domain::{Batch, Key, Run, SegmentId, Sequence};
use slatedb::WriteBatch;

use super::layout::{listing, records};

/// The records of some batches, gathered by key.
pub(super) struct Group<'a> {
    batches: &'a [&'a Batch],
    /// For each record of all batches, in order, the place of its key in `keys`.
    places: Vec<u32>,
    keys: Vec<InGroup<'a>>,
}

/// A key of a group.
pub(super) struct InGroup<'a> {
    /// The key.
    pub(super) key: &'a Key,
    /// Records of it in the segment before this group; 0 also means that the segment does not list it yet.
    pub(super) ordinal: u64,
    /// Records of it in this group.
    pub(super) count: u64,
    bytes: usize,
}

/// The rows of a group, and its runs for whoever follows.
pub(super) struct Encoded {
    /// What to write.
    pub(super) rows: WriteBatch,
    /// All records, if they were asked for.
    pub(super) runs: Option<Vec<(Key, Run)>>,
}

impl<'a> Group<'a> {
    /// Gathers `batches`, which get their sequences in this order.
    pub(super) fn gather(batches: &'a [&'a Batch]) -> Self {
        let count = batches.iter().map(|batch| batch.records().len()).sum();
        let mut places = Vec::with_capacity(count);
        let mut keys: Vec<InGroup<'a>> = Vec::new();
        let mut index: HashMap<&'a Key, u32> = HashMap::new();
        for record in batches.iter().flat_map(|batch| batch.records()) {
            let before = places.last().copied();
            let place = match before {
                Some(place) if keys[place as usize].key == &record.key => place,
                _ => *index.entry(&record.key).or_insert_with(|| {
                    keys.push(InGroup {
                        key: &record.key,
                        ordinal: 0,
                        count: 0,
                        bytes: 0,
                    });
                    keys.len() as u32 - 1
                }),
            };
            let in_group = &mut keys[place as usize];
            in_group.count += 1;
            in_group.bytes += RunBuilder::max_len(record.value.len());
            places.push(place);
        }
        Self {
            batches,
            places,
            keys,
        }
    }

    /// The distinct keys; the caller fills in their ordinals.
    pub(super) fn keys(&mut self) -> &mut [InGroup<'a>] {
        &mut self.keys
    }

    /// Encodes everything, with sequences from `start` on. `with_runs` asks for the runs too.
    pub(super) fn encode(
        &self,
        segment: SegmentId,
        start: Sequence,
        now_ms: i64,
        with_runs: bool,
    ) -> Encoded {
        let mut encoder = Encoder {
            segment,
            now_ms,
            out: Encoded {
                rows: WriteBatch::new(),
                runs: with_runs.then(Vec::new),
            },
        };
        let mut open: Vec<OpenRow<'_>> = self.keys.iter().map(|key| encoder.open(key)).collect();
        let records = self.batches.iter().flat_map(|batch| batch.records());
        for ((record, place), sequence) in records.zip(&self.places).zip(start.get()..) {
            let row = &mut open[*place as usize];
            if row.builder.len() >= records::ROW_BYTES {
                encoder.cut(row);
            }
            row.builder.push(Sequence::new(sequence), &record.value);
        }
        for row in open {
            encoder.finish(row.in_group.key, row.builder, row.ordinal);
        }
        encoder.out
    }
}

/// A row that records are being added to.
struct OpenRow<'a> {
    in_group: &'a InGroup<'a>,
    builder: RunBuilder,
    ordinal: u64,
    bytes_left: usize,
}

struct Encoder {
    segment: SegmentId,
    now_ms: i64,
    out: Encoded,
}

impl Encoder {
    fn open<'a>(&mut self, in_group: &'a InGroup<'a>) -> OpenRow<'a> {
        if in_group.ordinal == 0 {
            let row_key = listing::key(self.segment, in_group.key.as_ref());
            self.out.rows.put_bytes(row_key, listing::value());
        }
        OpenRow {
            in_group,
            builder: self.builder(in_group.bytes),
            ordinal: in_group.ordinal,
            bytes_left: in_group.bytes,
        }
    }

    fn builder(&self, bytes: usize) -> RunBuilder {
        let capacity = bytes.min(records::ROW_BYTES + records::ROW_BYTES / 8);
        RunBuilder::with_headroom(self.now_ms, records::HEADROOM, capacity)
    }

    /// Ends the row at its cap and goes on with another.
    fn cut(&mut self, row: &mut OpenRow<'_>) {
        row.bytes_left = row.bytes_left.saturating_sub(row.builder.len());
        let next = self.builder(row.bytes_left);
        let full = std::mem::replace(&mut row.builder, next);
        row.ordinal += self.finish(row.in_group.key, full, row.ordinal);
    }

    /// Puts a row; answers how many records are in it.
    fn finish(&mut self, key: &Key, builder: RunBuilder, ordinal: u64) -> u64 {
        let framed = builder.finish_behind(|run| records::value_head(run, ordinal));
        let Some((run, value)) = framed else { return 0 };
        let count = u64::from(run.count());
        let row_key = records::key(self.segment, key.as_ref(), run.last());
        self.out.rows.put_bytes(row_key, value);
        if let Some(runs) = &mut self.out.runs {
            // The key is a slice of a whole request body: followers must not keep that alive.
            let key = Key::stored(Bytes::copy_from_slice(key.as_ref()));
            runs.push((key, run));
        }
        count
    }
}
