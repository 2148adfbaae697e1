//! An object store in which one read or one write can be held up.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::{Notify, watch};

use super::*;

/// What is to be held up comes within this time, or something has to be done for it.
const SOON: Duration = Duration::from_secs(5);

/// What is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::slate) enum What {
    /// A read, before it is carried out.
    Read,
    /// A write, before it is carried out.
    Write,
    /// The answer to a write.
    Written,
}

/// The next read or write of some object can be held up, while all others continue.
#[derive(Debug)]
pub(in crate::store::slate) struct Held {
    store: Arc<dyn ObjectStore>,
    what: What,
    /// What the names contain of the objects whose reads or writes are held up.
    of: &'static str,
    holds_next: AtomicBool,
    holds_all: watch::Sender<bool>,
    held: Notify,
    released: Notify,
}

impl Held {
    pub(in crate::store::slate) fn new(store: Arc<dyn ObjectStore>, of: &'static str) -> Self {
        Self::of(store, What::Read, of)
    }

    pub(in crate::store::slate) fn of(
        store: Arc<dyn ObjectStore>,
        what: What,
        of: &'static str,
    ) -> Self {
        Self {
            store,
            what,
            of,
            holds_next: AtomicBool::default(),
            holds_all: watch::Sender::new(false),
            held: Notify::new(),
            released: Notify::new(),
        }
    }

    /// Holds the next one up.
    pub(in crate::store::slate) fn hold_next(&self) {
        self.holds_next.store(true, Ordering::SeqCst);
    }

    /// Holds all of them up from now on, or lets all continue that are held up so.
    pub(in crate::store::slate) fn hold_all(&self, holds: bool) {
        self.holds_all.send_replace(holds);
    }

    /// Waits until it is held up.
    pub(in crate::store::slate) async fn is_held(&self) {
        let held = tokio::time::timeout(CLOSE, self.held.notified());
        held.await.expect("something to hold up");
    }

    /// Whether it is held up soon.
    pub(in crate::store::slate) async fn is_held_soon(&self) -> bool {
        let held = tokio::time::timeout(SOON, self.held.notified());
        held.await.is_ok()
    }

    /// Lets it continue.
    pub(in crate::store::slate) fn release(&self) {
        self.released.notify_one();
    }

    async fn pass(&self, what: What, location: &Path) {
        let is_meant = what == self.what && location.as_ref().contains(self.of);
        if is_meant && self.holds_next.swap(false, Ordering::SeqCst) {
            self.held.notify_one();
            self.released.notified().await;
        } else if is_meant && *self.holds_all.borrow() {
            self.held.notify_one();
            let mut holds = self.holds_all.subscribe();
            // The sender is of this store.
            let _ = holds.wait_for(|holds| !holds).await;
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, held", self.store)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Held {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.pass(What::Read, location).await;
        self.store.get_opts(location, options).await
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.pass(What::Write, location).await;
        let written = self.store.put_opts(location, payload, options).await;
        self.pass(What::Written, location).await;
        written
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
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

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
