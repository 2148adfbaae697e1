//! Reads of more keys than are merged: a walk through the order of the records, segment by segment.

use indexmap::IndexMap;
use log_domain::commit_merge::merge_commit;
use log_domain::page::PageBuilder;
use log_domain::segment::overlapping;
use log_domain::{Key, Page, PageLimit, Result, Sequence, SequenceRange};
use parking_lot::Mutex;
use slatedb::DbReadOps;

use super::order_walk::{Bounds, OrderWalk, Wants, first_since};
use super::read::Reader;
use super::read_several::Several;
use super::seen_keys::SeenKey;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// The page of all keys in `range`. Costs by the commits in it, not by the keys. When its time is over, it ends after the window that
    /// was read last, or before the next segment, but not before anything was read. `None` if records of one went meanwhile.
    pub(super) async fn in_order(
        &self,
        range: SequenceRange,
        several: &Several<'_>,
    ) -> Result<Option<Page>> {
        let scan = several.scan;
        let purges = self.key_floors.purges();
        let keys = SelectedKeys {
            reader: self,
            several,
            seen: Mutex::default(),
        };
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        let mut records = 0;
        let segments = overlapping(&self.segments, range.start(), range.end());
        'segments: for (at, segment) in segments.iter().enumerate() {
            if at > 0 && several.time.is_over() {
                page.stop_at(segment.start);
                break;
            }
            let mut within = self.part_of(range, segment)?;
            if let Some(since_ms) = scan.start_time_ms
                && page.is_empty()
            {
                let first = first_since(self.db, segment, within, since_ms).await?;
                within = within.starting_at(first);
            }
            let bounds = Bounds::of(PageLimit {
                records: scan.limit.records.saturating_sub(records),
                ..scan.limit
            });
            let db = (self.db, self.key_names);
            let mut walk = OrderWalk::new(db, (segment.id, within), &keys, bounds).await?;
            while let Some(window) = walk.next().await? {
                for walked in window {
                    let has_room = merge_commit(walked.runs, scan.limit, |run| {
                        records += run.count() as usize;
                        page.push(run)
                    })?;
                    if !has_room {
                        break 'segments;
                    }
                }
                if several.time.is_over() {
                    page.stop_at(walk.position());
                    break 'segments;
                }
            }
        }
        let seen = keys.seen.into_inner();
        let are_as_seen = self.are_as_seen(seen.iter(), purges).await?;
        Ok(are_as_seen.then(|| page.finish(range.end())))
    }
}

/// The keys of a selection.
struct SelectedKeys<'a, 'r, D> {
    reader: &'a Reader<'r, D>,
    several: &'a Several<'a>,
    /// Those whose records were read, in the order in which they were seen first.
    seen: Mutex<IndexMap<Key, SeenKey>>,
}

impl<D: DbReadOps + Sync> Wants for &SelectedKeys<'_, '_, D> {
    fn wants(&self, key: &Key) -> bool {
        self.several.scan.selection.matches(key)
    }

    async fn floor(&self, key: &Key, last: Sequence) -> Result<Option<Sequence>> {
        let known = self.seen.lock().get(key).map(|seen| seen.floor);
        let floor = match known {
            Some(floor) => floor,
            None => {
                let seen = self.reader.see(key, self.several.prefixes).await?;
                let floor = seen.floor;
                if floor <= last {
                    self.seen.lock().insert(key.clone(), seen);
                }
                floor
            }
        };
        Ok((floor <= last).then_some(floor))
    }
}
