//! Reads the rows of the directory that are to be removed.

use log_domain::sequencer::{DirectoryEntry, Doomed};
use log_domain::{Error, Key, Result, SegmentId};
use slatedb::Db;

use super::directory::{newest, oldest};

/// Rows of one key that are removed by one commit. With the number of keys, this bounds for how long appends wait behind it.
const ROWS: usize = 16;

/// The oldest rows of `key`, of segments before `end`; `None` if there are none.
pub(super) async fn doomed(db: &Db, key: Key, end: SegmentId) -> Result<Option<Doomed>> {
    let (segments, next) = oldest(db, &key, end, ROWS).await?;
    if segments.is_empty() {
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
        segments,
        are_all: next.is_none(),
        settled,
    }))
}

/// Whether the key may have more such rows.
pub(super) fn is_full(doomed: &Doomed) -> bool {
    doomed.segments.len() == ROWS
}

/// What the row of `key` should say that leaves open how many records are before it.
async fn settled(db: &Db, key: &Key, segment: SegmentId) -> Result<DirectoryEntry> {
    let newest = newest(db, key, segment).await?;
    let earlier = newest.filter(|newest| newest.segment == segment);
    let earlier = earlier.map(|newest| newest.earlier).ok_or_else(|| {
        Error::Corrupt(format!(
            "the directory lists a key no longer in segment {segment}"
        ))
    })?;
    Ok(DirectoryEntry {
        key: key.clone(),
        segment,
        earlier: Some(earlier),
    })
}
