//! Detects WAL files that were truncated to 0 bytes while no server ran.
//!
//! SlateDB fences the previous writer with an empty WAL file, so it treats every empty file as a fence. But every writer
//! begins with a reservation of sequences: the first write after a fence is never a commit.

use std::sync::Arc;

use futures::TryStreamExt;
use log_domain::sequencer::EngineNumber;
use log_domain::{Error, Result};
use object_store::ObjectStore;
use slatedb::WalReader;
use slatedb::admin::Admin;

use super::wal_files::WalFiles;
use super::{error, plain_objects};

/// Rejects a log with a truncated WAL file: an empty file that is not followed by a reservation.
///
/// # Errors
/// [`Error::Invalid`] for such a log, [`Error::Unavailable`] when a store does not answer.
pub(super) async fn refuse(
    data: &Arc<dyn ObjectStore>,
    wal: &Arc<dyn ObjectStore>,
    path: &str,
    files: &WalFiles,
) -> Result<()> {
    let Some(replayed) = replayed(data, path).await? else {
        return Ok(());
    };
    let listed = listed(wal, files, replayed).await?;
    let reader = WalReader::new(path, Arc::clone(wal));
    let mut emptied = None;
    for (id, bytes) in listed {
        if bytes == 0 {
            emptied = emptied.or(Some(id));
            continue;
        }
        let Some(emptied) = emptied.take() else {
            continue;
        };
        let first = match first_number(&reader, id).await {
            // Collected, by another server too, because it is in data files now.
            Err(_) if replayed_now(data, path, id).await? => continue,
            first => first?,
        };
        if first.is_some_and(EngineNumber::is_commit) {
            let (from, before) = (files.object(emptied), files.object(id));
            return Err(Error::invalid(format!(
                "acknowledged records are missing: {from}, or a file of the WAL between it and {before}, is empty and was not. \
                 Restore it from a copy. To open the log without what was in it, rename the object {path}/watermark to \
                 {path}/watermark-lost"
            )));
        }
    }
    Ok(())
}

/// The last file of the WAL that a start need not read; nothing for a log that does not exist.
async fn replayed(data: &Arc<dyn ObjectStore>, path: &str) -> Result<Option<u64>> {
    let admin = Admin::builder(path, Arc::clone(data)).build();
    let manifest = admin.read_manifest(None).await.map_err(error::read)?;
    Ok(manifest.map(|manifest| manifest.replay_after_wal_id()))
}

async fn replayed_now(data: &Arc<dyn ObjectStore>, path: &str, id: u64) -> Result<bool> {
    let replayed = replayed(data, path).await?;
    Ok(replayed.is_some_and(|replayed| replayed >= id))
}

/// The files of the WAL after the one with this id, in order, and their lengths. There can be thousands before it that are not collected yet.
async fn listed(
    wal: &Arc<dyn ObjectStore>,
    files: &WalFiles,
    after: u64,
) -> Result<Vec<(u64, u64)>> {
    let found = wal.list_with_offset(Some(files.folder()), &files.object(after));
    let found = found.try_collect::<Vec<_>>().await;
    let found = found.map_err(plain_objects::unavailable)?.into_iter();
    let mut listed: Vec<_> = found
        .filter_map(|meta| Some((files.id(&meta.location)?, meta.size)))
        .collect();
    listed.sort_unstable();
    Ok(listed)
}

/// The lowest number of a write in this file.
async fn first_number(reader: &WalReader, id: u64) -> Result<Option<EngineNumber>> {
    let mut rows = reader.get(id).iterator().await.map_err(error::read)?;
    let mut first = None;
    while let Some(row) = rows.next().await.map_err(error::read)? {
        first = Some(first.map_or(row.seq, |first: u64| first.min(row.seq)));
    }
    Ok(first.map(EngineNumber::new))
}
