//! What is there after a crash, and after very many restarts.

use std::collections::BTreeMap;
use std::future::Future;

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::held_store::Held;
use super::*;

/// Runs `life` on a runtime of its own that is then torn down without a goodbye, as a crash does.
pub(super) fn crash_after<T: Send + 'static>(life: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let outcome = runtime.block_on(life);
    runtime.shutdown_background();
    outcome
}

#[test]
fn after_a_crash_durable_records_are_there_and_no_sequence_is_used_again() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut used = Vec::new();
    let mut durable = Vec::new();
    for _ in 0..5 {
        let objects = Arc::clone(&objects);
        let (given, kept) = crash_after(async move {
            let store = open(&objects).await;
            let found = values(&store, "durable").await;
            let kept = store
                .append(batch("durable", &["a", "b"]), Durability::Durable)
                .await
                .expect("appended");
            let mut given = vec![kept];
            for _ in 0..20 {
                given.push(
                    store
                        .append(batch("applied", &["x"]), Durability::Applied)
                        .await
                        .expect("appended"),
                );
            }
            (given, (found, kept))
        });
        assert_eq!(
            kept.0, durable,
            "all durable records of the lives before, whole and in order"
        );
        durable.extend([
            (kept.1.start.get(), "a".into()),
            (kept.1.start.get() + 1, "b".into()),
        ]);
        for appended in given {
            used.extend((0..appended.count).map(|i| appended.start.plus(i).get()));
        }
    }
    assert!(
        used.is_sorted_by(|a, b| a < b),
        "every sequence once, ascending: {used:?}"
    );
}

#[test]
fn counts_and_segments_go_on_after_a_crash_in_mid_segment() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    for life in 0..3u64 {
        let objects = Arc::clone(&objects);
        crash_after(async move {
            let store = open(&objects).await;
            for _ in 0..3 {
                store
                    .append(batch("k", &["a", "b"]), Durability::Durable)
                    .await
                    .expect("appended");
            }
            let count = store
                .count(&Key::stored("k".into()), SequenceRange::ALL)
                .await
                .expect("counted");
            assert_eq!(count.records, (life + 1) * 6);
            assert_eq!(
                store
                    .segments(SequenceRange::ALL)
                    .await
                    .expect("listed")
                    .len(),
                1
            );
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_opened_and_closed_hundreds_of_times_keeps_its_place() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    store
        .append(batch("k", &["a"]), Durability::Applied)
        .await
        .expect("appended");
    store.close(CLOSE).await.expect("closed");
    for _ in 0..20 {
        let store = open(&objects).await;
        assert_eq!(store.watermarks().tip, Sequence::new(1));
        store.close(CLOSE).await.expect("closed");
    }
    let store = open(&objects).await;
    let appended = store
        .append(batch("k", &["b"]), Durability::Applied)
        .await
        .expect("appended");
    assert_eq!(appended.start, Sequence::new(1));
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_keys_are_looked_up_and_counted_right() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |options| options.key_table_bytes = 4_000)
        .await
        .expect("opened");
    let limits = Limits::default();
    for _ in 0..3 {
        let records =
            (0..200u32).map(|i| Record::parse(format!("key-{i}").into(), "v".into(), &limits));
        let records = records
            .collect::<Result<Vec<_>>>()
            .expect("within the limits");
        let batch = Batch::new(records, &limits).expect("a batch").into();
        store
            .append(batch, Durability::Applied)
            .await
            .expect("appended");
    }
    for i in 0..200u32 {
        let key = Key::stored(format!("key-{i}").into());
        assert_eq!(
            store
                .count(&key, SequenceRange::ALL)
                .await
                .expect("counted")
                .records,
            3
        );
    }
    store.close(CLOSE).await.expect("closed");
}

/// While a log is opened, its compactor may replace a data file, and its collector delete it.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_that_is_replaced_while_the_log_is_opened_is_looked_for_again() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    let appended = store.append(batch("k", &["1", "2"]), Durability::Durable);
    appended.await.expect("appended");
    flush(&store).await;
    store.close(CLOSE).await.expect("closed");
    let held = Arc::new(Held::new(Arc::clone(&objects), "/compacted/"));
    held.hold_next();
    let opening = tokio::spawn({
        let objects: Arc<dyn ObjectStore> = Arc::clone(&held) as _;
        async move { open(&objects).await }
    });
    held.is_held().await;
    let files = data_files(&objects).await;
    for file in files.keys() {
        objects.delete(file).await.expect("deleted");
    }
    // The engine reads the files, too: none of its reads may take the place of the one that is waited for.
    held.hold_all(true);
    held.release();
    held.is_held().await;
    for (file, data) in files {
        objects.put(&file, data.into()).await.expect("put");
    }
    held.hold_all(false);
    let store = opening.await.expect("opened");
    assert_eq!(values(&store, "k").await.len(), 2);
    store.close(CLOSE).await.expect("closed");
}

async fn data_files(objects: &Arc<dyn ObjectStore>) -> BTreeMap<Path, bytes::Bytes> {
    let mut files = BTreeMap::new();
    let listed: Vec<_> = objects.list(None).try_collect().await.expect("listed");
    for file in listed {
        if file.location.as_ref().contains("/compacted/") {
            let data = objects.get(&file.location).await.expect("there").bytes();
            files.insert(file.location, data.await.expect("read"));
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_is_not_left_to_the_next_writer() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    for _ in 0..10 {
        let appended = store.append(batch("k", &["a"]), Durability::Durable).await;
        appended.expect("appended");
    }
    let left = store.backlog();
    assert!(left.pieces >= 10 && left.bytes > 0, "{left:?}");
    store.prepare_close().await.expect("prepared");
    assert_eq!(store.backlog(), Backlog::default());
    // It goes on.
    let appended = store.append(batch("k", &["b"]), Durability::Durable).await;
    assert_eq!(appended.expect("appended").start, Sequence::new(10));
    assert!(store.backlog().pieces > 0);
    store.close(CLOSE).await.expect("closed");
    let next = open(&objects).await;
    assert_eq!(next.watermarks().tip, Sequence::new(11));
    next.close(CLOSE).await.expect("closed");
}
