//! Reads of more keys than are merged: a walk through the order of the records, segment by segment.

use indexmap::IndexMap;
use log_domain::commit_merge::merge_commit;
use log_domain::page::PageBuilder;
use log_domain::segment::overlapping;
use log_domain::{Key, Page, PageLimit, Result, Sequence, SequenceRange};
use parking_lot::Mutex;
use slatedb::DbReadOps;
use tokio::time::Instant;

use super::order_walk::{OrderWalk, Walked, Wants, first_since};
use super::read::Reader;
use super::read_ahead::Ahead;
use super::read_several::Several;
use super::seen_key::SeenKey;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// The page of all keys in `range`, whose first part is in `ahead`. Its cost grows with the commits in it, not with the keys. When its time is over, it
    /// ends after the window that was read last, or before the next segment, but not before anything was read. `None` if records of one
    /// went meanwhile.
    pub(super) async fn in_order(
        &self,
        range: SequenceRange,
        several: &Several<'_>,
        ahead: Ahead,
    ) -> Result<Option<Page>> {
        let scan = several.scan;
        let mut reading = InOrder {
            reader: self,
            several,
            range,
            page: PageBuilder::new(range, scan.start_time_ms, scan.limit),
            keys: IndexMap::new(),
            unchecked: Vec::new(),
            before: Vec::new(),
            version: self.key_floors.version(),
            purges: self.key_floors.purges(),
            ahead,
        };
        reading.read().await?;
        reading.finish().await
    }
}

/// A page that is being read.
struct InOrder<'a, 'r, D> {
    reader: &'a Reader<'r, D>,
    several: &'a Several<'a>,
    range: SequenceRange,
    page: PageBuilder,
    /// The keys of its records whose floors were looked up again.
    keys: IndexMap<Key, SeenKey>,
    /// The others, of the window in `ahead`.
    unchecked: Vec<Key>,
    /// The same of windows before, and all keys of these.
    before: Vec<(Vec<Key>, IndexMap<Key, SeenKey>)>,
    /// The version of all floors when it began, and how many times keys had been purged.
    version: u64,
    purges: u64,
    ahead: Ahead,
}

impl<D: DbReadOps + Sync> InOrder<'_, '_, D> {
    async fn read(&mut self) -> Result<()> {
        if !self.give().await? {
            return Ok(());
        }
        let (scan, time) = (self.several.scan, self.several.time);
        let keys = SelectedKeys {
            reader: self.reader,
            several: self.several,
            seen: Mutex::default(),
        };
        let mut is_first = self.page.is_empty();
        let rest = self.range.starting_at(self.ahead.reached);
        for segment in overlapping(&self.reader.segments, rest.start(), rest.end()) {
            if !std::mem::take(&mut is_first) && time.is_over() {
                self.page.stop_at(segment.start.max(rest.start()));
                break;
            }
            let mut within = self.reader.part_of(rest, segment)?;
            if let Some(since_ms) = scan.start_time_ms
                && self.page.is_empty()
            {
                let first = first_since(self.reader.db, segment, within, since_ms).await?;
                within = within.starting_at(first);
            }
            self.ahead.reached = within.start();
            let left = PageLimit {
                records: scan.limit.records.saturating_sub(self.page.records()),
                ..scan.limit
            };
            let bounds = self.ahead.bounds(left, self.reader.read_ahead);
            let db = (self.reader.db, self.reader.key_names);
            let mut walk = OrderWalk::new(db, (segment.id, within), &keys, bounds).await?;
            loop {
                let began = Instant::now();
                let Some(window) = walk.next().await? else {
                    break;
                };
                let seen = std::mem::take(&mut *keys.seen.lock());
                let end = (walk.position(), walk.bytes());
                let given = std::mem::take(&mut self.unchecked);
                if !given.is_empty() {
                    self.before
                        .push((given, std::mem::take(&mut self.ahead.seen)));
                }
                (self.ahead.version, self.ahead.purges) = (self.version, self.purges);
                self.ahead.fetched(window, end, seen, began.elapsed());
                if !self.give().await? {
                    return Ok(());
                }
                if time.is_over() {
                    self.page.stop_at(walk.position());
                    return Ok(());
                }
            }
            self.ahead.reached = walk.position();
        }
        Ok(())
    }

    /// Puts what was read ahead into the page. Returns whether it has room for more.
    async fn give(&mut self) -> Result<bool> {
        let is_as_read = self.ahead.version == self.version;
        while let Some(mut walked) = self.ahead.rows.pop_front() {
            if is_as_read {
                let keys = walked.runs.iter().map(|(key, _)| key.clone());
                self.unchecked.extend(keys);
            } else {
                self.hide(&mut walked).await?;
            }
            let limit = self.several.scan.limit;
            let has_room = merge_commit(&walked.runs, limit, |run| self.page.push(run))?;
            if !has_room {
                self.ahead.rows.push_front(walked);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Leaves out what was deleted since it was read ahead.
    async fn hide(&mut self, walked: &mut Walked) -> Result<()> {
        let mut hidden = false;
        for (key, run) in &walked.runs {
            hidden |= self.floor(key).await? > run.first();
        }
        match hidden {
            true => walked.hide(|key| self.keys.get(key).map(|seen| seen.floor)),
            false => Ok(()),
        }
    }

    /// Below which sequence records of the key are hidden. The floor is looked up again if records of the key may have gone since they were read
    /// ahead: every record at or above the current floor was still there then.
    async fn floor(&mut self, key: &Key) -> Result<Sequence> {
        if let Some(seen) = self.keys.get(key) {
            return Ok(seen.floor);
        }
        let key_floors = self.reader.key_floors;
        let before = self.ahead.seen.get(key).copied();
        let before = before.filter(|_| self.ahead.purges == self.purges);
        let seen = match before.filter(|seen| seen.is_as_seen(key, key_floors)) {
            Some(seen) => seen,
            None => self.reader.see(key, self.several.prefixes).await?,
        };
        self.keys.insert(key.clone(), seen);
        Ok(seen.floor)
    }

    /// Whether no records of it went meanwhile.
    async fn is_as_seen(&self) -> Result<bool> {
        let (reader, purges) = (self.reader, self.purges);
        if reader.key_floors.version() == self.version {
            return Ok(true);
        }
        let before = self.before.iter().map(|(given, seen)| (given, seen));
        let given = before.chain([(&self.unchecked, &self.ahead.seen)]);
        for (given, seen) in given {
            let seen = given.iter().filter_map(|key| seen.get_key_value(key));
            if !reader.are_as_seen(seen, purges).await? {
                return Ok(false);
            }
        }
        reader.are_as_seen(self.keys.iter(), purges).await
    }

    /// The page, and what is left is kept for the next one.
    async fn finish(mut self) -> Result<Option<Page>> {
        let reader = self.reader;
        if !self.is_as_seen().await? {
            return Ok(None);
        }
        let page = self.page.finish(self.range.end());
        if !page.complete {
            self.ahead.was_given(page.records);
            let selection = &self.several.scan.selection;
            reader.read_ahead.keep(selection, page.next, self.ahead);
        }
        Ok(Some(page))
    }
}

/// The keys of a selection.
struct SelectedKeys<'a, 'r, D> {
    reader: &'a Reader<'r, D>,
    several: &'a Several<'a>,
    /// Those whose records were read.
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
