//! How old the state is that a reader of the database shows.
//!
//! SlateDB's reader polls by itself, logs a poll that failed, and reports it to nobody. But its requests tell: a poll asks for a newer
//! manifest, then for newer files of the WAL, which it reads. So this wrapper of its stores knows when the last poll began that did
//! what it had to. That is known once the next one begins.
//!
//! A poll that could not use a file of the WAL leaves the reader where it was, and the next one reads that file again. What only reads
//! writes nothing: the wrapper refuses it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::store::slate::wal_files::WalFiles;

/// How the names of manifests end.
const MANIFEST: &str = ".manifest";

/// The polls of one reader.
#[derive(Debug)]
pub(super) struct Polls {
    wal: Arc<WalFiles>,
    now: Mutex<Poll>,
    /// When the last poll began that reached the end of the WAL.
    good: watch::Sender<Instant>,
}

/// The poll that runs, or ran last.
#[derive(Debug, Default)]
struct Poll {
    /// When it last asked for a manifest. What was durable then, it finds.
    began: Option<Instant>,
    /// Whether it has asked for files of the WAL.
    in_wal: bool,
    failed: bool,
    /// The last file of the WAL that it has read.
    reading: u64,
    /// The last file that an earlier poll has read.
    read: u64,
}

impl Polls {
    /// Those of a reader that is being opened, of a log with this WAL.
    pub(super) fn begin(wal: Arc<WalFiles>) -> Arc<Self> {
        Arc::new(Self {
            wal,
            now: Mutex::default(),
            good: watch::Sender::new(Instant::now()),
        })
    }

    /// `store`, with the polls observed, and no writes.
    pub(super) fn watch(self: &Arc<Self>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Watched {
            store,
            polls: Arc::clone(self),
        })
    }

    /// How long ago the last poll began that did what it had to.
    pub(super) fn age(&self) -> Duration {
        self.good.borrow().elapsed()
    }

    /// Resolves when a poll that began after `moment` has done what it had to.
    pub(super) async fn one_after(&self, moment: Instant) {
        // The sender is here, so it does not go.
        let _ = self.good.subscribe().wait_for(|good| *good > moment).await;
    }

    fn asks_for_manifest(&self) {
        let mut poll = self.now.lock();
        if poll.in_wal {
            // So the one before has ended.
            if let Some(began) = poll.began
                && !poll.failed
            {
                self.good.send_replace(began);
            }
            let read = poll.read.max(poll.reading);
            *poll = Poll {
                read,
                ..Poll::default()
            };
        }
        poll.began = Some(Instant::now());
    }

    fn asks_for_wal(&self) {
        self.now.lock().in_wal = true;
    }

    fn has_read_wal(&self, file: u64, bytes: Option<u64>) {
        let mut poll = self.now.lock();
        match bytes {
            None => poll.failed = true,
            // A writer's first file is empty. It counts as read only once the next one has content.
            Some(0) => {}
            Some(_) => {
                poll.failed |= file <= poll.read;
                poll.reading = poll.reading.max(file);
            }
        }
    }
}

/// A store whose polls are observed.
#[derive(Debug)]
struct Watched {
    store: Arc<dyn ObjectStore>,
    polls: Arc<Polls>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Watched {
    fn is_manifest(location: &Path) -> bool {
        location.as_ref().ends_with(MANIFEST)
    }
}

/// What a write is answered. It is a bug if anything asks.
fn refused() -> Error {
    Error::NotSupported {
        source: "a read-only server writes nothing".into(),
    }
}

#[async_trait::async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        _location: &Path,
        _payload: PutPayload,
        _options: PutOptions,
    ) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if Watched::is_manifest(location) {
            self.polls.asks_for_manifest();
            return self.store.get_opts(location, options).await;
        }
        let Some(file) = self.polls.wal.id(location) else {
            return self.store.get_opts(location, options).await;
        };
        self.polls.asks_for_wal();
        let is_read = !options.head;
        let got = self.store.get_opts(location, options).await;
        if is_read {
            match &got {
                Ok(got) => self.polls.has_read_wal(file, Some(got.meta.size)),
                Err(Error::NotFound { .. }) => self.polls.has_read_wal(file, None),
                // The engine asks again.
                Err(_) => {}
            }
        }
        got
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
        _locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(refused()) }).boxed()
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

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Reader {
        objects: Arc<InMemory>,
        watched: Arc<dyn ObjectStore>,
        polls: Arc<Polls>,
    }

    impl Reader {
        fn new() -> Self {
            let objects = Arc::new(InMemory::new());
            let polls = Polls::begin(WalFiles::of("log"));
            Self {
                watched: polls.watch(Arc::clone(&objects) as Arc<_>),
                objects,
                polls,
            }
        }

        fn file(&self, id: u64) -> Path {
            self.polls.wal.object(id)
        }

        async fn wrote(&self, id: u64, content: &'static str) {
            let put = self.objects.put(&self.file(id), content.into()).await;
            put.expect("put");
        }

        /// Asks as the engine does, for these files of the WAL.
        async fn poll(&self, files: &[u64]) {
            let newer = Path::from("log/manifest/00000000000000000002.manifest");
            let _none = self.watched.get(&newer).await;
            let _none = self.watched.head(&self.file(99)).await;
            for id in files {
                let _read = self.watched.get(&self.file(*id)).await;
            }
            tokio::time::advance(SECOND).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_state_is_as_old_as_the_last_poll_that_reached_the_end() {
        let reader = Reader::new();
        reader.wrote(1, "rows").await;
        reader.poll(&[1]).await;
        reader.poll(&[]).await;
        assert_eq!(reader.polls.age(), 2 * SECOND);
        for _ in 0..5 {
            reader.poll(&[]).await;
            assert_eq!(reader.polls.age(), 2 * SECOND);
        }
        // One that never gets an answer to its first question is not over.
        tokio::time::advance(10 * SECOND).await;
        assert_eq!(reader.polls.age(), 12 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn polls_that_read_the_same_file_again_have_failed() {
        let reader = Reader::new();
        reader.wrote(1, "").await;
        reader.wrote(2, "rows").await;
        reader.poll(&[1, 2]).await;
        for again in 1..5 {
            reader.poll(&[2]).await;
            assert_eq!(reader.polls.age(), (again + 1) * SECOND);
        }
        reader.poll(&[]).await;
        reader.poll(&[]).await;
        assert_eq!(reader.polls.age(), 2 * SECOND);
        // A writer's first file is read again until the next one is there.
        for _ in 0..5 {
            reader.poll(&[1]).await;
            assert_eq!(reader.polls.age(), 2 * SECOND);
        }
        reader.poll(&[3]).await;
        reader.poll(&[]).await;
        assert!(reader.polls.age() > 2 * SECOND, "a file is missing");
    }

    #[tokio::test]
    async fn nothing_is_written() {
        let reader = Reader::new();
        let path = reader.file(1);
        assert!(reader.watched.put(&path, "rows".into()).await.is_err());
        reader.wrote(1, "rows").await;
        assert!(reader.watched.delete(&path).await.is_err());
        assert!(reader.watched.copy(&path, &reader.file(2)).await.is_err());
        assert!(reader.objects.head(&path).await.is_ok());
    }
}
