//! The record rows of a key in one segment.

use std::ops::Bound;

use bytes::Bytes;
use log_domain::{Key, Result, SegmentId, Sequence, SequenceRange};
use slatedb::config::ScanOptions;
use slatedb::{DbIterator, DbReadOps, IterationOrder};

use super::error;
use super::layout::records::{self, Row};
use super::layout::sequences;

/// The rows of `key` in a segment, from the first that can hold `from` on.
pub(super) async fn rows(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    key: &Key,
    from: Sequence,
    read_ahead: usize,
) -> Result<DbIterator> {
    let prefix = records::prefix(segment, key.as_ref());
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(read_ahead)
        .with_filter_context(sequences::within(from..=Sequence::MAX));
    let from = Bound::Included(Bytes::copy_from_slice(&from.get().to_be_bytes()));
    let rows = db
        .scan_prefix_with_options(prefix, (from, Bound::Unbounded), &options)
        .await;
    rows.map_err(error::read)
}

/// The rows of `key` in a segment whose records are all in `range` or below it, the newest first, down to the first that can hold
/// the start of the range. An end of [`Sequence::MAX`] is none.
pub(super) async fn rows_newest_first(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    key: &Key,
    range: SequenceRange,
    read_ahead: usize,
) -> Result<DbIterator> {
    let prefix = records::prefix(segment, key.as_ref());
    let bytes = |sequence: Sequence| Bytes::copy_from_slice(&sequence.get().to_be_bytes());
    let from = Bound::Included(bytes(range.start()));
    let to = match range.end() {
        Sequence::MAX => Bound::Unbounded,
        end => Bound::Excluded(bytes(end)),
    };
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(read_ahead)
        .with_filter_context(sequences::within(range.start()..=range.end()))
        .with_order(IterationOrder::Descending);
    let rows = db
        .scan_prefix_with_options(prefix, (from, to), &options)
        .await;
    rows.map_err(error::read)
}

/// The last row of `key` in a segment.
pub(super) async fn last_row(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    key: &Key,
) -> Result<Option<Row>> {
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_order(IterationOrder::Descending);
    let prefix = records::prefix(segment, key.as_ref());
    let rows = db.scan_prefix_with_options(prefix, .., &options).await;
    next_row(&mut rows.map_err(error::read)?).await
}

pub(super) async fn next_row(rows: &mut DbIterator) -> Result<Option<Row>> {
    let row = rows.next().await.map_err(error::read)?;
    row.map(|row| records::decode(&row.key, &row.value))
        .transpose()
}
