//! A reader that gets the commits of the writer, and how many requests it sends.

use std::fmt;
use std::sync::atomic::AtomicU64;

use futures::stream::BoxStream;
use log_domain::CommitFeed;
use log_domain::conformance::run_readers;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as Stored,
};

use super::held_store::{Held, What};
use super::read_only::{LIMIT, OFTEN, WithReader, reader_of, sequences, shows, writer};
use super::*;

/// The polls of a reader that only asks when it must.
const SELDOM: Duration = Duration::from_secs(3_600);

/// A store that counts what it is asked for.
#[derive(Debug)]
struct Counting {
    store: Arc<dyn ObjectStore>,
    requests: AtomicU64,
}

impl Counting {
    fn of(store: &Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            requests: AtomicU64::default(),
        })
    }

    fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    fn counted(&self) -> &Arc<dyn ObjectStore> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        &self.store
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Stored<PutResult> {
        self.counted().put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Stored<Box<dyn MultipartUpload>> {
        self.counted().put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Stored<GetResult> {
        self.counted().get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Stored<Path>>,
    ) -> BoxStream<'static, Stored<Path>> {
        self.counted().delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Stored<ObjectMeta>> {
        self.counted().list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Stored<ListResult> {
        self.counted().list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Stored<()> {
        self.counted().copy_opts(from, to, options).await
    }
}

/// A log in memory with a feed.
struct Log {
    objects: Arc<dyn ObjectStore>,
    feed: Arc<CommitFeed>,
}

impl Log {
    fn new() -> Self {
        Self {
            objects: Arc::new(InMemory::new()),
            feed: Arc::default(),
        }
    }

    /// A writer, which takes the log over from the one before, with a feed of its own.
    async fn writer(&mut self) -> SlateStore {
        self.feed = Arc::default();
        let feed = Some(Arc::clone(&self.feed));
        writer(&self.objects, |options| options.feed = feed).await
    }

    async fn reader(&self, interval: Duration) -> (Arc<ReadOnlyStore>, Arc<Counting>) {
        let counting = Counting::of(&self.objects);
        let followers = Arc::new(Followers::new(&Limits::default()));
        let store = Arc::clone(&counting) as Arc<dyn ObjectStore>;
        let reader = reader_of(&store, followers, interval).await;
        (Arc::new(reader.expect("opened for reading")), counting)
    }

    /// Passes on what the writer tells from now on.
    async fn follow(&self, reader: &Arc<ReadOnlyStore>) -> tokio::task::JoinHandle<()> {
        read_only::follow(&self.feed, reader.writer_progress()).await
    }
}

/// A log with a record, and its writer.
async fn written() -> (Log, SlateStore) {
    let mut log = Log::new();
    let writer = log.writer().await;
    append(&writer, "0").await;
    (log, writer)
}

async fn append(writer: &SlateStore, value: &'static str) -> u64 {
    let appended = writer.append(batch("k", &[value]), Durability::Durable);
    appended.await.expect("appended").start.get() + 1
}

/// Appends until the reader has been asked for nothing new, so that what follows is answered from memory.
async fn settled(writer: &SlateStore, reader: &ReadOnlyStore, counting: &Counting) {
    let settle = async {
        loop {
            let before = counting.count();
            let end = append(writer, "settle").await;
            shows(reader, end).await;
            tokio::time::sleep(4 * OFTEN).await;
            if counting.count() == before {
                return;
            }
        }
    };
    let settled = tokio::time::timeout(LIMIT, settle).await;
    settled.expect("commits are shown without requests");
}

async fn of_key(reader: &ReadOnlyStore) -> Vec<u64> {
    sequences(reader, Selection::Key(Key::stored("k".into()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_shows_commits_of_the_writer_without_a_request_to_the_store() {
    let (log, writer) = written().await;
    // The state of the log is in a data file, and is read again with each commit.
    let flushed = flush::flush(&writer.db, FlushType::MemTable).await;
    flushed.expect("a data file");
    let (reader, counting) = log.reader(SELDOM).await;
    assert_eq!(reader.status().lag_sequences, None);
    let following = log.follow(&reader).await;
    // On a busy machine, the writer can tell once more what is not shown yet, and then the store is asked.
    let show_some = async || {
        settled(&writer, &reader, &counting).await;
        let before = counting.count();
        for _ in 0..20 {
            let end = append(&writer, "more").await;
            shows(&reader, end).await;
            assert_eq!(of_key(&reader).await.len() as u64, end);
        }
        counting.count() - before
    };
    let mut fewest = usize::MAX;
    for _ in 0..5 {
        fewest = fewest.min(show_some().await as usize);
        if fewest == 0 {
            break;
        }
    }
    assert_eq!(fewest, 0);
    settled(&writer, &reader, &counting).await;
    assert_eq!(reader.status().lag_sequences, Some(0));
    // Without the writer it polls, which is an hour away.
    following.abort();
    let stopped = following.await;
    assert!(stopped.is_err_and(|error| error.is_cancelled()));
    reader.writer_progress().is_unknown();
    assert_eq!(reader.status().lag_sequences, None);
    let before = counting.count();
    append(&writer, "not shown").await;
    tokio::time::sleep(4 * OFTEN).await;
    assert_eq!(counting.count(), before);
    // When it is back, the store is asked for what was missed.
    let _following = log.follow(&reader).await;
    let end = append(&writer, "shown").await;
    shows(&reader, end).await;
    assert_eq!(of_key(&reader).await.len() as u64, end);
    writer.close(CLOSE).await.expect("closed");
    reader.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_asked_in_each_interval_whatever_a_writer_says_that_was_taken_over() {
    let (mut log, first) = written().await;
    let (reader, counting) = log.reader(40 * OFTEN).await;
    let following = log.follow(&reader).await;
    append(&first, "1").await;
    // It does not know yet, and is followed all the same.
    let second = log.writer().await;
    let end = append(&second, "2").await;
    shows(&reader, end).await;
    let before = counting.count();
    tokio::time::sleep(120 * OFTEN).await;
    assert!(counting.count() >= before + 10, "the store is still asked");
    reader.check().await.expect("fresh");
    following.abort();
    let _following = log.follow(&reader).await;
    for _ in 0..5 {
        let end = append(&second, "more").await;
        shows(&reader, end).await;
    }
    let shown = of_key(&reader).await;
    let after: Vec<u64> = sequences(&*reader, Selection::Prefix(bytes::Bytes::new())).await;
    assert_eq!((shown.len(), shown), (8, after));
    second.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_missed_files_finds_them_in_the_store() {
    let (log, writer) = written().await;
    let (reader, counting) = log.reader(SELDOM).await;
    let progress = reader.writer_progress();
    let _following = log.follow(&reader).await;
    settled(&writer, &reader, &counting).await;
    // What is told of a file that was not stored, and of one that is gone, changes nothing.
    for id in [progress.last_file() + 1, progress.last_file() + 7] {
        progress.hears(log_domain::CommitNews {
            durable: None,
            file: Some(log_domain::CommitFile { id, content: None }),
        });
    }
    for _ in 0..5 {
        let end = append(&writer, "more").await;
        shows(&reader, end).await;
        assert_eq!(of_key(&reader).await.len() as u64, end);
    }
    writer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commits_of_another_log_are_refused() {
    let (log, writer) = written().await;
    let (reader, _) = log.reader(SELDOM).await;
    let progress = reader.writer_progress();
    for other in ["", "{}"] {
        let refused = progress.begins(&other.into()).expect_err("refused");
        assert!(refused.contains("reader.writer_url"), "{refused}");
    }
    writer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_writer_whose_files_are_replaced_and_collected_is_shown_as_it_is() {
    let mut log = Log::new();
    log.feed = Arc::default();
    let feed = Some(Arc::clone(&log.feed));
    let writer = writer(&log.objects, |options| {
        options.feed = feed;
        compact_every(&mut options.settings, OFTEN);
        collect_all_the_time(&mut options.settings);
        options.seal.bytes = Some(20_000);
    })
    .await;
    append(&writer, "0").await;
    let (reader, _) = log.reader(20 * OFTEN).await;
    let _following = log.follow(&reader).await;
    for n in 0..200 {
        let end = append(&writer, "more").await;
        if n % 20 == 0 {
            flush(&writer).await;
        }
        shows(&reader, end).await;
        let shown = of_key(&reader).await;
        let expected: Vec<u64> = (0..end).collect();
        assert_eq!(shown, expected);
    }
    writer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_sent_the_commits_conforms_as_one_that_polls() {
    let fixture = || WithReader {
        on: On(Arc::new(InMemory::new())),
        interval: 20 * OFTEN,
        follows: true,
        numbers: parking_lot::Mutex::default(),
    };
    run_readers(fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_offered_once_its_write_has_ended_and_is_what_is_stored() {
    for what in [What::Write, What::Written] {
        let stored: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let held = Arc::new(Held::of(Arc::clone(&stored), what, "/wal/"));
        let mut log = Log::new();
        log.objects = Arc::clone(&held) as Arc<_>;
        let writer = Arc::new(log.writer().await);
        append(&writer, "0").await;
        let mut following = log.feed.follow(0);
        while following.next().await.durable != Some(Sequence::new(1)) {}
        held.hold_next();
        let appending = tokio::spawn({
            let writer = Arc::clone(&writer);
            async move { append(&writer, "1").await }
        });
        held.is_held().await;
        let offered = tokio::time::timeout(10 * OFTEN, following.next()).await;
        assert!(offered.is_err(), "{offered:?}");
        held.release();
        let file = tokio::time::timeout(LIMIT, async {
            loop {
                if let Some(file) = following.next().await.file {
                    return file;
                }
            }
        });
        let file = file.await.expect("in time");
        assert_eq!(appending.await.expect("no panic"), 2);
        use object_store::ObjectStoreExt;
        let name = Path::from(format!("log/wal/{:020}.sst", file.id));
        let object = stored.get(&name).await.expect("stored");
        let object = object.bytes().await.expect("read");
        assert_eq!(file.content, Some(object));
        writer.close(CLOSE).await.expect("closed");
    }
}
