//! Holds a state of a log: a detached checkpoint, which keeps its files from being garbage-collected.
//!
//! A process that is killed leaves its checkpoint behind. It expires, and until then files that the log has replaced stay.

use std::time::Duration;

use log_domain::{Error, Result};
use slatedb::admin::Admin;
use slatedb::config::CheckpointOptions;
use slatedb::{CheckpointCreateResult, VersionedManifest};
use tokio::time::{Instant, sleep};

use super::source::Source;
use crate::store::slate::error;

/// How long a checkpoint outlives a process that was killed.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How often it is refreshed. Each refresh writes a manifest.
const REFRESHED_EVERY: Duration = Duration::from_secs(60);

/// The pause after a refresh that failed.
const RETRY: Duration = Duration::from_secs(5);

/// A state of a log that is held.
pub(in crate::store::slate) struct Pin {
    admin: Admin,
    checkpoint: CheckpointCreateResult,
    manifest: VersionedManifest,
}

impl Pin {
    /// Holds the newest state that a manifest describes, for `what`.
    pub(in crate::store::slate) async fn take(source: &Source, what: &str) -> Result<Self> {
        let admin = source.admin();
        let options = CheckpointOptions {
            lifetime: Some(LIFETIME),
            name: Some(what.to_owned()),
            ..CheckpointOptions::default()
        };
        let checkpoint = admin.create_detached_checkpoint(&options).await;
        let checkpoint = checkpoint.map_err(error::read)?;
        let manifest = admin.read_manifest(Some(checkpoint.manifest_id)).await;
        let manifest = manifest.map_err(error::read)?.ok_or_else(|| {
            Error::Corrupt(format!(
                "manifest {} of the log is missing, which was just written",
                checkpoint.manifest_id
            ))
        })?;
        Ok(Self {
            admin,
            checkpoint,
            manifest,
        })
    }

    /// The manifest of the state.
    pub(in crate::store::slate) fn manifest(&self) -> &VersionedManifest {
        &self.manifest
    }

    /// Refreshes the checkpoint for as long as this is polled. Ends when it has expired, with the reason.
    pub(in crate::store::slate) async fn keep(&self) -> Error {
        let mut refreshed = Instant::now();
        let mut pause = REFRESHED_EVERY;
        loop {
            sleep(pause).await;
            let id = self.checkpoint.id;
            match self.admin.refresh_checkpoint(id, Some(LIFETIME)).await {
                Ok(()) => {
                    refreshed = Instant::now();
                    pause = REFRESHED_EVERY;
                }
                Err(error) if refreshed.elapsed() >= LIFETIME => {
                    return Error::unavailable(format!(
                        "the checkpoint of the log has expired, because it could not be refreshed for {} s: {error}",
                        LIFETIME.as_secs()
                    ));
                }
                Err(_) => pause = RETRY,
            }
        }
    }

    /// Deletes the checkpoint. If that fails, it expires.
    pub(in crate::store::slate) async fn release(self) {
        let deleted = self.admin.delete_checkpoint(self.checkpoint.id);
        match tokio::time::timeout(REFRESHED_EVERY, deleted).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                %error,
                "could not delete the checkpoint of the log; it expires in {} s",
                LIFETIME.as_secs()
            ),
            Err(_) => tracing::warn!(
                "could not delete the checkpoint of the log; it expires in {} s",
                LIFETIME.as_secs()
            ),
        }
    }
}
