//! The stores of a log as they were at a checkpoint: newer manifests and newer files of the WAL are not seen.
//!
//! A reader of SlateDB follows the log, once at least when it has been opened. A check needs one state of it, also of the files
//! that no checkpoint protects.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The newest objects of a state.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    /// The path of the log.
    pub(super) path: Path,
    pub(super) manifest: u64,
    pub(super) wal: u64,
}

/// A store that shows a state, and accepts no writes.
#[derive(Debug)]
pub(super) struct Frozen {
    store: Arc<dyn ObjectStore>,
    newest: Newest,
}

impl Frozen {
    pub(super) fn around(store: &Arc<dyn ObjectStore>, newest: &Newest) -> Arc<dyn ObjectStore> {
        Arc::new(Self {
            store: Arc::clone(store),
            newest: newest.clone(),
        })
    }

    fn check(&self, location: &Path) -> Result<()> {
        match self.newest.hides(location) {
            true => Err(Error::NotFound {
                path: location.to_string(),
                source: "it is newer than what is read".into(),
            }),
            false => Ok(()),
        }
    }

    fn without_newer(
        &self,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let newest = self.newest.clone();
        let shown = move |meta: &ObjectMeta| std::future::ready(!newest.hides(&meta.location));
        listed.try_filter(shown).boxed()
    }
}

impl Newest {
    fn hides(&self, location: &Path) -> bool {
        let Some(parts) = location.prefix_match(&self.path) else {
            return false;
        };
        let parts: Vec<_> = parts.collect();
        let [folder, file] = &parts[..] else {
            return false;
        };
        let (newest, suffix) = match folder.as_ref() {
            "manifest" => (self.manifest, ".manifest"),
            "wal" => (self.wal, ".sst"),
            _ => return false,
        };
        let id = file.as_ref().strip_suffix(suffix).map(str::parse::<u64>);
        matches!(id, Some(Ok(id)) if id > newest)
    }
}

fn refused() -> Error {
    Error::Generic {
        store: "check",
        source: "a check writes nothing".into(),
    }
}

#[async_trait]
impl ObjectStore for Frozen {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check(location)?;
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check(location)?;
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Err(refused())).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.without_newer(self.store.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.without_newer(self.store.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.store.list_with_delimiter(prefix).await?;
        listed
            .objects
            .retain(|meta| !self.newest.hides(&meta.location));
        Ok(listed)
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(refused())
    }
}

impl fmt::Display for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_manifests_and_wal_files_are_hidden_and_nothing_else() {
        let newest = Newest {
            path: "some/log".into(),
            manifest: 9,
            wal: 10,
        };
        for (hidden, object) in [
            (false, "some/log/manifest/00000000000000000009.manifest"),
            (true, "some/log/manifest/00000000000000000010.manifest"),
            (false, "some/log/wal/00000000000000000010.sst"),
            (true, "some/log/wal/00000000000000000011.sst"),
            (false, "some/log/compacted/00000000000000000011.sst"),
            (false, "some/log/identity"),
            (false, "other/log/wal/00000000000000000011.sst"),
        ] {
            assert_eq!(newest.hides(&object.into()), hidden, "{object}");
        }
    }
}
