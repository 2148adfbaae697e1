//! The rows of a commit: one for each key, one for their order, and the state for the next writer.

use bytes::Bytes;
use log_domain::run::RunBuilder;
use log_domain::sequencer::{Commit, KeyInGroup, Position};
use log_domain::{Key, Run, SegmentId, Sequence};
use slatedb::WriteBatch;

use super::layout::{
    cursors, directory, key_floors, keys, names, order, prefix_floors, producers, purges, records,
    segments, state,
};

/// The rows of a commit, and its runs for followers.
pub(super) struct Encoded {
    /// What to write.
    pub(super) rows: WriteBatch,
    /// All records, if they were asked for.
    pub(super) runs: Option<Vec<(Key, Run)>>,
}

/// Encodes `commit`. `with_runs` asks for the runs too.
pub(super) fn encode(commit: &Commit<'_>, with_runs: bool) -> Encoded {
    let mut encoder = Encoder {
        segment: commit.segment.id,
        now_ms: commit.time_ms,
        out: Encoded {
            rows: WriteBatch::new(),
            runs: with_runs.then(Vec::new),
        },
    };
    let keys = commit.group.by_position().iter();
    let mut open: Vec<OpenRow<'_>> = keys.map(|key| encoder.open(key)).collect();
    let records = commit.placed.iter().flat_map(|p| p.batch.records());
    let positions = commit.group.positions();
    let mut order = order::Builder::with_capacity(positions.len());
    for ((record, position), sequence) in records.zip(positions).zip(commit.start.get()..) {
        let row = &mut open[*position as usize];
        if row.builder.len() >= records::ROW_BYTES {
            encoder.cut(row);
        }
        let builder = &mut row.builder;
        builder.push_with_headers(Sequence::new(sequence), &record.value, &record.headers);
        order.push(row.number);
        if order.is_full() {
            encoder.put_order(&mut order, Sequence::new(sequence));
        }
    }
    let last = Sequence::new(commit.tip.get().saturating_sub(1));
    encoder.put_order(&mut order, last);
    for row in open {
        encoder.finish(row.in_group.key, row.builder, row.ordinal);
    }
    let mut encoded = encoder.out;
    let rows = &mut encoded.rows;
    rows.put_bytes(state::key(), state::encode(&commit.state));
    for (id, state) in &commit.producers.written {
        rows.put_bytes(producers::key(id), producers::value(state));
    }
    for id in &commit.producers.forgotten {
        rows.delete(producers::key(id));
    }
    for cursor in &commit.cursors.written {
        rows.put_bytes(cursors::key(&cursor.name), cursors::value(cursor));
    }
    for name in &commit.cursors.deleted {
        rows.delete(cursors::key(name));
    }
    for entry in &commit.settled {
        let row_key = directory::key(entry.key.as_ref(), entry.segment);
        rows.put_bytes(row_key, directory::value(entry.earlier, entry.number));
    }
    let removed = &commit.removal;
    for (key, segment) in &removed.directory {
        rows.delete(directory::key(key.as_ref(), *segment));
    }
    for (segment, number) in &removed.names {
        rows.delete(names::key(*segment, *number));
    }
    for key in &removed.keys {
        rows.delete(keys::key(key.as_ref()));
    }
    for floor in &removed.purged {
        rows.delete(purges::key(floor.key.as_ref()));
    }
    for key in &removed.floors {
        rows.delete(key_floors::key(key.as_ref()));
    }
    for prefix in &removed.prefixes {
        rows.delete(prefix_floors::key(prefix));
    }
    for raised in &commit.prefix_floors {
        let row_key = prefix_floors::key(&raised.prefix);
        rows.put_bytes(row_key, prefix_floors::value(raised.floor));
    }
    if let Some(raised) = &commit.key_floor {
        let (key, floor) = (raised.floor.key.as_ref(), raised.floor.floor);
        rows.put_bytes(key_floors::key(key), key_floors::value(floor));
        let row = purges::value(floor, raised.floor.deleted_ms);
        rows.put_bytes(purges::key(key), row);
    }
    for id in &removed.segments {
        rows.delete(segments::key(*id));
    }
    if commit.begins_segment {
        let (row_key, value) = segments::encode(&commit.segment);
        rows.put_bytes(row_key, value);
    }
    encoded
}

/// A row that records are being added to.
struct OpenRow<'a> {
    in_group: &'a KeyInGroup<'a>,
    number: u32,
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
    fn open<'a>(&mut self, in_group: &'a KeyInGroup<'a>) -> OpenRow<'a> {
        let Position {
            in_segment,
            earlier,
            ..
        } = in_group.position;
        if in_segment == 0 && in_group.count > 0 {
            let row_key = directory::key(in_group.key.as_ref(), self.segment);
            let value = directory::value(earlier, in_group.number);
            self.out.rows.put_bytes(row_key, value);
            let row_key = names::key(self.segment, in_group.number);
            let value = names::value(in_group.key.as_ref());
            self.out.rows.put_bytes(row_key, value);
            if earlier.unwrap_or_default() == 0 {
                let row_key = keys::key(in_group.key.as_ref());
                self.out.rows.put_bytes(row_key, keys::value());
            }
        }
        OpenRow {
            in_group,
            number: in_group.number,
            builder: self.builder(in_group.encoded_bytes),
            ordinal: in_segment,
            bytes_left: in_group.encoded_bytes,
        }
    }

    fn builder(&self, bytes: usize) -> RunBuilder {
        let capacity = bytes.min(records::ROW_BYTES + records::ROW_BYTES / 8);
        RunBuilder::with_headroom(self.now_ms, records::HEADROOM, capacity)
    }

    /// Puts the order row that ends with `last`, if it has a record.
    fn put_order(&mut self, order: &mut order::Builder, last: Sequence) {
        if let Some(value) = order.finish(self.now_ms) {
            let row_key = order::key(self.segment, last);
            self.out.rows.put_bytes(row_key, value);
        }
    }

    /// Finishes a row that is at its cap, and starts the next.
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
