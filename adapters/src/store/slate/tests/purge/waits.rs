//! A key counts as purged when its bytes are gone, not when they should be.

use std::collections::HashSet;

use slatedb::config::CompactionWorkerOptions;
use slatedb::{CompactionWorker, CompactionWorkerBuilder};

use super::*;
use crate::store::slate::layout::prefix;

/// Merges are planned, and nobody carries them out.
fn without_worker(options: &mut Options) {
    at_once(options);
    let compactor = options.settings.compactor_options.as_mut();
    compactor.expect("on by default").worker = None;
}

/// Carries out merges as a worker of a server does that was taken over: it does not know what was deleted since.
struct Stranger {
    worker: Arc<CompactionWorker>,
    run: tokio::task::JoinHandle<()>,
}

impl Stranger {
    async fn start(objects: &Arc<dyn ObjectStore>) -> Self {
        let options = CompactionWorkerOptions {
            compactions_poll_interval: Duration::from_millis(5),
            ..CompactionWorkerOptions::default()
        };
        let worker = CompactionWorkerBuilder::new("log", Arc::clone(objects)).with_options(options);
        let worker = Arc::new(worker.build().await.expect("a worker"));
        let runs = Arc::clone(&worker);
        let run = tokio::spawn(async move { runs.run().await.expect("stopped by the test") });
        Self { worker, run }
    }

    async fn stop(self) {
        self.worker.stop().await.expect("stopped");
        self.run.await.expect("ended");
    }
}

/// The data files of the segments that records are in, by segment.
fn files(store: &SlateStore) -> HashSet<(u32, String)> {
    let manifest = store.manifest();
    let mut files = HashSet::new();
    for segment in manifest.segments() {
        let id = prefix::segment(segment.prefix()).expect("a segment of a log");
        let l0 = segment.l0().iter().map(|file| file.id);
        let runs = segment.compacted().iter().flat_map(|run| run.sst_views());
        let all = l0.chain(runs.map(|file| file.id));
        files.extend(all.filter(|_| id > 0).map(|file| (id, file.to_string())));
    }
    files
}

/// Waits until a merge of this segment is planned.
async fn is_planned(objects: &Arc<dyn ObjectStore>, segment: u32) {
    let admin = slatedb::admin::Admin::builder("log", Arc::clone(objects)).build();
    let began = Instant::now();
    loop {
        let planned = admin.read_compactions(None).await.expect("read");
        let is_of = |compaction: &slatedb::compactor::Compaction| {
            prefix::segment(compaction.spec().segment()) == Some(segment) && compaction.active()
        };
        if planned.is_some_and(|planned| planned.recent_compactions().any(is_of)) {
            return;
        }
        assert!(began.elapsed() < LONGEST, "no merge of segment {segment}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Appends to the segments 1 and 2, with several files of each.
async fn append_to_two_segments(store: &SlateStore) {
    while store.shared.segments().len() < 3 {
        append(store, &["gone", "kept", "gone"]).await;
        flush(store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_waits_while_merges_that_do_not_know_of_its_deletion_leave_its_bytes() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let seal = SealPolicy {
        bytes: Some(600),
        interval: None,
    };
    let store = open_with(&objects, |options| {
        without_worker(options);
        options.seal = seal;
    });
    let store = store.await.expect("opened");
    append_to_two_segments(&store).await;
    // It begins before the deletion, and its output is written after it.
    is_planned(&objects, 1).await;
    delete(&store, "gone", None).await;
    let mut before = files(&store);
    let stranger = Stranger::start(&objects).await;
    // That merge and those before, and then what is rewritten for the deletion.
    for _ in 0..3 {
        let began = Instant::now();
        while !files(&store).is_disjoint(&before) {
            assert_eq!(store.status().purges, 1, "its bytes are there");
            assert!(began.elapsed() < LONGEST, "{before:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        before = files(&store);
    }
    assert_eq!(store.status().purges, 1);
    stranger.stop().await;
    store.close(CLOSE).await.expect("closed");
    let with_bytes = with_marker(&objects).await;
    assert!(!with_bytes.is_empty());

    let store = open(&objects).await;
    assert_eq!(store.status().purges, 1);
    purged(&store, &objects).await;
    is_sound(&objects).await;
    assert_eq!(names(&store).await, ["kept"]);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_waits_until_the_files_are_dropped_of_segments_that_the_log_has_no_more() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let clock = Standing::now();
    let mut options = Options::default();
    without_worker(&mut options);
    options.purge_within = Duration::from_secs(10);
    options.seal.bytes = Some(600);
    let store = open_by(&objects, Arc::clone(&clock) as Arc<_>, options).await;
    let store = store.expect("opened");
    append_to_two_segments(&store).await;
    let second = store.shared.segments()[1];
    append(&store, &["kept"]).await;
    flush(&store).await;
    // Nothing of it is dropped before.
    is_planned(&objects, 1).await;
    delete(&store, "gone", Some(second.start.get())).await;
    let floor = store.trim(Trim::BeforeSequence(second.start)).await;
    assert_eq!(floor.expect("trimmed"), second.start);
    let began = Instant::now();
    while store.shared.segments()[0].id == 1 {
        assert!(began.elapsed() < LONGEST, "the segment still has a row");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is due now.
    clock.advance(Duration::from_secs(10));
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        assert_eq!(store.status().purges, 1, "its bytes are there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(files(&store).iter().any(|(segment, _)| *segment == 1));
    assert!(!with_marker(&objects).await.is_empty());

    let stranger = Stranger::start(&objects).await;
    let began = Instant::now();
    while store.status().purges > 0 {
        assert!(began.elapsed() < LONGEST, "{:?}", files(&store));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(files(&store).iter().all(|(segment, _)| *segment > 1));
    stranger.stop().await;
    store.close(CLOSE).await.expect("closed");
    is_sound(&objects).await;
}
