//! Makes a log of a backup.
//!
//! The SlateDB manifest is written last: until then there is no log, and a server refuses the rest. The identity of the log is
//! not restored: the first server creates a new one, because the restored log is another log, in which sequences behind the
//! backup can name other records. A server that still runs on the place of the first log notices the difference.

use std::sync::Arc;

use futures::StreamExt;
use log_domain::{Error, Result, Sequence};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode};
use slatedb::admin::Admin;

use super::copying::{COPIES, copy};
use super::manifest::{BackupManifest, BackupObject};
use super::progress::Progress;
use super::repository::Repository;
use crate::object_prefix::check_prefix;
use crate::store::slate::{error, plain_objects, stored_watermark};

/// Where a log is restored to.
#[derive(Clone)]
pub struct Destination {
    /// The store.
    pub objects: Arc<dyn ObjectStore>,
    /// The path of the log in it.
    pub path: String,
}

const MANIFESTS: &str = "manifest/";

/// The object that a check of a bucket leaves: a place with nothing else is empty.
const CHECK: &str = "conditional-put-check";

/// Makes a log of a backup at a place that must be empty below its path. The WAL is restored with the data.
///
/// # Errors
/// [`Error::Invalid`] when the place is not empty; [`Error::Corrupt`] when the backup is damaged;
/// [`Error::Unavailable`] when a store does not answer. What was written stays, and is not a log.
pub async fn restore(
    repository: &Repository,
    manifest: &BackupManifest,
    to: &Destination,
    progress: &dyn Progress,
) -> Result<()> {
    check_prefix(&to.path).map_err(Error::invalid)?;
    to.refuse_what_is_there().await?;
    progress.stage("restoring", manifest.bytes());
    let (manifests, others): (Vec<_>, Vec<_>) = manifest
        .objects
        .iter()
        .partition(|object| object.name.starts_with(MANIFESTS));
    let [last] = manifests[..] else {
        return Err(Error::Corrupt(format!(
            "backup {} names {} manifests of SlateDB instead of one",
            manifest.name,
            manifests.len()
        )));
    };
    let mut copies = futures::stream::iter(others)
        .map(|object| restore_one(repository, object, to, progress))
        .buffer_unordered(COPIES);
    while let Some(copied) = copies.next().await {
        copied?;
    }
    if let Some(durable) = manifest.durable {
        let watermark = stored_watermark::object(&to.path);
        let content = stored_watermark::encode(Sequence::new(durable))?;
        let put = to
            .objects
            .put_opts(&watermark, content.into(), PutMode::Create.into());
        put.await.map_err(plain_objects::unavailable)?;
    }
    restore_one(repository, last, to, progress).await?;
    to.forget_checkpoints().await
}

async fn restore_one(
    repository: &Repository,
    object: &BackupObject,
    to: &Destination,
    progress: &dyn Progress,
) -> Result<()> {
    let from = repository.object(&object.name);
    let into = to.object(&object.name);
    let copied = copy(
        (&**repository.store(), &from),
        (&to.objects, &into),
        progress,
    )
    .await;
    let copied = copied.map_err(|error| match error {
        object_store::Error::NotFound { .. } => Error::Corrupt(format!(
            "{from} is missing in {}: restore another backup",
            repository.shown()
        )),
        error => Error::unavailable(format!("cannot restore {}: {error}", object.name)),
    })?;
    if copied.bytes == object.bytes && copied.sha256 == object.sha256 {
        return Ok(());
    }
    // Before there is a manifest, which makes it a log.
    let _ = to.objects.delete(&into).await;
    Err(Error::Corrupt(format!(
        "{from} in {} is not what was backed up: restore another backup",
        repository.shown()
    )))
}

impl Destination {
    /// # Errors
    /// [`Error::Invalid`] that names what is there.
    async fn refuse_what_is_there(&self) -> Result<()> {
        let path = object_store::path::Path::from(self.path.as_str());
        let check = self.object(CHECK);
        let listed = self.objects.list(Some(&path));
        let is_other = |found: &object_store::Result<ObjectMeta>| {
            let is_check = found.as_ref().is_ok_and(|found| found.location == check);
            std::future::ready(!is_check)
        };
        match std::pin::pin!(listed.filter(is_other)).next().await {
            None => Ok(()),
            Some(Ok(found)) => Err(Error::invalid(format!(
                "there is something at the place already ({}): a log is restored to an empty place only. Name another one, or \
                 delete what an interrupted restore left there",
                found.location
            ))),
            Some(Err(error)) => Err(plain_objects::unavailable(error)),
        }
    }

    /// Deletes the checkpoints of the log that was backed up: the manifests that they name are not here, and the garbage
    /// collector would look for them.
    async fn forget_checkpoints(&self) -> Result<()> {
        let admin = Admin::builder(self.path.as_str(), Arc::clone(&self.objects)).build();
        let checkpoints = admin.list_checkpoints(None).await.map_err(error::read)?;
        for checkpoint in checkpoints {
            let deleted = admin.delete_checkpoint(checkpoint.id).await;
            deleted.map_err(error::read)?;
        }
        Ok(())
    }

    fn object(&self, name: &str) -> object_store::path::Path {
        object_store::path::Path::from(format!("{}/{name}", self.path))
    }
}
