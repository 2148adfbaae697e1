//! Reads all rows of one kind.

use bytes::Bytes;
use log_domain::Result;
use slatedb::DbReadOps;
use slatedb::config::ScanOptions;

use super::error;

/// Bytes that are read ahead from the object store while the state of the log is read.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// All rows below `prefix`.
pub(super) async fn all<T>(
    db: &(impl DbReadOps + Sync),
    prefix: Bytes,
    decode: impl Fn(&Bytes, &Bytes) -> Result<T>,
) -> Result<Vec<T>> {
    // A read-only server reads them again after each commit.
    let options = ScanOptions::default()
        .with_cache_blocks(true)
        .with_read_ahead_bytes(READ_AHEAD_BYTES);
    let rows = db.scan_prefix_with_options(prefix, .., &options).await;
    let mut rows = rows.map_err(error::read)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().await.map_err(error::read)? {
        found.push(decode(&row.key, &row.value)?);
    }
    Ok(found)
}
