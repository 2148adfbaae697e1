//! What is looked at before a log is opened.

use std::sync::Arc;

use log_domain::Result;

use super::options::{Claim, Options, StoreParts};
use super::owner::Ownership;
use super::wal_files::WalFiles;
use super::{emptied_wal, stored_watermark, used_timestamps, vanished, wal_place};

/// What is known of a log before it is opened.
pub(super) struct Found {
    /// That it may be opened.
    pub(super) claim: Claim,
    /// Whether it is there.
    pub(super) found: vanished::Found,
    /// Who has it, if that is recorded.
    pub(super) ownership: Option<Ownership>,
    /// How far it was durable.
    pub(super) recorded: stored_watermark::Recorded,
    /// See [`used_timestamps::latest_ms`].
    pub(super) latest_ms: i64,
}

/// Looks whether the log can be opened. The requests of the looks do not wait for each other nor for the claim, and what each says is heeded in
/// this order.
///
/// # Errors
/// As [`SlateStore::open_claimed`](super::SlateStore::open_claimed).
pub(super) async fn look(
    parts: &StoreParts,
    options: &Options,
    wal_files: &WalFiles,
    claim: impl Future<Output = Result<Claim>>,
) -> Result<Found> {
    let (data, path) = (&parts.objects, &options.path);
    let wal = options.wal.as_ref().map_or(data, |wal| &wal.objects);
    let ownership = async {
        match options.instance.clone() {
            Some(instance) => Ownership::ask(Arc::clone(data), path, instance)
                .await
                .map(Some),
            None => Ok(None),
        }
    };
    let (claim, may_open, place, found, ownership, recorded, is_whole, latest_ms) = futures::join!(
        claim,
        vanished::may_open(data, options),
        wal_place::find(&**data, path),
        vanished::look(data, options),
        ownership,
        stored_watermark::read(&**data, path),
        emptied_wal::refuse(data, wal, path, wal_files),
        used_timestamps::latest_ms(data, path),
    );
    let claim = claim?;
    may_open?;
    wal_place::settle_found(&**data, path, place?, options.wal.as_ref()).await?;
    let (found, ownership, recorded) = (found?, ownership?, recorded?);
    if !recorded.accepts_loss() {
        is_whole?;
    }
    Ok(Found {
        claim,
        found,
        ownership,
        recorded,
        latest_ms: latest_ms?,
    })
}
