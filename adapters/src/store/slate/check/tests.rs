//! Logs with a wrong row each, on object stores in memory.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::run::RunBuilder;
use log_domain::sequencer::State;
use log_domain::{
    Append, Deletion, Durability, Key, LogWriter, SealPolicy, Segment, Sequence, Trim,
};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use slatedb::config::{FlushOptions, FlushType};

use super::*;
use crate::store::slate::SlateStore;
use crate::store::slate::layout::{
    directory, key_floors, keys, prefix_floors, purges, records, segments, state,
};
use crate::store::slate::tests::{CLOSE, batch, open_with};

mod order;

/// Names that are held in memory: fewer than a segment of the tests has.
const HELD_NAMES: u32 = 2;

/// A log of three segments, which is open.
struct Fixture {
    log: Arc<dyn ObjectStore>,
    store: SlateStore,
}

impl Fixture {
    async fn new() -> Self {
        let log: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let store = open_with(&log, |options| {
            options.seal = SealPolicy {
                interval: None,
                bytes: Some(1),
            };
        });
        let store = store.await.expect("opened");
        let fixture = Self { log, store };
        for append in [
            batch("a", &["1", "2"]),
            batch("b", &["3"]),
            batch("a", &["4"]),
        ] {
            fixture.append(append).await;
        }
        fixture
    }

    async fn append(&self, append: Append) {
        let appended = self.store.append(append, Durability::Durable).await;
        appended.expect("appended");
    }

    /// Moves what is in the WAL into data files.
    async fn flush(&self) {
        self.flush_to(FlushType::MemTable).await;
    }

    async fn flush_to(&self, flush_type: FlushType) {
        let flushed = self
            .store
            .db
            .flush_with_options(FlushOptions { flush_type });
        flushed.await.expect("flushed");
    }

    async fn put(&self, key: Bytes, value: Bytes) {
        self.store.db.put(&key, &value).await.expect("written");
    }

    async fn check(&self) -> Report {
        let source = Source {
            objects: Arc::clone(&self.log),
            path: "log".into(),
            wal: None,
        };
        let report = check_holding(HELD_NAMES, &source, &(), std::future::pending()).await;
        let checkpoints = source.admin().list_checkpoints(None).await;
        assert_eq!(checkpoints.expect("listed"), []);
        report.expect("checked")
    }

    /// The check finds what is wrong, and says so.
    async fn finds(self, says: &str) {
        // What the test wrote is not durable by itself.
        self.flush_to(FlushType::Wal).await;
        let Report { findings, .. } = self.check().await;
        assert!(
            findings.iter().any(|finding| finding.contains(says)),
            "{findings:?} does not say {says}"
        );
        // A damaged log need not close.
        drop(self.store);
    }
}

fn row(segment: u32, key: &[u8], sequences: &[u64], ordinal: u64) -> (Bytes, Bytes) {
    let mut run = RunBuilder::with_headroom(i64::MAX, records::HEADROOM, 0);
    for sequence in sequences {
        run.push(Sequence::new(*sequence), b"v");
    }
    let run = run.finish_behind(|run| records::value_head(run, ordinal));
    let (run, value) = run.expect("not empty");
    (records::key(segment, key, run.last()), value)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_a_good_log_whether_in_data_files_or_in_the_wal() {
    let fixture = Fixture::new().await;
    for _ in 0..2 {
        let report = fixture.check().await;
        assert_eq!(report.findings, [""; 0]);
        let Report {
            segments,
            keys,
            records,
            end,
            ..
        } = report;
        assert_eq!((segments, keys, records, end), (3, 2, 4, 4));
        fixture.flush().await;
    }
    // Nothing was taken from the writer.
    fixture.append(batch("c", &["5"])).await;
    fixture.store.close(CLOSE).await.expect("closed");
    let report = fixture.check().await;
    assert_eq!((report.findings.len(), report.records), (0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_segments_than_are_read_at_the_same_time_are_checked() {
    let fixture = Fixture::new().await;
    let many = 2 * SEGMENTS as u64 + 5;
    for _ in 0..many {
        fixture.append(batch("a", &["v"])).await;
    }
    let report = fixture.check().await;
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.keys), (4 + many, 2));
    // In a pass other than that of the segment before.
    let wrong = SEGMENTS as u32 + 1;
    fixture
        .put(directory::key(b"a", wrong), directory::value(Some(7), 0))
        .await;
    fixture.finds("says that 7 records are before").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_a_log_while_what_is_below_its_floor_is_removed() {
    let fixture = Fixture::new().await;
    fixture.flush().await;
    fixture.append(batch("c", &["5"])).await;
    fixture.append(batch("a", &["6"])).await;
    let trimmed = fixture.store.trim(Trim::BeforeSequence(Sequence::new(3)));
    assert_eq!(trimmed.await.expect("trimmed").get(), 3);
    let began = tokio::time::Instant::now();
    loop {
        let report = fixture.check().await;
        assert_eq!(report.findings, [""; 0]);
        if report.segments == 3 {
            assert_eq!((report.records, report.keys), (3, 2));
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "{report:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Of the segments that are left, all is there.
    let (key, _) = segments::encode(&fixture.store.shared.segments()[0]);
    fixture.store.db.delete(key).await.expect("deleted");
    fixture
        .finds("the rows of those before it are missing")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deletion_hides_may_be_missing_and_nothing_else() {
    let fixture = Fixture::new().await;
    let deletion = |key: &'static str, before: u64| Deletion {
        key: Key::stored(key.into()),
        before: Some(Sequence::new(before)),
    };
    let deleted = fixture.store.delete(deletion("a", 1)).await;
    assert_eq!(deleted.expect("deleted").get(), 1);
    // As a purge that is not done leaves the row that the floor lies in.
    let (key, value) = row(1, b"a", &[1], 1);
    fixture.put(key.clone(), value).await;
    fixture.flush_to(FlushType::Wal).await;
    let report = fixture.check().await;
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.keys), (3, 2));
    // And all of it, which the directory still lists.
    fixture.store.db.delete(key).await.expect("deleted");
    fixture
        .finds("the directory says that it has records, and there are none")
        .await;

    let fixture = Fixture::new().await;
    let deleted = fixture.store.delete(deletion("a", 2)).await;
    deleted.expect("deleted");
    let (key, value) = row(3, b"a", &[3], 5);
    fixture.put(key, value).await;
    fixture
        .finds("it says that 5 records of the key are before it")
        .await;

    let fixture = Fixture::new().await;
    fixture
        .store
        .delete(deletion("b", 3))
        .await
        .expect("deleted");
    fixture
        .put(key_floors::key(b"b"), Bytes::from_static(&[2]))
        .await;
    fixture.finds("a key floor row has format version 2").await;
    let fixture = Fixture::new().await;
    fixture
        .put(purges::key(b"b"), Bytes::from_static(&[2]))
        .await;
    fixture.finds("a purge row has format version 2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_floor_of_a_prefix_hides_may_be_missing_and_nothing_else() {
    let floor = prefix_floors::value(Sequence::new(1));
    // As a merge leaves the row that the floor lies in.
    for (prefix, row_of_a) in [(b"a", Some(row(1, b"a", &[1], 1))), (b"b", None)] {
        let fixture = Fixture::new().await;
        fixture.put(prefix_floors::key(prefix), floor.clone()).await;
        if let Some((key, value)) = row_of_a.clone() {
            fixture.put(key, value).await;
        }
        fixture.flush_to(FlushType::Wal).await;
        let report = fixture.check().await;
        assert_eq!(report.findings, [""; 0], "{row_of_a:?}");
    }
    let fixture = Fixture::new().await;
    fixture.put(prefix_floors::key(b"b"), floor).await;
    let (key, value) = row(1, b"a", &[1], 1);
    fixture.put(key, value).await;
    fixture
        .finds("it says that 1 records of the key are before it")
        .await;

    let fixture = Fixture::new().await;
    fixture
        .put(prefix_floors::key(b"b"), Bytes::from_static(&[2]))
        .await;
    fixture
        .finds("a prefix floor row has format version 2")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_row_that_is_wrong_is_found_with_its_place() {
    for (sequences, ordinal, says) in [
        (
            &[1_u64][..],
            7,
            "key a, the row up to sequence 1: it says that 7 records",
        ),
        (
            &[0, 1, 9],
            0,
            "row up to sequence 9: it says that 0 records",
        ),
        (&[9], 2, "not in the segment"),
    ] {
        let fixture = Fixture::new().await;
        let (key, value) = row(1, b"a", sequences, ordinal);
        fixture.put(key, value).await;
        fixture.finds(says).await;
    }
    let fixture = Fixture::new().await;
    let (key, value) = row(1, b"a", &[0, 1], 0);
    fixture
        .put(key.clone(), value.slice(..value.len() - 4))
        .await;
    fixture.finds("key a, the row up to sequence 1").await;
    let fixture = Fixture::new().await;
    fixture.put(key.slice(..6), value).await;
    fixture.finds("not the key of a record row").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_that_do_not_agree_with_the_records_are_found() {
    let fixture = Fixture::new().await;
    fixture
        .store
        .db
        .delete(keys::key(b"b"))
        .await
        .expect("deleted");
    fixture.finds("key b: it has no row in the listing").await;

    let fixture = Fixture::new().await;
    fixture.put(keys::key(b"z"), keys::value()).await;
    fixture.finds("key z: the directory does not list it").await;

    let fixture = Fixture::new().await;
    let gone = directory::key(b"b", 2);
    fixture.store.db.delete(gone).await.expect("deleted");
    fixture
        .finds("segment 2, key b: it has records, and the directory")
        .await;

    let fixture = Fixture::new().await;
    fixture
        .put(directory::key(b"b", 3), directory::value(Some(1), 1))
        .await;
    fixture
        .finds("segment 3, key b: the directory says that it has records")
        .await;

    let fixture = Fixture::new().await;
    fixture
        .put(directory::key(b"a", 3), directory::value(Some(1), 0))
        .await;
    fixture
        .finds("says that 1 records are before the segment, and there are 2")
        .await;

    // Not known is not wrong.
    let fixture = Fixture::new().await;
    fixture
        .put(directory::key(b"a", 3), directory::value(None, 0))
        .await;
    fixture.flush().await;
    assert_eq!(fixture.check().await.findings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_system_segment_that_are_wrong_are_found() {
    let fixture = Fixture::new().await;
    fixture
        .put(state::key(), state::encode(&State::default()))
        .await;
    fixture.finds("state row: it says that no record").await;

    let segment = |id, start| Segment {
        id,
        start: Sequence::new(start),
        start_time_ms: i64::MAX,
    };
    for (wrong, says) in [
        (segment(5, 4), "those between are missing"),
        (segment(4, 0), "segment 4 begins at sequence 0"),
        (segment(4, 99), "and the log ends at"),
    ] {
        let fixture = Fixture::new().await;
        let (key, value) = segments::encode(&wrong);
        fixture.put(key, value).await;
        fixture.finds(says).await;
    }
    for (value, says) in [
        (
            &[1, 5, 0][..],
            "cursor \"c\": it is at 5, and the log ends at 4",
        ),
        (&[2, 0, 0], "a cursor row has format version 2"),
    ] {
        let fixture = Fixture::new().await;
        let (key, value) = (
            Bytes::from_static(b"\0\0\0\0\x06c"),
            Bytes::from_static(value),
        );
        fixture.put(key, value).await;
        fixture.finds(says).await;
    }
    let fixture = Fixture::new().await;
    let unknown = Bytes::from_static(b"\0\0\0\0\x7f");
    fixture.put(unknown, Bytes::new()).await;
    fixture.finds("type of the row is not known").await;

    let fixture = Fixture::new().await;
    let (key, _) = segments::encode(&segment(3, 0));
    fixture.store.db.delete(key).await.expect("deleted");
    fixture.flush().await;
    fixture
        .finds("segment 3 has data files and no segment row")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_any_file_of_the_log_is_found() {
    for (folder, says) in [
        ("log/compacted", "segment "),
        ("log/wal", "the log cannot be opened"),
    ] {
        let fixture = Fixture::new().await;
        if folder == "log/compacted" {
            fixture.flush().await;
        }
        let files = fixture.log.list(Some(&folder.into()));
        let files: Vec<_> = futures::TryStreamExt::try_collect(files)
            .await
            .expect("listed");
        let newest = files
            .iter()
            .filter(|file: &&object_store::ObjectMeta| file.size > 0);
        let newest = newest.max_by_key(|file| file.location.clone());
        let path = &newest.expect("a file").location;
        let content = fixture.log.get(path).await.expect("there");
        let mut content = content.bytes().await.expect("read").to_vec();
        content[10] ^= 1;
        fixture.log.put(path, content.into()).await.expect("put");
        fixture.finds(says).await;
    }
}
