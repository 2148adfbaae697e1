//! The directory: which segments hold a key, and how many records are before them.

use super::*;
use crate::store::slate::layout::directory;

/// A table in which a few keys have room.
const SMALL_TABLE: u64 = 1_500;

/// A store that forgets.
struct Forgetful(On);

impl StoreFixture for Forgetful {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let mut options = Options {
            seal: opening.seal,
            ..Options::default()
        };
        options.key_table_bytes = SMALL_TABLE;
        self.0.open_with(opening, options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_remembers_few_keys_conforms() {
    run_all(|| Forgetful(On(Arc::new(InMemory::new())))).await;
}

/// Opens a log in which every append begins a segment.
async fn open_sealing(objects: &Arc<dyn ObjectStore>) -> SlateStore {
    let store = open_with(objects, |options| options.seal.bytes = Some(1));
    store.await.expect("opened")
}

async fn append(store: &SlateStore, key: &'static str) {
    let appended = store.append(batch(key, &["1", "2"]), Durability::Applied);
    appended.await.expect("appended");
}

async fn count(store: &SlateStore, key: &'static str, from: u64) -> u64 {
    let range = SequenceRange::ALL.starting_at(Sequence::new(from));
    let count = store.count(&Key::stored(key.into()), range).await;
    count.expect("counted").records
}

/// What the directory says of a key in a segment.
async fn earlier(store: &SlateStore, key: &'static str, segment: u32) -> Option<Option<u64>> {
    let row_key = directory::key(key.as_bytes(), segment);
    let value = store.db.get(&row_key).await.expect("read")?;
    let entry = directory::decode(&row_key, &value).expect("a row");
    Some(entry.earlier)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_right_while_a_row_is_open_and_the_row_is_settled_later() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_sealing(&objects).await;
    for key in ["a", "b", "a", "a"] {
        append(&store, key).await;
    }
    assert_eq!(earlier(&store, "a", 1).await, Some(Some(0)));
    assert_eq!(earlier(&store, "a", 2).await, None);
    assert_eq!(earlier(&store, "a", 4).await, Some(Some(4)));
    store.close(CLOSE).await.expect("closed");

    // After a restart the writer knows no key, and no append waits to learn how many records are before it.
    let store = open_sealing(&objects).await;
    append(&store, "a").await;
    assert_eq!(earlier(&store, "a", 5).await, Some(None));
    assert_eq!(count(&store, "a", 0).await, 8);
    assert_eq!(count(&store, "a", 3).await, 6);
    assert_eq!(count(&store, "b", 0).await, 2);

    let settled = tokio::time::timeout(Duration::from_secs(30), async {
        while earlier(&store, "a", 5).await != Some(Some(6)) {
            append(&store, "other").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    settled.await.expect("settled");
    assert_eq!(count(&store, "a", 0).await, 8);
    append(&store, "a").await;
    let newest = store.status().active_segment;
    assert_eq!(earlier(&store, "a", newest).await, Some(Some(8)));
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_key_over_many_segments_finds_what_it_holds_in_each() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_sealing(&objects).await;
    for segment in 0..300 {
        let key = if segment % 100 == 50 {
            "rare"
        } else {
            "common"
        };
        append(&store, key).await;
    }
    let read = values(&store, "rare").await;
    let sequences: Vec<u64> = read.into_iter().map(|(sequence, _)| sequence).collect();
    assert_eq!(sequences, [100, 101, 300, 301, 500, 501]);
    assert_eq!(count(&store, "rare", 0).await, 6);
    assert_eq!(count(&store, "rare", 101).await, 5);
    assert_eq!(count(&store, "rare", 502).await, 0);
    assert_eq!(count(&store, "common", 599).await, 1);
    assert_eq!(count(&store, "nobody", 0).await, 0);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_leaves_out_what_was_applied_after_its_watermarks_were_read() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |_| {}).await.expect("opened");
    for key in ["a", "b", "a"] {
        append(&store, key).await;
    }
    for tip in 0..=6 {
        let mut reader = store.reader(Sequence::ZERO);
        reader.watermarks.tip = Sequence::new(tip);
        for (key, at) in [("a", [0, 1, 4, 5].as_slice()), ("b", &[2, 3]), ("c", &[])] {
            let key = Key::stored(key.into());
            let count = reader.count(&key, SequenceRange::ALL).await;
            let below = at.iter().filter(|sequence| **sequence < tip).count();
            assert_eq!(
                count.expect("counted").records,
                below as u64,
                "{key:?} {tip}"
            );
        }
    }
    store.close(CLOSE).await.expect("closed");
}
