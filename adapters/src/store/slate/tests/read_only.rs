//! A store that only reads, alongside the one that writes.

use log_domain::conformance::{Fixture, Sides, run_readers};
use log_domain::{CommitFeed, LogService, Watermarks};
use parking_lot::Mutex;

use super::*;

/// How often the reader looks for what was written, and the writer flushes it.
pub(super) const OFTEN: Duration = Duration::from_millis(5);
/// How long the reader may take to show what was acknowledged.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn reader_of(
    objects: &Arc<dyn ObjectStore>,
    listener: Arc<Followers>,
    poll_interval: Duration,
) -> Result<ReadOnlyStore> {
    let parts = StoreParts {
        objects: Arc::clone(objects),
        clock: Arc::new(crate::clock::SystemClock),
        listener,
        telemetry: Arc::new(()),
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    };
    let reader = ReaderOptions {
        poll_interval,
        poll_spacing: OFTEN,
        max_lag: Duration::from_secs(1),
    };
    ReadOnlyStore::open(parts, Options::default(), reader).await
}

async fn reader(objects: &Arc<dyn ObjectStore>) -> ReadOnlyStore {
    let followers = Arc::new(Followers::new(&Limits::default()));
    reader_of(objects, followers, OFTEN)
        .await
        .expect("opened for reading")
}

/// Passes on what the writer tells from now on.
pub(super) async fn follow(
    feed: &Arc<CommitFeed>,
    progress: Arc<WriterProgress>,
) -> tokio::task::JoinHandle<()> {
    let mut following = feed.follow(progress.last_file());
    let log = async {
        while feed.log().is_none() {
            tokio::time::sleep(OFTEN).await;
        }
    };
    tokio::time::timeout(LIMIT, log).await.expect("in time");
    let log = feed.log().cloned().expect("known");
    progress.begins(&log).expect("the same log");
    tokio::spawn(async move {
        loop {
            progress.hears(following.next().await);
        }
    })
}

/// A writer that flushes soon.
pub(super) async fn writer(
    objects: &Arc<dyn ObjectStore>,
    change: impl FnOnce(&mut Options),
) -> SlateStore {
    let opened = open_with(objects, |options| {
        options.settings.flush_interval = Some(OFTEN);
        change(options);
    });
    opened.await.expect("opened")
}

/// A store that writes, and a separate reader of the same log.
pub(super) struct WithReader {
    pub(super) on: On,
    /// How often the reader polls.
    pub(super) interval: Duration,
    /// Whether the reader is sent the commits of the writer.
    pub(super) follows: bool,
    /// The numbers of the writer's last durable commit and of the one that the reader shows.
    pub(super) numbers: Mutex<Option<Numbers>>,
}

pub(super) type Number = Box<dyn Fn() -> u64 + Send + Sync>;
pub(super) type Numbers = (Number, Number);

impl Fixture for WithReader {
    type Writer = SlateStore;
    type Reader = ReadOnlyStore;

    async fn open(&self, opening: Opening) -> Sides<SlateStore, ReadOnlyStore> {
        let mut options = Options {
            seal: opening.seal,
            ..Options::default()
        };
        options.settings.flush_interval = Some(OFTEN);
        let feed = Arc::new(CommitFeed::default());
        options.feed = Some(Arc::clone(&feed));
        let writer = self.on.open_with(opening.clone(), options).await;
        let followers = Arc::new(Followers::new(&Limits::default()));
        let reader = reader_of(&self.on.0, followers, self.interval).await;
        let reader = reader.expect("opened for reading");
        if self.follows {
            follow(&feed, reader.writer_progress()).await;
        }
        let status = writer.db.subscribe();
        let written = Box::new(move || status.borrow().durable_seq);
        *self.numbers.lock() = Some((written, Box::new(reader.number_shown())));
        (opening.service(writer), opening.service(reader))
    }

    async fn catch_up(&self, reader: &LogService<ReadOnlyStore>, tip: Sequence, floor: Sequence) {
        let caught_up = async {
            while reader.watermarks().tip < tip || reader.floor() < floor {
                tokio::time::sleep(OFTEN).await;
            }
            // Floors of keys and of prefixes, and cursors.
            let (written, shown) = self.numbers.lock().take().expect("opened");
            let wanted = written();
            while shown() < wanted {
                tokio::time::sleep(OFTEN).await;
            }
            *self.numbers.lock() = Some((written, shown));
        };
        let in_time = tokio::time::timeout(LIMIT, caught_up).await;
        in_time.expect("the reader shows what was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_store_conforms_as_a_reader() {
    let fixture = || WithReader {
        on: On(Arc::new(InMemory::new())),
        interval: OFTEN,
        follows: false,
        numbers: Mutex::default(),
    };
    run_readers(fixture).await;
}

pub(super) fn scan_all(selection: Selection) -> Scan {
    Scan {
        selection,
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 100_000,
            bytes: 64 << 20,
            time: None,
        },
        side: Side::Oldest,
        visibility: Visibility::Memory,
    }
}

pub(super) async fn sequences(store: &impl LogReader, selection: Selection) -> Vec<u64> {
    let page = store.scan(&scan_all(selection)).await.expect("scanned");
    let entries = page.runs.iter().flat_map(|run| run.entries());
    entries
        .map(|entry| entry.expect("not damaged").sequence.get())
        .collect()
}

/// Waits until the reader shows everything below `tip`.
pub(super) async fn shows(reader: &ReadOnlyStore, tip: u64) {
    let caught_up = async {
        while reader.watermarks().tip < Sequence::new(tip) {
            tokio::time::sleep(OFTEN).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, caught_up).await;
    in_time.expect("the reader shows what was acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_shows_whole_prefixes_that_only_grow_while_files_are_replaced_and_collected() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let writer = writer(&objects, |options| {
        compact_every(&mut options.settings, OFTEN);
        collect_all_the_time(&mut options.settings);
        options.seal.bytes = Some(20_000);
    })
    .await;
    let written = async {
        for n in 0..300 {
            let key = ["a", "b", "c"][n % 3];
            let value = ["x"; 10];
            let durability = Durability::Durable;
            writer
                .append(batch(key, &value), durability)
                .await
                .expect("appended");
            if n % 20 == 0 {
                flush(&writer).await;
            }
        }
        writer.watermarks().tip
    };
    let reader = reader(&objects).await;
    let read = async {
        let (mut seen, mut reads) = (0, 0);
        while seen < 3_000 {
            let all = sequences(&reader, Selection::Prefix(bytes::Bytes::new())).await;
            let expected: Vec<u64> = (0..all.len() as u64).collect();
            assert_eq!(all, expected, "nothing is missing");
            assert!(
                all.len() >= seen,
                "it went back from {seen} to {}",
                all.len()
            );
            let of_a = sequences(&reader, Selection::Key(Key::stored("a".into()))).await;
            assert!(
                of_a.len() * 3 + 20 >= all.len(),
                "{} of {}",
                of_a.len(),
                all.len()
            );
            seen = all.len();
            reads += 1;
            tokio::time::sleep(OFTEN).await;
        }
        reads
    };
    let (tip, reads) = tokio::time::timeout(2 * LIMIT, async { tokio::join!(written, read) })
        .await
        .expect("in time");
    assert_eq!(tip, Sequence::new(3_000));
    assert!(reads > 3, "{reads}");
    writer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_of_a_reader_are_woken_by_what_was_written_elsewhere() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let writer = writer(&objects, |_| {}).await;
    let followers = Arc::new(Followers::new(&Limits::default()));
    let reader = reader_of(&objects, Arc::clone(&followers), OFTEN)
        .await
        .expect("opened");
    let reader = LogService::new(reader, followers, Arc::new(()), Limits::default());
    let reader = Arc::new(reader);
    let key = Selection::Key(Key::stored("k".into()));
    let mut tail = reader.tail(scan_all(key)).expect("a follower");
    for n in 0..5 {
        let next = tokio::spawn(async move { (tail.next().await, tail) });
        tokio::time::sleep(3 * OFTEN).await;
        let appended = writer.append(batch("k", &["v"]), Durability::Durable).await;
        assert_eq!(appended.expect("appended").start, Sequence::new(n));
        let woken = tokio::time::timeout(LIMIT, next).await.expect("woken");
        let (page, again) = woken.expect("no panic");
        let page = page.expect("read").expect("a page");
        assert_eq!((page.records, page.next), (1, Sequence::new(n + 1)));
        tail = again;
        let at_least = reader.reach(Sequence::new(n + 1), Visibility::Durable);
        tokio::time::timeout(LIMIT, at_least)
            .await
            .expect("in time")
            .expect("reached");
    }
    writer.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_does_not_disturb_a_reader() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = writer(&objects, |_| {}).await;
    first
        .append(batch("k", &["1"]), Durability::Durable)
        .await
        .expect("appended");
    let reader = reader(&objects).await;
    shows(&reader, 1).await;
    let second = writer(&objects, |_| {}).await;
    let appended = second.append(batch("k", &["2"]), Durability::Durable).await;
    let end = appended.expect("appended").start.get() + 1;
    shows(&reader, end).await;
    assert_eq!(
        sequences(&reader, Selection::Key(Key::stored("k".into()))).await,
        [0, end - 1]
    );
    reader.check().await.expect("fresh");
    second.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_but_reads_is_refused_and_nothing_is_written() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let writer = writer(&objects, |_| {}).await;
    writer
        .append(batch("k", &["1"]), Durability::Durable)
        .await
        .expect("appended");
    writer.close(CLOSE).await.expect("closed");
    let before = names(&objects).await;
    let reader = reader(&objects).await;
    let refused = reader.append(batch("k", &["2"]), Durability::Applied).await;
    assert!(matches!(refused, Err(Error::NotWriter)), "{refused:?}");
    let name = log_domain::CursorName::parse("c").expect("a name");
    assert!(matches!(
        reader.delete_cursor(&name).await,
        Err(Error::NotWriter)
    ));
    assert_eq!(
        reader.watermarks(),
        Watermarks {
            tip: Sequence::new(1),
            durable: Sequence::new(1)
        }
    );
    tokio::time::sleep(20 * OFTEN).await;
    assert!(reader.status().lag.expect("known") < Duration::from_secs(1));
    reader.close(CLOSE).await.expect("closed");
    assert_eq!(names(&objects).await, before);
}

async fn names(objects: &Arc<dyn ObjectStore>) -> Vec<String> {
    use futures::TryStreamExt;
    let all = objects.list(None).map_ok(|meta| format!("{meta:?}"));
    let mut all: Vec<String> = all.try_collect().await.expect("listed");
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_no_log_is_refused_and_one_whose_log_goes_is_not_ready() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let followers = || Arc::new(Followers::new(&Limits::default()));
    let refused = reader_of(&objects, followers(), OFTEN)
        .await
        .err()
        .expect("refused");
    assert!(
        refused.to_string().contains("there is no log at log"),
        "{refused}"
    );
    let writer = writer(&objects, |_| {}).await;
    writer
        .append(batch("k", &["1"]), Durability::Durable)
        .await
        .expect("appended");
    writer.close(CLOSE).await.expect("closed");
    let reader = reader(&objects).await;
    reader.check().await.expect("ready");
    use object_store::ObjectStoreExt;
    let identity = object_store::path::Path::from("log/identity");
    objects.delete(&identity).await.expect("deleted");
    let why = reader.check().await.expect_err("not ready").to_string();
    assert!(why.contains("the log is gone"), "{why}");
}

/// The names of the data files of these segments.
fn files_of(store: &SlateStore, segments: std::ops::Range<u32>) -> Vec<String> {
    let manifest = store.manifest();
    let mut names = Vec::new();
    for segment in manifest.segments() {
        let id = segment.prefix()[..].try_into().map(u32::from_be_bytes);
        if segments.contains(&id.expect("four bytes")) {
            let files = segment.l0().iter();
            names.extend(files.map(|file| format!("{}.sst", file.sst.id.value())));
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_files_were_collected_begins_again_on_newer_state() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let writer = removal::open_sealing_by(&objects, Arc::new(crate::clock::SystemClock)).await;
    for key in ["a", "b", "c", "d"] {
        let appended = writer.append(batch(key, &["1", "2"]), Durability::Applied);
        appended.await.expect("appended");
    }
    flush(&writer).await;
    let files = files_of(&writer, 1..4);
    assert_eq!(files.len(), 3);
    let followers = Arc::new(Followers::new(&Limits::default()));
    let reader = reader_of(&objects, followers, Duration::from_secs(5)).await;
    let reader = reader.expect("opened for reading");
    assert_eq!(reader.watermarks().tip, Sequence::new(8));
    removal::trim(&writer, 6).await;
    removal::removed(&writer).await;
    let began = Instant::now();
    while names(&objects)
        .await
        .iter()
        .any(|name| files.iter().any(|file| name.contains(&file[..])))
    {
        assert!(began.elapsed() < LIMIT, "{files:?} are still there");
        tokio::time::sleep(OFTEN).await;
    }
    // The reader does not know of the trim yet, unless this took five seconds.
    let scans = ["a", "b", "c", "d"].map(|key| scan_all(Selection::Key(Key::stored(key.into()))));
    let several = scan_all(Selection::Prefix(bytes::Bytes::new()));
    let pages = scans.iter().chain([&several]).map(|scan| reader.scan(scan));
    let pages = futures::future::try_join_all(pages).await.expect("read");
    let found: Vec<_> = pages
        .iter()
        .map(|page| (page.records, page.trimmed_before))
        .collect();
    let floor = Some(Sequence::new(6));
    assert_eq!(found[..3], [(0, floor); 3]);
    // The read of this key has no need to know.
    assert_eq!(found[3].0, 2);
    assert_eq!(found[4], (2, floor));
    writer.close(CLOSE).await.expect("closed");
}
