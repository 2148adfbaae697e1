//! The keys of a selection that some segments hold, by the directory.

use std::collections::VecDeque;
use std::ops::{Bound, RangeInclusive};

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::{Key, KeySet, Result, SegmentId, Selection};
use slatedb::DbReadOps;
use slatedb::config::ScanOptions;

use super::error;
use super::layout::directory;
use super::page_time::PageTime;

/// Bytes that a walk through the directory reads ahead.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Segments of one key that are known at a time.
const SEGMENTS: usize = 64;

/// The same of each key of a set, when the read begins: the keys can be too many to be merged.
const FIRST_SEGMENTS: usize = 8;

/// Keys that are looked up at the same time.
const CONCURRENT: usize = 32;

/// A key, and which segments hold it.
pub(super) struct HeldKey {
    pub(super) key: Key,
    /// The next ones, in order.
    segments: VecDeque<SegmentId>,
    /// From where on there may be more.
    more: Option<SegmentId>,
    /// The last one that matters.
    last: SegmentId,
}

impl HeldKey {
    /// The next segment that holds the key; nothing at the end.
    pub(super) fn segment(&self) -> Option<SegmentId> {
        self.segments.front().copied()
    }

    /// Goes on to the segment after that.
    pub(super) async fn advance(&mut self, db: &(impl DbReadOps + Sync)) -> Result<()> {
        self.segments.pop_front();
        match self.more.filter(|_| self.segments.is_empty()) {
            Some(more) => self.find(db, more, SEGMENTS).await,
            None => Ok(()),
        }
    }

    /// Looks up so many segments from this one on.
    async fn find(
        &mut self,
        db: &(impl DbReadOps + Sync),
        from: SegmentId,
        most: usize,
    ) -> Result<()> {
        self.more = None;
        let options = ScanOptions::default().with_cache_blocks(true);
        let ids = (
            Bound::Included(directory::suffix(from)),
            Bound::Included(directory::suffix(self.last)),
        );
        let rows = db
            .scan_prefix_with_options(directory::prefix(self.key.as_ref()), ids, &options)
            .await;
        let mut rows = rows.map_err(error::read)?;
        while let Some(row) = rows.next().await.map_err(error::read)? {
            let segment = directory::decode(&row.key, &row.value)?.segment;
            if self.add(segment, most) {
                break;
            }
        }
        Ok(())
    }

    /// Adds the next segment. Returns whether that is enough for now: `most` are.
    fn add(&mut self, segment: SegmentId, most: usize) -> bool {
        self.segments.push_back(segment);
        let is_enough = self.segments.len() >= most && segment < self.last;
        self.more = is_enough.then(|| segment + 1);
        is_enough
    }
}

/// The keys of `selection` that a segment of `window` holds, in order. `None` if they are more than `most`, or if that is not clear after
/// four times as many keys were looked at, or when the time of the page is over.
pub(super) async fn selected(
    db: &(impl DbReadOps + Sync),
    selection: &Selection,
    window: RangeInclusive<SegmentId>,
    most: usize,
    time: PageTime,
) -> Result<Option<Vec<HeldKey>>> {
    match selection {
        Selection::Key(key) => {
            let key = KeySet::new(vec![key.clone()])?;
            of_set(db, &key, window, most, time).await
        }
        Selection::Keys(keys) => of_set(db, keys, window, most, time).await,
        Selection::Prefix(prefix) => with_prefix(db, prefix, window, most, time).await,
    }
}

async fn of_set(
    db: &(impl DbReadOps + Sync),
    keys: &KeySet,
    window: RangeInclusive<SegmentId>,
    most: usize,
    time: PageTime,
) -> Result<Option<Vec<HeldKey>>> {
    let mut found = Vec::new();
    for some in keys.all().chunks(CONCURRENT) {
        let lookups: Vec<_> = some
            .iter()
            .map(|key| look_up(db, key.clone(), window.clone()))
            .collect();
        let held: Vec<HeldKey> = stream::iter(lookups)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        found.extend(held.into_iter().filter(|held| held.segment().is_some()));
        if found.len() > most || time.is_over() {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

async fn look_up(
    db: &(impl DbReadOps + Sync),
    key: Key,
    window: RangeInclusive<SegmentId>,
) -> Result<HeldKey> {
    let mut held = held(key, &window);
    held.find(db, *window.start(), FIRST_SEGMENTS).await?;
    Ok(held)
}

fn held(key: Key, window: &RangeInclusive<SegmentId>) -> HeldKey {
    HeldKey {
        key,
        segments: VecDeque::new(),
        more: None,
        last: *window.end(),
    }
}

async fn with_prefix(
    db: &(impl DbReadOps + Sync),
    prefix: &[u8],
    window: RangeInclusive<SegmentId>,
    most: usize,
    time: PageTime,
) -> Result<Option<Vec<HeldKey>>> {
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(READ_AHEAD_BYTES);
    let (prefix, all) = directory::with_prefix(prefix, None);
    let rows = db.scan_prefix_with_options(prefix, (all, Bound::Unbounded), &options);
    let mut rows = rows.await.map_err(error::read)?;
    let visits = most.saturating_mul(4);
    let mut visited = 0;
    // Rows, after which only the first segment of each key is taken: the keys can be too many to be merged.
    let mut rows_left = most.saturating_mul(FIRST_SEGMENTS);
    let mut keys: Vec<HeldKey> = Vec::new();
    // The last key that was looked at.
    let mut at: Option<Key> = None;
    while let Some(row) = rows.next().await.map_err(error::read)? {
        let entry = directory::decode(&row.key, &row.value)?;
        if at.as_ref() != Some(&entry.key) {
            if visited == visits || keys.len() == most || time.is_over() {
                return Ok(None);
            }
            visited += 1;
            at = Some(entry.key.clone());
        }
        if entry.segment < *window.start() {
            let first = directory::key(entry.key.as_ref(), *window.start());
            rows.seek(first).await.map_err(error::read)?;
            continue;
        }
        let mut is_enough = entry.segment > *window.end();
        if !is_enough {
            if keys.last().is_none_or(|held| held.key != entry.key) {
                keys.push(held(entry.key.clone(), &window));
            }
            let enough = if rows_left > 0 { SEGMENTS } else { 1 };
            rows_left = rows_left.saturating_sub(1);
            let held = keys.last_mut();
            is_enough = held.is_some_and(|held| held.add(entry.segment, enough));
        }
        if is_enough {
            let past = directory::key(entry.key.as_ref(), SegmentId::MAX);
            rows.seek(past).await.map_err(error::read)?;
        }
    }
    Ok(Some(keys))
}
