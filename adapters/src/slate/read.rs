//! Reading: scans, counts and listings, each over the segments that can matter.

use std::ops::Bound;

use bytes::Bytes;
use log_domain::page::{KeysBuilder, PageBuilder};
use log_domain::segment::overlapping;
use log_domain::{
    Error, Key, KeysPage, KeysQuery, Page, Result, Scan, Segment, SegmentId, Sequence,
    SequenceRange, Visibility, Watermarks,
};
use slatedb::config::ScanOptions;
use slatedb::{Db, DbIterator, IterationOrder};

use super::error;
use super::layout::records::Row;
use super::layout::{listing, records};

/// What a scan of records asks the object store for at once, when it has to.
const READ_AHEAD_BYTES: usize = 512 * 1024;

/// A reader's view: the segments, and how far the log reached when it began.
pub(super) struct Reader<'a> {
    pub(super) db: &'a Db,
    pub(super) segments: &'a [Segment],
    pub(super) watermarks: Watermarks,
}

impl Reader<'_> {
    /// One page of a key.
    pub(super) async fn scan(&self, scan: &Scan) -> Result<Page> {
        let visible = self.watermarks.visible(scan.visibility);
        let end = scan.range.end().min(visible);
        let mut range = SequenceRange::new(scan.range.start().min(end), end)?;
        if let Some(since_ms) = scan.start_time_ms {
            range = range.starting_at(self.first_since(&scan.key, range, since_ms).await?);
        }
        let mut page = PageBuilder::new(range, scan.start_time_ms, scan.limit);
        'segments: for segment in overlapping(self.segments, range.start(), range.end()) {
            let mut rows = self
                .rows(segment.id, &scan.key, range.start(), READ_AHEAD_BYTES)
                .await?;
            while let Some(row) = next_row(&mut rows).await? {
                if !page.push(&row.run)? {
                    break 'segments;
                }
            }
        }
        let mut page = page.finish(end);
        page.next = page.next.max(scan.range.start());
        Ok(page)
    }

    /// How many applied records of `key` lie in `range`: the difference of two positions in each segment.
    pub(super) async fn count(&self, key: &Key, range: SequenceRange) -> Result<u64> {
        let (start, end) = (
            range.start(),
            range.end().min(self.watermarks.visible(Visibility::Memory)),
        );
        let segments = overlapping(self.segments, start, end);
        let mut count = 0;
        for (i, segment) in segments.iter().enumerate() {
            let after = segments.get(i + 1).map_or(end, |next| next.start);
            let before = if start > segment.start {
                self.position(segment.id, key, start).await?
            } else {
                0
            };
            let within = self
                .position(segment.id, key, after)
                .await?
                .checked_sub(before);
            count += within.ok_or_else(|| {
                Error::Corrupt(format!("ordinals of {key:?} in segment {}", segment.id))
            })?;
        }
        Ok(count)
    }

    /// How many records of `key` the segment holds below `sequence`.
    async fn position(&self, segment: SegmentId, key: &Key, sequence: Sequence) -> Result<u64> {
        let mut rows = self.rows(segment, key, sequence, 1).await?;
        let row = match next_row(&mut rows).await? {
            Some(row) => row,
            None => match last_row(self.db, segment, key).await? {
                Some(row) => row,
                None => return Ok(0),
            },
        };
        row.position(row.run.count_below(sequence)?)
    }

    /// One page of the distinct keys.
    pub(super) async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        let mut page = KeysBuilder::new(query);
        let window = query.start_segment..query.end_segment;
        for segment in self
            .segments
            .iter()
            .filter(|segment| window.contains(&segment.id))
        {
            let Some((prefix, start)) = listing::range(segment.id, query) else {
                break;
            };
            let options = ScanOptions::default()
                .with_cache_blocks(true)
                .with_read_ahead_bytes(64 * 1024);
            let rows = self
                .db
                .scan_prefix_with_options(prefix, (start, Bound::Unbounded), &options)
                .await;
            let mut rows = rows.map_err(error::read)?;
            while let Some(row) = rows.next().await.map_err(error::read)? {
                if !page.offer(listing::decode(&row.key, &row.value)?) {
                    break;
                }
            }
        }
        Ok(page.finish())
    }

    /// Where in `range` the first row of `key` begins that was appended at `since_ms` or later; the end of `range`
    /// if there is none. Append times never decrease, so this is a binary search over the sequences.
    async fn first_since(
        &self,
        key: &Key,
        range: SequenceRange,
        since_ms: i64,
    ) -> Result<Sequence> {
        let segments = overlapping(self.segments, range.start(), range.end());
        for (i, segment) in segments.iter().enumerate() {
            let next = segments.get(i + 1);
            if next.is_some_and(|next| next.start_time_ms < since_ms) {
                continue;
            }
            let mut low = range.start().max(segment.start).get();
            let end = next.map_or(range.end(), |next| next.start).get();
            let mut high = end;
            while low < high {
                let middle = low + (high - low) / 2;
                let mut rows = self.rows(segment.id, key, Sequence::new(middle), 1).await?;
                match next_row(&mut rows).await? {
                    Some(row) if row.run.timestamp_ms() < since_ms => {
                        low = row.run.last().get() + 1
                    }
                    _ => high = middle,
                }
            }
            if low < end {
                return Ok(Sequence::new(low));
            }
        }
        Ok(range.end())
    }

    /// The rows of `key` in a segment, from the first that can hold `from` on.
    async fn rows(
        &self,
        segment: SegmentId,
        key: &Key,
        from: Sequence,
        read_ahead: usize,
    ) -> Result<DbIterator> {
        let prefix = records::prefix(segment, key.as_ref());
        let from = Bound::Included(Bytes::copy_from_slice(&from.get().to_be_bytes()));
        let options = ScanOptions::default()
            .with_cache_blocks(true)
            .with_read_ahead_bytes(read_ahead);
        let rows = self
            .db
            .scan_prefix_with_options(prefix, (from, Bound::Unbounded), &options)
            .await;
        rows.map_err(error::read)
    }
}

/// The last row of `key` in a segment.
pub(super) async fn last_row(db: &Db, segment: SegmentId, key: &Key) -> Result<Option<Row>> {
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_order(IterationOrder::Descending);
    let prefix = records::prefix(segment, key.as_ref());
    let rows = db.scan_prefix_with_options(prefix, .., &options).await;
    next_row(&mut rows.map_err(error::read)?).await
}

async fn next_row(rows: &mut DbIterator) -> Result<Option<Row>> {
    let row = rows.next().await.map_err(error::read)?;
    row.map(|row| records::decode(&row.key, &row.value))
        .transpose()
}
