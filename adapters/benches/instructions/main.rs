//! The work whose instructions `tools/check-instructions` counts: codecs, rows, the sequencer, and requests to the service.
//!
//! With the name of a case it does that one, as often as a second argument says; without (`cargo bench -p log-adapters --bench
//! instructions`) all, and prints how many operations each has. Only what runs within [`counted`] is counted: before it, a case prepares its input and does its work once.

mod codecs;
mod rows;
mod sequencer;
mod service;

use std::hint::black_box;
use std::io::{self, Write};

use bytes::Bytes;
use log_domain::{Batch, Limits, Record};

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// When all records are appended (Unix ms).
const NOW_MS: i64 = 1_700_000_000_000;

/// Work to count.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// How many operations it counts.
    operations: usize,
    /// Does so many operations.
    run: fn(usize),
}

fn main() -> io::Result<()> {
    // `cargo bench` adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|name| name != "--bench");
    let (wanted, operations) = (arguments.next(), arguments.next());
    let operations = operations.map(|operations| operations.parse().expect("a number"));
    let cases = [codecs::CASES, rows::CASES, sequencer::CASES, service::CASES].concat();
    let (mut stdout, mut found) = (io::stdout().lock(), false);
    for case in &cases {
        if wanted.as_ref().is_none_or(|wanted| wanted == case.name) {
            (case.run)(operations.unwrap_or(case.operations));
            writeln!(stdout, "{}\t{}", case.operations, case.name)?;
            found = true;
        }
    }
    match found {
        true => Ok(()),
        false => Err(io::Error::other(format!("there is no case {wanted:?}"))),
    }
}

/// Does `work`. Callgrind counts from the call of this function, which it knows by name, to its return.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // The call above is none of the last things that the function does, which a compiler may make a jump.
    black_box(());
}

/// Passes each of `inputs` to `work`, and counts all but the first.
fn count_each<I, O>(inputs: Vec<I>, mut work: impl FnMut(I) -> O) {
    let mut outputs = Vec::with_capacity(inputs.len());
    let mut inputs = inputs.into_iter();
    outputs.extend(inputs.next().map(&mut work));
    counted(&mut || {
        outputs.extend(
            inputs
                .by_ref()
                .map(|input| black_box(work(black_box(input)))),
        )
    });
    drop(outputs);
}

/// As many records of 100 bytes, in turn of as many keys.
fn records(records: usize, keys: usize) -> impl Iterator<Item = (Bytes, Bytes)> {
    let value = |i: usize| (0..100).map(|at| (i * 31 + at * 7) as u8).collect();
    (0..records).map(move |i| (format!("orders-{}", i % keys).into(), value(i)))
}

fn batch(contents: impl Iterator<Item = (Bytes, Bytes)>) -> Batch {
    let limits = Limits::default();
    let parsed = contents.map(|(key, value)| Record::parse(key, value, &limits));
    let records: Result<_, _> = parsed.collect();
    Batch::new(records.expect("within the limits"), &limits).expect("not empty")
}
