//! Removes what is below the floor, in the background.
//!
//! When segments have fallen below the floor, a walk through the directory finds the keys that they hold. Batch by batch, the
//! writer removes their rows (see [`log_domain::sequencer::Doomed`]), then those of the segments. Once that is in data files, the
//! compactor drops the files of the segments. After a crash between any two steps, what is left is found again: segments with a row,
//! which end below the floor, and files of segments without one.

use std::collections::HashSet;
use std::sync::Arc;

use log_domain::ports::Telemetry;
use log_domain::segment::FIRST_SEGMENT;
use log_domain::{Key, Result, Segment, SegmentId};
use slatedb::Db;
use slatedb::config::FlushType;

use super::compaction::Dead;
use super::directory;
use super::doomed::{doomed, unfinished};
use super::error;
use super::flush::flush;
use super::layout::{key_floors, prefix};
use super::queue::PendingRemoval;
use super::removal_requests::Requests;
use super::rounds::Rounds;
use super::shared::Shared;
use super::stored;

/// Keys whose rows are removed by one commit.
const KEYS: usize = 1024;
/// Keys that one walk visits; the next one continues. It bounds how long an iterator is open.
const VISITED: usize = 16_384;

/// Removes what is below the floor of one store.
pub(super) struct Removal {
    pub(super) db: Db,
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Requests,
    /// What the compactor may drop.
    pub(super) dead: Arc<Dead>,
    /// Who hears of what is dropped.
    pub(super) telemetry: Arc<dyn Telemetry>,
}

impl Rounds for Removal {
    const FAILURE: &'static str = "could not remove all that is below the floor of the log";

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    async fn round(&self) -> Result<()> {
        self.remove().await?;
        self.release().await
    }
}

impl Removal {
    /// Removes the segments that are dead now.
    async fn remove(&self) -> Result<()> {
        let segments = self.shared.segments();
        let dead = log_domain::segment::dead(&segments, self.shared.floor());
        if dead.is_empty() {
            return Ok(());
        }
        let first_left = segments[dead.len()];
        let dead: Vec<SegmentId> = dead.iter().map(|segment| segment.id).collect();
        // The garbage collector keeps the newest data file, and the files of the WAL before it: that must not be one of these segments.
        if self.has_only_in_memory(first_left.id) {
            flush(&self.db, FlushType::MemTable).await?;
        }
        // Readers that began before must know.
        self.shared.removes_below(first_left.start);
        self.remove_listings(first_left).await?;
        let removed = dead.len();
        self.requests
            .ask(|reply| PendingRemoval::Segments(dead, first_left, reply))
            .await?;
        self.remove_key_floors(first_left).await?;
        tracing::info!(
            segments = removed,
            below = %first_left.start,
            "removed segments below the floor of the log"
        );
        Ok(())
    }

    /// Has the compactor drop the files of segments that have no row any more.
    async fn release(&self) -> Result<()> {
        let Some(first_left) = self.shared.segments().first().copied() else {
            return Ok(());
        };
        if first_left.start > self.shared.floor() || !self.has_rows_before(first_left.id) {
            return Ok(());
        }
        // That they have no row must not be lost, not even with the WAL: files that are dropped would be missed then. And what
        // the memtable has of these segments is dropped with the rest.
        flush(&self.db, FlushType::MemTable).await?;
        let status = self.db.subscribe();
        let listed = status.borrow();
        let dropped = self.dead.grows_by(&listed.current_manifest, first_left.id);
        let (segments, bytes) = dropped.fold((0, 0), |(segments, bytes), dropped| {
            (segments + 1, bytes + stored::bytes(dropped))
        });
        self.telemetry.dropped(segments, bytes);
        self.dead.are_before(first_left.id);
        Ok(())
    }

    /// Whether a file or the memtable has rows of a segment before `first_left` that the compactor does not drop yet.
    fn has_rows_before(&self, first_left: SegmentId) -> bool {
        first_left > FIRST_SEGMENT && {
            let mut before = self.stored_before(first_left).into_iter();
            before.any(|id| !self.dead.has(Some(id)))
        }
    }

    /// Whether no file has rows of some segment before `first_left`, but the memtable does.
    fn has_only_in_memory(&self, first_left: SegmentId) -> bool {
        let status = self.db.subscribe();
        let listed = status.borrow();
        let in_files: HashSet<SegmentId> =
            prefix::segments(listed.current_manifest.segments()).collect();
        drop(listed);
        let mut before = self.stored_before(first_left).into_iter();
        before.any(|id| !in_files.contains(&id))
    }

    /// The segments before `first_left` that have rows in files or in the memtable, but for the system segment.
    fn stored_before(&self, first_left: SegmentId) -> Vec<SegmentId> {
        let listed = self.db.subscribe().borrow().list_segments();
        let ids = listed.iter().filter_map(|s| prefix::segment(&s.prefix));
        ids.filter(|id| (FIRST_SEGMENT..first_left).contains(id))
            .collect()
    }

    /// Removes the rows of the directory of segments before `first_left`.
    async fn remove_listings(&self, first_left: Segment) -> Result<()> {
        let mut after = None;
        loop {
            let walk = directory::listed_before(&self.db, first_left.id, after, (KEYS, VISITED));
            let (keys, visited) = walk.await?;
            self.remove_keys(keys, first_left).await?;
            after = match visited {
                Some(visited) => Some(visited),
                None => return Ok(()),
            };
            tokio::task::yield_now().await;
        }
    }

    /// Removes the rows of these keys, which are in order. Each time, a key has fewer rows to remove, or has got one that stays,
    /// which happens once.
    async fn remove_keys(&self, mut keys: Vec<Key>, first_left: Segment) -> Result<()> {
        while !keys.is_empty() {
            let _watching = self.requests.watch().await;
            let watched = keys.clone();
            self.requests
                .ask(|reply| PendingRemoval::Watch(watched, first_left, reply))
                .await?;
            let keys_with_end = keys.into_iter().map(|key| (key, first_left.id));
            let doomed = doomed(&self.db, keys_with_end.collect()).await?;
            let mut next = unfinished(&doomed);
            let again = self
                .requests
                .ask(|reply| PendingRemoval::Rows(doomed, reply))
                .await?;
            next.extend(again);
            next.sort_unstable();
            next.dedup();
            keys = next;
        }
        Ok(())
    }

    /// Removes the floors of keys that the floor of the log has passed. A crash before that leaves them until the next time.
    async fn remove_key_floors(&self, first_left: Segment) -> Result<()> {
        let purges = self.shared.key_floors.purges();
        let rows = self.db.scan_prefix(key_floors::prefix(), ..).await;
        let mut rows = rows.map_err(error::read)?;
        let mut passed = Vec::new();
        loop {
            // Nothing waits for this.
            tokio::task::consume_budget().await;
            let row = rows.next().await.map_err(error::read)?;
            let is_last = row.is_none();
            if let Some(row) = row {
                let (key, floor) = key_floors::decode(&row.key, &row.value)?;
                passed.extend((floor <= first_left.start).then_some(key));
            }
            if passed.len() == KEYS || is_last && !passed.is_empty() {
                let keys = std::mem::take(&mut passed);
                let remove = |reply| PendingRemoval::KeyFloors(keys, purges, reply);
                self.requests.ask(remove).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }
}
