//! The bytes of deleted keys go, and no reader can tell.

use log_domain::{Deletion, KeysQuery, SealPolicy};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use slatedb::config::{GarbageCollectorDirectoryOptions, Settings};

use super::*;
use crate::store::slate::backup::Source;
use crate::store::slate::check::check;
use crate::store::slate::layout::{directory, key_floors, keys, purges, records};

mod listed;
mod waits;

/// A table in which a few keys have room.
const SMALL_TABLE: u64 = 1_500;
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// Values are stored as they are unless `slatedb.compression_codec` is set.
const MARKER: &str = "what-nobody-may-find-again";

/// No waits, and nothing is kept for long.
pub(super) fn at_once(options: &mut Options) {
    options.remove_every = Duration::from_millis(1);
    options.purge_within = Duration::from_millis(2);
    let settings: &mut Settings = &mut options.settings;
    compact_every(settings, Duration::from_millis(5));
    let compactor = settings.compactor_options.as_mut();
    let compactor = compactor.expect("on by default");
    compactor.checkpoint_lifetime = Duration::from_secs(1);
    let collect = Some(GarbageCollectorDirectoryOptions {
        interval: Some(Duration::from_millis(50)),
        min_age: Duration::from_millis(50),
        ..GarbageCollectorDirectoryOptions::default()
    });
    let collector = settings.garbage_collector_options.as_mut();
    let collector = collector.expect("on by default");
    collector.wal_options = collect;
    collector.compacted_options = collect;
}

/// A store that purges all the time, and forgets.
struct Purging(On);

impl StoreFixture for Purging {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let mut options = Options {
            seal: opening.seal,
            key_table_bytes: SMALL_TABLE,
            ..Options::default()
        };
        at_once(&mut options);
        self.0.open_with(opening, options).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_purges_deleted_keys_all_the_time_conforms() {
    run_all(|| Purging(On(Arc::new(InMemory::new())))).await;
}

pub(super) async fn open(objects: &Arc<dyn ObjectStore>) -> SlateStore {
    let store = open_with(objects, |options| {
        at_once(options);
        options.seal = SealPolicy {
            bytes: Some(4_000),
            interval: None,
        };
    });
    store.await.expect("opened")
}

pub(super) async fn append(store: &SlateStore, keys: &[&'static str]) {
    let limits = Limits::default();
    let records = keys.iter().map(|key| {
        let value = match *key {
            "gone" | "cut" => MARKER,
            _ => "another value",
        };
        Record::parse((*key).into(), value.into(), &limits).expect("within the limits")
    });
    let batch = Batch::new(records.collect(), &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Durable).await;
    appended.expect("appended");
}

async fn delete(store: &SlateStore, key: &'static str, before: Option<u64>) -> u64 {
    let deletion = Deletion {
        key: Key::stored(key.into()),
        before: before.map(Sequence::new),
    };
    store.delete(deletion).await.expect("deleted").get()
}

pub(super) async fn count(store: &SlateStore, key: &'static str) -> u64 {
    let key = Key::stored(key.into());
    let count = store.count(&key, SequenceRange::ALL).await;
    count.expect("counted").records
}

pub(super) async fn names(store: &SlateStore) -> Vec<String> {
    let all = KeysQuery {
        prefix: bytes::Bytes::new(),
        start_after: None,
        start_segment: 0,
        end_segment: u32::MAX,
        limit: PageLimit {
            records: 1_000,
            bytes: 1 << 20,
            time: None,
        },
    };
    let page = store.keys(&all).await.expect("listed");
    let names = page
        .keys
        .iter()
        .map(|key| key.as_bytes().escape_ascii().to_string());
    names.collect()
}

/// The objects that have the marker in them.
async fn with_marker(objects: &Arc<dyn ObjectStore>) -> Vec<Path> {
    let mut found = Vec::new();
    let all: Vec<ObjectMeta> = {
        use futures::TryStreamExt;
        objects.list(None).try_collect().await.expect("listed")
    };
    for object in all {
        // It may be collected meanwhile.
        let Ok(got) = objects.get(&object.location).await else {
            continue;
        };
        let bytes = got.bytes().await.expect("read");
        let marker = MARKER.as_bytes();
        if bytes.windows(marker.len()).any(|window| window == marker) {
            found.push(object.location);
        }
    }
    found
}

/// Waits until nothing is left to purge, and no object has the marker in it.
async fn purged(store: &SlateStore, objects: &Arc<dyn ObjectStore>) {
    let began = Instant::now();
    loop {
        let pending = store.status().purges;
        let left = with_marker(objects).await;
        if pending == 0 && left.is_empty() {
            return;
        }
        assert!(
            began.elapsed() < LONGEST,
            "{pending} keys, {left:?} in {:?}",
            store.manifest()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A check finds no damage.
pub(super) async fn is_sound(objects: &Arc<dyn ObjectStore>) {
    let source = Source {
        objects: Arc::clone(objects),
        path: "log".into(),
        wal: None,
    };
    let report = check(&source, &(), std::future::pending()).await;
    let report = report.expect("checked");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// The rows below a prefix.
pub(super) async fn rows(store: &SlateStore, prefix: bytes::Bytes) -> usize {
    let found = crate::store::slate::stored_rows::all(&store.db, prefix, |_, _| Ok(()));
    found.await.expect("read").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_object_has_a_byte_of_a_deleted_value_and_other_keys_are_as_they_were() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    // Sealed segments, the active one, L0 files, runs, a memtable and the WAL.
    for number in 0..200u32 {
        append(&store, &["gone", "kept", "gone", "cut"]).await;
        if number.is_multiple_of(23) {
            flush(&store).await;
        }
    }
    append(&store, &["cut", "kept", "cut"]).await;
    assert!(store.shared.segments().len() > 3);
    let stored = with_marker(&objects).await;
    for folder in ["log/wal/", "log/compacted/"] {
        let is_stored = stored
            .iter()
            .any(|path| path.to_string().starts_with(folder));
        assert!(is_stored, "{folder}: {stored:?}");
    }

    assert_eq!(delete(&store, "gone", None).await, 803);
    append(&store, &["gone-not", "kept"]).await;
    assert_eq!(delete(&store, "cut", Some(803)).await, 803);
    assert_eq!(count(&store, "gone").await + count(&store, "cut").await, 0);
    purged(&store, &objects).await;
    is_sound(&objects).await;
    let mut open_store = Some(store);
    for _ in 0..2 {
        let store = match open_store.take() {
            Some(store) => store,
            None => open(&objects).await,
        };
        assert_eq!(names(&store).await, ["gone-not", "kept"]);
        assert_eq!(count(&store, "kept").await, 202);
        assert_eq!(values(&store, "kept").await.len(), 202);
        for key in ["gone", "cut"] {
            let name = key.as_bytes();
            assert!(values(&store, key).await.is_empty(), "{key}");
            assert_eq!(rows(&store, directory::prefix(name)).await, 0, "{key}");
            assert_eq!(rows(&store, keys::key(name)).await, 0, "{key}");
            assert_eq!(rows(&store, purges::key(name)).await, 0, "{key}");
            for segment in store.shared.segments().iter() {
                assert_eq!(rows(&store, records::prefix(segment.id, name)).await, 0);
            }
            // A late reader is told.
            let floor = store.db.get(key_floors::key(name)).await.expect("read");
            assert_eq!(floor, Some(key_floors::value(Sequence::new(803))));
        }
        store.close(CLOSE).await.expect("closed");
    }
    // What is gone begins anew.
    let store = open(&objects).await;
    append(&store, &["gone", "gone"]).await;
    assert_eq!(count(&store, "gone").await, 2);
    is_sound(&objects).await;
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_that_the_floor_lies_in_is_cut_and_later_counts_stay_as_they_were() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open(&objects).await;
    append(&store, &["kept", "gone", "gone", "kept"]).await;
    // One row, with the sequences 4 to 8. Only the last two stay.
    let limits = Limits::default();
    let record = |value: &'static str| {
        Record::parse("cut".into(), value.into(), &limits).expect("within the limits")
    };
    let values_of_cut = [MARKER, MARKER, MARKER, "stays", "stays"];
    let batch = Batch::new(values_of_cut.map(record).to_vec(), &limits).expect("a batch");
    let appended = store.append(batch.into(), Durability::Durable).await;
    appended.expect("appended");
    append(&store, &["kept"]).await;
    is_sound(&objects).await;
    assert_eq!(delete(&store, "cut", Some(7)).await, 7);
    assert_eq!(delete(&store, "gone", None).await, 10);
    is_sound(&objects).await;
    purged(&store, &objects).await;
    is_sound(&objects).await;
    let left = values(&store, "cut").await;
    let left: Vec<(u64, &[u8])> = left.iter().map(|(at, value)| (*at, &value[..])).collect();
    assert_eq!(left, [(7, &b"stays"[..]), (8, b"stays")]);
    assert_eq!(count(&store, "cut").await, 2);
    let range = SequenceRange::new(8.into(), 100.into()).expect("ordered");
    let counted = store.count(&Key::stored("cut".into()), range).await;
    assert_eq!(counted.expect("counted").records, 1);
    assert_eq!(names(&store).await, ["cut", "kept"]);
    let row_key = records::key(1, b"cut", Sequence::new(8));
    let row = store.db.get(row_key.clone()).await.expect("read");
    let row = records::decode(&row_key, &row.expect("a row")).expect("not damaged");
    assert_eq!((row.ordinal, row.run.count()), (3, 2));
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_deleted_and_appended_to_all_the_time_loses_nothing_that_stays() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut store = open(&objects).await;
    let mut left = 0;
    for round in 0..30 {
        for _ in 0..5 {
            append(&store, &["gone", "kept", "gone"]).await;
            left += 2;
        }
        assert_eq!(count(&store, "gone").await, left, "{round}");
        assert_eq!(values(&store, "gone").await.len() as u64, left, "{round}");
        if round % 3 == 0 {
            delete(&store, "gone", None).await;
            left = 0;
        }
        if round % 7 == 0 {
            // Whatever the purge is at.
            store.close(CLOSE).await.expect("closed");
            store = open(&objects).await;
        }
        tokio::time::sleep(Duration::from_millis(10 * (round % 4))).await;
    }
    is_sound(&objects).await;
    delete(&store, "gone", None).await;
    purged(&store, &objects).await;
    assert_eq!(count(&store, "kept").await, 150);
    is_sound(&objects).await;
    store.close(CLOSE).await.expect("closed");
}
