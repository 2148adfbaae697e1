//! Merging: runs of single keys become runs whose records name their keys, in the order of the sequences.
//!
//! A [`Merge`] has one source for each key, which is fed run by run, so that no more than one run of each source is in memory. What
//! comes out is in runs of bounded size, each with one append time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::merged_run::MergedRun;
use crate::run::Entry;
use crate::{Key, PageLimit, Result, Run, Sequence};

/// Merges any number of sources.
#[derive(Debug)]
pub struct Merge {
    sources: Vec<Source>,
    /// The next sequence of each source that has one.
    heads: BinaryHeap<Reverse<(Sequence, usize)>>,
    merged: MergedRun,
}

#[derive(Debug)]
struct Source {
    /// The key of records that do not name theirs.
    key: Key,
    run: Option<Rest>,
}

/// What is left of a run.
#[derive(Debug)]
struct Rest {
    run: Run,
    /// The next record.
    next: Entry,
    /// Where in the encoding the one after it begins.
    at: usize,
}

/// What [`Merge::step`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// The next records.
    Run(Run),
    /// The run of this source was used up: feed the next one of it, if there is one, before the merge goes on.
    Exhausted(usize),
    /// No source has records left.
    End,
}

impl Merge {
    /// A merge with a source for each of `keys`, whose runs are not longer than a page of `limit` needs. No source has records yet.
    pub fn new(keys: impl IntoIterator<Item = Key>, limit: PageLimit) -> Self {
        let sources = keys.into_iter().map(|key| Source { key, run: None });
        Self {
            sources: sources.collect(),
            heads: BinaryHeap::new(),
            merged: MergedRun::new(limit, 0),
        }
    }

    /// Gives `source` its next run: when it has not had one yet, or after [`Merged::Exhausted`]. The sequences are above those of
    /// its runs before. Records that name a key keep that.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the run is damaged.
    pub fn feed(&mut self, source: usize, run: Run) -> Result<()> {
        if let Some(rest) = rest(run, 0)? {
            self.heads.push(Reverse((rest.next.sequence, source)));
            self.sources[source].run = Some(rest);
        }
        Ok(())
    }

    /// The next records, or what is missing for them.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when a run is damaged.
    pub fn step(&mut self) -> Result<Merged> {
        while let Some(Reverse((_, source))) = self.heads.pop() {
            let Some(mut rest) = self.sources[source].run.take() else {
                continue;
            };
            // What of it comes before the records of all others.
            let below = self.heads.peek();
            let below = below.map_or(Sequence::MAX, |Reverse((sequence, _))| *sequence);
            loop {
                if let Some(run) = self.merged.ended(rest.run.timestamp_ms()) {
                    self.put_back(source, rest);
                    return Ok(Merged::Run(run));
                }
                self.push(source, &rest);
                match self::rest(rest.run, rest.at)? {
                    Some(left) => rest = left,
                    None => return Ok(Merged::Exhausted(source)),
                }
                if rest.next.sequence >= below {
                    self.put_back(source, rest);
                    break;
                }
            }
        }
        Ok(self.merged.close().map_or(Merged::End, Merged::Run))
    }

    fn put_back(&mut self, source: usize, rest: Rest) {
        self.heads.push(Reverse((rest.next.sequence, source)));
        self.sources[source].run = Some(rest);
    }

    fn push(&mut self, source: usize, rest: &Rest) {
        let Entry {
            sequence,
            value,
            headers,
            key,
        } = &rest.next;
        let key = key.as_ref().unwrap_or(&self.sources[source].key);
        let builder = self.merged.next(rest.run.timestamp_ms());
        builder.push_keyed(key, *sequence, value, headers);
    }
}

/// What is left of `run` from this byte on, if anything is.
fn rest(run: Run, at: usize) -> Result<Option<Rest>> {
    let mut entries = run.entries_from(at);
    let Some(next) = entries.next() else {
        return Ok(None);
    };
    let (next, at) = (next?, entries.at());
    Ok(Some(Rest { run, next, at }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::RunBuilder;
    use crate::{Headers, Limits};

    /// Key, value and headers of a record.
    type Record = (u8, Vec<u8>, bool);

    fn key(name: u8) -> Key {
        Key::stored(vec![b'k', name].into())
    }

    fn headers(some: bool) -> Headers {
        let headers: [(&str, &[u8]); 1] = [("name", b"value")];
        let headers = headers.into_iter().take(usize::from(some));
        Headers::parse(headers, &Limits::default()).expect("within the limits")
    }

    fn limit(records: usize, bytes: usize) -> PageLimit {
        PageLimit {
            records,
            bytes,
            time: None,
        }
    }

    /// The runs of a key in these commits, each with its own append time.
    fn runs_of(name: u8, commits: &[Vec<Record>]) -> Vec<Run> {
        let mut sequence = 0;
        let mut runs = Vec::new();
        for (time, commit) in (1..).zip(commits) {
            let mut builder = RunBuilder::new(time);
            for (of, value, some) in commit {
                if *of == name {
                    builder.push_with_headers(Sequence::new(sequence), value, &headers(*some));
                }
                sequence += 1;
            }
            runs.extend(builder.finish());
        }
        runs
    }

    fn entries(runs: &[Run]) -> Vec<(i64, Entry)> {
        let entries = runs.iter().flat_map(|run| {
            let time = run.timestamp_ms();
            run.entries()
                .map(move |entry| (time, entry.expect("not damaged")))
        });
        entries.collect()
    }

    /// All of it, fed run by run.
    fn merged(sources: Vec<(Key, Vec<Run>)>, limit: PageLimit) -> Vec<Run> {
        let (keys, runs): (Vec<Key>, Vec<Vec<Run>>) = sources.into_iter().unzip();
        let mut runs: Vec<_> = runs.into_iter().map(Vec::into_iter).collect();
        let mut merge = Merge::new(keys, limit);
        let mut feed = |merge: &mut Merge, source: usize| {
            if let Some(run) = runs[source].next() {
                merge.feed(source, run).expect("not damaged");
            }
        };
        (0..merge.sources.len()).for_each(|source| feed(&mut merge, source));
        let mut all = Vec::new();
        loop {
            match merge.step().expect("not damaged") {
                Merged::Run(run) => all.push(run),
                Merged::Exhausted(source) => feed(&mut merge, source),
                Merged::End => return all,
            }
        }
    }

    fn commits() -> impl Strategy<Value = Vec<Vec<Record>>> {
        let record = (
            0u8..5,
            prop::collection::vec(any::<u8>(), 0..30),
            any::<bool>(),
        );
        prop::collection::vec(prop::collection::vec(record, 1..20), 1..6)
    }

    proptest! {
        #[test]
        fn what_is_merged_are_the_records_sorted_by_sequence_with_their_keys(
            commits in commits(), records in 1usize..30, bytes in 1usize..400,
        ) {
            let mut sequence = 0;
            let mut expected = Vec::new();
            for (time, commit) in (1..).zip(&commits) {
                for (of, value, some) in commit {
                    expected.push((time, Entry {
                        sequence: Sequence::new(sequence),
                        value: value.clone().into(),
                        headers: headers(*some),
                        key: Some(key(*of)),
                    }));
                    sequence += 1;
                }
            }
            let sources = (0..5).map(|name| (key(name), runs_of(name, &commits))).collect();
            let runs = merged(sources, limit(records, bytes));
            prop_assert_eq!(&entries(&runs), &expected);
            for run in &runs {
                prop_assert!(run.count() as usize <= records + 1);
                let shorter = run.cut(crate::SequenceRange::ALL, run.count() as usize - 1, usize::MAX);
                let shorter = shorter.expect("not damaged").0;
                prop_assert!(shorter.is_none_or(|run| run.encoded().len() < bytes.max(1)));
            }
            // What was merged can be merged again, with what it was not merged with.
            let some = (0..3).map(|name| (key(name), runs_of(name, &commits))).collect();
            let mut sources = vec![(key(9), merged(some, limit(records, bytes)))];
            sources.extend((3..5).map(|name| (key(name), runs_of(name, &commits))));
            prop_assert_eq!(&entries(&merged(sources, limit(records, bytes))), &expected);
        }
    }
}
