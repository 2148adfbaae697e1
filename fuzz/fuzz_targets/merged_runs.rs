//! A read of several keys merges their runs: every record once, in the order of sequences. With a damaged run it ends, with an
//! error or with what could be read.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use log_domain::merge::{Merge, Merged};
use log_domain::run::{Entry, RunBuilder};
use log_domain::{Headers, Key, Limits, PageLimit, Result, Run};

const KEYS: usize = 3;

/// Records by key, and whether each begins a run; which byte of which run is damaged, and how; the records of a page.
type Input = (Vec<(u8, bool, Vec<u8>)>, Option<(u8, u16, u8)>, u8);

fn merged(mut sources: Vec<VecDeque<Run>>, limit: PageLimit) -> Result<Vec<Entry>> {
    let limits = Limits::default();
    let keys =
        (0..KEYS).map(|key| Key::parse(format!("key-{key}").into(), &limits).expect("a key"));
    let mut merge = Merge::new(keys, limit);
    for (source, runs) in sources.iter_mut().enumerate() {
        if let Some(run) = runs.pop_front() {
            merge.feed(source, run)?;
        }
    }
    let mut entries = Vec::new();
    loop {
        match merge.step()? {
            Merged::Run(run) => {
                for entry in run.entries() {
                    entries.push(entry?);
                }
            }
            Merged::Exhausted(source) => {
                if let Some(run) = sources[source].pop_front() {
                    merge.feed(source, run)?;
                }
            }
            Merged::End => return Ok(entries),
        }
    }
}

fuzz_target!(|input: Input| {
    let (records, damage, page) = input;
    let limit = PageLimit {
        records: usize::from(page).max(1),
        bytes: 1 << 10,
        time: None,
    };
    let mut builders: Vec<Vec<RunBuilder>> = (0..KEYS).map(|_| Vec::new()).collect();
    for (at, (source, begins, value)) in records.iter().enumerate() {
        let builders = &mut builders[usize::from(*source) % KEYS];
        if *begins || builders.is_empty() {
            builders.push(RunBuilder::new(at as i64));
        }
        let builder = builders.last_mut().expect("just pushed");
        builder.push_with_headers((at as u64).into(), value, &Headers::default());
    }
    let finished = builders
        .into_iter()
        .map(|runs| runs.into_iter().filter_map(RunBuilder::finish).collect());
    let mut sources: Vec<VecDeque<Run>> = finished.collect();
    let Some((which, byte, bits)) = damage.filter(|(.., bits)| *bits != 0) else {
        let entries = merged(sources, limit).expect("nothing is damaged");
        let expected = records
            .iter()
            .enumerate()
            .map(|(at, (source, _, value))| (at as u64, usize::from(*source) % KEYS, &value[..]));
        let found = entries.iter().map(|entry| {
            let key = entry.key.as_ref().expect("named").as_ref();
            let key = usize::from(key[key.len() - 1] - b'0');
            (entry.sequence.get(), key, &entry.value[..])
        });
        assert!(expected.eq(found), "every record once, in order");
        return;
    };
    let mut runs: Vec<&mut Run> = sources.iter_mut().flatten().collect();
    if runs.is_empty() {
        return;
    }
    let which = usize::from(which) % runs.len();
    let run = &mut *runs[which];
    let mut encoded = run.encoded().to_vec();
    let byte = usize::from(byte) % encoded.len();
    encoded[byte] ^= bits;
    *run = Run::stored(
        run.first(),
        run.last(),
        run.count(),
        run.timestamp_ms(),
        Bytes::from(encoded),
    );
    let _ = merged(sources, limit);
});
