//! The reads of an opening: as few of them as can wait for one another.
//!
//! An opening is short, and most of it is waiting for small answers. What is read [twice](repeated) is asked for once, and what is read
//! [next](ahead) is asked for at the same time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use ahead::ReadsAhead;
use found::is_plain;
use repeated::RepeatedReads;

mod ahead;
mod found;
mod repeated;

/// How long what was read is given in place of a new answer.
const FRESH: Duration = Duration::from_secs(1);

/// The store from which a log is opened.
#[derive(Debug)]
pub(super) struct OpeningReads {
    store: Arc<dyn ObjectStore>,
    repeated: RepeatedReads,
    ahead: ReadsAhead,
}

impl OpeningReads {
    /// Of an opening that begins now.
    pub(super) fn of(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            repeated: RepeatedReads::keeping(),
            ahead: ReadsAhead::begin(),
        }
    }

    /// Nobody else writes the log any more: what was read of it is still so.
    pub(super) fn repeat(&self) {
        self.repeated.repeat();
    }

    /// Somebody may have written since: what was read is read again.
    pub(super) fn forget(&self) {
        self.repeated.forget();
    }

    /// The log is open: from now on the store is asked for what is wanted, and nothing else.
    pub(super) fn end(&self) {
        self.repeated.forget();
        self.ahead.end();
    }
}

impl fmt::Display for OpeningReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for OpeningReads {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (plain, head) = (is_plain(&options), options.head);
        if plain && let Some(found) = self.repeated.found(location, head) {
            return found.answer(location);
        }
        let got = self.ahead.get(&*self.store, location, options).await;
        match plain && !head {
            true => self.repeated.keep(location, got).await,
            false => got,
        }
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.forget();
        self.ahead.writes();
        let put = self.store.put_opts(location, payload, options).await;
        self.ahead.writes();
        put
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.forget();
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.forget();
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.repeated.listed(&*self.store, prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.repeated.listed(&*self.store, prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.forget();
        self.store.copy_opts(from, to, options).await
    }
}
