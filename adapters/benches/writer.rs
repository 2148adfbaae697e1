//! The writer over an object store in memory: `cargo bench -p log-adapters`.
//!
//! One iteration is eight appends at once, as eight clients would send them; the figure is for each record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use divan::counter::ItemsCount;
use futures::future::try_join_all;
use log_adapters::clock::SystemClock;
use log_adapters::store::slate::{Options, SlateStore, StoreParts};
use log_domain::follow::Followers;
use log_domain::{Batch, Durability, Limits, LogWriter, Record};
use object_store::memory::InMemory;
use slatedb_common::metrics::NoopMetricsRecorder;
use tokio::runtime::Runtime;

const CLIENTS: usize = 8;

fn main() {
    divan::main();
}

fn batch(records: usize, keys: usize) -> Batch {
    let limits = Limits::default();
    let record = |i: usize| {
        Record::parse(
            format!("key-{}", i % keys).into(),
            Bytes::from(vec![7; 100]),
            &limits,
        )
    };
    let records = (0..records).map(record).collect::<Result<Vec<_>, _>>();
    Batch::new(records.expect("within the limits"), &limits).expect("a batch")
}

fn append(
    bencher: divan::Bencher<'_, '_>,
    (records, keys): (usize, usize),
    durability: Durability,
) {
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(async {
        let options = Options::default();
        let parts = StoreParts {
            objects: Arc::new(InMemory::new()),
            clock: Arc::new(SystemClock),
            listener: Arc::new(Followers::new(&options.limits)),
            telemetry: Arc::new(()),
            recorder: Arc::new(NoopMetricsRecorder::new()),
            seed: None,
        };
        SlateStore::open(parts, options).await.expect("opened")
    });
    let batch = batch(records, keys);
    bencher
        .counter(ItemsCount::new(CLIENTS * records))
        .bench(|| {
            let appends = (0..CLIENTS).map(|_| store.append(batch.clone().into(), durability));
            runtime.block_on(try_join_all(appends)).expect("appended")
        });
    runtime
        .block_on(store.close(Duration::from_secs(60)))
        .expect("closed");
}

#[divan::bench(args = [(1, 1), (100, 1), (1_000, 100), (1_000, 1_000)], sample_count = 50)]
fn append_applied(bencher: divan::Bencher<'_, '_>, shape: (usize, usize)) {
    append(bencher, shape, Durability::Applied);
}

#[divan::bench(args = [(1, 1), (100, 1)], sample_count = 50)]
fn append_durable(bencher: divan::Bencher<'_, '_>, shape: (usize, usize)) {
    append(bencher, shape, Durability::Durable);
}
