//! What is told of what is stored.

use std::sync::atomic::{AtomicU64, Ordering};

use log_domain::ports::{CommitStats, Telemetry};

use super::removal::{removed, trim};
use super::*;

const STEP: Duration = Duration::from_secs(10 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_record_is_known_to_a_minute_also_within_a_segment() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let clock = Standing::now();
    let began_ms = clock.now_ms();
    let opened = || open_by(&objects, Arc::clone(&clock) as Arc<_>, Options::default());
    let mut starts = Vec::new();
    for _ in 0..3 {
        // Only a start sets the engine's clock.
        let store = opened().await.expect("opened");
        let append = store.append(batch("k", &["1", "2"]), Durability::Durable);
        starts.push(append.await.expect("appended").start.get());
        flush(&store).await;
        store.close(CLOSE).await.expect("closed");
        clock.advance(STEP);
    }
    let store = opened().await.expect("opened");
    let oldest_ms = || {
        let stored = store.stored();
        assert_eq!(stored.len(), 1, "{stored:?}");
        stored[0].oldest_ms
    };
    assert_eq!(oldest_ms(), began_ms);
    for (floor, steps) in [
        (starts[0] + 1, 0),
        (starts[1], 1),
        (starts[1] + 1, 1),
        (starts[2] + 1, 2),
    ] {
        trim(&store, floor).await;
        let appended_ms = began_ms + steps * STEP.as_millis() as i64;
        let error_ms = oldest_ms() - appended_ms;
        // The engine's clock goes on while the one of this test stands.
        assert!((-60_000..5_000).contains(&error_ms), "{floor}: {error_ms}");
    }
    store.close(CLOSE).await.expect("closed");
}

#[derive(Default)]
struct Dropped {
    segments: AtomicU64,
    bytes: AtomicU64,
}

impl Telemetry for Dropped {
    fn appended(&self, _records: u64, _bytes: u64) {}
    fn scanned(&self, _records: u64, _bytes: u64) {}
    fn committed(&self, _commit: CommitStats) {}
    fn dropped(&self, segments: u64, bytes: u64) {
        self.segments.fetch_add(segments, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_segment_that_is_dropped_is_counted_once_with_its_bytes() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let counted = Arc::new(Dropped::default());
    let mut options = Options::default();
    options.seal.bytes = Some(1);
    options.remove_every = Duration::from_millis(1);
    compact_every(&mut options.settings, Duration::from_millis(5));
    let parts = StoreParts {
        objects: Arc::clone(&objects),
        clock: Arc::new(crate::clock::SystemClock),
        listener: Arc::new(Followers::new(&options.limits)),
        telemetry: Arc::clone(&counted) as Arc<_>,
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    };
    let store = SlateStore::open(parts, options).await.expect("opened");
    let mut end = 0;
    for _ in 0..6 {
        let appended = store.append(batch("k", &["1", "2"]), Durability::Applied);
        end = appended.await.expect("appended").start.get() + 2;
    }
    flush(&store).await;
    let bytes: u64 = store.stored().iter().map(|stored| stored.bytes).sum();
    let of_one = bytes / 6;
    assert!(of_one > 0);
    // Two segments, then three. The newest one stays.
    for (floor, segments) in [(end - 8, 2), (end, 5)] {
        trim(&store, floor).await;
        removed(&store).await;
        assert_eq!(counted.segments.load(Ordering::SeqCst), segments);
        let bytes = counted.bytes.load(Ordering::SeqCst);
        assert!(
            bytes.abs_diff(segments * of_one) <= segments,
            "{bytes} of {of_one} each"
        );
    }
    store.close(CLOSE).await.expect("closed");
}
