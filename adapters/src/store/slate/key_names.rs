//! Which keys the numbers of segments stand for: read once, and remembered as far as memory allows.

use std::ops::Bound;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::{Key, Result, SegmentId};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use slatedb::DbReadOps;
use slatedb::config::ScanOptions;

use super::error;
use super::layout::names;

/// Memory for names, in bytes.
const REMEMBERED_BYTES: u64 = 16 << 20;
/// Memory for a name in addition to its key.
const OVERHEAD: u64 = 96;

/// Numbers that are less than this apart are read together: their names lie in one block or in the next one.
const APART: u32 = 64;
/// Numbers that are read together at most.
const TOGETHER: usize = 4_096;
/// Reads at the same time.
const CONCURRENT: usize = 32;
/// Bytes that are read ahead of names that are read together.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// The names of one log. A number stands for one key only, ever, so what is remembered stays right. The name of a key that was deleted may be
/// among it.
pub(super) struct KeyNames {
    remembered: Cache<(SegmentId, u32), Option<Key>, ByBytes>,
}

impl Default for KeyNames {
    fn default() -> Self {
        let expected = REMEMBERED_BYTES / (OVERHEAD + 32);
        let remembered = Cache::with_weighter(expected as usize, REMEMBERED_BYTES, ByBytes);
        Self { remembered }
    }
}

impl KeyNames {
    /// The keys of these numbers, which ascend: `None` for one without a name, because all records were deleted that the key had under it.
    ///
    /// # Errors
    /// As any read; [`log_domain::Error::Corrupt`] for a row that is not a name.
    pub(super) async fn of(
        &self,
        db: &(impl DbReadOps + Sync),
        segment: SegmentId,
        numbers: &[u32],
    ) -> Result<Vec<Option<Key>>> {
        let known = numbers.iter();
        let known = known.map(|number| self.remembered.get(&(segment, *number)));
        let mut known: Vec<Option<Option<Key>>> = known.collect();
        let unknown: Vec<usize> = (0..numbers.len())
            .filter(|at| known[*at].is_none())
            .collect();
        let together = unknown.chunk_by(|a, b| numbers[*b] - numbers[*a] < APART);
        let together = together.flat_map(|together| together.chunks(TOGETHER));
        let reads: Vec<Vec<u32>> = together
            .map(|together| together.iter().map(|at| numbers[*at]).collect())
            .collect();
        let read = stream::iter(reads).map(|numbers| read(db, segment, numbers));
        let read: Vec<Vec<Option<Key>>> = read.buffered(CONCURRENT).try_collect().await?;
        for (at, name) in unknown.into_iter().zip(read.into_iter().flatten()) {
            self.remembered.insert((segment, numbers[at]), name.clone());
            known[at] = Some(name);
        }
        Ok(known.into_iter().map(Option::flatten).collect())
    }
}

/// Reads the names of numbers that lie close together, in order.
async fn read(
    db: &(impl DbReadOps + Sync),
    segment: SegmentId,
    numbers: Vec<u32>,
) -> Result<Vec<Option<Key>>> {
    let (first, last) = match numbers[..] {
        [] => return Ok(Vec::new()),
        [number] => {
            let row = db.get(names::key(segment, number)).await;
            let row = row.map_err(error::read)?;
            return Ok(vec![row.map(|row| owned(&row)).transpose()?]);
        }
        [first, .., last] => (first, last),
    };
    let prefix = names::prefix(segment);
    let behind = |number| names::key(segment, number).slice(prefix.len()..);
    let range = (
        Bound::Included(behind(first)),
        Bound::Included(behind(last)),
    );
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(READ_AHEAD_BYTES);
    let rows = db.scan_prefix_with_options(prefix.clone(), range, &options);
    let mut rows = rows.await.map_err(error::read)?;
    let mut keys = vec![None; numbers.len()];
    while let Some(row) = rows.next().await.map_err(error::read)? {
        let (number, _) = names::decode(&row.key, &row.value)?;
        if let Ok(at) = numbers.binary_search(&number) {
            keys[at] = Some(owned(&row.value)?);
        }
    }
    Ok(keys)
}

/// The key of a row, which must not keep the whole block in memory.
fn owned(row: &Bytes) -> Result<Key> {
    let name = names::name(row)?;
    Ok(Key::stored(Bytes::copy_from_slice(name.as_ref())))
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(SegmentId, u32), Option<Key>> for ByBytes {
    fn weight(&self, _number: &(SegmentId, u32), key: &Option<Key>) -> u64 {
        OVERHEAD + key.as_ref().map_or(0, |key| key.as_ref().len() as u64)
    }
}
