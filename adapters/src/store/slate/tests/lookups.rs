//! Appends to keys that the sequencer has forgotten.

use futures::FutureExt;
use log_domain::{Precondition, Producer, Rejection};
use object_store::local::LocalFileSystem;
use object_store::throttle::{ThrottleConfig, ThrottledStore};

use super::*;
use crate::store::slate::vanished::Absence;

/// How long a GET takes while the object store is slow.
const SLOW: Duration = Duration::from_secs(60);

/// A log with a data file for each of some keys, and for others with it. The files have filters, which tell these keys apart.
async fn filled(objects: &Arc<dyn ObjectStore>, keys: [&'static str; 3]) {
    let store = open_with(objects, |options| options.settings.min_filter_keys = 1);
    let store = store.await.expect("opened");
    let limits = Limits::default();
    for key in keys {
        let others = (0..30).map(|other| format!("beside {key}: {other}"));
        let keys = std::iter::once(key.to_owned()).chain(others);
        let records = keys.map(|key| Record::parse(key.into(), "before".into(), &limits));
        let records: Result<Vec<_>> = records.collect();
        let batch = Batch::new(records.expect("within the limits"), &limits).expect("a batch");
        let appended = store.append(batch.into(), Durability::Durable).await;
        appended.expect("appended");
        flush(&store).await;
    }
    store.close(CLOSE).await.expect("closed");
}

/// A store whose keys "cold", "cold too" and "hot" are in data files alone, and its object store, which can be slowed down.
async fn cold(
    change: impl FnOnce(&mut Options),
) -> (Arc<ThrottledStore<Arc<dyn ObjectStore>>>, SlateStore) {
    let throttled = Arc::new(ThrottledStore::new(
        Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
        ThrottleConfig::default(),
    ));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    filled(&objects, ["cold", "cold too", "hot"]).await;
    let store = open_with(&objects, change).await.expect("opened");
    (throttled, store)
}

#[tokio::test(start_paused = true)]
async fn an_append_that_waits_for_a_lookup_does_not_hold_up_the_others() {
    let (throttled, store) = cold(|options| options.append_timeout = 5 * SLOW).await;
    let store = Arc::new(store);
    let append = |key, value| {
        let store = Arc::clone(&store);
        async move {
            let began = Instant::now();
            let appended = store.append(batch(key, &[value]), Durability::Applied);
            (appended.await, began.elapsed())
        }
    };
    // Now the table knows this key only: after a restart in mid-segment it begins empty.
    append("hot", "1").await.0.expect("appended");

    throttled.config_mut(|config| config.wait_get_per_call = SLOW);
    let waiting = [("cold", "1"), ("cold too", "1"), ("cold", "2")];
    let waiting = waiting.map(|(key, value)| tokio::spawn(append(key, value)));
    tokio::task::yield_now().await;
    for value in ["2", "3"] {
        let (appended, took) = append("hot", value).await;
        appended.expect("appended");
        assert!(took < SLOW / 10, "held up for {took:?}");
    }
    for waiting in waiting {
        let (appended, took) = waiting.await.expect("ended");
        appended.expect("appended");
        assert!(took >= SLOW, "answered without a lookup, after {took:?}");
    }
    throttled.config_mut(|config| config.wait_get_per_call = Duration::ZERO);
    for (key, records) in [("cold", 3), ("cold too", 2), ("hot", 4)] {
        let key = Key::stored(key.into());
        let count = store.count(&key, SequenceRange::ALL).await;
        assert_eq!(count.expect("counted").records, records, "{key:?}");
    }
    let last: Vec<_> = values(&store, "cold").await;
    let last: Vec<_> = last.into_iter().map(|(_, value)| value).collect();
    assert_eq!(last, ["before", "1", "2"]);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_appends_that_wait_for_a_lookup() {
    let (throttled, store) = cold(|_| {}).await;
    let store = Arc::new(store);
    throttled.config_mut(|config| config.wait_get_per_call = Duration::from_secs(2));
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .append(batch("cold", &["1"]), Durability::Durable)
                .await
        })
    };
    tokio::task::yield_now().await;
    store.close(CLOSE).await.expect("closed");
    waiting.await.expect("ended").expect("appended");
    throttled.config_mut(|config| config.wait_get_per_call = Duration::ZERO);
    let objects: Arc<dyn ObjectStore> = throttled;
    let reopened = open(&objects).await;
    assert_eq!(values(&reopened, "cold").await.len(), 2);
    reopened.close(CLOSE).await.expect("closed");
}

/// Records of this many keys, in data files.
async fn with_cold_keys(objects: &Arc<dyn ObjectStore>, keys: usize) {
    let store = open(objects).await;
    let limits = Limits::default();
    let record = |i| Record::parse(cold_key(i).as_bytes().clone(), "v".into(), &limits);
    let records: Result<Vec<_>> = (0..keys).map(record).collect();
    let batch = Batch::new(records.expect("within the limits"), &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Durable).await;
    appended.expect("appended");
    flush(&store).await;
    store.close(CLOSE).await.expect("closed");
}

fn cold_key(i: usize) -> Key {
    Key::stored(format!("cold-{i}").into())
}

/// An append that demands of each of the cold keys that it has no record at or above `since`.
fn conditional(keys: usize, since: u64) -> Append {
    let precondition = |i| Precondition {
        key: cold_key(i),
        no_record_since: Sequence::new(since),
    };
    let preconditions = (0..keys).map(precondition).collect();
    let batch = batch("written", &["v"]).batch().clone();
    Append::new(batch, preconditions, None).expect("an append")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_preconditions_on_forgotten_keys_are_judged_and_hold_up_nobody() {
    const KEYS: usize = 1_000;
    let folder = tempfile::tempdir().expect("a folder");
    let objects = LocalFileSystem::new_with_prefix(folder.path()).expect("a store");
    let objects: Arc<dyn ObjectStore> = Arc::new(objects);
    with_cold_keys(&objects, KEYS).await;
    let store = Arc::new(open(&objects).await);
    // Beyond what is forgotten nothing has to be looked up.
    let began = Instant::now();
    let holds = conditional(KEYS, KEYS as u64);
    store
        .append(holds, Durability::Applied)
        .await
        .expect("it holds");
    let known = began.elapsed();
    // The last record of the last key lies at its number.
    let judged = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let began = Instant::now();
            let outcome = store.append(conditional(KEYS, KEYS as u64 - 1), Durability::Applied);
            (outcome.await, began.elapsed())
        })
    };
    let mut slowest = Duration::ZERO;
    let mut others = 0;
    while !judged.is_finished() {
        let began = Instant::now();
        let other = store
            .append(batch("other", &["v"]), Durability::Applied)
            .await;
        other.expect("appended");
        slowest = slowest.max(began.elapsed());
        others += 1;
    }
    let (outcome, took) = judged.await.expect("ended");
    let Err(Error::Rejected(why)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(*why, Rejection::Conflict { last, .. } if last.get() == KEYS as u64 - 1));
    println!("known {known:?}; looked up {took:?}, while {others} others took up to {slowest:?}");
    // Optimized, it is below 150 ms.
    assert!(took < Duration::from_secs(3), "judged after {took:?}");
    assert!(
        slowest < took.max(Duration::from_millis(500)),
        "held up for {slowest:?} of {took:?}"
    );
    store.close(CLOSE).await.expect("closed");
}

/// The group is written in part only: what waits for a lookup is not in it.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_request_that_could_not_be_written_is_not_applied() {
    let (throttled, store) = cold(|options| options.append_timeout = 5 * SLOW).await;
    let hot = store.append(batch("hot", &["1"]), Durability::Durable);
    hot.await.expect("appended");
    throttled.config_mut(|config| config.wait_get_per_call = SLOW);
    let producer = Producer::parse("p", 0, 0).expect("a producer");
    let of_producer = Append::new(
        batch("hot", &["2"]).batch().clone(),
        Vec::new(),
        Some(producer),
    );
    let behind = batch("cold", &["1"]);
    let session = [of_producer.expect("an append"), behind];
    let session = session.map(|append| (append, Durability::Applied)).to_vec();
    let mut outcomes = std::pin::pin!(store.append_all(session));
    assert!((&mut outcomes).now_or_never().is_none(), "it is queued");
    let gone = Absence::Gone("a test".into());
    store.shared.note(Err(gone)).expect_err("it is gone");
    // By then the group is written, or not.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    store.shared.note(Ok(())).expect("it is back");
    let outcomes = outcomes.await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    throttled.config_mut(|config| config.wait_get_per_call = Duration::ZERO);
    assert_eq!(values(&store, "cold").await.len(), 1);
}
