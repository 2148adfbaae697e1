//! Reads a backup again, and compares it with its checksums.

use futures::StreamExt;
use log_domain::{Error, Result};

use super::copying::{COPIES, digest};
use super::manifest::{BackupManifest, BackupObject};
use super::progress::Progress;
use super::repository::Repository;

/// Reads every object of a backup. Returns what is wrong, a line for each damaged object; nothing if all is well.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub async fn verify(
    repository: &Repository,
    manifest: &BackupManifest,
    progress: &dyn Progress,
) -> Result<Vec<String>> {
    progress.stage("verifying", manifest.bytes());
    let mut read = futures::stream::iter(&manifest.objects)
        .map(|object| verify_one(repository, object, progress))
        .buffer_unordered(COPIES);
    let mut damaged = Vec::new();
    while let Some(found) = read.next().await {
        damaged.extend(found?);
    }
    damaged.sort();
    Ok(damaged)
}

async fn verify_one(
    repository: &Repository,
    object: &BackupObject,
    progress: &dyn Progress,
) -> Result<Option<String>> {
    let path = repository.object(&object.name);
    let damage = match digest(&**repository.store(), &path, progress).await {
        Ok(found) if found.bytes == object.bytes && found.sha256 == object.sha256 => {
            return Ok(None);
        }
        Ok(found) if found.bytes == object.bytes => "its content is not what was copied".to_owned(),
        Ok(found) => format!("it has {} bytes instead of {}", found.bytes, object.bytes),
        Err(object_store::Error::NotFound { .. }) => "it is missing".to_owned(),
        Err(error) => {
            return Err(Error::unavailable(format!(
                "cannot read {path} in {}: {error}",
                repository.shown()
            )));
        }
    };
    Ok(Some(format!("{path}: {damage}")))
}
