//! What is below the floor is removed, and no reader can tell.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use log_domain::Deletion;
use log_domain::segment::dead;
use log_domain::sequencer::{DirectoryEntry, Doomed};

use super::held_store::Held;
use super::*;
use crate::store::slate::doomed::doomed;
use crate::store::slate::layout::{directory, key_floors, keys, records, segments};

/// A table in which a few keys have room.
const SMALL_TABLE: u64 = 1_500;
const LONGEST: Duration = Duration::from_secs(60);

/// No waits.
fn at_once(options: &mut Options) {
    options.remove_every = Duration::from_millis(1);
    compact_every(&mut options.settings, Duration::from_millis(5));
    let compactor = options.settings.compactor_options.as_mut();
    compactor.expect("on by default").checkpoint_lifetime = Duration::from_millis(5);
    collect_all_the_time(&mut options.settings);
}

/// A store that removes all the time, and forgets.
struct Removing(On);

impl StoreFixture for Removing {
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
async fn a_store_that_removes_what_is_below_the_floor_all_the_time_conforms() {
    run_all(|| Removing(On(Arc::new(InMemory::new())))).await;
}

/// Opens a log in which every append begins a segment.
async fn open_sealing(objects: &Arc<dyn ObjectStore>) -> SlateStore {
    open_sealing_by(objects, Arc::new(crate::clock::SystemClock)).await
}

/// The same, by this clock.
pub(super) async fn open_sealing_by(
    objects: &Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
) -> SlateStore {
    let mut options = Options::default();
    options.seal.bytes = Some(1);
    at_once(&mut options);
    open_by(objects, clock, options).await.expect("opened")
}

async fn append(store: &SlateStore, key: &'static str) {
    let appended = store.append(batch(key, &["1", "2"]), Durability::Applied);
    appended.await.expect("appended");
}

pub(super) async fn trim(store: &SlateStore, before: u64) {
    let floor = store.trim(Trim::BeforeSequence(before.into())).await;
    assert_eq!(floor.expect("trimmed").get(), before);
}

async fn count(store: &SlateStore, key: &'static str) -> u64 {
    let key = Key::stored(key.into());
    let count = store.count(&key, SequenceRange::ALL).await;
    count.expect("counted").records
}

/// The segments that the manifest lists, but for the system segment.
fn with_files(store: &SlateStore) -> Vec<u32> {
    let manifest = store.manifest();
    let prefixes = manifest.segments().iter();
    let ids = prefixes.map(|segment| segment.prefix()[..].try_into().expect("four bytes"));
    ids.map(u32::from_be_bytes).filter(|id| *id > 0).collect()
}

/// Waits until the rows of all dead segments are gone, and their files.
pub(super) async fn removed(store: &SlateStore) {
    let began = Instant::now();
    loop {
        let segments = store.shared.segments();
        let oldest = segments.first().map_or(1, |segment| segment.id);
        let files = with_files(store);
        if dead(&segments, store.floor()).is_empty() && files.iter().all(|id| *id >= oldest) {
            return;
        }
        assert!(began.elapsed() < LONGEST, "{segments:?}, {files:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// All rows below a prefix.
async fn rows(store: &SlateStore, prefix: bytes::Bytes) -> usize {
    let found = super::super::stored_rows::all(&store.db, prefix, |_, _| Ok(()));
    found.await.expect("read").len()
}

#[tokio::test]
async fn rows_of_many_keys_are_found_as_those_of_each_key() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |_| {}).await.expect("opened");
    // Where each key is, one bit for each segment. The last key is in none.
    let keys = ["a", "a\0", "a\0b", "aa", "b", "c"].map(|key| Key::stored(key.into()));
    for (key, segments) in keys
        .iter()
        .zip([0b1111_1110u32, 0b1000_0000, 0b10, 0b0101_0100, 0b10])
    {
        for segment in (0..8).filter(|segment| segments & 1 << segment != 0) {
            let row = directory::key(key.as_ref(), segment);
            let value = directory::value(Some(u64::from(segment)), segment);
            store.db.put(row, value).await.expect("written");
        }
    }
    for end in 0..=8 {
        for some in 0..1 << keys.len() {
            let picked = keys.iter().enumerate();
            let picked = picked.filter(|(at, _)| some & 1 << at != 0);
            let picked: Vec<Key> = picked.map(|(_, key)| key.clone()).collect();
            let mut each = Vec::new();
            for key in &picked {
                let of_key = doomed(&store.db, vec![(key.clone(), end)]).await;
                each.extend(of_key.expect("read"));
            }
            let picked = picked.into_iter().map(|key| (key, end));
            let found = doomed(&store.db, picked.collect()).await;
            assert_eq!(found.expect("read"), each, "before {end}");
        }
    }
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_files_of_what_is_below_the_floor_go_and_counts_stay_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = Folder::new(folder.path().to_owned()).open_now();
    let objects: Arc<dyn ObjectStore> = objects.expect("opened");
    let store = open_sealing(&objects).await;
    // Segments 1 to 5, with sequences 0 to 9.
    for key in ["a", "gone", "a", "b", "a"] {
        append(&store, key).await;
    }
    store.close(CLOSE).await.expect("closed");
    // A writer that knows no key leaves the row of segment 6 open.
    let store = open_sealing(&objects).await;
    append(&store, "a").await;
    // The next commit would settle it.
    let open = store.db.get(directory::key(b"a", 6)).await.expect("read");
    assert_eq!(open, Some(directory::value(None, 0)));
    let found = doomed(&store.db, vec![(Key::stored("a".into()), 6)]).await;
    let settled = DirectoryEntry {
        key: Key::stored("a".into()),
        segment: 6,
        number: 0,
        earlier: Some(6),
    };
    let doomed = Doomed {
        key: settled.key.clone(),
        rows: vec![(1, 0), (3, 0), (5, 0)],
        are_all: false,
        settled: Some(settled),
    };
    assert_eq!(found.expect("read"), [doomed]);
    append(&store, "b").await;
    flush(&store).await;
    let stale = store.reader(Sequence::ZERO);
    trim(&store, 9).await;
    removed(&store).await;
    let ids =
        |store: &SlateStore| -> Vec<u32> { store.shared.segments().iter().map(|s| s.id).collect() };
    assert_eq!(ids(&store), [5, 6, 7]);
    assert!(with_files(&store).iter().all(|id| *id >= 5));
    for (key, left, listed) in [("a", 3, 2), ("b", 2, 1), ("gone", 0, 0)] {
        assert_eq!(count(&store, key).await, left, "{key}");
        assert_eq!(values(&store, key).await.len() as u64, left, "{key}");
        let name = key.as_bytes();
        assert_eq!(rows(&store, directory::prefix(name)).await, listed, "{key}");
        let key_row = store.db.get(keys::key(name)).await.expect("read");
        assert_eq!(key_row.is_some(), listed > 0, "{key}");
    }
    for id in 1..5 {
        let row = store.db.get(segments::key(id)).await.expect("read");
        assert_eq!(row, None, "segment {id}");
        for key in ["a", "b", "gone"] {
            let prefix = records::prefix(id, key.as_bytes());
            assert_eq!(rows(&store, prefix).await, 0, "{key} in segment {id}");
        }
    }
    // What a read misses that began before, it begins again for.
    assert!(!store.shared.has_all_from(stale.floor));
    assert!(
        store
            .shared
            .has_all_from(store.reader(Sequence::ZERO).floor)
    );
    // A key that is gone begins anew.
    append(&store, "gone").await;
    assert_eq!(count(&store, "gone").await, 2);
    trim(&store, 16).await;
    removed(&store).await;
    assert_eq!((ids(&store), count(&store, "gone").await), (vec![8], 0));
    store.close(CLOSE).await.expect("closed");
    // The newest segment stays, so no id is used again.
    let store = open_sealing(&objects).await;
    assert_eq!(ids(&store), [8]);
    append(&store, "a").await;
    assert_eq!(ids(&store).last(), Some(&9));
    assert_eq!((count(&store, "a").await, count(&store, "b").await), (2, 0));
    let read = values(&store, "a").await;
    assert_eq!(read.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [16, 17]);
    store.close(CLOSE).await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_come_of_a_segment_that_has_gone_go_too() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_sealing(&objects).await;
    for _ in 0..3 {
        append(&store, "a").await;
    }
    trim(&store, 6).await;
    removed(&store).await;
    assert_eq!(store.shared.segments()[0].id, 3);
    // As a memtable has them that is written late.
    let late = records::key(1, b"a", Sequence::new(1));
    let number = EngineNumber::of_commit(Sequence::new(6)).get() + 200;
    let mut rows = slatedb::WriteBatch::new();
    rows.put(late, b"x");
    let options = slatedb::config::WriteOptions { seqnum: number };
    store
        .db
        .write_with_options(rows, &options)
        .await
        .expect("written");
    flush(&store).await;
    removed(&store).await;
    assert!(!with_files(&store).contains(&1));
    assert_eq!(count(&store, "a").await, 0);
    // It has a number of its own, so the writer must not go on.
    drop(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn floors_of_keys_go_when_the_floor_of_the_log_has_passed_them_and_others_stay() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = open_with(&objects, |options| {
        at_once(options);
        options.seal.bytes = Some(1);
        options.purge_within = Duration::from_millis(2);
    });
    let store = store.await.expect("opened");
    // Segments 1 to 5, with sequences 0 to 9.
    for key in ["passed", "all", "passed", "within", "within"] {
        append(&store, key).await;
    }
    let floors = [("passed", Some(2)), ("all", None), ("within", Some(7))];
    for (key, before) in floors {
        let deletion = Deletion {
            key: Key::stored(key.into()),
            before: before.map(Sequence::new),
        };
        let floor = store.delete(deletion).await.expect("deleted");
        assert_eq!(floor.get(), before.unwrap_or(10), "{key}");
    }
    let began = Instant::now();
    while store.status().purges > 0 {
        assert!(began.elapsed() < LONGEST);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let row = async |key: &'static str| {
        let row = store.db.get(key_floors::key(key.as_bytes())).await;
        row.expect("read")
            .map(|row| key_floors::floor(&row).expect("a floor").get())
    };
    for (key, before) in floors {
        assert_eq!(row(key).await, Some(before.unwrap_or(10)), "{key}");
    }
    trim(&store, 6).await;
    removed(&store).await;
    let began = Instant::now();
    while row("passed").await.is_some() {
        assert!(began.elapsed() < LONGEST, "the log itself begins later");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Those of later ones are still needed.
    assert_eq!(row("all").await, Some(10));
    assert_eq!(row("within").await, Some(7));
    for (key, left) in [("passed", 0), ("all", 0), ("within", 3)] {
        assert_eq!(count(&store, key).await, left, "{key}");
    }
    append(&store, "passed").await;
    assert_eq!(count(&store, "passed").await, 2);
    store.close(CLOSE).await.expect("closed");
}

/// Runs `read` until it waits for a data file, trims the log before `floor` and removes what is below, and lets it continue.
async fn overtaken<T: Send + 'static>(
    store: &Arc<SlateStore>,
    held: &Held,
    floor: u64,
    read: impl Future<Output = T> + Send + 'static,
) -> T {
    held.hold_next();
    let read = tokio::spawn(read);
    held.is_held().await;
    trim(store, floor).await;
    removed(store).await;
    held.release();
    read.await.expect("ended")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_overtaken_by_a_removal_begins_again() {
    let held = Arc::new(Held::new(Arc::new(InMemory::new()), "/compacted/"));
    let objects: Arc<dyn ObjectStore> = held.clone();
    let store = open_sealing(&objects).await;
    // Segments 1 to 8, with sequences 0 to 15.
    for key in ["a", "a", "b", "gone", "b", "b", "b", "a"] {
        append(&store, key).await;
    }
    flush(&store).await;
    store.close(CLOSE).await.expect("closed");

    // A new server has nothing in its caches. The directory is in them then, so that a read waits for records.
    let store = Arc::new(open_sealing(&objects).await);
    values(&store, "b").await;
    let of_store = Arc::clone(&store);
    let read = async move { values(&of_store, "a").await };
    let read = overtaken(&store, &held, 5, read).await;
    let sequences: Vec<u64> = read.into_iter().map(|(at, _)| at).collect();
    assert_eq!(sequences, [14, 15]);
    store.close(CLOSE).await.expect("closed");

    // What is before the range is counted first, and gone when the rest is.
    let store = Arc::new(open_sealing(&objects).await);
    append(&store, "b").await;
    values(&store, "b").await;
    let of_store = Arc::clone(&store);
    let read = async move {
        let range = SequenceRange::new(10.into(), 14.into()).expect("ordered");
        let key = Key::stored("gone".into());
        of_store.count(&key, range).await
    };
    let counted = overtaken(&store, &held, 10, read).await;
    assert_eq!(counted.expect("counted").records, 0);
    let all = [("a", 2), ("b", 6)];
    for (key, left) in all {
        assert_eq!(count(&store, key).await, left, "{key}");
    }
    store.close(CLOSE).await.expect("closed");
}

/// The keys of [`a_reader_never_misses_a_part_of_what_it_is_told_is_there`]. One in ten appends is of the second.
const MANY: [&str; 2] = ["common", "rare"];

fn key_of(append: u64) -> &'static str {
    MANY[usize::from(append.is_multiple_of(10))]
}

/// How many records of `key` are in `from .. to`, with two records in each append.
fn expected(key: &str, from: u64, to: u64) -> u64 {
    (from..to).filter(|at| key_of(at / 2) == key).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_misses_a_part_of_what_it_is_told_is_there() {
    const APPENDS: u64 = 200;
    const END: u64 = 2 * APPENDS;
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let store = Arc::new(open_sealing(&objects).await);
    for number in 0..APPENDS {
        append(&store, key_of(number)).await;
    }
    flush(&store).await;
    let ends = Arc::new(AtomicBool::new(false));
    let reader = |key: &'static str| {
        let (store, ends) = (Arc::clone(&store), Arc::clone(&ends));
        async move {
            let mut floors = BTreeSet::new();
            let all = SequenceRange::new(0.into(), END.into()).expect("ordered");
            while !ends.load(Ordering::SeqCst) {
                let counted = store.count(&Key::stored(key.into()), all).await;
                let counted = match counted {
                    // It says so, and that is no damage.
                    Err(Error::Unavailable { .. }) => continue,
                    counted => counted.expect("counted"),
                };
                let floor = counted.trimmed_before.map_or(0, Sequence::get);
                assert_eq!(
                    counted.records,
                    expected(key, floor, END),
                    "{key} at {floor}"
                );
                floors.insert(floor);
                let scan = Scan {
                    selection: Selection::Key(Key::stored(key.into())),
                    range: all,
                    start_time_ms: None,
                    limit: PageLimit {
                        records: 100_000,
                        bytes: 64 << 20,
                        time: None,
                    },
                    side: Side::Oldest,
                    visibility: Visibility::Memory,
                };
                let page = match store.scan(&scan).await {
                    Err(Error::Unavailable { .. }) => continue,
                    page => page.expect("scanned"),
                };
                let floor = page.trimmed_before.map_or(0, Sequence::get);
                assert_eq!(page.records, expected(key, floor, END), "{key} at {floor}");
                floors.insert(floor);
            }
            floors.len()
        }
    };
    let readers = MANY.map(|key| tokio::spawn(reader(key)));
    for number in 1..=40 {
        trim(&store, number * 9).await;
        // Meanwhile the log grows, also by a key that begins anew all the time.
        append(&store, "other").await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    removed(&store).await;
    ends.store(true, Ordering::SeqCst);
    for reader in readers {
        let floors = reader.await.expect("a reader");
        assert!(floors > 5, "saw {floors} floors");
    }
    assert_eq!(store.shared.segments()[0].id, 181);
    assert_eq!(count(&store, "other").await, 80);
    store.close(CLOSE).await.expect("closed");
}
