//! Reading: scans and counts of a key, each over the segments that can matter.

use std::sync::Arc;

use log_domain::page::PageBuilder;
use log_domain::segment::{FIRST_SEGMENT, overlapping};
use log_domain::{
    Counted, Error, Key, Page, Result, Scan, Segment, SegmentId, Sequence, SequenceRange, Side,
    Visibility, Watermarks,
};
use slatedb::DbReadOps;

use super::directory::{Holding, add, base, newest, records_in};
use super::first_newer::first_newer;
use super::key_floors::FloorsOfKeys;
use super::key_names::KeyNames;
use super::page_time::PageTime;
use super::read_ahead::ReadAhead;
use super::record_rows::{last_row, next_row, rows};

/// Bytes that a scan of records reads ahead from the object store.
const READ_AHEAD_BYTES: usize = 512 * 1024;

/// How often a count begins that finds each time that the key's older records went.
const COUNTS: usize = 3;

/// A reader's view of the rows, in a database that is written to here or elsewhere: the segments, the watermarks, and the
/// floor when it began: the higher one of those of the log and of its key, if it reads one.
pub(super) struct Reader<'a, D> {
    pub(super) db: &'a D,
    pub(super) segments: Arc<Vec<Segment>>,
    pub(super) watermarks: Watermarks,
    pub(super) floor: Sequence,
    pub(super) key_floors: &'a FloorsOfKeys,
    pub(super) key_names: &'a KeyNames,
    pub(super) read_ahead: &'a ReadAhead,
}

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// One page of a key.
    pub(super) async fn scan(&self, key: &Key, scan: &Scan, time: PageTime) -> Result<Page> {
        if scan.side == Side::Newest {
            return self.newest(key, scan, time).await;
        }
        let visible = self.watermarks.visible(scan.visibility);
        let end = scan.range.end().min(visible);
        let start = scan.range.above(self.floor).start();
        let mut range = SequenceRange::new(start.min(end), end)?;
        if let Some(since_ms) = scan.start_time_ms {
            range = range.starting_at(self.first_since(key, range, since_ms).await?);
        }
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        let mut holding = Holding::new(self.db, &self.segments, key, range).await?;
        let mut is_first = true;
        'segments: while let Some(segment) = holding.next().await? {
            if !std::mem::take(&mut is_first) && time.is_over() {
                page.stop_at(segment.start);
                break;
            }
            let from = range.start();
            let mut rows = rows(self.db, segment.id, key, from, READ_AHEAD_BYTES).await?;
            while let Some(row) = next_row(&mut rows).await? {
                if !page.push(&row.run)? {
                    break 'segments;
                }
                if time.is_over() {
                    page.stop_at(row.run.last().plus(1));
                    break 'segments;
                }
            }
        }
        let mut page = page.finish(end);
        page.next = page.next.max(start);
        page.trimmed_before = scan.range.trimmed_before(self.floor);
        Ok(page)
    }

    /// How many applied records of `key` lie in `range`, at or above the floor.
    pub(super) async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        let above = range.above(self.floor);
        let mut counts = 0;
        let records = loop {
            counts += 1;
            match self.records(key, above).await {
                // What is before the range may have been removed between two of its reads.
                Err(Error::Corrupt(_)) if counts < COUNTS => {}
                records => break records?,
            }
        };
        Ok(Counted {
            records,
            trimmed_before: range.trimmed_before(self.floor),
        })
    }

    /// The difference of two positions. The lower one is read first: if all that the key has below the range is removed after
    /// that, the other one is lower, as its records are no longer counted. Otherwise both have the same base.
    async fn records(&self, key: &Key, range: SequenceRange) -> Result<u64> {
        let visible = self.watermarks.visible(Visibility::Memory);
        let end = range.end().min(visible);
        let segments = overlapping(&self.segments, range.start(), end);
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
            return Ok(0);
        };
        // Within one segment the directory is not needed: what is before the segment cancels out.
        let (below_start, below_end) = if first.id == last.id {
            let start = self.position_in(first, key, range.start()).await?;
            (start, self.position_in(last, key, end).await?)
        } else {
            let start = self.position(first, key, range.start()).await?;
            (start, self.position(last, key, end).await?)
        };
        let within = below_end.checked_sub(below_start);
        within.ok_or_else(|| Error::Corrupt(format!("counts of {key:?} up to segment {}", last.id)))
    }

    /// How many records of `key` the log has had below `sequence`, which lies in `segment` or is its end. Those of a key that
    /// had none left once do not count.
    async fn position(&self, segment: &Segment, key: &Key, sequence: Sequence) -> Result<u64> {
        let first = self.segments.first();
        if first.is_some_and(|first| first.id == FIRST_SEGMENT && sequence <= first.start) {
            return Ok(0);
        }
        let Some(newest) = newest(self.db, key, segment.id).await? else {
            return match first {
                Some(first) if first.id == FIRST_SEGMENT && self.floor == Sequence::ZERO => Ok(0),
                _ => base(self.db, key).await,
            };
        };
        let within = if newest.segment == segment.id {
            self.position_in(segment, key, sequence).await?
        } else {
            records_in(self.db, newest.segment, key).await?
        };
        add(newest.earlier, within)
    }

    /// How many records of `key` the segment holds below `sequence`.
    async fn position_in(&self, segment: &Segment, key: &Key, sequence: Sequence) -> Result<u64> {
        if sequence <= segment.start {
            return Ok(0);
        }
        // Up to the tip, the row to ask is nearly always the last one: one seek instead of two. But rows can have been
        // applied since the watermarks were read.
        if sequence >= self.watermarks.tip {
            match last_row(self.db, segment.id, key).await? {
                Some(row) if row.run.last() < sequence => return row.end(),
                None => return Ok(0),
                Some(_) => {}
            }
        }
        let mut rows = rows(self.db, segment.id, key, sequence, 1).await?;
        let row = match next_row(&mut rows).await? {
            Some(row) => row,
            None => match last_row(self.db, segment.id, key).await? {
                Some(row) => row,
                None => return Ok(0),
            },
        };
        row.position(row.run.count_below(sequence)?)
    }

    /// Where in `range` the first row of `key` begins that was appended at `since_ms` or later; the end of `range`
    /// if there is none. Append times never decrease.
    async fn first_since(
        &self,
        key: &Key,
        range: SequenceRange,
        since_ms: i64,
    ) -> Result<Sequence> {
        let range = range.starting_at(range.start().max(self.segment_before(since_ms)));
        let mut holding = Holding::new(self.db, &self.segments, key, range).await?;
        while let Some(segment) = holding.next().await? {
            let within = self.part_of(range, &segment)?;
            let first = self.first_in(segment.id, key, within, since_ms).await?;
            if first < within.end() {
                return Ok(first);
            }
        }
        Ok(range.end())
    }

    /// The same in a range that lies in one segment: the sequence after the last row of `key` there that is older, or the start of the
    /// range.
    async fn first_in(
        &self,
        segment: SegmentId,
        key: &Key,
        range: SequenceRange,
        since_ms: i64,
    ) -> Result<Sequence> {
        first_newer(range, |from| self.older_at(segment, key, from, since_ms)).await
    }

    /// The end of the first row of `key` from this sequence on, if it is older than that time.
    async fn older_at(
        &self,
        segment: SegmentId,
        key: &Key,
        from: Sequence,
        since_ms: i64,
    ) -> Result<Option<Sequence>> {
        let mut rows = rows(self.db, segment, key, from, 1).await?;
        let row = next_row(&mut rows).await?;
        let older = row.filter(|row| row.run.timestamp_ms() < since_ms);
        Ok(older.map(|row| row.run.last()))
    }

    /// Where the first segment begins that can have records of this time: of those before nothing is needed.
    pub(super) fn segment_before(&self, since_ms: i64) -> Sequence {
        let earlier = |segment: &Segment| segment.start_time_ms < since_ms;
        let began = self.segments.partition_point(earlier).saturating_sub(1);
        let segment = self.segments.get(began);
        segment.map_or(Sequence::ZERO, |segment| segment.start)
    }

    /// The part of `range` that lies in one of the segments.
    pub(super) fn part_of(&self, range: SequenceRange, segment: &Segment) -> Result<SequenceRange> {
        let after = self
            .segments
            .partition_point(|other| other.id <= segment.id);
        let next = self.segments.get(after);
        let end = next.map_or(range.end(), |next| next.start.min(range.end()));
        SequenceRange::new(range.start().max(segment.start).min(end), end)
    }
}
