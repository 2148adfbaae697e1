//! Logs whose stored rows were changed by somebody.

use std::sync::Arc;

use bytes::Bytes;
use log_adapters::store::slate::backup::{Destination, Repository, Source, back_up, restore};
use log_domain::{Error, Result};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use slatedb::config::{CloseOptions, FlushOptions, FlushType};
use slatedb::{Db, PrefixExtractor, PrefixTarget};

use super::Planted;
use crate::time::SimClock;

/// The type of the rows that say which key each record of a commit belongs to: see `docs/storage-format.md`.
const ORDER: u8 = 0x30;
/// Bytes of a row key before its type.
const SEGMENT_BYTES: usize = 4;

/// The stored log, or a copy with the planted bug, if it is one of stored rows.
pub async fn stored(source: Source, planted: Option<Planted>) -> Result<Source> {
    if planted != Some(Planted::SwapOrder) {
        return Ok(source);
    }
    let repository: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let repository = Repository::new(repository, "", "the copy");
    let clock = SimClock::ahead(0);
    let copied = back_up(&source, &repository, &clock, &(), std::future::pending()).await?;
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let copy = Destination {
        objects: Arc::clone(&objects),
        path: source.path.clone(),
    };
    restore(&repository, &copied.manifest, &copy, &()).await?;
    let changed = swap_order(&objects, &source.path).await;
    changed.map_err(|error| Error::unavailable(error.to_string()))?;
    Ok(Source {
        objects,
        path: source.path,
        wal: None,
    })
}

/// Swaps two keys in the last row that has two different ones.
async fn swap_order(
    objects: &Arc<dyn ObjectStore>,
    path: &str,
) -> std::result::Result<(), slatedb::Error> {
    let db = Db::builder(path, Arc::clone(objects)).with_segment_extractor(Arc::new(BySegment));
    let db = db.build().await?;
    let mut rows = db.scan(..).await?;
    let mut last = None;
    while let Some(row) = rows.next().await? {
        if row.key.get(SEGMENT_BYTES) == Some(&ORDER)
            && let Some(swapped) = swapped(&row.value)
        {
            last = Some((row.key, swapped));
        }
    }
    drop(rows);
    if let Some((key, value)) = last {
        db.put(&key, &value).await?;
    }
    let flush_type = FlushType::Wal;
    db.flush_with_options(FlushOptions { flush_type }).await?;
    let close = CloseOptions::default().with_flush_type(Some(FlushType::Wal));
    db.close_with_options(close).await
}

/// An order row in which two records that follow each other have each other's key; `None` if it has no two with low numbers.
fn swapped(value: &[u8]) -> Option<Bytes> {
    // The version, and two varints.
    let mut at = 1;
    for _ in 0..2 {
        at += varint_len(&value[at..])?;
    }
    let mut before = None;
    while at < value.len() {
        let length = varint_len(&value[at..])?;
        if value[at] < 2 {
            // More records like the one before.
            at += 1 + varint_len(&value[at + 1..])?;
            before = None;
            continue;
        }
        if let Some(before) = before.filter(|_| length == 1)
            && value[before] != value[at]
        {
            let mut value = value.to_vec();
            value.swap(before, at);
            return Some(value.into());
        }
        before = (length == 1).then_some(at);
        at += length;
    }
    None
}

fn varint_len(bytes: &[u8]) -> Option<usize> {
    Some(bytes.iter().position(|byte| *byte < 0x80)? + 1)
}

/// The segment of a row, by the name that is stored.
#[derive(Debug)]
struct BySegment;

impl PrefixExtractor for BySegment {
    fn name(&self) -> &str {
        "log-segment-v1"
    }

    fn prefix_len(&self, target: &PrefixTarget) -> Option<usize> {
        let (PrefixTarget::Point(bytes) | PrefixTarget::Prefix(bytes)) = target;
        (bytes.len() >= SEGMENT_BYTES).then_some(SEGMENT_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_change_places_and_nothing_else() {
        let value = [1, 4, 0x80, 1, 0x80, 2, 7, 7, 9, 0, 3];
        let expected = [1, 4, 0x80, 1, 0x80, 2, 7, 9, 7, 0, 3];
        assert_eq!(swapped(&value).as_deref(), Some(&expected[..]));
        assert_eq!(swapped(&[1, 4, 3, 7, 0, 3, 9]), None);
        assert_eq!(swapped(&[1, 0, 3, 7]), None);
    }
}
