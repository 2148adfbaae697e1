//! Another writer, and an object store that does not answer.

use std::time::Duration;

use object_store::throttle::{ThrottleConfig, ThrottledStore};

use super::held_store::{Held, What};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_writer_acknowledges_nothing_durable_and_says_so() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let older = open(&objects).await;
    older
        .append(batch("k", &["before"]), Durability::Durable)
        .await
        .expect("appended");
    let newer = open(&objects).await;
    let first = older
        .append(batch("k", &["zombie"]), Durability::Durable)
        .await;
    assert!(
        matches!(first, Err(Error::Fenced | Error::OutcomeUnknown { .. })),
        "{first:?}"
    );
    assert_eq!(older.stopped().await, Stopped::Fenced);
    for durability in [Durability::Applied, Durability::Durable] {
        let refused = older.append(batch("k", &["zombie"]), durability).await;
        assert!(matches!(refused, Err(Error::Fenced)), "{refused:?}");
    }
    assert!(matches!(older.check().await, Err(Error::Fenced)));
    let appended = newer
        .append(batch("k", &["after"]), Durability::Durable)
        .await
        .expect("appended");
    let read = values(&newer, "k").await;
    assert_eq!(
        read,
        [(0, "before".into()), (appended.start.get(), "after".into())]
    );
    assert!(
        appended.start > Sequence::new(1),
        "past what the older one may have given away"
    );
    newer.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn a_store_that_has_stopped_says_so_to_each_in_words_that_fit_the_question() {
    for (why, to_operators) in [
        (Stopped::Failed, "the storage engine has failed"),
        (Stopped::Closing, "the server is shutting down"),
    ] {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = open(&objects).await;
        store.shared.stop(why);
        let told = store.check().await.expect_err("stopped").to_string();
        assert_eq!(told, to_operators);
        let refused = store.append(batch("k", &["v"]), Durability::Applied).await;
        assert_eq!(
            refused.expect_err("stopped").to_string(),
            format!("{to_operators}; the batch was not applied")
        );
    }
}

/// A store whose PUTs take `put` once the log is open.
fn slow(objects: &Arc<dyn ObjectStore>) -> Arc<ThrottledStore<Arc<dyn ObjectStore>>> {
    Arc::new(ThrottledStore::new(
        Arc::clone(objects),
        ThrottleConfig::default(),
    ))
}

fn hang(store: &ThrottledStore<Arc<dyn ObjectStore>>) {
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(60));
}

fn heal(store: &ThrottledStore<Arc<dyn ObjectStore>>) {
    store.config_mut(|config| config.wait_put_per_call = Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn with_the_object_store_hanging_every_append_is_answered_in_time_and_truthfully() {
    let throttled = slow(&(Arc::new(InMemory::new()) as Arc<_>));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    let store = open_with(&objects, |options| {
        options.append_timeout = Duration::from_secs(5);
        options.limits.append_queue_requests = 2;
    });
    let store = store.await.expect("opened");
    store
        .append(batch("k", &["0"]), Durability::Durable)
        .await
        .expect("appended");
    hang(&throttled);
    store
        .append(batch("k", &["1"]), Durability::Applied)
        .await
        .expect("applied without the object store");
    let wait = || store.append(batch("k", &["2"]), Durability::Durable);
    let (a, b, c) = tokio::join!(wait(), wait(), wait());
    assert!(matches!(a, Err(Error::OutcomeUnknown { .. })), "{a:?}");
    assert!(matches!(b, Err(Error::OutcomeUnknown { .. })), "{b:?}");
    assert!(
        matches!(c, Err(Error::Overloaded { limit: 2, .. })),
        "{c:?}"
    );
    heal(&throttled);
    while store.watermarks().durable < store.watermarks().tip {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store
        .append(batch("k", &["3"]), Durability::Durable)
        .await
        .expect("service resumed by itself");
    assert_eq!(values(&store, "k").await.len(), 5);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn a_close_that_cannot_flush_ends_in_time_and_says_what_is_not_durable() {
    let throttled = slow(&(Arc::new(InMemory::new()) as Arc<_>));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    let store = open_with(&objects, |_| {}).await.expect("opened");
    store
        .append(batch("k", &["0"]), Durability::Durable)
        .await
        .expect("appended");
    hang(&throttled);
    store
        .append(batch("k", &["1", "2"]), Durability::Applied)
        .await
        .expect("applied");
    let outcome = store.close(Duration::from_secs(3)).await;
    let told = outcome.expect_err("not flushed").to_string();
    assert!(
        told.contains("2 acknowledged records from sequence 1 on are not durable"),
        "{told}"
    );
}

/// A clock that says the same time whenever a log is opened.
struct At(i64);

impl Clock for At {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_opens_also_if_the_writer_before_still_names_files_with_a_clock_ahead() {
    const NOW_MS: i64 = 1_790_000_000_000;
    const AHEAD_MS: u64 = 60 * 60 * 1_000;
    let mut options = Options {
        open_timeout: Duration::from_millis(10 * AHEAD_MS),
        ..Options::default()
    };
    options.settings.compactor_options = None;
    options.settings.garbage_collector_options = None;
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let ahead = Arc::new(At(NOW_MS + AHEAD_MS as i64));
    let older = open_by(&objects, ahead, options.clone()).await;
    let older = older.expect("opened");
    let appended = older.append(batch("k", &["first"]), Durability::Durable);
    appended.await.expect("appended");
    let throttled = slow(&objects);
    let fence = Arc::new(Held::of(throttled.clone(), What::Write, "/manifest/"));
    let files = Arc::new(Held::of(fence.clone(), What::Write, "/compacted/"));
    fence.hold_next();
    let newer = {
        let objects: Arc<dyn ObjectStore> = files.clone();
        // It names files while it opens.
        options.settings.l0_sst_size_bytes = 600;
        tokio::spawn(async move { open_by(&objects, Arc::new(At(NOW_MS)), options).await })
    };
    fence.is_held().await;
    // It has looked which names there are.
    flush(&older).await;
    for _ in 0..4 {
        let fifty = batch("k", &["so long that a file is full"; 50]);
        let appended = older.append(fifty, Durability::Durable);
        appended.await.expect("appended");
    }
    // So the engine has stopped before all is read.
    throttled.config_mut(|config| config.wait_get_per_call = Duration::from_millis(100));
    files.hold_next();
    fence.release();
    files.is_held().await;
    // Its names are given. Its clock passes those of the older one.
    tokio::time::advance(Duration::from_millis(2 * AHEAD_MS)).await;
    files.release();
    let newer = newer.await.expect("no panic").expect("opened");
    assert_eq!(values(&newer, "k").await.len(), 201);
    newer.close(CLOSE).await.expect("closed");
}

#[tokio::test]
async fn what_is_not_a_log_of_this_version_is_refused() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let other = slatedb::Db::open("log", Arc::clone(&objects))
        .await
        .expect("opened");
    other.put(b"some", b"thing").await.expect("put");
    other.close().await.expect("closed");
    assert!(open_with(&objects, |_| {}).await.is_err());
}

/// Panics where it is dropped by the thread that looks at a folder.
#[derive(Clone)]
struct Breaks;

impl Drop for Breaks {
    fn drop(&mut self) {
        let name = std::thread::current().name().map(str::to_owned);
        assert_ne!(name.as_deref(), Some("folder-looks"), "broken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_can_not_look_for_its_log_any_more_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = Folder::new(folder.path().to_owned()).open_now();
    let objects: Arc<dyn ObjectStore> = objects.expect("opened");
    let store = open_with(&objects, |options| options.verify_each_flush = true);
    let store = store.await.expect("opened");
    let appended = store.append(batch("k", &["v"]), Durability::Durable).await;
    appended.expect("appended");
    let mut look = object_store::GetOptions::default().with_head(true);
    look.extensions.insert(Breaks);
    let looked = objects.get_opts(&"log/identity".into(), look).await;
    assert!(looked.is_err());
    let stopped = tokio::time::timeout(CLOSE, store.stopped()).await;
    assert_eq!(stopped, Ok(Stopped::Failed));
    let refused = store.append(batch("k", &["v"]), Durability::Durable).await;
    assert!(
        matches!(refused, Err(Error::Unavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_session_takes_one_place_in_the_queue_however_many_requests_it_sends() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let one_place = |options: &mut Options| options.limits.append_queue_requests = 1;
    let store = open_with(&objects, one_place).await.expect("opened");
    let appends = (0..100).map(|_| (batch("k", &["v"]), Durability::Applied));
    let outcomes = store.append_all(appends.collect()).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(values(&store, "k").await.len(), 100);
    store.close(CLOSE).await.expect("closed");
}
