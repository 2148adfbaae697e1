//! Which files of the WAL this server wrote last, so that they can be looked for.
//!
//! SlateDB does not tell how it names the files of its WAL while they are written, nor how long they are. So the store that
//! it is given is wrapped here, and remembers that of the last few.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures::stream::BoxStream;
use object_store::path::{Path, PathPart};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

use super::beside;

/// How many of the last files are remembered: the newest, and the one that was the newest at the flush before.
const REMEMBERED: usize = 2;

/// The files of a log's WAL.
#[derive(Debug)]
pub(super) struct WalFiles {
    folder: Path,
    written: Mutex<VecDeque<WalFile>>,
}

/// One that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WalFile {
    pub(super) id: u64,
    pub(super) bytes: u64,
}

impl WalFiles {
    /// Those of the log at `path`.
    pub(super) fn of(path: &str) -> Arc<Self> {
        Arc::new(Self {
            folder: beside::object(path, "wal"),
            written: Mutex::default(),
        })
    }

    /// `store`, with the files that are written to it remembered here.
    pub(super) fn watch(self: &Arc<Self>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Watched {
            store,
            files: Arc::clone(self),
        })
    }

    /// The last ones that were written, the newest last.
    pub(super) fn last(&self) -> Vec<WalFile> {
        self.written.lock().iter().copied().collect()
    }

    /// Where a file is.
    pub(super) fn object(&self, id: u64) -> Path {
        let name = format!("{id:020}.sst");
        self.folder.clone().join(PathPart::from(name))
    }

    fn id(&self, object: &Path) -> Option<u64> {
        let (folder, name) = object.as_ref().rsplit_once('/')?;
        let is_here = folder == self.folder.as_ref();
        let id = name.strip_suffix(".sst").filter(|_| is_here)?;
        id.parse().ok()
    }

    fn note(&self, object: &Path, bytes: usize) {
        let Some(id) = self.id(object) else {
            return;
        };
        let mut written = self.written.lock();
        if written.back().is_some_and(|newest| newest.id >= id) {
            return;
        }
        if written.len() >= REMEMBERED {
            written.pop_front();
        }
        let bytes = bytes as u64;
        written.push_back(WalFile { id, bytes });
    }
}

#[derive(Debug)]
struct Watched {
    store: Arc<dyn ObjectStore>,
    files: Arc<WalFiles>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let bytes = payload.content_length();
        let put = self.store.put_opts(location, payload, options).await?;
        self.files.note(location, bytes);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
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
