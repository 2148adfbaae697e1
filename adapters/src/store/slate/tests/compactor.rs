//! A compactor that starts when the log is open.

use object_store::ObjectStoreExt;
use slatedb::config::CompactorOptions;
use slatedb::{CloseReason, CompactorBuilder, ErrorKind};

use super::held_store::{Held, What};
use super::*;

pub(super) fn follows(options: &mut Options) {
    options.compactor_follows = true;
    options.merges = Some(MergeSlots::new(1));
    compact_every(&mut options.settings, Duration::from_millis(5));
}

async fn opened(objects: &Arc<dyn ObjectStore>) -> SlateStore {
    open_with(objects, follows).await.expect("opened")
}

async fn append(store: &SlateStore) {
    let appended = store.append(batch("k", &["v"]), Durability::Durable).await;
    appended.expect("appended");
}

/// Makes files until some are merged.
async fn merges(store: &SlateStore) {
    let has_runs = || {
        let manifest = store.manifest();
        let mut segments = manifest.segments().iter();
        segments.any(|segment| !segment.compacted().is_empty())
    };
    let began = Instant::now();
    while !has_runs() {
        assert!(began.elapsed() < CLOSE, "{:?}", store.shared.stopped());
        append(store).await;
        flush(store).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a compactor has claimed the log for the time `epoch`.
async fn is_claimed(store: &SlateStore, epoch: u64) {
    let began = Instant::now();
    while store.manifest().compactor_epoch() < epoch {
        let stopped = store.shared.stopped();
        assert!(began.elapsed() < CLOSE, "{epoch}: {stopped:?}");
        store.db.refresh_manifest().await.expect("read");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_purges_with_a_compactor_that_follows_conforms() {
    struct Follows(On);

    impl StoreFixture for Follows {
        type Store = SlateStore;

        async fn open(&self, opening: Opening) -> SlateStore {
            let mut options = Options {
                seal: opening.seal,
                ..Options::default()
            };
            purge::at_once(&mut options);
            follows(&mut options);
            self.0.open_with(opening, options).await
        }
    }
    run_all(|| Follows(On(Arc::new(InMemory::new())))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_served_before_its_compactor_has_started() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let held = Arc::new(Held::of(objects, What::Write, "/compactions/"));
    held.hold_all(true);
    let objects: Arc<dyn ObjectStore> = held.clone();
    let store = opened(&objects).await;
    held.is_held().await;
    append(&store).await;
    held.hold_all(false);
    merges(&store).await;
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_cannot_start_keeps_no_log_from_closing() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let held = Arc::new(Held::of(Arc::clone(&objects), What::Write, "/compactions/"));
    held.hold_all(true);
    let through: Arc<dyn ObjectStore> = held.clone();
    let store = opened(&through).await;
    held.is_held().await;
    append(&store).await;
    let began = Instant::now();
    store.close(CLOSE).await.expect("closed");
    assert!(began.elapsed() < CLOSE / 2);
    let next = opened(&objects).await;
    assert_eq!(values(&next, "k").await.len(), 1);
    merges(&next).await;
    next.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_closed_when_its_compactor_has_stopped() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let held = Arc::new(Held::of(objects, What::Write, "/compactions/"));
    let objects: Arc<dyn ObjectStore> = held.clone();
    let store = Arc::new(opened(&objects).await);
    is_claimed(&store, 1).await;
    merges(&store).await;
    held.hold_all(true);
    for _ in 0..16 {
        append(&store).await;
        flush(&store).await;
    }
    held.is_held().await;
    let closing = Arc::clone(&store);
    let closing = tokio::spawn(async move { closing.close(CLOSE).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!closing.is_finished());
    held.hold_all(false);
    closing.await.expect("no panic").expect("closed");
}

/// By one thread: what is spawned runs when the test waits for something.
#[tokio::test]
async fn the_writer_takes_the_compactor_back_from_any_other_and_none_from_the_next_writer() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = opened(&objects).await;
    is_claimed(&first, 1).await;
    first.close(CLOSE).await.expect("closed");
    let held = Arc::new(Held::new(Arc::clone(&objects), "/compactions/"));
    let through: Arc<dyn ObjectStore> = held.clone();
    let store = opened(&through).await;
    held.hold_all(true);
    held.is_held().await;
    // As one of a writer before that does not know yet that it is fenced.
    let often = CompactorOptions {
        poll_interval: Duration::from_millis(5),
        worker: None,
        ..CompactorOptions::default()
    };
    let other = CompactorBuilder::new("log", Arc::clone(&objects)).with_options(often);
    let other = other.build();
    let other = tokio::spawn(async move { other.run().await });
    is_claimed(&store, 2).await;
    held.hold_all(false);
    is_claimed(&store, 3).await;
    let ended = other.await.expect("no panic").expect_err("fenced");
    assert_eq!(ended.kind(), ErrorKind::Closed(CloseReason::Fenced));
    merges(&store).await;
    assert_eq!(store.shared.stopped(), None);
    let next = opened(&objects).await;
    is_claimed(&next, 4).await;
    let stopped = tokio::time::timeout(CLOSE, store.stopped()).await;
    assert_eq!(stopped, Ok(Stopped::Fenced));
    tokio::time::sleep(Duration::from_secs(2)).await;
    next.db.refresh_manifest().await.expect("read");
    assert_eq!(next.manifest().compactor_epoch(), 4);
    assert_eq!(next.shared.stopped(), None);
    next.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_fails_takes_its_log_with_it() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = opened(&objects).await;
    is_claimed(&store, 1).await;
    // Whichever of them it reads next.
    for id in 1..20 {
        let damaged = format!("log/compactions/{id:020}.compactions");
        let put = objects.put(&damaged.into(), "damaged".into()).await;
        put.expect("put");
    }
    let began = Instant::now();
    while store.shared.stopped().is_none() {
        assert!(began.elapsed() < CLOSE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(store.shared.stopped(), Some(Stopped::Failed));
}
