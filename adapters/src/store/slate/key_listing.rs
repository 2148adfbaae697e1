//! Listings of keys: the rows of keys for the whole log, the directory for a part of it.

use std::ops::{Bound, Range};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::page::KeysBuilder;
use log_domain::segment::overlapping;
use log_domain::sequencer::PrefixFloors;
use log_domain::{Key, KeysPage, KeysQuery, Result, SegmentId, Sequence, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps};

use super::directory::Holding;
use super::error;
use super::layout::{directory, keys};
use super::page_time::PageTime;
use super::read::Reader;
use super::record_rows::{next_row, rows};

/// Bytes that a listing of keys reads ahead at most, and what it expects of a row.
const READ_AHEAD_KEYS: usize = 64 * 1024;
const KEY_ROW_BYTES: usize = 64;

/// Keys whose records are looked for at the same time.
const CONCURRENT: usize = 32;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// One page of the distinct keys that have a record at or above the floor.
    pub(super) async fn keys(&self, query: &KeysQuery, time: PageTime) -> Result<KeysPage> {
        let [Some(first), Some(newest)] = [self.segments.first(), self.segments.last()] else {
            return Ok(KeysBuilder::new(query).finish());
        };
        // With another end, segments that begin from now on are not asked for.
        let is_whole = query.start_segment <= first.id && query.end_segment == SegmentId::MAX;
        if is_whole && self.floor <= first.start {
            return self.all_keys(query, time).await;
        }
        let left = overlapping(&self.segments, self.floor, Sequence::MAX);
        let oldest = left.first().unwrap_or(newest);
        let start = query.start_segment.max(oldest.id);
        let window = start..query.end_segment.min(newest.id.saturating_add(1));
        let partial = (self.floor > oldest.start).then_some(oldest.id);
        self.keys_of_segments(query, (window, partial), time).await
    }

    /// The keys of the log: one row for each.
    async fn all_keys(&self, query: &KeysQuery, time: PageTime) -> Result<KeysPage> {
        let began = self.began();
        let mut page = KeysBuilder::new(query);
        let Some((prefix, start)) = keys::range(query) else {
            return Ok(page.finish());
        };
        let ahead = query.limit.records.saturating_mul(KEY_ROW_BYTES);
        let mut rows = self
            .listing(prefix, start, ahead.min(READ_AHEAD_KEYS))
            .await?;
        while let Some(row) = rows.next().await.map_err(error::read)? {
            let key = keys::decode(&row.key, &row.value)?;
            let all = 0..SegmentId::MAX;
            if self.is_left(&key, all, &began).await? && !page.offer(key.as_bytes().clone()) {
                break;
            }
            if time.is_over() {
                page.stop_after(key);
                break;
            }
        }
        Ok(page.finish())
    }

    /// Ask before the rows are read.
    fn began(&self) -> Began {
        Began {
            purges: self.key_floors.purges(),
            prefixes: self.key_floors.prefixes().now(),
        }
    }

    async fn listing(
        &self,
        prefix: Bytes,
        start: Bound<Bytes>,
        read_ahead: usize,
    ) -> Result<DbIterator> {
        let options = ScanOptions::default()
            .with_cache_blocks(true)
            .with_read_ahead_bytes(read_ahead);
        let rows = self
            .db
            .scan_prefix_with_options(prefix, (start, Bound::Unbounded), &options)
            .await;
        rows.map_err(error::read)
    }

    /// The keys that some segments hold: a walk through the directory. The floor lies within the segment `partial`.
    async fn keys_of_segments(
        &self,
        query: &KeysQuery,
        (window, partial): (Range<SegmentId>, Option<SegmentId>),
        time: PageTime,
    ) -> Result<KeysPage> {
        let began = self.began();
        let mut page = KeysBuilder::new(query);
        let Some((prefix, start)) = directory::range(query).filter(|_| !window.is_empty()) else {
            return Ok(page.finish());
        };
        let mut walk = Walk {
            rows: self.listing(prefix, start, READ_AHEAD_KEYS).await?,
            window,
            partial,
            time,
            open: None,
            next: None,
            done: None,
            at: None,
            passed: None,
            stopped_after: None,
        };
        let together = if partial.is_some() { CONCURRENT } else { 1 };
        loop {
            let mut found = Vec::with_capacity(together);
            while found.len() < together
                && let Some(next) = walk.next().await?
            {
                found.push(next);
            }
            if found.is_empty() {
                if let Some(key) = walk.stopped_after {
                    page.stop_after(key);
                }
                return Ok(page.finish());
            }
            let listed: Vec<Option<Key>> = stream::iter(found)
                .map(|found| self.listed(found, walk.window.clone(), &began))
                .buffered(together)
                .try_collect()
                .await?;
            for key in listed.into_iter().flatten() {
                if !page.offer(key.as_bytes().clone()) {
                    return Ok(page.finish());
                }
            }
        }
    }

    /// The key, if it has a record in these segments at or above its floor.
    async fn listed(
        &self,
        found: Found,
        window: Range<SegmentId>,
        began: &Began,
    ) -> Result<Option<Key>> {
        match found {
            Found::Listed(key) => Ok(self.is_left(&key, window, began).await?.then_some(key)),
            Found::InPart(key, segment) => {
                let of_key = self.key_floors.of_purge(&key).unwrap_or_default();
                let of_prefixes = began.prefixes.of_key(key.as_ref());
                let from = self.floor.max(of_key).max(of_prefixes);
                Ok(self.holds(segment, &key, from).await?.then_some(key))
            }
        }
    }

    /// Whether a key that the directory lists in these segments has a record there. Only one with deleted records, or below the floor of
    /// a prefix, may not: until its rows of the directory are removed, they are of those, too. If keys were purged since the listing
    /// began, it can also be one whose rows were there then, and are gone now.
    async fn is_left(&self, key: &Key, window: Range<SegmentId>, began: &Began) -> Result<bool> {
        let prefixes = &began.prefixes;
        let may_be_listed = prefixes.may_be_listed(key.as_ref());
        let of_prefixes = may_be_listed.then(|| prefixes.of_key(key.as_ref()));
        let floor = self.key_floors.of_purge(key).max(of_prefixes);
        if floor.is_none() && self.key_floors.purges() == began.purges {
            return Ok(true);
        }
        let floor = self.floor.max(floor.unwrap_or_default());
        let range = SequenceRange::ALL.starting_at(floor);
        let mut holding = Holding::new(self.db, &self.segments, key, range).await?;
        while let Some(segment) = holding.next().await? {
            if window.contains(&segment.id) && self.holds(segment.id, key, floor).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a segment holds a record of `key` at or above `from`.
    async fn holds(&self, segment: SegmentId, key: &Key, from: Sequence) -> Result<bool> {
        let mut rows = rows(self.db, segment, key, from, 1).await?;
        Ok(next_row(&mut rows).await?.is_some())
    }
}

/// What was known when a listing began.
struct Began {
    /// The floors of prefixes: later ones hide nothing from it that its rows list.
    prefixes: Arc<PrefixFloors>,
    /// How many times keys had been purged.
    purges: u64,
}

/// A walk through the rows of the directory, key by key.
struct Walk {
    rows: DbIterator,
    /// The segments that matter.
    window: Range<SegmentId>,
    /// The first of them, if only a part of it matters.
    partial: Option<SegmentId>,
    /// When it stops.
    time: PageTime,
    /// A key of that segment that was not seen in another segment yet.
    open: Option<Key>,
    /// What was found after it.
    next: Option<Found>,
    /// The last key that was found.
    done: Option<Key>,
    /// The key of the last row.
    at: Option<Key>,
    /// The last key that was found or passed over, with all before it.
    passed: Option<Key>,
    /// The same, once the walk has stopped because its time was over.
    stopped_after: Option<Key>,
}

/// A key of the directory.
enum Found {
    /// A segment holds it that matters as a whole.
    Listed(Key),
    /// Only the segment that matters in part holds it.
    InPart(Key, SegmentId),
}

impl Walk {
    /// The next key, in ascending order; none at the end, and when the time is over and a key was passed.
    async fn next(&mut self) -> Result<Option<Found>> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        loop {
            if self.passed.is_some() && self.time.is_over() {
                self.stopped_after = self.passed.clone();
                return Ok(None);
            }
            let row = self.rows.next().await.map_err(error::read)?;
            let Some(row) = row else {
                // There is nothing to stop before.
                self.passed = None;
                return Ok(self.in_part());
            };
            let entry = directory::decode(&row.key, &row.value)?;
            let mut before = None;
            if self.at.as_ref() != Some(&entry.key) {
                self.passed = self.at.replace(entry.key.clone());
                before = self.in_part();
            }
            if self.done.as_ref() == Some(&entry.key) || entry.segment >= self.window.end {
                // It was found, or lies only in segments that do not matter: to the next key.
                let past = directory::key(entry.key.as_ref(), SegmentId::MAX);
                self.rows.seek(past).await.map_err(error::read)?;
            } else if entry.segment < self.window.start {
                let first = directory::key(entry.key.as_ref(), self.window.start);
                self.rows.seek(first).await.map_err(error::read)?;
            } else if self.partial == Some(entry.segment) {
                self.open = Some(entry.key);
            } else {
                self.open = None;
                self.done = Some(entry.key.clone());
                self.passed = Some(entry.key.clone());
                let found = Found::Listed(entry.key);
                if before.is_none() {
                    return Ok(Some(found));
                }
                self.next = Some(found);
            }
            if before.is_some() {
                return Ok(before);
            }
        }
    }

    /// The key that was left open, if there is one: no other segment that matters holds it.
    fn in_part(&mut self) -> Option<Found> {
        let key = self.open.take()?;
        Some(Found::InPart(key, self.partial?))
    }
}
