//! Reads the directory: which segments hold a key, and the number of its earlier records.

use std::ops::Bound;

use bytes::Bytes;
use log_domain::segment::{SYSTEM_SEGMENT, overlapping};
use log_domain::sequencer::{DirectoryEntry, Fact, Standing, Subject};
use log_domain::{Error, Key, Result, Segment, SegmentId, Sequence, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps, IterationOrder};

use super::error;
use super::key_floors::FloorsOfKeys;
use super::layout::directory;
use super::record_rows::last_row;

/// How often a lookup begins that finds each time that a segment went which it needed.
const LOOKUPS: usize = 3;

/// Bytes that a walk through the directory reads ahead.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// The newest segment, up to some other one, that holds a key.
pub(super) struct Newest {
    pub(super) segment: SegmentId,
    /// The number of the key in this segment.
    pub(super) number: u32,
    /// Records of the key before this segment.
    pub(super) earlier: u64,
    /// Whether its row does not say so.
    is_open: bool,
}

/// The newest segment up to `up_to` that holds `key`; `None` if there is none.
///
/// # Errors
/// [`Error::Corrupt`] also when a segment was removed meanwhile: then, another time there is no row of it.
pub(super) async fn newest(
    db: &(impl DbReadOps + Sync),
    key: &Key,
    up_to: SegmentId,
) -> Result<Option<Newest>> {
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_order(IterationOrder::Descending);
    let range = (Bound::Unbounded, Bound::Included(directory::suffix(up_to)));
    let rows = db
        .scan_prefix_with_options(directory::prefix(key.as_ref()), range, &options)
        .await;
    let mut rows = rows.map_err(error::read)?;
    let Some(newest) = next(&mut rows).await? else {
        return Ok(None);
    };
    let mut earlier = 0;
    let mut oldest = newest.earlier;
    while oldest.is_none() {
        let Some(before) = next(&mut rows).await? else {
            break;
        };
        earlier = add(earlier, records_in(db, before.segment, key).await?)?;
        oldest = before.earlier;
    }
    Ok(Some(Newest {
        segment: newest.segment,
        number: newest.number,
        earlier: add(earlier, oldest.unwrap_or_default())?,
        is_open: newest.earlier.is_none(),
    }))
}

/// How many records of `key` are before the first segment that the directory lists. It lists those that were removed no more.
pub(super) async fn base(db: &(impl DbReadOps + Sync), key: &Key) -> Result<u64> {
    let options = ScanOptions::default().with_cache_blocks(true);
    let rows = db.scan_prefix_with_options(directory::prefix(key.as_ref()), .., &options);
    let first = next(&mut rows.await.map_err(error::read)?).await?;
    // What nobody has counted is not there.
    Ok(first.and_then(|first| first.earlier).unwrap_or_default())
}

/// The rows of several keys, which one iterator reads in order.
pub(super) struct RowsOfKeys {
    rows: DbIterator,
    /// The row that was read last.
    at: Option<DirectoryEntry>,
}

impl RowsOfKeys {
    /// No key before `first` is read.
    pub(super) async fn starting(db: &(impl DbReadOps + Sync), first: &Key) -> Result<Self> {
        let options = ScanOptions::default().with_read_ahead_bytes(READ_AHEAD_BYTES);
        let (prefix, _) = directory::all_after(None);
        let start = directory::key(first.as_ref(), SYSTEM_SEGMENT).slice(prefix.len()..);
        let range = (Bound::Included(start), Bound::Unbounded);
        let rows = db.scan_prefix_with_options(prefix, range, &options);
        Ok(Self {
            rows: rows.await.map_err(error::read)?,
            at: None,
        })
    }

    /// The oldest segments before `end` that hold `key`, `most` at most, each with the number of the key there, and what the directory says of the next one that does. The
    /// key comes after those before.
    pub(super) async fn oldest(
        &mut self,
        key: &Key,
        end: SegmentId,
        most: usize,
    ) -> Result<(Vec<(SegmentId, u32)>, Option<DirectoryEntry>)> {
        let first = directory::key(key.as_ref(), SYSTEM_SEGMENT);
        let is_before = |at: &DirectoryEntry| directory::key(at.key.as_ref(), at.segment) < first;
        if self.at.as_ref().is_none_or(is_before) {
            self.rows.seek(first).await.map_err(error::read)?;
            self.at = next(&mut self.rows).await?;
        }
        let mut oldest = Vec::new();
        while let Some(entry) = self.at.take_if(|at| at.key == *key) {
            if entry.segment >= end || oldest.len() == most {
                self.at = Some(entry.clone());
                return Ok((oldest, Some(entry)));
            }
            oldest.push((entry.segment, entry.number));
            self.at = next(&mut self.rows).await?;
        }
        Ok((oldest, None))
    }
}

/// The next keys `after` one that a segment before `end` holds, in order. Also the last key that was visited; `None` at the end
/// of the directory. Of keys and of visits there are at most so many.
pub(super) async fn listed_before(
    db: &(impl DbReadOps + Sync),
    end: SegmentId,
    after: Option<Key>,
    bounds: (usize, usize),
) -> Result<(Vec<Key>, Option<Key>)> {
    listed_in(db, end, directory::all_after(after.as_ref()), bounds).await
}

/// The same of the keys of these rows.
pub(super) async fn listed_in(
    db: &(impl DbReadOps + Sync),
    end: SegmentId,
    (prefix, start): (Bytes, Bound<Bytes>),
    (most, visits): (usize, usize),
) -> Result<(Vec<Key>, Option<Key>)> {
    let options = ScanOptions::default().with_read_ahead_bytes(READ_AHEAD_BYTES);
    let rows = db.scan_prefix_with_options(prefix, (start, Bound::Unbounded), &options);
    let mut rows = rows.await.map_err(error::read)?;
    let mut keys = Vec::new();
    let mut visited = None;
    for _ in 0..visits {
        // Nothing waits for this: others come first, also when no row has to be fetched.
        tokio::task::consume_budget().await;
        let Some(first) = next(&mut rows).await? else {
            return Ok((keys, None));
        };
        let past = directory::key(first.key.as_ref(), SegmentId::MAX);
        rows.seek(past).await.map_err(error::read)?;
        visited = Some(first.key.clone());
        if first.segment < end {
            keys.push(first.key);
            if keys.len() == most {
                break;
            }
        }
    }
    Ok((keys, visited))
}

/// All records of `key` in a segment that the directory lists.
///
/// # Errors
/// [`Error::Corrupt`] when there are none.
pub(super) async fn records_in(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    key: &Key,
) -> Result<u64> {
    let last = last_row(db, segment, key).await?;
    last.ok_or_else(|| without_records(segment))?.end()
}

fn without_records(segment: SegmentId) -> Error {
    Error::Corrupt(format!(
        "the directory lists a key in segment {segment}, which has no record of it"
    ))
}

/// The answer to `subject`.
pub(super) async fn look_up(
    db: &(impl DbReadOps + Sync),
    floors: &FloorsOfKeys,
    subject: Subject,
) -> Result<Fact> {
    let floor = floors.stored(db, &subject.key).await?;
    let mut lookups = 0;
    loop {
        lookups += 1;
        match look_up_once(db, floor, subject.clone()).await {
            // The segment may have been removed meanwhile.
            Err(Error::Corrupt(_)) if lookups < LOOKUPS => {}
            found => return found,
        }
    }
}

async fn look_up_once(
    db: &(impl DbReadOps + Sync),
    floor: Sequence,
    subject: Subject,
) -> Result<Fact> {
    let key = &subject.key;
    let Some(newest) = newest(db, key, subject.segment).await? else {
        return Ok(Fact {
            subject,
            standing: None,
            floor,
            settled: None,
        });
    };
    let row = last_row(db, newest.segment, key).await?;
    let row = row.ok_or_else(|| without_records(newest.segment))?;
    let settled = newest.is_open.then(|| DirectoryEntry {
        key: key.clone(),
        segment: newest.segment,
        number: newest.number,
        earlier: Some(newest.earlier),
    });
    let standing = Standing {
        segment: newest.segment,
        number: newest.number,
        in_segment: row.end()?,
        earlier: Some(newest.earlier),
        last: row.run.last(),
    };
    Ok(Fact {
        subject,
        standing: Some(standing),
        floor,
        settled,
    })
}

/// The segments that hold a key and overlap a range, in order.
pub(super) enum Holding<'a> {
    /// There is only one that overlaps: whether it holds the key is not asked.
    One(Option<Segment>),
    /// Those of these segments that the directory lists.
    Listed(&'a [Segment], Box<DbIterator>),
}

impl<'a> Holding<'a> {
    pub(super) async fn new(
        db: &(impl DbReadOps + Sync),
        segments: &'a [Segment],
        key: &Key,
        range: SequenceRange,
    ) -> Result<Self> {
        Self::ordered(db, segments, key, range, IterationOrder::Ascending).await
    }

    /// The same, the newest first.
    pub(super) async fn newest_first(
        db: &(impl DbReadOps + Sync),
        segments: &'a [Segment],
        key: &Key,
        range: SequenceRange,
    ) -> Result<Self> {
        Self::ordered(db, segments, key, range, IterationOrder::Descending).await
    }

    async fn ordered(
        db: &(impl DbReadOps + Sync),
        segments: &'a [Segment],
        key: &Key,
        range: SequenceRange,
        order: IterationOrder,
    ) -> Result<Self> {
        let overlapping = overlapping(segments, range.start(), range.end());
        let [first, .., last] = overlapping else {
            return Ok(Self::One(overlapping.first().copied()));
        };
        let options = ScanOptions::default()
            .with_cache_blocks(true)
            .with_order(order);
        let ids = (
            Bound::Included(directory::suffix(first.id)),
            Bound::Included(directory::suffix(last.id)),
        );
        let rows = db
            .scan_prefix_with_options(directory::prefix(key.as_ref()), ids, &options)
            .await;
        let rows = Box::new(rows.map_err(error::read)?);
        Ok(Self::Listed(overlapping, rows))
    }

    pub(super) async fn next(&mut self) -> Result<Option<Segment>> {
        let (segments, rows) = match self {
            Self::One(segment) => return Ok(segment.take()),
            Self::Listed(segments, rows) => (segments, rows),
        };
        let Some(entry) = next(rows).await? else {
            return Ok(None);
        };
        let found = segments.binary_search_by_key(&entry.segment, |segment| segment.id);
        let at = found.map_err(|_| {
            Error::Corrupt(format!(
                "the directory lists a key in segment {}, which does not exist",
                entry.segment
            ))
        })?;
        Ok(Some(segments[at]))
    }
}

async fn next(rows: &mut DbIterator) -> Result<Option<DirectoryEntry>> {
    let row = rows.next().await.map_err(error::read)?;
    row.map(|row| directory::decode(&row.key, &row.value))
        .transpose()
}

/// The sum of two counts.
///
/// # Errors
/// [`Error::Corrupt`] on overflow.
pub(super) fn add(a: u64, b: u64) -> Result<u64> {
    let sum = a.checked_add(b);
    sum.ok_or_else(|| Error::Corrupt(format!("counts of the directory: {a} and {b}")))
}
