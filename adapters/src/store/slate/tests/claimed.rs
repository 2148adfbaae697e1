//! A log that is looked at while it is claimed, and then opened with what was read.

use object_store::ObjectStoreExt;
use object_store::throttle::{ThrottleConfig, ThrottledStore};

use super::compactor::follows;
use super::held_store::{Held, What};
use super::*;

/// How much later the store answers, where requests that wait for each other are counted.
const LATER: Duration = Duration::from_millis(20);

/// Requests of an opening that wait for each other, after a writer that has closed.
const WAIT_FOR_EACH_OTHER: u128 = 9;

/// Opens a log once `claim` has resolved. It says that the previous writer has closed the log.
async fn opened_after(
    objects: &Arc<dyn ObjectStore>,
    claim: impl Future<Output = Result<()>> + Send,
) -> Result<SlateStore> {
    let mut options = Options::default();
    follows(&mut options);
    let parts = parts_on(objects, &options);
    let claim = async {
        claim.await?;
        Ok(Claim {
            writer_has_closed: true,
        })
    };
    SlateStore::open_claimed(parts, options, claim).await
}

async fn append(store: &SlateStore, value: &'static str) {
    let appended = store
        .append(batch("k", &[value]), Durability::Durable)
        .await;
    appended.expect("appended");
}

async fn appended(store: &SlateStore) -> Vec<bytes::Bytes> {
    let values = values(store, "k").await.into_iter();
    values.map(|(_, value)| value).collect()
}

#[tokio::test(start_paused = true)]
async fn few_requests_of_an_opening_wait_for_each_other() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    for _ in 0..3 {
        let store = opened_after(&objects, async { Ok(()) })
            .await
            .expect("opened");
        append(&store, "v").await;
        flush(&store).await;
        store.close(CLOSE).await.expect("closed");
    }
    let later = ThrottleConfig {
        wait_get_per_call: LATER,
        wait_put_per_call: LATER,
        wait_list_per_call: LATER,
        wait_list_with_delimiter_per_call: LATER,
        ..ThrottleConfig::default()
    };
    let throttled: Arc<dyn ObjectStore> = Arc::new(ThrottledStore::new(objects, later));
    let began = Instant::now();
    let claim = async {
        tokio::time::sleep(2 * LATER).await;
        Ok(())
    };
    let store = opened_after(&throttled, claim).await.expect("opened");
    let requests = began.elapsed().as_millis() / LATER.as_millis();
    assert!(requests <= WAIT_FOR_EACH_OTHER, "{requests}");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_claimed_is_not_changed() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = open(&objects).await;
    append(&first, "1").await;
    let opened = opened_after(&objects, async { Err(Error::unavailable("not claimed")) }).await;
    assert!(matches!(opened, Err(Error::Unavailable { .. })));
    // It is not fenced.
    append(&first, "2").await;
    first.close(CLOSE).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn the_next_writer_waits_for_two_requests_of_the_last_one() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let later = ThrottleConfig {
        wait_get_per_call: LATER,
        wait_put_per_call: LATER,
        ..ThrottleConfig::default()
    };
    let throttled: Arc<dyn ObjectStore> = Arc::new(ThrottledStore::new(objects, later));
    let store = opened_after(&throttled, async { Ok(()) });
    let store = store.await.expect("opened");
    append(&store, "durable").await;
    store.prepare_close().await.expect("prepared");
    let applied = store.append(batch("k", &["applied"]), Durability::Applied);
    applied.await.expect("applied");
    let began = Instant::now();
    store.quiesce(CLOSE).await.expect("quiesced");
    let requests = began.elapsed().as_millis() / LATER.as_millis();
    // The flush, and a look whether the log is still there.
    assert!(requests <= 2, "{requests}");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_that_is_being_written_does_not_arrive_after_that_of_the_next_writer() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let held = Arc::new(Held::of(objects, What::Write, "/watermark"));
    let objects: Arc<dyn ObjectStore> = Arc::<Held>::clone(&held);
    let store = opened_after(&objects, async { Ok(()) });
    let store = store.await.expect("opened");
    held.hold_all(true);
    append(&store, "1").await;
    let stored = store.store_watermark();
    let quiesced = async {
        held.is_held().await;
        let quiesce = store.quiesce(CLOSE);
        tokio::pin!(quiesce);
        let early = tokio::time::timeout(Duration::from_millis(500), &mut quiesce).await;
        assert!(early.is_err(), "it is on its way");
        held.hold_all(false);
        quiesce.await.expect("quiesced");
    };
    let (stored, ()) = tokio::join!(stored, quiesced);
    stored.expect("stored");
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_open_again_before_its_last_writer_has_closed() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = opened_after(&objects, async { Ok(()) });
    let first = first.await.expect("opened");
    append(&first, "1").await;
    first.prepare_close().await.expect("prepared");
    let applied = first.append(batch("k", &["2"]), Durability::Applied);
    applied.await.expect("applied");
    first.quiesce(CLOSE).await.expect("quiesced");
    let late = first.append(batch("k", &["late"]), Durability::Applied);
    let late = late.await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    let next = opened_after(&objects, async { Ok(()) })
        .await
        .expect("opened");
    assert_eq!(appended(&next).await, ["1", "2"]);
    append(&next, "3").await;
    next.prepare_close().await.expect("prepared");
    let known = stored_watermark(&objects).await;
    first.close(CLOSE).await.expect("closed");
    assert_eq!(stored_watermark(&objects).await, known, "it is of the next");
    append(&next, "4").await;
    next.close(CLOSE).await.expect("closed");
    let last = open(&objects).await;
    assert_eq!(appended(&last).await, ["1", "2", "3", "4"]);
    last.close(CLOSE).await.expect("closed");
}

async fn stored_watermark(objects: &Arc<dyn ObjectStore>) -> bytes::Bytes {
    let stored = objects.get(&"log/watermark".into()).await.expect("stored");
    stored.bytes().await.expect("read")
}

/// The reads before an opening may be late: what the engine does with them, it does on the condition that nothing has changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_does_between_the_look_and_the_opening_is_kept() {
    for closes in [false, true] {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let first = open(&objects).await;
        append(&first, "1").await;
        let claim = async {
            // The looks have read by then.
            tokio::time::sleep(Duration::from_millis(200)).await;
            for value in ["2", "3", "4"] {
                append(&first, value).await;
                flush(&first).await;
            }
            append(&first, "5").await;
            if closes {
                first.close(CLOSE).await.expect("closed");
            }
            Ok(())
        };
        let next = opened_after(&objects, claim).await.expect("opened");
        assert_eq!(appended(&next).await, ["1", "2", "3", "4", "5"]);
        append(&next, "6").await;
        if !closes {
            let lost = first
                .append(batch("k", &["lost"]), Durability::Durable)
                .await;
            assert!(lost.is_err(), "{lost:?}");
        }
        next.close(CLOSE).await.expect("closed");
        let last = open(&objects).await;
        assert_eq!(appended(&last).await, ["1", "2", "3", "4", "5", "6"]);
        last.close(CLOSE).await.expect("closed");
    }
}
