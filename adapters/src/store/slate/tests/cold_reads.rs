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
            time: None,
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

#[tokio::test(start_paused = true)]
async fn pages_of_cold_segments_end_in_time_and_show_everything() {
    let store = cold().await;
    let mut scan = scan_all();
    scan.limit.time = Some(5 * SLOW);
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let began = Instant::now();
        let page = store.scan(&scan).await.expect("scanned");
        // What is read when the time is over is read to its end.
        let took = began.elapsed();
        assert!(took < 12 * SLOW, "{took:?}");
        seen.extend(page.runs.iter().map(|run| run.first().get()));
        scan.range = scan.range.starting_at(page.next);
        pages += 1;
        if page.complete {
            break;
        }
        assert!(page.more && page.records > 0);
    }
    assert!(seen.iter().copied().eq(0..SEGMENTS), "{seen:?}");
    assert!(pages > 3, "{pages} pages");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn pages_of_several_keys_in_cold_segments_end_in_time_and_show_everything() {
    for selection in [
        Selection::Prefix(bytes::Bytes::from("k")),
        Selection::keys(vec![Key::stored("k".into()), Key::stored("none".into())]).expect("a set"),
    ] {
        let store = cold().await;
        let mut scan = scan_all();
        (scan.selection, scan.limit.time) = (selection, Some(5 * SLOW));
        let (mut seen, mut pages) = (0, 0);
        loop {
            let began = Instant::now();
            let page = store.scan(&scan).await.expect("scanned");
            let took = began.elapsed();
            assert!(took < 15 * SLOW, "{took:?}");
            for run in &page.runs {
                assert_eq!(run.first().get(), seen);
                seen += u64::from(run.count());
            }
            scan.range = scan.range.starting_at(page.next);
            pages += 1;
            if page.complete {
                break;
            }
            assert!(page.more && page.records > 0);
        }
        assert_eq!(seen, SEGMENTS);
        assert!(pages > 3, "{pages} pages");
        store.close(CLOSE).await.expect("closed");
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_records_that_were_read_in_time_are_answered() {
    let store = cold().await;
    let mut scan = scan_all();
    (scan.side, scan.limit.time) = (Side::Newest, Some(10 * SLOW));
    let page = store.scan(&scan).await.expect("scanned");
    assert!(page.more && page.records > 0 && page.records < SEGMENTS);
    let sequences = page.runs.iter().map(|run| run.first().get());
    assert!(sequences.eq(SEGMENTS - page.records..SEGMENTS));
    assert_eq!(page.next.get(), SEGMENTS);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn a_listing_whose_time_is_over_goes_on_after_the_last_key() {
    let store = cold().await;
    let query = KeysQuery {
        start_segment: 20,
        end_segment: 25,
        prefix: bytes::Bytes::new(),
        start_after: None,
        limit: PageLimit {
            records: 10,
            bytes: 1_000,
            time: Some(Duration::ZERO),
        },
    };
    let page = store.keys(&query).await.expect("listed");
    let after = page.next_start_after.expect("it was stopped");
    assert_eq!(
        (page.keys, after.as_ref()),
        (vec![after.clone()], &b"k"[..])
    );
    let start_after = Some(after.as_bytes().clone());
    let rest = KeysQuery {
        start_after,
        ..query
    };
    let page = store.keys(&rest).await.expect("listed");
    assert_eq!((page.keys, page.next_start_after), (Vec::new(), None));
    store.close(CLOSE).await.expect("closed");
}
