//! A stored run may hold any bytes after damage. Whoever walks, counts or cuts it gets records or an error, and both say the same.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use log_domain::run::{Entry, RunBuilder};
use log_domain::{Run, SequenceRange};

fuzz_target!(|input: (u64, u64, u32, i64, u64, u64, Vec<u8>)| {
    let (first, last, count, timestamp_ms, from, to, encoded) = input;
    let run = Run::stored(
        first.into(),
        last.into(),
        count,
        timestamp_ms,
        Bytes::from(encoded),
    );
    let walked: Result<Vec<Entry>, _> = run.entries().collect();
    let _ = run.count_below(from.into());
    if let Ok(range) = SequenceRange::new(from.into(), to.into()) {
        let cut = run.cut(range, 3, 1 << 10);
        if let (Ok(entries), Ok((Some(cut), _))) = (&walked, &cut) {
            let cut: Vec<Entry> = cut
                .entries()
                .map(|entry| entry.expect("walked before"))
                .collect();
            assert!(
                cut.iter().all(|entry| entries.contains(entry)),
                "a cut has what the run has"
            );
        }
    }
    // What is read as records is written as the same records.
    if let Ok(entries) = walked {
        let mut builder = RunBuilder::new(timestamp_ms);
        for entry in &entries {
            match &entry.key {
                Some(key) => builder.push_keyed(key, entry.sequence, &entry.value, &entry.headers),
                None => builder.push_with_headers(entry.sequence, &entry.value, &entry.headers),
            }
        }
        let again: Vec<Entry> = builder.finish().map_or_else(Vec::new, |run| {
            run.entries()
                .map(|entry| entry.expect("just written"))
                .collect()
        });
        assert_eq!(entries, again);
    }
});
