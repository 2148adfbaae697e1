//! Fetches the record rows of many keys of a window: goes from key to key through the rows of the segment, which costs less than looking
//! for each of them from the beginning.

use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

use bytes::Bytes;
use log_domain::{Error, Result, Run, SegmentId, Sequence};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps, KeyValue};
use tokio::task::JoinSet;

use super::error;
use super::layout::{SEQUENCE_BYTES, records, sequences};
use super::order_fetch::{self, Budget, Fetched, Wanted};

/// Bytes that are read ahead if many of the segment's keys are wanted. Starting the read of a block costs as much as searching several keys in it.
const READ_AHEAD_BYTES: usize = 64 * 1024;
/// One in this many keys counts as many.
const DENSE: usize = 8;

/// How many bytes to read ahead for `wanted` keys of a segment with at least `of` keys.
pub(super) fn read_ahead(wanted: usize, of: usize) -> usize {
    match wanted.saturating_mul(DENSE) >= of {
        true => READ_AHEAD_BYTES,
        // A block.
        false => 1,
    }
}

/// The runs with what is wanted of these keys, which ascend, and some other records at both ends. Not all of them once the budget is used
/// up. All of these rows are filed under sequences of `lasts`. It runs as a task of its own, so that several use several cores.
///
/// # Errors
/// As any read.
pub(super) async fn fetch_all(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    wanted: Vec<Wanted>,
    (lasts, read_ahead): (RangeInclusive<Sequence>, usize),
    budget: &Arc<Budget>,
) -> Result<Vec<Fetched>> {
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
        return Ok(Vec::new());
    };
    let prefix = records::of_segment(segment);
    let behind = |key: Bytes| key.slice(prefix.len()..);
    let range = (
        Bound::Included(behind(first_row(segment, first))),
        Bound::Included(behind(records::key(
            segment,
            last.key.as_ref(),
            Sequence::MAX,
        ))),
    );
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(read_ahead)
        .with_filter_context(sequences::within(lasts));
    let rows = db.scan_prefix_with_options(prefix.clone(), range, &options);
    let rows = Rows {
        rows: rows.await.map_err(error::read)?,
        decoded: order_fetch::Rows::default(),
        is_begun: false,
        ahead: None,
    };
    // Which is stopped when nobody waits any more.
    let mut task = JoinSet::new();
    task.spawn(visit(rows, segment, wanted, Arc::clone(budget)));
    match task.join_next().await {
        Some(Ok(fetched)) => fetched,
        Some(Err(stopped)) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(Error::unavailable(stopped.to_string())),
        },
        None => Ok(Vec::new()),
    }
}

async fn visit(
    mut rows: Rows,
    segment: SegmentId,
    wanted: Vec<Wanted>,
    budget: Arc<Budget>,
) -> Result<Vec<Fetched>> {
    let mut fetched = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        if budget.is_over() {
            break;
        }
        budget.begin(&wanted.key);
        let runs = rows.of(segment, &wanted, &budget).await?;
        fetched.push((wanted, runs));
    }
    Ok(fetched)
}

/// The first row that can have something that is wanted of the key.
fn first_row(segment: SegmentId, wanted: &Wanted) -> Bytes {
    let first = wanted.span.first.max(wanted.floor);
    records::key(segment, wanted.key.as_ref(), first)
}

/// Record rows, from the first one that the first key needs.
struct Rows {
    rows: DbIterator,
    decoded: order_fetch::Rows,
    is_begun: bool,
    /// A row that was read and belongs to none of the keys so far.
    ahead: Option<KeyValue>,
}

impl Rows {
    /// What is wanted of a key. The keys ascend from call to call.
    async fn of(
        &mut self,
        segment: SegmentId,
        wanted: &Wanted,
        budget: &Budget,
    ) -> Result<Vec<Run>> {
        let from = first_row(segment, wanted);
        let of_key = from.slice(..from.len() - SEQUENCE_BYTES);
        let last = wanted.span.last;
        let mut runs = Vec::with_capacity(1);
        let mut row = self.first_at(&from).await?;
        while let Some(found) = row {
            if !found.key.starts_with(&of_key) {
                self.ahead = Some(found);
                break;
            }
            let run = self.decoded.decode(&found.key, &found.value)?.run;
            if run.first() > last {
                break;
            }
            let is_last = run.last() >= last;
            budget.take_run(&run);
            runs.push(run);
            if is_last || budget.is_over() {
                break;
            }
            row = self.next().await?;
        }
        Ok(runs)
    }

    /// The first row at or behind `from`, which is behind all rows that were given.
    async fn first_at(&mut self, from: &Bytes) -> Result<Option<KeyValue>> {
        if self.ahead.as_ref().is_some_and(|ahead| ahead.key >= from) {
            return Ok(self.ahead.take());
        }
        self.ahead = None;
        if std::mem::replace(&mut self.is_begun, true) {
            self.rows.seek(from).await.map_err(error::read)?;
        }
        self.next().await
    }

    async fn next(&mut self) -> Result<Option<KeyValue>> {
        self.rows.next().await.map_err(error::read)
    }
}
