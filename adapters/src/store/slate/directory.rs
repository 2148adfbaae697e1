//! Reads the directory: which segments hold a key, and the number of its earlier records.

use std::ops::Bound;

use log_domain::segment::overlapping;
use log_domain::sequencer::{DirectoryEntry, Fact, Standing, Subject};
use log_domain::{Error, Key, Result, Segment, SegmentId, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps, IterationOrder};

use super::error;
use super::layout::directory;
use super::record_rows::last_row;

/// The newest segment, up to some other one, that holds a key.
pub(super) struct Newest {
    pub(super) segment: SegmentId,
    /// Records of the key before this segment.
    pub(super) earlier: u64,
    /// Whether its row does not say so.
    is_open: bool,
}

/// The newest segment up to `up_to` that holds `key`; `None` if there is none.
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
        earlier: add(earlier, oldest.unwrap_or_default())?,
        is_open: newest.earlier.is_none(),
    }))
}

/// All records of `key` in a segment.
pub(super) async fn records_in(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    key: &Key,
) -> Result<u64> {
    let last = last_row(db, segment, key).await?;
    last.map_or(Ok(0), |row| row.end())
}

/// The answer to `subject`.
pub(super) async fn look_up(db: &(impl DbReadOps + Sync), subject: Subject) -> Result<Fact> {
    let key = &subject.key;
    let Some(newest) = newest(db, key, subject.segment).await? else {
        return Ok(Fact {
            subject,
            standing: None,
            settled: None,
        });
    };
    let row = last_row(db, newest.segment, key).await?;
    let row = row.ok_or_else(|| {
        Error::Corrupt(format!(
            "the directory lists a key in segment {}, which has no record of it",
            newest.segment
        ))
    })?;
    let settled = newest.is_open.then(|| DirectoryEntry {
        key: key.clone(),
        segment: newest.segment,
        earlier: Some(newest.earlier),
    });
    let standing = Standing {
        segment: newest.segment,
        in_segment: row.end()?,
        earlier: Some(newest.earlier),
        last: row.run.last(),
    };
    Ok(Fact {
        subject,
        standing: Some(standing),
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
        let overlapping = overlapping(segments, range.start(), range.end());
        let [first, .., last] = overlapping else {
            return Ok(Self::One(overlapping.first().copied()));
        };
        let options = ScanOptions::default().with_cache_blocks(true);
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
