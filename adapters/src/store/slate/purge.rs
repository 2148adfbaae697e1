//! Purges deleted keys in the background: removes their records below the floor from what is stored.
//!
//! For each key whose floor is in force, the rows of the directory go first that name segments without a record of the key that
//! stays (see [`log_domain::sequencer::Unlisted`]). From then on, every merge leaves out what is below the floor. When half of the
//! time has passed that a purge may take, the files of all segments are rewritten that still hold such rows, and those of segments
//! below the floor of the log are waited for until they are dropped. Once a scan finds none of them, the purge row goes. A last flush
//! lets the garbage collector delete what was replaced.
//!
//! Nothing of this is remembered but the purge row: after a crash, all steps are taken again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use log_domain::segment::FIRST_SEGMENT;
use log_domain::{Clock, Error, Key, KeyFloor, Result, Segment, SegmentId, Sequence};
use slatedb::Db;
use slatedb::config::FlushType;

use super::compaction::{DeletedKeys, Rewrites};
use super::error;
use super::flush::flush;
use super::layout::prefix;
use super::queue::PendingRemoval;
use super::record_rows::{next_row, rows};
use super::removal_requests::Requests;
use super::rounds::Rounds;
use super::shared::Shared;
use super::unlisting::{KEYS, Unlisting};

/// Keys whose rows are looked for at the same time.
const CONCURRENT: usize = 16;
/// How often deleted keys are looked for at least and at most.
const SELDOM: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_millis(100);
/// After a failure, the next round comes so many times later: each flushes a memtable.
pub(super) const AFTER_FAILURE: u32 = 30;

/// Purges the deleted keys of one store.
pub(super) struct Purge {
    pub(super) db: Db,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) requests: Requests,
    pub(super) unlisting: Unlisting,
    /// What merges leave out.
    pub(super) deleted: Arc<DeletedKeys>,
    /// Asks the compactor to rewrite segments; `None` if there is no compactor.
    pub(super) rewrites: Option<Arc<Rewrites>>,
    /// After this time, nothing of a deleted key is to be stored any more.
    pub(super) within: Duration,
    /// How often to look whether there is something to do: see [`pause`].
    pub(super) pause: Duration,
}

/// How often to look for deleted keys that are to be purged within this time, at least at this interval.
pub(super) fn pause(within: Duration, least: Duration) -> Duration {
    (within / 100).clamp(least.min(SOON), SELDOM)
}

impl Rounds for Purge {
    const FAILURE: &'static str = "could not remove the bytes of deleted keys";

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes the next steps for all deleted keys.
    async fn round(&self) -> Result<()> {
        let floors = &self.shared.key_floors;
        let (keys, waited) = floors.backlog(self.clock.now_ms());
        if keys == 0 {
            return Ok(());
        }
        let Some(rewrites) = &self.rewrites else {
            return Err(Error::unavailable(
                "compaction is turned off (slatedb.compactor_options), so the bytes of deleted keys stay",
            ));
        };
        let mut pending = floors.all_in_force();
        self.have_left_out(&pending).await?;
        if waited < self.within / 2 || pending.is_empty() {
            return Ok(());
        }
        // So that files hold everything that was deleted.
        flush(&self.db, FlushType::MemTable).await?;
        let storing = self.storing(&pending).await?;
        if !storing.is_empty() {
            tracing::debug!(segments = ?storing, "rewriting segments with deleted keys");
            // One below the floor of the log is not rewritten, but done once its files are dropped.
            rewrites.ask(storing.iter().map(|segment| segment.id));
            while !rewrites.are_done() {
                tokio::time::sleep(self.pause).await;
            }
            self.db.refresh_manifest().await.map_err(error::read)?;
        }
        // A worker of a server that was taken over can have merged them, which does not know what was deleted.
        let left = self.left(&pending, &storing).await?;
        pending.retain(|floor| !left.contains(&floor.key));
        floors.emptied(&pending);
        for batch in pending.chunks(KEYS) {
            let purged = batch.to_vec();
            let request = |reply| PendingRemoval::Purged(purged, reply);
            self.requests.ask(request).await?;
            self.deleted.remove(batch);
        }
        if !pending.is_empty() {
            // The garbage collector keeps the newest L0 file and what the WAL has of it, so these must be newer ones.
            flush(&self.db, FlushType::MemTable).await?;
            tracing::info!(keys = pending.len(), "removed the bytes of deleted keys");
        }
        Ok(())
    }
}

impl Purge {
    /// From now on, merges leave out what is below these floors.
    async fn have_left_out(&self, floors: &[KeyFloor]) -> Result<()> {
        let new = floors.iter().filter(|floor| !self.deleted.has(floor));
        let new: Vec<KeyFloor> = new.cloned().collect();
        for batch in new.chunks(KEYS) {
            let floors = batch.iter().map(|floor| (floor.key.clone(), floor.floor));
            self.unlisting.unlist(floors.collect()).await?;
        }
        if !new.is_empty() {
            // After a crash, the directory must not list what a merge has left out.
            flush(&self.db, FlushType::Wal).await?;
            self.deleted.add(&new);
        }
        Ok(())
    }

    /// The segments with rows of these keys below their floors.
    async fn storing(&self, pending: &[KeyFloor]) -> Result<Vec<Segment>> {
        let mut storing = Vec::new();
        for segment in self.with_files() {
            let first = self.stored_in(segment, pending).try_next().await?;
            storing.extend(first.map(|_| segment));
        }
        Ok(storing)
    }

    /// Which of these keys have rows below their floors in these segments. What was in no file of another segment does not get there.
    async fn left(&self, pending: &[KeyFloor], segments: &[Segment]) -> Result<HashSet<Key>> {
        let mut left = HashSet::new();
        for segment in segments {
            let mut found = self.stored_in(*segment, pending);
            while let Some(key) = found.try_next().await? {
                left.insert(key);
            }
        }
        Ok(left)
    }

    /// The segments that can have files: those of the log, and those that the log has no row of any more, but whose files have not been
    /// dropped yet. These count as if they began at 0.
    fn with_files(&self) -> Vec<Segment> {
        let mut segments = self.shared.segments().to_vec();
        let status = self.db.subscribe();
        let status = status.borrow();
        let ids = prefix::segments(status.current_manifest.segments());
        let first_left = segments.first().map_or(SegmentId::MAX, |first| first.id);
        let removed = ids.filter(|id| (FIRST_SEGMENT..first_left).contains(id));
        segments.extend(removed.map(|id| Segment {
            id,
            start: Sequence::ZERO,
            start_time_ms: 0,
        }));
        segments
    }

    /// Those of these keys that have rows below their floor in a segment. All keys of one segment are looked for before the next one
    /// is, so that its bloom filters are read once.
    fn stored_in<'a>(
        &'a self,
        segment: Segment,
        pending: &'a [KeyFloor],
    ) -> impl Stream<Item = Result<Key>> + Send + Unpin + 'a {
        let look = move |at: usize| self.if_stored_in(segment.id, &pending[at]);
        let reaching = (0..pending.len()).filter(move |at| pending[*at].floor > segment.start);
        let found = stream::iter(reaching)
            .map(look)
            .buffer_unordered(CONCURRENT);
        Box::pin(found.try_filter_map(|key| std::future::ready(Ok(key))))
    }

    /// The key, if the segment has a row of it with a record below the floor.
    async fn if_stored_in(&self, segment: SegmentId, floor: &KeyFloor) -> Result<Option<Key>> {
        // Nothing waits for this.
        tokio::task::consume_budget().await;
        let mut rows = rows(&self.db, segment, &floor.key, Sequence::ZERO, 1).await?;
        let first = next_row(&mut rows).await?;
        let is_stored = first.is_some_and(|row| row.run.first() < floor.floor);
        Ok(is_stored.then(|| floor.key.clone()))
    }
}
