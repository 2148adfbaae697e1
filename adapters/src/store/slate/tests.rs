use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use log_domain::budget::Budget;
use log_domain::conformance::{Options as Opening, StoreFixture, run_all};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use slatedb::config::{FlushOptions, Settings};
use slatedb_common::metrics::NoopMetricsRecorder;
use tokio::sync::oneshot;

use super::append_reply::Reply;
use super::cursors::Cursors;
use super::durable_answers::{Answer, Waiter};
use super::key_floors::FloorsOfKeys;
use super::*;
use crate::objects::Folder;

pub(super) struct On(pub(super) Arc<dyn ObjectStore>);

impl StoreFixture for On {
    type Store = SlateStore;

    async fn open(&self, opening: Opening) -> SlateStore {
        let options = Options {
            seal: opening.seal,
            ..Options::default()
        };
        self.open_with(opening, options).await
    }
}

impl On {
    async fn open_with(&self, opening: Opening, options: Options) -> SlateStore {
        let parts = StoreParts {
            objects: Arc::clone(&self.0),
            clock: opening.clock,
            listener: opening.followers,
            telemetry: Arc::new(()),
            recorder: Arc::new(NoopMetricsRecorder::new()),
            seed: None,
        };
        SlateStore::open(parts, options).await.expect("opened")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_an_object_store_in_memory() {
    run_all(|| On(Arc::new(InMemory::new()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_a_local_folder() {
    conforms_on_a_folder(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_store_conforms_on_a_local_folder_that_is_not_synced() {
    conforms_on_a_folder(false).await;
}

async fn conforms_on_a_folder(sync: bool) {
    let folders = tempfile::tempdir().expect("a folder");
    let next = std::cell::Cell::new(0);
    run_all(|| {
        next.set(next.get() + 1);
        let folder = Folder {
            sync,
            ..Folder::new(folders.path().join(next.get().to_string()))
        };
        On(folder.open_now().expect("opened"))
    })
    .await;
}

mod claimed;
mod cold_reads;
mod collecting;
mod compaction;
mod compactor;
mod cursors;
mod directory;
mod failures;
mod fed_reader;
pub(super) mod held_store;
mod lookups;
mod merge_slots;
mod order_walk;
mod prefix_removal;
mod prefixes;
mod purge;
mod read_only;
mod removal;
mod restarts;
mod several;
mod stored;
mod vanished;

use log_domain::follow::Followers;
use log_domain::sequencer::EngineNumber;
use log_domain::{Batch, Clock, Limits, PageLimit, Record, Scan, Sequence, Side, Visibility};

/// A clock that stands still until it is moved.
pub(super) struct Standing(AtomicI64);

impl Standing {
    fn now() -> Arc<Self> {
        let now_ms = crate::clock::SystemClock.now_ms();
        Arc::new(Self(AtomicI64::new(now_ms)))
    }

    fn advance(&self, time: Duration) {
        let time_ms = i64::try_from(time.as_millis()).expect("not so long");
        self.0.fetch_add(time_ms, Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// How long a close may take.
pub(super) const CLOSE: Duration = Duration::from_secs(60);

/// Opens a store as the server does, with `change`d options.
pub(super) async fn open_with(
    objects: &Arc<dyn ObjectStore>,
    change: impl FnOnce(&mut Options),
) -> Result<SlateStore> {
    let mut options = Options::default();
    change(&mut options);
    open_by(objects, Arc::new(crate::clock::SystemClock), options).await
}

/// The same, by this clock.
async fn open_by(
    objects: &Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    options: Options,
) -> Result<SlateStore> {
    let parts = StoreParts {
        clock,
        ..parts_on(objects, &options)
    };
    SlateStore::open(parts, options).await
}

/// What a store on these objects is made of.
fn parts_on(objects: &Arc<dyn ObjectStore>, options: &Options) -> StoreParts {
    StoreParts {
        objects: Arc::clone(objects),
        clock: Arc::new(crate::clock::SystemClock),
        listener: Arc::new(Followers::new(&options.limits)),
        telemetry: Arc::new(()),
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    }
}

pub(super) async fn open(objects: &Arc<dyn ObjectStore>) -> SlateStore {
    open_with(objects, |_| {}).await.expect("opened")
}

/// Moves what is in memory and in the WAL into data files.
pub(super) async fn flush(store: &SlateStore) {
    let memtable = FlushOptions {
        flush_type: FlushType::MemTable,
    };
    let flushed = store.db.flush_with_options(memtable).await;
    flushed.expect("flushed");
}

/// Lets the compactor look for work, take it up and report it so often.
pub(super) fn compact_every(settings: &mut Settings, soon: Duration) {
    settings.manifest_poll_interval = soon;
    let compactor = settings.compactor_options.as_mut().expect("on by default");
    compactor.poll_interval = soon;
    compactor.commit_compacted_interval = soon;
    let worker = compactor.worker.as_mut().expect("on by default");
    worker.compactions_poll_interval = soon;
}

/// Lets the garbage collector run all the time, with no least age.
pub(super) fn collect_all_the_time(settings: &mut Settings) {
    let collector = settings.garbage_collector_options.as_mut();
    let collector = collector.expect("on by default");
    let often = Some(Duration::from_millis(10));
    for files in [&mut collector.compacted_options, &mut collector.wal_options] {
        let files = files.as_mut().expect("on by default");
        (files.interval, files.min_age) = (often, Duration::ZERO);
    }
}

pub(super) fn batch(key: &'static str, values: &[&'static str]) -> Append {
    let limits = Limits::default();
    let record = |value: &&'static str| {
        Record::parse(key.into(), (*value).into(), &limits).expect("within the limits")
    };
    let batch = Batch::new(values.iter().map(record).collect(), &limits);
    batch.expect("a batch").into()
}

pub(super) async fn values(store: &SlateStore, key: &'static str) -> Vec<(u64, bytes::Bytes)> {
    let scan = Scan {
        selection: Selection::Key(Key::stored(key.into())),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: 100_000,
            bytes: 64 << 20,
            time: None,
        },
        side: Side::Oldest,
        visibility: Visibility::Memory,
    };
    let page = store.scan(&scan).await.expect("scanned");
    let entries = page.runs.iter().flat_map(|run| run.entries());
    entries
        .map(|entry| entry.expect("not damaged"))
        .map(|entry| (entry.sequence.get(), entry.value))
        .collect()
}

#[test]
fn what_is_durable_but_cannot_be_read_yet_is_not_shown() {
    let followers = Followers::new(&Limits::default());
    let shared = Shared::new(
        Sequence::ZERO,
        (Sequence::ZERO, FloorsOfKeys::default(), Cursors::default()),
        Vec::new(),
        Arc::new(followers),
    );
    shared.advance_durable(EngineNumber::of_commit(Sequence::new(5)));
    assert_eq!(shared.watermarks(), Watermarks::default());
    shared.advance(Sequence::new(5), None);
    let reached = Sequence::new(5);
    assert_eq!(
        shared.watermarks(),
        Watermarks {
            tip: reached,
            durable: reached
        }
    );
}

#[test]
fn an_answer_waits_for_the_write_that_it_rests_on_also_if_that_had_no_records() {
    let followers = Followers::new(&Limits::default());
    let shared = Shared::new(
        Sequence::new(5),
        (Sequence::ZERO, FloorsOfKeys::default(), Cursors::default()),
        Vec::new(),
        Arc::new(followers),
    );
    let commit = EngineNumber::of_commit(Sequence::new(5));
    let budget = Budget::new("a test", 2);
    let (reply, mut answer) = oneshot::channel();
    shared.wait_durable(Waiter {
        rests_on: commit.next_metadata(Sequence::new(5)),
        answer: Answer::Appended(Err(Error::unavailable("a verdict")), Reply::Alone(reply)),
        permits: Some([1, 1].map(|permits| budget.take(permits).expect("room"))),
    });
    shared.advance_durable(commit);
    assert!(
        answer.try_recv().is_err(),
        "the tip was durable before that write"
    );
    shared.advance_durable(commit.next_metadata(Sequence::new(5)));
    assert!(answer.try_recv().expect("answered").is_err());
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_floor_is_in_force_once_its_write_is_durable_whatever_is_reported_first() {
    let followers = Followers::new(&Limits::default());
    let tip = Sequence::new(5);
    let floors = (
        Sequence::new(1),
        FloorsOfKeys::default(),
        Cursors::default(),
    );
    let shared = Shared::new(tip, floors, Vec::new(), Arc::new(followers));
    assert_eq!(shared.floor().get(), 1);
    let first = EngineNumber::of_commit(tip).next_without_records(tip);
    shared.floor_written(Sequence::new(3), first);
    assert_eq!(shared.floor().get(), 1);
    shared.advance_durable(first);
    assert_eq!(shared.floor().get(), 3);
    let second = first.next_without_records(tip);
    shared.advance_durable(second);
    assert_eq!(shared.floor().get(), 3);
    shared.floor_written(Sequence::new(4), second);
    assert_eq!(shared.floor().get(), 4);
}
