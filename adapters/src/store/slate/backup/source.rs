//! A log that is read while its server may be writing it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use log_domain::{Error, Result};
use object_store::ObjectStore;
use object_store::path::Path;
use slatedb::admin::Admin;
use slatedb::{PathResolver, VersionedManifest};
use tokio::time::sleep;

use super::plan::Wanted;
use super::wal_tail::{WalFile, WalTail, wal_tail};
use crate::object_prefix::check_prefix;
use crate::store::slate::wal_files::WalFiles;
use crate::store::slate::{WalStore, error, plain_objects, stored_watermark, vanished, wal_place};

/// How often, and with which pause, a file of the WAL is looked for that may be on its way to the store.
const LOOKS: usize = 40;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A log that is only read. Its server may be running: no writer is opened, and none is fenced.
#[derive(Clone)]
pub struct Source {
    /// Where the data is.
    pub objects: Arc<dyn ObjectStore>,
    /// The path of the log in it.
    pub path: String,
    /// A store for the WAL alone, if the log has one.
    pub wal: Option<WalStore>,
}

impl Source {
    /// Checks that there is a log, and that its WAL is where it is said to be.
    pub(in crate::store::slate) async fn settled(&self) -> Result<()> {
        check_prefix(&self.path).map_err(Error::invalid)?;
        let Some(manifest) = self.newest_manifest().await? else {
            return Err(Error::invalid(format!(
                "there is no log at {}: name it as its server does, for example with --data-dir, --s3-bucket or --config",
                self.path
            )));
        };
        if !manifest.external_dbs().is_empty() {
            return Err(Error::invalid(
                "the log shares files with another database, and only whole logs can be read: it is a clone that SlateDB made",
            ));
        }
        wal_place::settle(&*self.objects, &self.path, self.wal.as_ref()).await
    }

    /// The identity of the log, which is [settled](Self::settled).
    pub(in crate::store::slate) async fn identity(&self) -> Result<String> {
        let identity = vanished::identity(&self.objects, &self.path).await?;
        let identity = identity.ok_or_else(|| {
            Error::invalid(
                "the log has no identity, because no server of this version has opened it: start one once",
            )
        })?;
        Ok(String::from_utf8_lossy(&identity).into_owned())
    }

    /// The newest manifest of the log, if there is a log.
    pub(in crate::store::slate) async fn newest_manifest(
        &self,
    ) -> Result<Option<VersionedManifest>> {
        self.admin().read_manifest(None).await.map_err(error::read)
    }

    /// The stored durable watermark. It is behind the real one.
    pub(in crate::store::slate) async fn durable(&self) -> Result<Option<u64>> {
        let recorded = stored_watermark::read(&*self.objects, &self.path).await?;
        Ok(recorded.durable().map(|durable| durable.get()))
    }

    pub(in crate::store::slate) fn admin(&self) -> Admin {
        Admin::builder(self.path.as_str(), Arc::clone(&self.objects)).build()
    }

    /// The store of the WAL.
    pub(in crate::store::slate) fn wal_objects(&self) -> &Arc<dyn ObjectStore> {
        self.wal.as_ref().map_or(&self.objects, |wal| &wal.objects)
    }

    /// All files of the WAL, in no order.
    pub(super) async fn wal_files(&self) -> Result<Vec<WalFile>> {
        let files = WalFiles::of(&self.path);
        let mut listed = self.wal_objects().list(Some(files.folder()));
        let mut found = Vec::new();
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(plain_objects::unavailable)?;
            if let Some(id) = files.id(&meta.location) {
                let bytes = meta.size;
                found.push(WalFile { id, bytes });
            }
        }
        Ok(found)
    }

    /// The files of the WAL behind a manifest. `None` if some were collected.
    pub(in crate::store::slate) async fn wal_behind(
        &self,
        replayed: u64,
    ) -> Result<Option<Vec<WalFile>>> {
        let mut missing = 0;
        for _ in 0..LOOKS {
            let listed = self.wal_files().await?;
            match wal_tail(listed, replayed, self.replayed_now().await?) {
                WalTail::Complete(files) => return Ok(Some(files)),
                WalTail::Collected => return Ok(None),
                WalTail::Missing(id) => missing = id,
            }
            sleep(LOOK_AGAIN).await;
        }
        Err(Error::Corrupt(format!(
            "file {missing} of the WAL is missing, which the log needs"
        )))
    }

    /// The last file of the WAL that the newest manifest does not need.
    pub(in crate::store::slate) async fn replayed_now(&self) -> Result<u64> {
        let newest = self.newest_manifest().await?;
        newest
            .map(|newest| newest.replay_after_wal_id())
            .ok_or_else(|| Error::Corrupt("the log has no manifest any more".into()))
    }

    /// The data files that `manifest` names, and their lengths.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when one of them is missing.
    pub(super) async fn data_files(&self, manifest: &VersionedManifest) -> Result<Vec<Wanted>> {
        let resolver = PathResolver::new(self.path.as_str(), manifest);
        let views = manifest.all_sst_views();
        // A file can be seen in several parts.
        let mut wanted: HashMap<Path, Option<u64>> = views
            .map(|view| (resolver.sst_path(&view.sst.id), None))
            .collect();
        let folder = plain_objects::object(&self.path, "compacted");
        let mut listed = self.objects.list(Some(&folder));
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(plain_objects::unavailable)?;
            if let Some(bytes) = wanted.get_mut(&meta.location) {
                *bytes = Some(meta.size);
            }
        }
        let mut files = wanted.into_iter().map(|(path, bytes)| {
            let bytes = bytes.ok_or_else(|| {
                Error::Corrupt(format!("{path} is missing, which the log's manifest names"))
            })?;
            let name = self.name(&path)?;
            Ok(Wanted { name, bytes })
        });
        let mut files = files.by_ref().collect::<Result<Vec<_>>>()?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// The file that this manifest is stored in.
    pub(super) async fn manifest_file(&self, id: u64) -> Result<Wanted> {
        let name = format!("manifest/{id:020}.manifest");
        let found = object_store::ObjectStoreExt::head(&*self.objects, &self.object(&name)).await;
        let bytes = found.map_err(plain_objects::unavailable)?.size;
        Ok(Wanted { name, bytes })
    }

    /// A file of the WAL as an object of a backup.
    pub(super) fn wal_file(file: &WalFile) -> Wanted {
        Wanted {
            name: format!("wal/{:020}.sst", file.id),
            bytes: file.bytes,
        }
    }

    /// Where an object of the log is, by its name below the path of the log.
    pub(super) fn object(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.path))
    }

    fn name(&self, path: &Path) -> Result<String> {
        let below = path.as_ref().strip_prefix(self.path.as_str());
        let name = below.and_then(|name| name.strip_prefix('/'));
        name.map(str::to_owned)
            .ok_or_else(|| Error::internal(format!("{path} is not below {}", self.path)))
    }
}
