//! Reads the records of many keys of one segment in the order of their sequences: walks the order rows, and fetches the record rows of the
//! keys that are wanted.
//!
//! It goes in *windows* of consecutive sequences, which are as large as what is wanted seems to need. The keys of a window are divided among
//! some scans that go from key to key, in tasks of their own. If they are few, a key that has records in a few commits of the window is
//! read with a lookup for each, and one in many with one scan. A window that turns out to hold too many bytes is given up, and a smaller one is
//! read.

use std::ops::RangeInclusive;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::{Key, PageLimit, Result, Run, Segment, SegmentId, Sequence, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps};

use super::error;
use super::first_newer::first_newer;
use super::key_names::KeyNames;
use super::layout::order::{self, Row};
use super::layout::sequences;
use super::order_fetch::{Budget, Fetched, Wanted};
use super::order_seek;
use super::order_spans::{Span, spans};

/// Rows of the order in a window.
const WINDOW_ROWS: usize = 1_024;
/// Sequences in the first window, and in the largest one.
const FIRST_WINDOW: u64 = 1_024;
const LARGEST_WINDOW: u64 = 64 * 1_024;
/// Bytes of keys and records in a window of more than one sequence.
const WINDOW_BYTES: usize = 8 << 20;
/// The same for the smallest pages.
const LEAST_WINDOW_BYTES: usize = 256 * 1024;
/// Numbers whose names are read at a time.
const NAMES: usize = 1_024;
/// Fetches at the same time.
const CONCURRENT: usize = 32;
/// A scan from key to key is for so many keys at least.
const TOGETHER: usize = if cfg!(test) { 2 } else { 8 };
/// Of fewer keys, each is fetched by itself.
const FEW: usize = if cfg!(test) { 3 } else { 64 };
/// Bytes that are read ahead of the order.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// Which keys a walk reads.
pub(super) trait Wants: Sync {
    /// Whether it reads `key`.
    fn wants(&self, key: &Key) -> bool;

    /// Below which sequence the records of `key` are hidden, one that it reads; 0 if none are. `None` if this is so for all up to `last`.
    /// Asked before they are read.
    fn floor(
        &self,
        key: &Key,
        last: Sequence,
    ) -> impl Future<Output = Result<Option<Sequence>>> + Send;
}

/// How large windows are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Sequences in the first one.
    pub(super) first: u64,
    /// And in the largest one.
    pub(super) largest: u64,
    /// Rows of their order.
    pub(super) rows: usize,
    /// Bytes of keys and records, if there is more than one sequence.
    pub(super) bytes: usize,
    /// So many records are wanted. Windows are only as large as that needs.
    pub(super) records: u64,
}

impl Bounds {
    /// For a page that has room for so much.
    pub(super) fn of(limit: PageLimit) -> Self {
        // With the first record that there is no room for.
        let records = (limit.records as u64).saturating_add(1);
        Self {
            first: FIRST_WINDOW.min(records),
            largest: LARGEST_WINDOW,
            rows: WINDOW_ROWS,
            bytes: limit.bytes.clamp(LEAST_WINDOW_BYTES, WINDOW_BYTES),
            records,
        }
    }
}

/// The records that are wanted of those that one row of the order names in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walked {
    /// The first sequence of that part of the row, wanted or not.
    pub(super) first: Sequence,
    /// The last one.
    pub(super) last: Sequence,
    /// When they were appended (Unix ms).
    pub(super) time_ms: i64,
    /// Those that are wanted, by key, in the order of their first sequences. A key can have several runs, one after the other. Never empty.
    pub(super) runs: Vec<(Key, Run)>,
}

impl Walked {
    /// Leaves out the records of each key below its floor, if it has one.
    ///
    /// # Errors
    /// [`log_domain::Error::Corrupt`] for a run that is damaged.
    pub(super) fn hide(&mut self, floor: impl Fn(&Key) -> Option<Sequence>) -> Result<()> {
        for (key, run) in std::mem::take(&mut self.runs) {
            let above = SequenceRange::ALL.starting_at(floor(&key).unwrap_or_default());
            let (left, _) = run.cut(above, usize::MAX, usize::MAX)?;
            self.runs.extend(left.map(|run| (key, run)));
        }
        Ok(())
    }
}

/// A walk through some sequences of a segment.
pub(super) struct OrderWalk<'a, D, W> {
    db: &'a D,
    names: &'a KeyNames,
    segment: SegmentId,
    range: SequenceRange,
    wants: W,
    rows: DbIterator,
    /// Rows that were read and are not, or not as a whole, behind.
    ahead: Vec<Row>,
    /// Everything before it was returned.
    reached: Sequence,
    bounds: Bounds,
    /// Sequences in the next window.
    window: u64,
    /// What the last one took in memory.
    bytes: usize,
}

impl<'a, D, W> OrderWalk<'a, D, W>
where
    D: DbReadOps + Sync,
    W: Wants,
{
    /// Begins to walk through the sequences of `range` in a segment.
    ///
    /// # Errors
    /// As any read.
    pub(super) async fn new(
        (db, names): (&'a D, &'a KeyNames),
        (segment, range): (SegmentId, SequenceRange),
        wants: W,
        bounds: Bounds,
    ) -> Result<Self> {
        Ok(Self {
            db,
            names,
            segment,
            range,
            wants,
            rows: rows_from(db, segment, range.start(), READ_AHEAD_BYTES).await?,
            ahead: Vec::new(),
            reached: range.start(),
            bounds,
            window: bounds.first.max(1),
            bytes: 0,
        })
    }

    /// What is wanted in the next window, which can be nothing. `None` at the end. What was deleted or removed meanwhile is left out: whoever
    /// reads notices that (see `SlateStore::read`).
    ///
    /// # Errors
    /// As any read; [`log_domain::Error::Corrupt`] for rows that are damaged.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Walked>>> {
        loop {
            let Some(window) = self.next_window().await? else {
                self.reached = self.range.end();
                return Ok(None);
            };
            // Otherwise it had too much.
            if let Some(walked) = self.fetch(&window).await? {
                let end = window.range.end();
                self.reached = end;
                let behind = self.ahead.partition_point(|row| row.last < end);
                self.ahead.drain(..behind);
                return Ok(Some(walked));
            }
        }
    }

    /// Everything below this sequence that is wanted has been returned by [`OrderWalk::next`]. At the end it is that of the range.
    pub(super) fn position(&self) -> Sequence {
        self.reached
    }

    /// About how much memory the window takes that [`OrderWalk::next`] returned last, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    async fn next_window(&mut self) -> Result<Option<Window>> {
        let end = self.range.end();
        let (mut rows, mut sequences) = (0, 0);
        while rows < self.bounds.rows {
            if rows == self.ahead.len() {
                match self.rows.next().await.map_err(error::read)? {
                    Some(row) => self.ahead.push(order::decode(&row.key, &row.value)?),
                    None => break,
                }
            }
            let row = &self.ahead[rows];
            let first = row.first.max(self.reached);
            if first >= end {
                break;
            }
            rows += 1;
            let left = self.window - sequences;
            let in_row = row.last.get() - first.get() + 1;
            if in_row >= left {
                return Window::new(rows, self.reached, first.plus(left).min(end)).map(Some);
            }
            sequences += in_row;
        }
        let Some(last) = rows.checked_sub(1).map(|last| self.ahead[last].last) else {
            return Ok(None);
        };
        Window::new(rows, self.reached, last.plus(1).min(end)).map(Some)
    }

    /// The wanted records of a window. `None` if they are too many, or more than there is room for: the next window is smaller.
    async fn fetch(&mut self, window: &Window) -> Result<Option<Vec<Walked>>> {
        let rows = &self.ahead[..window.rows];
        let sequences: u64 = rows.iter().map(|row| window.of(row)).sum();
        let most = match sequences {
            1 => usize::MAX,
            _ => self.bounds.bytes,
        };
        let budget = Arc::new(Budget::new(most));
        let spans = spans(rows, window.range)?;
        let numbers = spans.last().map_or(0, |span| span.number as usize);
        let wanted = self.wanted(spans).await?;
        let keys = wanted.len();
        // Each key has a record at least, unless its floor hides it.
        if keys as u64 > self.bounds.records && sequences > 1 {
            let needed = scaled(sequences, self.bounds.records, keys as u64);
            self.window = needed.min(sequences / 2).max(1);
            return Ok(None);
        }
        let place = (window.lasts(rows), order_seek::read_ahead(keys, numbers));
        let fetching = divided(wanted).map(|some| self.fetch_keys(some, place.clone(), &budget));
        let fetching = stream::iter(fetching).buffered(CONCURRENT);
        let fetched: Vec<Vec<Fetched>> = fetching.try_collect().await?;
        let bytes = budget.bytes();
        let by_bytes = |bytes| filling(self.bounds.bytes, sequences, bytes);
        if budget.is_over() {
            self.window = by_bytes(budget.estimate(keys)).min(sequences / 2).max(1);
            return Ok(None);
        }
        let walked = by_row(rows, window.range, fetched.into_iter().flatten())?;
        let runs = walked.iter().flat_map(|walked| &walked.runs);
        let records: u64 = runs.map(|(_, run)| u64::from(run.count())).sum();
        self.bounds.records = self.bounds.records.saturating_sub(records).max(1);
        // As many sequences as the rest of the records seem to need.
        let larger = sequences.saturating_mul(4).max(self.bounds.first);
        let by_records = match records {
            0 => larger,
            _ => scaled(sequences, self.bounds.records, records).saturating_add(1),
        };
        let next = by_records.min(larger).min(self.bounds.largest);
        self.window = next.min(by_bytes(bytes));
        self.bytes = bytes;
        Ok(Some(walked))
    }

    /// The keys that are wanted, in order.
    async fn wanted(&self, spans: Vec<Span>) -> Result<Vec<(Key, Span)>> {
        let mut wanted = Vec::new();
        for some in spans.chunks(NAMES) {
            let numbers: Vec<u32> = some.iter().map(|span| span.number).collect();
            let names = self.names.of(self.db, self.segment, &numbers).await?;
            let keys = names.into_iter().zip(some);
            wanted.extend(keys.filter_map(|(name, span)| {
                let key = name.filter(|key| self.wants.wants(key))?;
                Some((key, span.clone()))
            }));
        }
        // Most of them are in order: those that came together.
        wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(wanted)
    }

    /// What of these keys is not hidden.
    async fn fetch_keys(
        &self,
        keys: Vec<(Key, Span)>,
        place: (RangeInclusive<Sequence>, usize),
        budget: &Arc<Budget>,
    ) -> Result<Vec<Fetched>> {
        let mut wanted = Vec::with_capacity(keys.len());
        for (key, span) in keys {
            if budget.is_over() {
                return Ok(Vec::new());
            }
            if let Some(floor) = self.wants.floor(&key, span.last).await? {
                wanted.push(Wanted { key, span, floor });
            }
        }
        if wanted.len() >= TOGETHER {
            return order_seek::fetch_all(self.db, self.segment, wanted, place, budget).await;
        }
        let mut fetched = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            if budget.is_over() {
                break;
            }
            let runs = wanted.fetch(self.db, self.segment, budget).await?;
            fetched.push((wanted, runs));
        }
        Ok(fetched)
    }
}

/// How many sequences use three quarters of `most` bytes, if so many use `bytes`: at least 1.
pub(super) fn filling(most: usize, sequences: u64, bytes: usize) -> u64 {
    scaled(sequences, (most / 4 * 3) as u64, bytes as u64)
}

/// A number times `part / of`: at least 1.
pub(super) fn scaled(number: u64, part: u64, of: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(part) / u128::from(of.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
}

/// Parts of the keys of a window that are fetched at the same time.
fn divided(wanted: Vec<(Key, Span)>) -> impl Iterator<Item = Vec<(Key, Span)>> {
    let keys = match wanted.len() {
        few if few < FEW => 1,
        many => many.div_ceil(CONCURRENT).max(TOGETHER),
    };
    let mut wanted = wanted.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<(Key, Span)> = wanted.by_ref().take(keys).collect();
        (!some.is_empty()).then_some(some)
    })
}

/// The first sequence of `range`, which lies in `segment`, that was appended at `since_ms` or later; the end of the range if there is none.
///
/// # Errors
/// As any read.
pub(super) async fn first_since(
    db: &(impl DbReadOps + Sync),
    segment: &Segment,
    range: SequenceRange,
    since_ms: i64,
) -> Result<Sequence> {
    if segment.start_time_ms >= since_ms {
        return Ok(range.start());
    }
    let older_at = |from| async move {
        let mut rows = rows_from(db, segment.id, from, 1).await?;
        let row = rows.next().await.map_err(error::read)?;
        let row = row.map(|row| order::decode(&row.key, &row.value));
        let older = row.transpose()?.filter(|row| row.time_ms < since_ms);
        Ok(older.map(|row| row.last))
    };
    first_newer(range, older_at).await
}

/// The order rows of a segment from the first on that can hold `from`.
async fn rows_from(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    from: Sequence,
    read_ahead: usize,
) -> Result<DbIterator> {
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(read_ahead)
        .with_filter_context(sequences::within(from..=Sequence::MAX));
    let rows = db.scan_prefix_with_options(order::prefix(segment), order::from(from), &options);
    rows.await.map_err(error::read)
}

/// Some sequences, and how many of the next rows of the order name them.
struct Window {
    rows: usize,
    range: SequenceRange,
}

impl Window {
    fn new(rows: usize, start: Sequence, end: Sequence) -> Result<Self> {
        let range = SequenceRange::new(start, end)?;
        Ok(Self { rows, range })
    }

    /// The part of `row` that is in it.
    fn part(&self, row: &Row) -> (Sequence, Sequence) {
        part(row, self.range)
    }

    /// Under which sequences the rows of records are filed that are named in it, by these rows.
    fn lasts(&self, rows: &[Row]) -> RangeInclusive<Sequence> {
        let last = rows.last().filter(|row| !row.is_cut());
        // Records of one commit can be filed under a later one of it.
        self.range.start()..=last.map_or(Sequence::MAX, |row| row.last)
    }

    /// How many sequences of `row` are in it.
    fn of(&self, row: &Row) -> u64 {
        let (first, last) = self.part(row);
        (last.get() + 1).saturating_sub(first.get())
    }
}

/// The first and the last sequence of `row` in `range`.
fn part(row: &Row, range: SequenceRange) -> (Sequence, Sequence) {
    let last = Sequence::new(range.end().get().saturating_sub(1));
    (row.first.max(range.start()), row.last.min(last))
}

/// Puts runs where the order has their records. A run belongs to one commit, but its order can have been cut.
fn by_row(
    rows: &[Row],
    range: SequenceRange,
    fetched: impl Iterator<Item = Fetched>,
) -> Result<Vec<Walked>> {
    let walked = rows.iter().map(|row| {
        let (first, last) = part(row, range);
        Walked {
            first,
            last,
            time_ms: row.time_ms,
            runs: Vec::new(),
        }
    });
    let mut walked: Vec<Walked> = walked.collect();
    for (wanted, runs) in fetched {
        for run in runs {
            let from = run.first().max(wanted.floor);
            let mut at = walked.partition_point(|row| row.last < from);
            while let Some(row) = walked.get_mut(at)
                && row.first <= run.last()
            {
                let start = row.first.max(wanted.floor);
                let end = row.last.plus(1);
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
        // Which moves each of them once.
        row.runs.sort_by_cached_key(|(_, run)| run.first());
    }
    Ok(walked)
}
