//! Holds a state of a log: a detached checkpoint, which keeps its files from being garbage-collected.
//!
//! A process that is killed leaves its checkpoint behind. It expires, and until then files that the log has replaced stay.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Clock, Error, Result};
use slatedb::admin::Admin;
use slatedb::config::CheckpointOptions;
use slatedb::{CheckpointCreateResult, VersionedManifest};
use tokio::time::{Instant, sleep};

use super::source::Source;
use crate::store::slate::engine_clock::EngineClock;
use crate::store::slate::{error, used_timestamps};

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
    ///
    /// When it expires is written down, and judged by the clock of the server, which is ahead of `clock` if a writer before was: so
    /// this one is never before what the log has seen, either.
    pub(in crate::store::slate) async fn take(
        source: &Source,
        what: &str,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let latest_ms = used_timestamps::latest_ms(&source.objects, &source.path).await?;
        let clock = EngineClock::new(clock);
        clock.never_before(latest_ms);
        let admin = Admin::builder(source.path.as_str(), Arc::clone(&source.objects))
            .with_system_clock(Arc::new(clock))
            .build();
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
                Err(_) if self.is_lost().await => return lost(),
                Err(_) => pause = RETRY,
            }
        }
    }

    /// What is told of a failure while this was held: what the log needs may be missing only because it is held no longer.
    pub(in crate::store::slate) async fn judge(&self, failure: Error) -> Error {
        match failure {
            Error::Corrupt(_) if self.is_lost().await => lost(),
            failure => failure,
        }
    }

    /// Whether it is known that the checkpoint is not there any more.
    pub(in crate::store::slate) async fn is_lost(&self) -> bool {
        let found = self.admin.list_checkpoints(None).await;
        found.is_ok_and(|all| all.iter().all(|found| found.id != self.checkpoint.id))
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

/// Not damage: files that are missing were collected because of it.
pub(in crate::store::slate) fn lost() -> Error {
    Error::unavailable(format!(
        "the checkpoint of the log has expired before everything was read, or was deleted. It expires {} s after \
         its last refresh, by the clock of the server: compare that with the clock here, then try again",
        LIFETIME.as_secs()
    ))
}
