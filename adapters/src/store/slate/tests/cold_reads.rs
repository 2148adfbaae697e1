//! Reads of a log whose segments are all on a slow object store.

use log_domain::SealPolicy;
use object_store::throttle::{ThrottleConfig, ThrottledStore};

use super::*;

/// How long a GET takes.
const SLOW: Duration = Duration::from_secs(1);
/// How many segments there are, each with a record of `k`.
const SEGMENTS: u64 = 30;

/// A log that was opened again: nothing of it is in memory.
async fn cold() -> SlateStore {
    let throttled = Arc::new(ThrottledStore::new(
        Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
        ThrottleConfig::default(),
    ));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    let change = |options: &mut Options| {
        options.seal = SealPolicy {
            interval: None,
            bytes: Some(1),
        }
    };
    let store = open_with(&objects, change).await.expect("opened");
    for _ in 0..SEGMENTS {
        let append = store.append(batch("k", &["v"]), Durability::Applied);
        append.await.expect("appended");
    }
    flush(&store).await;
    store.close(CLOSE).await.expect("closed");
    let store = open_with(&objects, change).await.expect("opened");
    throttled.config_mut(|config| config.wait_get_per_call = SLOW);
    store
}

fn scan_all() -> Scan {
    Scan {
        selection: Selection::Key(Key::stored("k".into())),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 1_000,
            bytes: 1 << 20,
        },
        side: Side::Oldest,
        visibility: Visibility::Memory,
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_records_cost_a_few_reads_however_many_segments_there_are() {
    let store = cold().await;
    let mut scan = scan_all();
    (scan.side, scan.limit.records) = (Side::Newest, 2);
    let began = Instant::now();
    let page = store.scan(&scan).await.expect("scanned");
    let sequences = page.runs.iter().map(|run| run.first().get());
    assert!(sequences.eq([SEGMENTS - 2, SEGMENTS - 1]));
    let took = began.elapsed();
    assert!(took < 15 * SLOW, "{took:?}");
    let began = Instant::now();
    let page = store.scan(&scan_all()).await.expect("scanned");
    assert_eq!(page.records, SEGMENTS);
    let took = began.elapsed();
    assert!(took > 25 * SLOW, "not cold: {took:?}");
    store.close(CLOSE).await.expect("closed");
}
