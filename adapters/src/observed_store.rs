//! An object store that reports its writes to an observer, and passes everything on.

use std::fmt;
use std::sync::Arc;

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::Instant;

/// Hears of the writes to a store.
pub(crate) trait WriteObserver: fmt::Debug + Send + Sync + 'static {
    /// A PUT of `content`, sent at `began`, has ended.
    fn put(
        &self,
        location: &Path,
        content: &PutPayload,
        began: Instant,
        outcome: &Result<PutResult>,
    );

    /// A multipart upload has begun, or could not.
    fn upload_begun(
        &self,
        _location: &Path,
        _began: Instant,
        _outcome: &Result<Box<dyn MultipartUpload>>,
    ) {
    }
}

/// A store with an observer of its writes.
#[derive(Debug)]
pub(crate) struct ObservedStore<O> {
    store: Arc<dyn ObjectStore>,
    observer: Arc<O>,
}

impl<O: WriteObserver> ObservedStore<O> {
    /// `store`, whose writes `observer` hears of.
    pub(crate) fn around(store: Arc<dyn ObjectStore>, observer: Arc<O>) -> Arc<dyn ObjectStore> {
        Arc::new(Self { store, observer })
    }
}

impl<O> fmt::Display for ObservedStore<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait::async_trait]
impl<O: WriteObserver> ObjectStore for ObservedStore<O> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        // It shares the bytes.
        let (content, began) = (payload.clone(), Instant::now());
        let outcome = self.store.put_opts(location, payload, options).await;
        self.observer.put(location, &content, began, &outcome);
        outcome
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let began = Instant::now();
        let outcome = self.store.put_multipart_opts(location, options).await;
        self.observer.upload_begun(location, began, &outcome);
        outcome
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
