//! What a producer costs a request of 100 records: `cargo bench -p log-domain --bench producers`.

use bytes::Bytes;
use log_domain::sequencer::{Policy, Recovered, Sequencer, Step};
use log_domain::{Append, Batch, Limits, Producer, ProducerPolicy, Record, SealPolicy};

const RECORDS: usize = 100;

fn main() {
    divan::main();
}

fn batch(value_bytes: usize) -> Batch {
    let limits = Limits::default();
    let record = |_| Record::parse("orders".into(), Bytes::from(vec![7; value_bytes]), &limits);
    let records: Result<Vec<_>, _> = (0..RECORDS).map(record).collect();
    Batch::new(records.expect("within the limits"), &limits).expect("a batch")
}

/// Takes and commits requests, one after the other, with and without a producer.
#[divan::bench(args = [(10, false), (10, true), (100, false), (100, true), (1_000, false), (1_000, true)])]
fn request(bencher: divan::Bencher<'_, '_>, (value_bytes, has_producer): (usize, bool)) {
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: 1 << 20,
        producers: ProducerPolicy::default(),
        cursors: 0,
    };
    let mut sequencer = Sequencer::recover(Recovered::default(), policy).expect("a new log");
    let mut sequence = 0;
    bencher
        .with_inputs(|| batch(value_bytes))
        .bench_local_values(|batch| {
            let producer = has_producer.then(|| {
                sequence += 1;
                Producer::parse("0192f0c17d3a7cc48f4e5d1f0a9b3c21", 0, sequence - 1)
                    .expect("a producer")
            });
            let append = Append::new(batch, Vec::new(), producer).expect("an append");
            loop {
                match sequencer
                    .plan(&[&append], 1_700_000_000_000)
                    .expect("not full")
                {
                    Step::Commit(commit) => break sequencer.applied(&commit),
                    Step::Reserve(metadata) => {
                        sequencer.written(&metadata);
                        sequencer.durable(metadata.number);
                    }
                    Step::AwaitDurable(number) => sequencer.durable(number),
                    Step::Answer(decided) => panic!("{decided:?}"),
                }
            }
        });
}

/// The fingerprint of the records alone.
#[divan::bench(args = [10, 100, 1_000])]
fn fingerprint(bencher: divan::Bencher<'_, '_>, value_bytes: usize) {
    bencher
        .with_inputs(|| batch(value_bytes))
        .bench_local_values(|batch| {
            let producer = Producer::parse("0192f0c17d3a7cc48f4e5d1f0a9b3c21", 0, 0);
            Append::new(batch, Vec::new(), producer.ok()).expect("an append")
        });
}
