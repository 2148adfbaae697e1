//! Reads the records of many keys of one segment in the order of their sequences: walks the order rows, and fetches the record rows of the
//! keys that are wanted.
//!
//! It goes in *windows* of some order rows. A key that has records in several commits of a window is read with one scan, and one with
//! records in a single commit with one lookup. A window that turns out to hold too many bytes is given up, and a smaller one is read.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::{Key, Result, Run, SegmentId, Sequence, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps};

use super::error;
use super::key_names::KeyNames;
use super::layout::order::{self, Numbers};
use super::layout::records::{self, Row};
use super::record_rows::{next_row, rows};

/// How large windows are. One has at least one row of the order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Records of the order in the first one.
    pub(super) first: u64,
    /// And in the largest one.
    pub(super) largest: u64,
    /// Bytes of record rows, if there is more than one row of the order.
    pub(super) bytes: usize,
}

const BOUNDS: Bounds = Bounds {
    first: 1_024,
    largest: 64 * 1_024,
    bytes: 8 << 20,
};
/// Rows of the order in a window.
const WINDOW_ROWS: usize = 1_024;
/// Keys whose rows are fetched at the same time.
const CONCURRENT: usize = 32;
/// Bytes that are read ahead of the order, and of a key with records in several commits of a window.
const ORDER_READ_AHEAD_BYTES: usize = 256 * 1024;
const KEY_READ_AHEAD_BYTES: usize = 16 * 1024;
/// A smaller value is copied, so that it does not keep a whole block in memory.
const COPIED_BYTES: usize = 2_048;

/// The records of one row of the order that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walked {
    /// The sequence of the first record of the row, wanted or not.
    pub(super) first: Sequence,
    /// That of the last.
    pub(super) last: Sequence,
    /// When they were appended (Unix ms).
    pub(super) time_ms: i64,
    /// Those that are wanted, by key, in the order of their first sequences. A key can have several runs, one after the other. Never empty.
    pub(super) runs: Vec<(Key, Run)>,
}

/// A walk through some sequences of a segment.
pub(super) struct OrderWalk<'a, D, W> {
    db: &'a D,
    names: &'a KeyNames,
    segment: SegmentId,
    range: SequenceRange,
    wanted: W,
    rows: DbIterator,
    /// Rows that were read and are not in a window yet.
    ahead: VecDeque<order::Row>,
    /// What is ready to be taken.
    ready: VecDeque<Walked>,
    /// Everything before it is taken or ready.
    reached: Sequence,
    bounds: Bounds,
    /// Records of the order in the next window.
    window: u64,
}

impl<'a, D, W> OrderWalk<'a, D, W>
where
    D: DbReadOps + Sync,
    W: Fn(&Key) -> Option<Sequence> + Sync,
{
    /// Begins to walk through the sequences of `range` in a segment. `wanted` says which keys are read, and for these below which sequence
    /// their records are hidden (0 if none are).
    pub(super) async fn new(
        db: &'a D,
        names: &'a KeyNames,
        (segment, range): (SegmentId, SequenceRange),
        wanted: W,
    ) -> Result<Self> {
        let options = ScanOptions::default()
            .with_cache_blocks(true)
            .with_read_ahead_bytes(ORDER_READ_AHEAD_BYTES);
        let from = order::from(range.start());
        let rows = db.scan_prefix_with_options(order::prefix(segment), from, &options);
        Ok(Self {
            db,
            names,
            segment,
            range,
            wanted,
            rows: rows.await.map_err(error::read)?,
            ahead: VecDeque::new(),
            ready: VecDeque::new(),
            reached: range.start(),
            bounds: BOUNDS,
            window: BOUNDS.first,
        })
    }

    /// The same in windows of other sizes.
    #[cfg(test)]
    pub(super) fn within(self, bounds: Bounds) -> Self {
        Self {
            bounds,
            window: bounds.first,
            ..self
        }
    }

    /// The next row of the order that has wanted records. `None` at the end. What was deleted or removed meanwhile is left out: whoever
    /// reads notices that (see `SlateStore::read`).
    ///
    /// # Errors
    /// As any read; [`log_domain::Error::Corrupt`] for rows that are damaged.
    pub(super) async fn next(&mut self) -> Result<Option<Walked>> {
        loop {
            if let Some(walked) = self.ready.pop_front() {
                return Ok(Some(walked));
            }
            let window = self.next_window().await?;
            let Some(last) = window.last().map(|row| row.last) else {
                self.reached = self.range.end();
                return Ok(None);
            };
            match self.fetch(&window).await? {
                Some(ready) => {
                    self.ready.extend(ready);
                    self.reached = last.plus(1).min(self.range.end());
                }
                // Too many bytes.
                None => window
                    .into_iter()
                    .rev()
                    .for_each(|row| self.ahead.push_front(row)),
            }
        }
    }

    /// Everything below this sequence that is wanted has been returned by [`OrderWalk::next`]. At the end it is that of the range.
    pub(super) fn position(&self) -> Sequence {
        let next = self.ready.front();
        next.map_or(self.reached, |next| next.first)
    }

    async fn next_window(&mut self) -> Result<Vec<order::Row>> {
        let mut window = Vec::new();
        let mut records = 0;
        while records < self.window && window.len() < WINDOW_ROWS {
            let row = match self.ahead.pop_front() {
                Some(row) => row,
                None => match self.rows.next().await.map_err(error::read)? {
                    Some(row) => order::decode(&row.key, &row.value)?,
                    None => break,
                },
            };
            if row.first >= self.range.end() {
                self.ahead.push_front(row);
                break;
            }
            records += row.last.get() - row.first.get() + 1;
            window.push(row);
        }
        Ok(window)
    }

    /// The wanted records of these rows. `None` if they are too many: the next window is to be smaller.
    async fn fetch(&mut self, window: &[order::Row]) -> Result<Option<Vec<Walked>>> {
        let mut spans = spans(window, self.range)?;
        spans.sort_unstable_by_key(|span| span.number);
        let numbers: Vec<u32> = spans.iter().map(|span| span.number).collect();
        let names = self.names.of(self.db, self.segment, &numbers).await?;
        let wanted = spans.into_iter().zip(names).filter_map(|(span, key)| {
            let key = key?;
            let floor = (self.wanted)(&key)?;
            let first = span.first.max(floor);
            (first <= span.last).then(|| Wanted {
                key,
                first,
                last: span.last,
                is_in_one_row: span.rows == 1,
            })
        });
        let bytes = AtomicUsize::new(0);
        let most = match window.len() {
            1 => usize::MAX,
            _ => self.bounds.bytes,
        };
        let wanted: Vec<Wanted> = wanted.collect();
        let (db, segment) = (self.db, self.segment);
        let fetched = stream::iter(wanted).map(|wanted| {
            let bytes = &bytes;
            async move {
                let runs = wanted.fetch(db, segment, (bytes, most)).await?;
                Ok::<_, log_domain::Error>((wanted, runs))
            }
        });
        let fetched: Vec<(Wanted, Vec<Run>)> = fetched.buffered(CONCURRENT).try_collect().await?;
        let bytes = bytes.into_inner();
        let records: u64 = window
            .iter()
            .map(|r| r.last.get() - r.first.get() + 1)
            .sum();
        if bytes > most {
            self.window = records / 2;
            return Ok(None);
        }
        if bytes < self.bounds.bytes / 4 {
            self.window = (2 * self.window).min(self.bounds.largest);
        }
        by_row(window, self.range, fetched).map(Some)
    }
}

/// The records of a key in a window.
struct Span {
    number: u32,
    first: Sequence,
    last: Sequence,
    /// How many rows of the order name it, and the last one that does.
    rows: usize,
    last_row: usize,
}

/// The keys of these rows, by number, as far as they have records in the range.
fn spans(window: &[order::Row], range: SequenceRange) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    let mut index: HashMap<u32, usize> = HashMap::new();
    for (at, row) in window.iter().enumerate() {
        let mut add = |number: u32, first: u64, last: u64| {
            let first = first.max(range.start().get());
            let last = last.min(range.end().get().saturating_sub(1));
            if first > last {
                return;
            }
            let (first, last) = (Sequence::new(first), Sequence::new(last));
            let known = *index.entry(number).or_insert_with(|| {
                spans.push(Span {
                    number,
                    first,
                    last,
                    rows: 1,
                    last_row: at,
                });
                spans.len() - 1
            });
            let span = &mut spans[known];
            span.last = last;
            if span.last_row != at {
                (span.rows, span.last_row) = (span.rows + 1, at);
            }
        };
        let mut next = row.first.get();
        for numbers in row.numbers() {
            let Numbers {
                number,
                step,
                count,
            } = numbers?;
            match step {
                0 => add(number, next, next + count - 1),
                _ => (0..count).for_each(|at| add(number + at as u32, next + at, next + at)),
            }
            next += count;
        }
    }
    Ok(spans)
}

/// A key, and which of its records are wanted.
struct Wanted {
    key: Key,
    first: Sequence,
    last: Sequence,
    /// Whether all of them are in one row of the order.
    is_in_one_row: bool,
}

impl Wanted {
    /// The runs with these records, and some others at both ends. Adds their bytes to those of the window, and ends early when these are
    /// more than `most`.
    async fn fetch(
        &self,
        db: &(impl DbReadOps + Sync),
        segment: SegmentId,
        (bytes, most): (&AtomicUsize, usize),
    ) -> Result<Vec<Run>> {
        let take = |row: Row| {
            bytes.fetch_add(row.run.encoded().len(), Ordering::Relaxed);
            row.run
        };
        if bytes.load(Ordering::Relaxed) > most {
            return Ok(Vec::new());
        }
        if self.is_in_one_row {
            let row_key = records::key(segment, self.key.as_ref(), self.last);
            let value = db.get(&row_key).await.map_err(error::read)?;
            let row = value.map(|value| records::decode(&row_key, &owned(value)));
            // Otherwise the row was cut, or is filed under a later sequence, or is gone.
            if let Some(row) = row.transpose()?
                && row.run.first() <= self.first
            {
                return Ok(vec![take(row)]);
            }
        }
        let key = &self.key;
        let mut rows = rows(db, segment, key, self.first, KEY_READ_AHEAD_BYTES).await?;
        let mut runs = Vec::new();
        while let Some(row) = next_row(&mut rows).await?
            && row.run.first() <= self.last
            && bytes.load(Ordering::Relaxed) <= most
        {
            let is_last = row.run.last() >= self.last;
            runs.push(take(row));
            if is_last {
                break;
            }
        }
        Ok(runs)
    }
}

/// Puts runs where the order has their records. A run belongs to one commit, but its order can have been cut.
fn by_row(
    window: &[order::Row],
    range: SequenceRange,
    fetched: Vec<(Wanted, Vec<Run>)>,
) -> Result<Vec<Walked>> {
    let walked = window.iter().map(|row| Walked {
        first: row.first,
        last: row.last,
        time_ms: row.time_ms,
        runs: Vec::new(),
    });
    let mut walked: Vec<Walked> = walked.collect();
    for (wanted, runs) in fetched {
        for run in runs {
            let from = run.first().max(wanted.first);
            let mut at = walked.partition_point(|row| row.last < from);
            while let Some(row) = walked.get_mut(at)
                && row.first <= run.last()
            {
                let start = row.first.max(wanted.first);
                let end = row.last.plus(1).min(range.end());
                let of_row = SequenceRange::new(start.min(end), end)?;
                let (part, _) = run.cut(of_row, usize::MAX, usize::MAX)?;
                let part = part.map(|part| (wanted.key.clone(), part));
                row.runs.extend(part);
                at += 1;
            }
        }
    }
    walked.retain(|row| !row.runs.is_empty());
    for row in &mut walked {
        row.runs.sort_unstable_by_key(|(_, run)| run.first());
    }
    Ok(walked)
}

/// The value, without the block that it was read from.
fn owned(value: Bytes) -> Bytes {
    match value.len() < COPIED_BYTES {
        true => Bytes::copy_from_slice(&value),
        false => value,
    }
}
