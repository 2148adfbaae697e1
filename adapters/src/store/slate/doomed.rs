//! Reads the rows of the directory that are to be removed.

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::sequencer::{DirectoryEntry, Doomed};
use log_domain::{Error, Key, Result, SegmentId};
use slatedb::Db;

use super::directory::{RowsOfKeys, newest};

/// Rows of one key that are removed by one commit. With the number of keys, this bounds for how long appends wait behind it.
const ROWS: usize = 4;
/// Keys whose records are counted at the same time: few, because nothing waits for them.
const CONCURRENT: usize = 4;

/// The oldest rows of these keys, which are in order, each of segments before its end. Those without one are left out. One iterator reads
/// the rows of all of them.
pub(super) async fn doomed(db: &Db, keys: Vec<(Key, SegmentId)>) -> Result<Vec<Doomed>> {
    let Some((first, _)) = keys.first() else {
        return Ok(Vec::new());
    };
    let mut rows = RowsOfKeys::starting(db, first).await?;
    let mut found = Vec::with_capacity(keys.len());
    for (key, end) in keys {
        // Nothing waits for this.
        tokio::task::consume_budget().await;
        let (oldest, next) = rows.oldest(&key, end, ROWS).await?;
        found.push((key, oldest, next));
    }
    let found = stream::iter(found).map(|(key, oldest, next)| with_settled(db, key, oldest, next));
    let doomed: Vec<Option<Doomed>> = found.buffered(CONCURRENT).try_collect().await?;
    Ok(doomed.into_iter().flatten().collect())
}

/// What has to be done to delete these rows of a key, before which it has no other: `next` is the one after them.
async fn with_settled(
    db: &Db,
    key: Key,
    rows: Vec<(SegmentId, u32)>,
    next: Option<DirectoryEntry>,
) -> Result<Option<Doomed>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let settled = match &next {
        Some(DirectoryEntry {
            segment,
            earlier: None,
            ..
        }) => Some(settled(db, &key, *segment).await?),
        Some(_) | None => None,
    };
    Ok(Some(Doomed {
        key,
        rows,
        are_all: next.is_none(),
        settled,
    }))
}

/// Those of these keys that may have more such rows.
pub(super) fn unfinished<'a>(doomed: impl IntoIterator<Item = &'a Doomed>) -> Vec<Key> {
    let full = doomed.into_iter();
    let full = full.filter(|doomed| doomed.rows.len() == ROWS);
    full.map(|doomed| doomed.key.clone()).collect()
}

/// What the row of `key` should say that leaves open how many records are before it.
async fn settled(db: &Db, key: &Key, segment: SegmentId) -> Result<DirectoryEntry> {
    let newest = newest(db, key, segment).await?;
    let newest = newest.filter(|newest| newest.segment == segment);
    let newest = newest.ok_or_else(|| {
        Error::Corrupt(format!(
            "the directory lists a key no longer in segment {segment}"
        ))
    })?;
    Ok(DirectoryEntry {
        key: key.clone(),
        segment,
        number: newest.number,
        earlier: Some(newest.earlier),
    })
}
