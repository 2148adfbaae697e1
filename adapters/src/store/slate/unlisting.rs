//! Takes keys out of the directory for segments where all their records are below a floor: that of the key, or of a prefix.
//!
//! After that, merges may leave out these records: the directory must not list a segment without a record of the key, and counts
//! of what is before a segment can be taken only while the records are there.

use std::collections::HashMap;
use std::sync::Arc;

use log_domain::sequencer::Unlisted;
use log_domain::{Key, Result, Segment, SegmentId, Sequence};
use slatedb::Db;

use super::doomed::{doomed, unfinished};
use super::queue::PendingRemoval;
use super::record_rows::last_row;
use super::removal_requests::Requests;
use super::shared::Shared;

/// Keys whose rows are removed by one commit.
pub(super) const KEYS: usize = 256;

/// What takes keys out of the directory of one store.
pub(super) struct Unlisting {
    pub(super) db: Db,
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Requests,
}

impl Unlisting {
    /// Removes the rows of the directory of these keys, at most [`KEYS`], that name segments without a record at or above these
    /// floors, which are in force.
    pub(super) async fn unlist(&self, floors: HashMap<Key, Sequence>) -> Result<()> {
        let mut keys: Vec<Key> = floors.keys().cloned().collect();
        keys.sort_unstable();
        while !keys.is_empty() {
            let _watching = self.requests.watch().await;
            let watched = keys.clone();
            let watch = |reply| PendingRemoval::WatchDeleted(watched, reply);
            self.requests.ask(watch).await?;
            let segments = self.shared.segments();
            let floor_of = |key: &Key| floors.get(key).copied().unwrap_or_default();
            let mut ends = Vec::with_capacity(keys.len());
            for key in keys {
                // Nothing waits for this.
                tokio::task::consume_budget().await;
                let end = self.end(&key, floor_of(&key), &segments).await?;
                ends.extend(end.map(|end| (key, end)));
            }
            let doomed = doomed(&self.db, ends).await?;
            let mut next = unfinished(&doomed);
            let unlisted = doomed.into_iter().map(|rows| Unlisted {
                floor: floor_of(&rows.key),
                rows,
            });
            let unlisted = unlisted.collect();
            let unlist = |reply| PendingRemoval::Unlist(unlisted, reply);
            next.extend(self.requests.ask(unlist).await?);
            next.sort_unstable();
            next.dedup();
            keys = next;
        }
        Ok(())
    }

    /// Where the segments end that have no record of `key` at or above `floor`; `None` if there are none.
    async fn end(
        &self,
        key: &Key,
        floor: Sequence,
        segments: &[Segment],
    ) -> Result<Option<SegmentId>> {
        let up_to = segments.partition_point(|segment| segment.start <= floor);
        let Some(holds_floor) = up_to.checked_sub(1).and_then(|at| segments.get(at)) else {
            return Ok(None);
        };
        Ok(Some(match self.has_left(holds_floor, key, floor).await? {
            true => holds_floor.id,
            false => holds_floor.id.saturating_add(1),
        }))
    }

    /// Whether the segment, in which the floor lies, may have a record of the key at or above it.
    async fn has_left(&self, segment: &Segment, key: &Key, floor: Sequence) -> Result<bool> {
        if segment.start == floor {
            return Ok(true);
        }
        let last = last_row(&self.db, segment.id, key).await?;
        Ok(last.is_some_and(|row| row.run.last() >= floor))
    }
}
