//! Reads of a whole log in the order of its records, over an object store in memory: `cargo bench -p log-adapters --bench reader`.
//!
//! The log has a million records of 100 bytes over 100,000 keys, in commits of 1,000 records. One iteration reads all of them, page by page;
//! the figure is for each record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use divan::counter::ItemsCount;
use log_adapters::clock::SystemClock;
use log_adapters::store::slate::{Options, SlateStore, StoreParts};
use log_domain::follow::Followers;
use log_domain::{
    Batch, Durability, Limits, LogReader, LogWriter, PageLimit, Record, Scan, Selection,
    SequenceRange, Side, Visibility,
};
use object_store::memory::InMemory;
use slatedb_common::metrics::NoopMetricsRecorder;
use tokio::runtime::Runtime;

const COMMITS: usize = 1_000;
const RECORDS: usize = 1_000;
const KEYS: usize = 100_000;

fn main() {
    divan::main();
}

/// A commit over this many keys, other ones than those of the commits around it.
fn batch(commit: usize, keys: usize) -> Batch {
    let limits = Limits::default();
    let record = |i: usize| {
        let key = (commit * 7_919 + i % keys) % KEYS;
        Record::parse(
            format!("key-{key:06}").into(),
            Bytes::from(vec![7; 100]),
            &limits,
        )
    };
    let records = (0..RECORDS).map(record).collect::<Result<Vec<_>, _>>();
    Batch::new(records.expect("within the limits"), &limits).expect("a batch")
}

async fn filled(keys: usize) -> SlateStore {
    let options = Options::default();
    let parts = StoreParts {
        objects: Arc::new(InMemory::new()),
        clock: Arc::new(SystemClock),
        listener: Arc::new(Followers::new(&options.limits)),
        telemetry: Arc::new(()),
        recorder: Arc::new(NoopMetricsRecorder::new()),
        seed: None,
    };
    let store = SlateStore::open(parts, options).await.expect("opened");
    for commit in 0..COMMITS {
        let append = batch(commit, keys).into();
        let appended = store.append(append, Durability::Applied).await;
        appended.expect("appended");
    }
    store
}

async fn read_all(store: &SlateStore) -> u64 {
    let limits = Limits::default();
    let mut scan = Scan {
        selection: Selection::Prefix(Bytes::new()),
        range: SequenceRange::ALL,
        start_time_ms: None,
        limit: PageLimit {
            records: limits.page_records,
            bytes: limits.page_bytes,
            time: None,
        },
        side: Side::Oldest,
        visibility: Visibility::Memory,
    };
    let mut records = 0;
    loop {
        let page = store.scan(&scan).await.expect("read");
        records += page.records;
        if page.complete {
            return records;
        }
        scan.range = scan.range.starting_at(page.next);
    }
}

#[divan::bench(args = [10, 100, 1_000], sample_count = 3, sample_size = 1)]
fn read_in_order(bencher: divan::Bencher<'_, '_>, keys_of_a_commit: usize) {
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(filled(keys_of_a_commit));
    bencher
        .counter(ItemsCount::new(COMMITS * RECORDS))
        .bench(|| {
            let records = runtime.block_on(read_all(&store));
            assert_eq!(records, (COMMITS * RECORDS) as u64);
        });
    runtime
        .block_on(store.close(Duration::from_secs(60)))
        .expect("closed");
}
