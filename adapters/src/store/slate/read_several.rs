//! Reads of several keys, in the order of the sequences.
//!
//! Of a few keys, the rows of each are merged: `merged`. Of more, see `read_in_order`.

use std::ops::RangeInclusive;

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::merge::{Merge, Merged};
use log_domain::page::PageBuilder;
use log_domain::segment::overlapping;
use log_domain::sequencer::PrefixFloors;
use log_domain::{Error, Key, Page, Result, Run, Scan, SegmentId, Sequence, SequenceRange};
use slatedb::{DbIterator, DbReadOps};

use super::order_walk::first_since;
use super::page_time::PageTime;
use super::read::Reader;
use super::read_ahead::Ahead;
use super::record_rows::{next_row, rows};
use super::seen_key::SeenKey;
use super::selected_keys::{HeldKey, selected};

/// Keys whose rows are merged, at most: of more, the order of the records is walked through.
pub(super) const MERGED_KEYS: usize = if cfg!(test) { 3 } else { 256 };

/// Bytes that the scans of the rows of all keys together read ahead, and each of them at least.
const READ_AHEAD_BYTES: usize = 1024 * 1024;
const LEAST_READ_AHEAD_BYTES: usize = 16 * 1024;

/// Bytes of the rows that are merged at a time: rows can be as large as a record. If they have more, the order of the records is walked
/// through.
const MERGED_BYTES: usize = 16 << 20;

/// Keys whose rows are looked for at the same time.
const CONCURRENT: usize = 32;

impl<D: DbReadOps + Sync> Reader<'_, D> {
    /// One page of several keys. The reader's floor is the one that holds for all of them, and `prefixes` are the floors of prefixes from
    /// before it was read. Rows of up to `most` keys are merged. `None` if records of a key went meanwhile: begin again.
    pub(super) async fn several(
        &self,
        scan: &Scan,
        prefixes: &PrefixFloors,
        most: usize,
        time: PageTime,
    ) -> Result<Option<Page>> {
        let visible = self.watermarks.visible(scan.visibility);
        let end = scan.range.end().min(visible);
        let start = scan.range.above(self.floor).start();
        let range = SequenceRange::new(start.min(end), end)?;
        let began = scan.start_time_ms.map(|since| self.segment_before(since));
        let range = range.starting_at(range.start().max(began.unwrap_or_default()));
        let several = Several {
            scan,
            prefixes,
            time,
        };
        let page = match self.window(range) {
            Some(window) => match self.read_ahead.take(&scan.selection, range.start()) {
                Some(ahead) => self.in_order(range, &several, ahead).await?,
                None => self.planned(window, range, &several, most).await?,
            },
            None => Some(PageBuilder::new(range, None, scan.limit).finish(end)),
        };
        Ok(page.map(|mut page| {
            page.next = page.next.max(start);
            page.trimmed_before = scan.range.trimmed_before(self.floor);
            page
        }))
    }

    /// A page for which nothing was read ahead.
    async fn planned(
        &self,
        window: RangeInclusive<SegmentId>,
        range: SequenceRange,
        several: &Several<'_>,
        most: usize,
    ) -> Result<Option<Page>> {
        let keys = selected(self.db, &several.scan.selection, window, most, several.time);
        let merged = match keys.await? {
            Some(keys) => self.merged(keys, range, several).await?,
            None => Merging::TooLarge,
        };
        match merged {
            Merging::Page(page) => Ok(page),
            Merging::TooLarge => {
                let ahead = Ahead::nothing(range.start());
                self.in_order(range, several, ahead).await
            }
        }
    }

    /// The segments that overlap `range`, if any does.
    fn window(&self, range: SequenceRange) -> Option<RangeInclusive<SegmentId>> {
        let overlapping = overlapping(&self.segments, range.start(), range.end());
        Some(overlapping.first()?.id..=overlapping.last()?.id)
    }

    /// Which one of the segments this is.
    fn place_of(&self, segment: SegmentId) -> Result<usize> {
        let at = self
            .segments
            .binary_search_by_key(&segment, |segment| segment.id);
        at.map_err(|_| unknown(segment))
    }

    /// The page of these keys in `range`, by merging their rows. When its time is over, it ends after the records that were merged last,
    /// or before the next segment, but not before anything was read.
    async fn merged(
        &self,
        held: Vec<HeldKey>,
        range: SequenceRange,
        several: &Several<'_>,
    ) -> Result<Merging> {
        let scan = several.scan;
        let purges = self.key_floors.purges();
        let seeing = held.into_iter().map(|held| self.seen(held, several));
        let seeing: Vec<_> = seeing.collect();
        let keys = stream::iter(seeing).buffered(CONCURRENT);
        let mut keys: Vec<KeyRows> = keys.try_collect().await?;
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        let mut is_first = true;
        while let Some(segment) = keys.iter().filter_map(|key| key.held.segment()).min() {
            if !std::mem::take(&mut is_first) && several.time.is_over() {
                page.stop_at(self.segments[self.place_of(segment)?].start);
                break;
            }
            let merged = self.merge_segment(segment, &keys, range, several, &mut page);
            match merged.await? {
                InSegment::All => {}
                InSegment::Enough => break,
                InSegment::TooLarge => return Ok(Merging::TooLarge),
            }
            let holding = keys.iter_mut().map(|key| &mut key.held);
            let holding = holding.filter(|held| held.segment() == Some(segment));
            let advancing: Vec<_> = holding.map(|held| held.advance(self.db)).collect();
            let mut advancing = stream::iter(advancing).buffered(CONCURRENT);
            while advancing.try_next().await?.is_some() {}
        }
        let seen = keys.iter().map(|key| (&key.held.key, &key.seen));
        let are_as_seen = self.are_as_seen(seen, purges).await?;
        Ok(Merging::Page(are_as_seen.then(|| page.finish(range.end()))))
    }

    async fn seen(&self, held: HeldKey, several: &Several<'_>) -> Result<KeyRows> {
        let seen = self.see(&held.key, several.prefixes).await?;
        Ok(KeyRows { held, seen })
    }

    /// Puts what a segment has of the keys into the page.
    async fn merge_segment(
        &self,
        segment: SegmentId,
        keys: &[KeyRows],
        range: SequenceRange,
        several: &Several<'_>,
        page: &mut PageBuilder,
    ) -> Result<InSegment> {
        let scan = several.scan;
        let holding = keys.iter();
        let holding = holding.filter(|key| key.held.segment() == Some(segment));
        let holding: Vec<&KeyRows> = holding.collect();
        let from = match scan.start_time_ms {
            Some(since_ms) if page.is_empty() => {
                let at = &self.segments[self.place_of(segment)?];
                let within = self.part_of(range, at)?;
                first_since(self.db, at, within, since_ms).await?
            }
            _ => range.start(),
        };
        let ahead = (READ_AHEAD_BYTES / holding.len().max(1)).max(LEAST_READ_AHEAD_BYTES);
        let opening = holding.iter().map(|key| {
            let from = from.max(key.seen.floor);
            self.open(segment, &key.held.key, from, ahead)
        });
        let opening: Vec<_> = opening.collect();
        let mut opening = stream::iter(opening).buffered(CONCURRENT);
        let names = holding.iter().map(|key| key.held.key.clone());
        let mut merge = Merge::new(names, scan.limit);
        let mut open: Vec<OpenRows> = Vec::with_capacity(holding.len());
        let mut bytes = 0;
        while let Some(mut rows) = opening.try_next().await? {
            if let Some(first) = rows.first.take() {
                bytes += rows.bytes;
                if bytes > MERGED_BYTES {
                    return Ok(InSegment::TooLarge);
                }
                merge.feed(open.len(), first)?;
            }
            open.push(rows);
        }
        loop {
            match merge.step()? {
                Merged::Run(run) => {
                    if !page.push(&run)? {
                        return Ok(InSegment::Enough);
                    }
                    if several.time.is_over() {
                        page.stop_at(run.last().plus(1));
                        return Ok(InSegment::Enough);
                    }
                }
                Merged::Exhausted(source) => {
                    let rows = &mut open[source];
                    bytes -= rows.bytes;
                    if let Some(run) = rows.next().await? {
                        bytes += rows.bytes;
                        if bytes > MERGED_BYTES {
                            return Ok(InSegment::TooLarge);
                        }
                        merge.feed(source, run)?;
                    }
                }
                Merged::End => return Ok(InSegment::All),
            }
        }
    }

    async fn open(
        &self,
        segment: SegmentId,
        key: &Key,
        from: Sequence,
        read_ahead: usize,
    ) -> Result<OpenRows> {
        let rows = rows(self.db, segment, key, from, read_ahead).await?;
        let mut open = OpenRows {
            rows,
            from,
            first: None,
            bytes: 0,
        };
        open.first = open.next().await?;
        Ok(open)
    }
}

/// What is read, and how.
pub(super) struct Several<'a> {
    pub(super) scan: &'a Scan,
    /// The floors of prefixes from before that of the log was read.
    pub(super) prefixes: &'a PrefixFloors,
    /// When the page ends with what it has.
    pub(super) time: PageTime,
}

/// What came of merging rows.
enum Merging {
    /// The page. `None` if records of a key went meanwhile.
    Page(Option<Page>),
    /// The rows need more memory than they may.
    TooLarge,
}

/// What of a segment is in the page.
enum InSegment {
    /// All that it has of the keys.
    All,
    /// As much as the page has room or time for.
    Enough,
    /// Not all: its rows need more memory than they may.
    TooLarge,
}

/// One of the keys whose rows are merged.
struct KeyRows {
    held: HeldKey,
    seen: SeenKey,
}

/// The rows of a key in one segment.
struct OpenRows {
    rows: DbIterator,
    /// The first sequence that matters.
    from: Sequence,
    first: Option<Run>,
    /// Of the records that were read last.
    bytes: usize,
}

impl OpenRows {
    /// The next records.
    async fn next(&mut self) -> Result<Option<Run>> {
        let from = SequenceRange::ALL.starting_at(self.from);
        self.bytes = 0;
        let Some(row) = next_row(&mut self.rows).await? else {
            return Ok(None);
        };
        self.bytes = row.run.encoded().len();
        // A row is found by its last sequence, so something of it is left.
        Ok(row.run.cut(from, usize::MAX, usize::MAX)?.0)
    }
}

fn unknown(segment: SegmentId) -> Error {
    Error::Corrupt(format!(
        "the directory lists a key in segment {segment}, which does not exist"
    ))
}
