//! The encoding of records: `cargo bench -p log-domain`.

use divan::counter::ItemsCount;
use log_domain::run::RunBuilder;
use log_domain::{Run, Sequence, SequenceRange};

const RECORDS: u64 = 1_000;

fn main() {
    divan::main();
}

fn run(value_bytes: usize) -> Run {
    let value = vec![7; value_bytes];
    let mut builder = RunBuilder::with_headroom(
        1_700_000_000_000,
        40,
        RECORDS as usize * RunBuilder::max_len(value_bytes),
    );
    for sequence in 0..RECORDS {
        builder.push(Sequence::new(1_000_000 + sequence), &value);
    }
    builder.finish().expect("not empty")
}

#[divan::bench(args = [0, 100, 1_000])]
fn encode(bencher: divan::Bencher<'_, '_>, value_bytes: usize) {
    bencher
        .counter(ItemsCount::new(RECORDS))
        .bench(|| run(value_bytes));
}

#[divan::bench(args = [0, 100, 1_000])]
fn walk(bencher: divan::Bencher<'_, '_>, value_bytes: usize) {
    let run = run(value_bytes);
    bencher
        .counter(ItemsCount::new(RECORDS))
        .bench(|| run.entries().filter(|entry| entry.is_ok()).count());
}

#[divan::bench(args = [100])]
fn cut_in_the_middle(bencher: divan::Bencher<'_, '_>, value_bytes: usize) {
    let run = run(value_bytes);
    let range = SequenceRange::new(1_000_500.into(), 1_000_600.into()).expect("ordered");
    bencher.bench(|| run.cut(range, 1_000, usize::MAX));
}
