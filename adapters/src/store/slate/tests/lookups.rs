//! Appends to keys that the sequencer has forgotten.

use object_store::throttle::{ThrottleConfig, ThrottledStore};
use slatedb::config::FlushOptions;

use super::*;

/// How long a GET takes while the object store is slow.
const SLOW: Duration = Duration::from_secs(60);

/// A log with a data file for each of some keys.
async fn filled(objects: &Arc<dyn ObjectStore>, keys: [&'static str; 3]) {
    let store = open(objects).await;
    for key in keys {
        store
            .append(batch(key, &["before"]), Durability::Durable)
            .await
            .expect("appended");
        let options = FlushOptions {
            flush_type: FlushType::MemTable,
        };
        store.db.flush_with_options(options).await.expect("flushed");
    }
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn an_append_that_waits_for_a_lookup_does_not_hold_up_the_others() {
    let throttled = Arc::new(ThrottledStore::new(
        Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
        ThrottleConfig::default(),
    ));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    filled(&objects, ["cold", "cold too", "hot"]).await;
    let store = open_with(&objects, |options| options.append_timeout = 5 * SLOW);
    let store = Arc::new(store.await.expect("opened"));
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
        assert_eq!(count.expect("counted"), records, "{key:?}");
    }
    let last: Vec<_> = values(&store, "cold").await;
    let last: Vec<_> = last.into_iter().map(|(_, value)| value).collect();
    assert_eq!(last, ["before", "1", "2"]);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_appends_that_wait_for_a_lookup() {
    let throttled = Arc::new(ThrottledStore::new(
        Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
        ThrottleConfig::default(),
    ));
    let objects: Arc<dyn ObjectStore> = throttled.clone();
    filled(&objects, ["cold", "cold too", "hot"]).await;
    let store = Arc::new(open(&objects).await);
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
    let reopened = open(&objects).await;
    assert_eq!(values(&reopened, "cold").await.len(), 2);
    reopened.close(CLOSE).await.expect("closed");
}
