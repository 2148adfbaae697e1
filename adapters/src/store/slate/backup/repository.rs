//! A repository: where the backups of one log are kept.
//!
//! ```text
//! backups/NAME.json   the manifest of each finished backup
//! objects/…           the objects of all backups, as in the log
//! unfinished.json     what a backup that has not finished has copied
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use log_domain::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use super::manifest::BackupManifest;
use crate::store::slate::plain_objects;

const BACKUPS: &str = "backups";
const OBJECTS: &str = "objects";
const SUFFIX: &str = ".json";

/// Manifests that are read at the same time.
const READS: usize = 4;

/// Where the backups of one log are kept.
#[derive(Debug, Clone)]
pub struct Repository {
    objects: Arc<dyn ObjectStore>,
    root: String,
    /// How it is called in messages.
    shown: String,
}

impl Repository {
    /// The repository below `root` in a store, called `shown` in messages.
    pub fn new(objects: Arc<dyn ObjectStore>, root: &str, shown: &str) -> Self {
        Self {
            objects,
            root: root.to_owned(),
            shown: shown.to_owned(),
        }
    }

    /// The names of all finished backups, the oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store does not answer.
    pub async fn names(&self) -> Result<Vec<String>> {
        let folder = self.path(BACKUPS);
        let listed = self.objects.list(Some(&folder)).try_collect::<Vec<_>>();
        let listed = listed.await.map_err(|error| self.failed("list", error))?;
        let names = listed.iter().filter_map(|meta| {
            let name = meta.location.filename()?.strip_suffix(SUFFIX)?;
            Some(name.to_owned())
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// The manifest of the backup of this name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such backup, [`Error::Corrupt`] when its manifest cannot be read,
    /// [`Error::Unavailable`] when the store does not answer.
    pub async fn manifest(&self, name: &str) -> Result<BackupManifest> {
        let object = self.manifest_path(name);
        let Some(found) = self.read(&object).await? else {
            return Err(Error::invalid(format!(
                "there is no backup {name} in {}: `opendata-log backup list` shows those that are there",
                self.shown
            )));
        };
        BackupManifest::decode(&found).map_err(|why| {
            Error::Corrupt(format!(
                "the manifest of a backup, {object} in {}, {why}",
                self.shown
            ))
        })
    }

    /// The manifests of all finished backups, the oldest first.
    ///
    /// # Errors
    /// As [`Repository::manifest`].
    pub async fn manifests(&self) -> Result<Vec<BackupManifest>> {
        let names = self.names().await?;
        futures::stream::iter(names)
            .map(|name| async move { self.manifest(&name).await })
            .buffered(READS)
            .try_collect()
            .await
    }

    /// Writes a manifest, which finishes its backup.
    pub(super) async fn finish(&self, manifest: &BackupManifest) -> Result<()> {
        let object = self.manifest_path(&manifest.name);
        let content = manifest.encode()?;
        let put = self
            .objects
            .put_opts(&object, content.into(), PutMode::Create.into());
        put.await
            .map(drop)
            .map_err(|error| self.failed("write the manifest of the backup to", error))
    }

    /// Forgets a backup. Its objects stay.
    pub(super) async fn forget(&self, name: &str) -> Result<()> {
        self.delete(&self.manifest_path(name)).await
    }

    /// Deletes an object that may not be there.
    pub(super) async fn delete(&self, object: &Path) -> Result<()> {
        match self.objects.delete(object).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete from", error)),
        }
    }

    /// The objects that are there and that `wanted` selects by name, with their lengths.
    pub(super) async fn stored(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<HashMap<String, u64>> {
        let folder = self.path(OBJECTS);
        let mut listed = self.objects.list(Some(&folder));
        let mut stored = HashMap::new();
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(|error| self.failed("list", error))?;
            let Some(parts) = meta.location.prefix_match(&folder) else {
                continue;
            };
            let parts: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
            let name = parts.join("/");
            if wanted(&name) {
                stored.insert(name, meta.size);
            }
        }
        Ok(stored)
    }

    pub(super) async fn read(&self, object: &Path) -> Result<Option<bytes::Bytes>> {
        plain_objects::read(&*self.objects, object).await
    }

    pub(super) async fn write(&self, object: &Path, content: Vec<u8>) -> Result<()> {
        let put = self.objects.put(object, content.into()).await;
        put.map(drop)
            .map_err(|error| self.failed("write to", error))
    }

    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// How the repository is called in messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Where an object of a backup is.
    pub(super) fn object(&self, name: &str) -> Path {
        self.path(&format!("{OBJECTS}/{name}"))
    }

    /// Where `name` is.
    pub(super) fn path(&self, name: &str) -> Path {
        match self.root.is_empty() {
            true => Path::from(name),
            false => Path::from(format!("{}/{name}", self.root)),
        }
    }

    fn manifest_path(&self, name: &str) -> Path {
        self.path(&format!("{BACKUPS}/{name}{SUFFIX}"))
    }

    fn failed(&self, what: &str, cause: object_store::Error) -> Error {
        Error::Unavailable {
            message: format!("cannot {what} {}: {cause}", self.shown),
            cause: Some(Arc::new(cause)),
        }
    }
}
