//! The object store in a folder: the files of `LocalFileSystem`, with what that one lacks.
//!
//! `LocalFileSystem` has no conditional replacement (`PutMode::Update`), which SlateDB keeps its garbage collection's
//! boundaries with, and writes to whatever folder is at its path.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use blocking::unblock;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UpdateVersion, UploadPart,
};
use tokio::sync::RwLock;

use super::anchor::Anchor;
use super::at_once::at_once;
use super::error::generic;
use super::looks::Looks;

/// Deletes at the same time, as `LocalFileSystem` has it.
const DELETES: usize = 10;

/// The files of a folder that is locked and held open.
#[derive(Clone)]
pub(super) struct FolderStore {
    files: LocalFileSystem,
    anchor: Arc<Anchor>,
    looks: Arc<Looks>,
    /// Held alone by a replacement on a condition, between looking and replacing, and shared by everything else that
    /// changes an object. The folder is locked, so no other process changes any.
    changes: Arc<RwLock<()>>,
}

impl FolderStore {
    /// # Errors
    /// When no thread can be started.
    pub(super) fn new(files: LocalFileSystem, anchor: Anchor) -> io::Result<Self> {
        let anchor = Arc::new(anchor);
        Ok(Self {
            looks: Arc::new(Looks::start(files.clone(), &anchor)?),
            files,
            anchor,
            changes: Arc::default(),
        })
    }

    /// That objects are read and written where they were before.
    async fn check(&self) -> Result<()> {
        let anchor = Arc::clone(&self.anchor);
        unblock(move || anchor.check()).await.map_err(Error::from)
    }

    /// The same after a change of `location`, whose folder may be new.
    async fn check_after(&self, location: &Path) -> Result<()> {
        let (store, location) = (self.clone(), location.clone());
        unblock(move || store.check_after_now(&location)).await
    }

    fn check_after_now(&self, location: &Path) -> Result<()> {
        self.anchor.check()?;
        let file = self.files.path_to_filesystem(location)?;
        match file.parent() {
            Some(folder) => {
                let held = self.anchor.hold(folder);
                held.map_err(|error| generic(error.into()))
            }
            None => Ok(()),
        }
    }

    /// Writes an object, with the checks before and after, on this thread, which must be outside a runtime.
    fn put_now(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.anchor.check()?;
        let put = at_once(self.files.put_opts(location, payload, options))?;
        self.check_after_now(location)?;
        Ok(put)
    }

    /// What is not found in a folder that is gone is not known to be absent.
    async fn found<T>(&self, outcome: Result<T>) -> Result<T> {
        if matches!(outcome, Err(Error::NotFound { .. })) {
            self.check().await?;
        }
        outcome
    }

    /// Replaces an object that is as `version` says. The new file takes the place of the old one in one step, and is
    /// synced before and after if files are, as every other.
    async fn replace(
        &self,
        location: &Path,
        payload: PutPayload,
        version: UpdateVersion,
        options: PutOptions,
    ) -> Result<PutResult> {
        let _alone = self.changes.write().await;
        let differs = |found: String| Error::Precondition {
            path: location.to_string(),
            source: found.into(),
        };
        let found = match self.files.head(location).await {
            Ok(found) => found.e_tag,
            Err(Error::NotFound { .. }) => return Err(differs("it does not exist".into())),
            Err(error) => return Err(error),
        };
        let Some(expected) = version.e_tag else {
            return Err(generic(
                "an update needs the ETag of what it replaces".into(),
            ));
        };
        if found.as_ref() != Some(&expected) {
            return Err(differs(format!("its ETag is {found:?}, not {expected}")));
        }
        let options = PutOptions {
            mode: PutMode::Overwrite,
            ..options
        };
        self.files.put_opts(location, payload, options).await
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let PutMode::Update(version) = options.mode.clone() else {
            let _shared = self.changes.read().await;
            let (store, location) = (self.clone(), location.clone());
            // One call for all three: each switch between threads is dear to a durable append (ADR 5).
            return unblock(move || store.put_now(&location, payload, options)).await;
        };
        self.check().await?;
        let put = self.replace(location, payload, version, options).await?;
        self.check_after(location).await?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check().await?;
        let upload = self.files.put_multipart_opts(location, options).await?;
        Ok(Box::new(Upload {
            upload,
            location: location.clone(),
            store: self.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        // A look at whether something is there is to be told of what was opened.
        if options.head {
            return self.looks.look(location, options).await;
        }
        let outcome = self.files.get_opts(location, options).await;
        self.found(outcome).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let outcome = self.files.get_ranges(location, ranges).await;
        self.found(outcome).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .map(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    store.check().await?;
                    let _shared = store.changes.read().await;
                    store.files.delete(&location).await.map(|()| location)
                }
            })
            .buffered(DELETES)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.checked_before(self.files.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.checked_before(self.files.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.check().await?;
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check().await?;
        let _shared = self.changes.read().await;
        self.files.copy_opts(from, to, options).await?;
        self.check_after(to).await
    }
}

impl FolderStore {
    /// A list of a folder that is gone is an error, not empty.
    fn checked_before(
        &self,
        list: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        async move {
            match store.check().await {
                Ok(()) => list,
                Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            }
        }
        .flatten_stream()
        .boxed()
    }
}

/// An object that is written in parts.
struct Upload {
    upload: Box<dyn MultipartUpload>,
    location: Path,
    store: FolderStore,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.store.check().await?;
        let put = {
            let _shared = self.store.changes.read().await;
            self.upload.complete().await?
        };
        self.store.check_after(&self.location).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.upload.fmt(f)
    }
}

impl fmt::Debug for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

impl fmt::Display for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}
