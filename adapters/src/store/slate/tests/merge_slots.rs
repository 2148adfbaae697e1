//! Merges of logs that share the slots of a node.

use object_store::throttle::{ThrottleConfig, ThrottledStore};
use slatedb::manifest::Segment;
use slatedb_common::metrics::{CounterFn, GaugeFn, HistogramFn, MetricsRecorder, UpDownCounterFn};

use super::*;

const LOGS: usize = 3;
const RECORDS: usize = 16;
const LONGEST: Duration = Duration::from_secs(60);
const OFTEN: Duration = Duration::from_millis(5);

/// How often SlateDB looks whether a worker has finished a merge, by default.
const COMMIT: Duration = Duration::from_secs(1);

/// Merges that workers carry out.
#[derive(Default)]
struct Workers {
    now: AtomicI64,
    most: AtomicI64,
    begun: AtomicI64,
}

impl UpDownCounterFn for Workers {
    fn increment(&self, change: i64) {
        let now = self.now.fetch_add(change, Ordering::SeqCst) + change;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.begun.fetch_add(change.max(0), Ordering::SeqCst);
    }
}

/// Counts what the workers of all logs say that they carry out.
struct Recorder(Arc<Workers>);

impl MetricsRecorder for Recorder {
    fn register_counter(&self, name: &str, about: &str, of: &[(&str, &str)]) -> Arc<dyn CounterFn> {
        NoopMetricsRecorder.register_counter(name, about, of)
    }

    fn register_gauge(&self, name: &str, about: &str, of: &[(&str, &str)]) -> Arc<dyn GaugeFn> {
        NoopMetricsRecorder.register_gauge(name, about, of)
    }

    fn register_up_down_counter(
        &self,
        name: &str,
        about: &str,
        of: &[(&str, &str)],
    ) -> Arc<dyn UpDownCounterFn> {
        match name.ends_with("running_compactions") {
            true => Arc::clone(&self.0) as Arc<_>,
            false => NoopMetricsRecorder.register_up_down_counter(name, about, of),
        }
    }

    fn register_histogram(
        &self,
        name: &str,
        about: &str,
        of: &[(&str, &str)],
        bounds: &[f64],
    ) -> Arc<dyn HistogramFn> {
        NoopMetricsRecorder.register_histogram(name, about, of, bounds)
    }
}

async fn opened(
    objects: &Arc<dyn ObjectStore>,
    log: usize,
    workers: &Arc<Workers>,
    (slots, poll): (Option<MergeSlots>, Duration),
) -> SlateStore {
    let mut options = Options {
        path: format!("log{log}"),
        compactor_follows: true,
        merges: slots,
        ..Options::default()
    };
    compact_every(&mut options.settings, poll);
    let compactor = options.settings.compactor_options.as_mut();
    let compactor = compactor.expect("on by default");
    compactor.commit_compacted_interval = poll.min(COMMIT);
    let scheduler = &mut compactor.scheduler_options;
    scheduler.insert("min_compaction_sources".into(), "4".into());
    let parts = StoreParts {
        objects: Arc::clone(objects),
        clock: Arc::new(crate::clock::SystemClock),
        listener: Arc::new(Followers::new(&options.limits)),
        telemetry: Arc::new(()),
        recorder: Arc::new(Recorder(Arc::clone(workers))),
        seed: None,
    };
    SlateStore::open(parts, options).await.expect("opened")
}

/// Whether all files are merged that should be.
fn is_merged(store: &SlateStore) -> bool {
    let manifest = store.manifest();
    let merged = |segment: &Segment| segment.l0().len() < 4 && !segment.compacted().is_empty();
    manifest.segments().iter().all(merged)
}

/// Makes files until there are enough to be merged, and waits until they are.
async fn fill(store: &SlateStore) {
    for _ in 0..RECORDS {
        let appended = store.append(batch("k", &["v"]), Durability::Applied).await;
        appended.expect("appended");
        flush(store).await;
    }
    let began = Instant::now();
    while !is_merged(store) {
        let manifest = store.manifest();
        assert!(began.elapsed() < LONGEST, "still {:?}", manifest.segments());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Has several logs merge files, and returns what their workers did.
async fn merging(slots: Option<&MergeSlots>, poll: Duration) -> Arc<Workers> {
    let slow = ThrottleConfig {
        wait_get_per_call: Duration::from_millis(5),
        ..ThrottleConfig::default()
    };
    let objects: Arc<dyn ObjectStore> = Arc::new(ThrottledStore::new(InMemory::new(), slow));
    let workers = Arc::new(Workers::default());
    let open = |log| opened(&objects, log, &workers, (slots.cloned(), poll));
    let stores = futures::future::join_all((0..LOGS).map(open)).await;
    futures::future::join_all(stores.iter().map(fill)).await;
    for store in &stores {
        assert_eq!(values(store, "k").await.len(), RECORDS);
        store.close(CLOSE).await.expect("closed");
    }
    workers
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_share_one_slot_merge_one_after_another_and_all_of_them_do() {
    let slots = MergeSlots::new(1);
    let workers = merging(Some(&slots), OFTEN).await;
    assert_eq!(workers.most.load(Ordering::SeqCst), 1);
    // Two segments of each at least.
    assert!(workers.begun.load(Ordering::SeqCst) >= 2 * LOGS as i64);
    assert_eq!((slots.running(), slots.waiting()), (0, 0));
}

/// By a clock that passes only when nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn a_slot_is_not_idle_until_the_next_log_polls_by_itself() {
    const POLL: Duration = Duration::from_secs(10);
    let slots = MergeSlots::new(1);
    let began = Instant::now();
    let workers = merging(Some(&slots), POLL).await;
    let merges = u32::try_from(workers.begun.load(Ordering::SeqCst)).expect("few");
    assert!(merges >= 2 * LOGS as u32);
    let elapsed = began.elapsed();
    assert!(
        elapsed < 2 * POLL + merges * 2 * COMMIT,
        "{merges} in {elapsed:?}"
    );
    assert_eq!(workers.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_share_no_slots_merge_at_the_same_time() {
    let workers = merging(None, OFTEN).await;
    assert!(workers.most.load(Ordering::SeqCst) > 1);
}
