//! Pages of query results, and where the next page starts.

mod kept;
mod newest;

use std::collections::BTreeSet;
use std::ops::Bound;

use bytes::Bytes;

use crate::{Key, KeysQuery, PageLimit, Result, Run, Sequence, SequenceRange};

pub use newest::NewestBuilder;

use kept::Kept;

/// Records of one key or of several, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records. In a read of several keys, each names its key.
    pub runs: Vec<Run>,
    /// Number of records.
    pub records: u64,
    /// Encoded bytes of all of them.
    pub bytes: u64,
    /// Start of the next page: `runs` has every record of the selection from the requested start, or, in a page of the newest
    /// records, from its first record, up to here. It also moves past ranges without records of the selection.
    pub next: Sequence,
    /// Whether the page ends because there are no more visible records, not because it is full or its time was over.
    pub complete: bool,
    /// Whether it ends because its time was over. It may be empty then, and that is not the end: read on from `next`. A page of the newest
    /// records is never empty then: there may be older ones of the range that it does not have.
    pub more: bool,
    /// If a part of the requested range was trimmed: the first sequence that could still be there. Not in a page of the
    /// newest records that is full: it would have nothing of that part.
    pub trimmed_before: Option<Sequence>,
}

impl Page {
    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

/// Fills a [`Page`] from runs in ascending order.
#[derive(Debug)]
pub struct PageBuilder {
    range: SequenceRange,
    since_ms: Option<i64>,
    kept: Kept,
    full: bool,
    stopped_at: Option<Sequence>,
}

impl PageBuilder {
    /// An empty page for `range`. With `since_ms`, records before the first one of that time or later are skipped.
    pub fn new(range: SequenceRange, since_ms: Option<i64>, limit: PageLimit) -> Self {
        Self {
            range,
            since_ms,
            kept: Kept::new(limit),
            full: false,
            stopped_at: None,
        }
    }

    /// The time of the page is over: what lies below `reached` was pushed, and no more comes.
    pub fn stop_at(&mut self, reached: Sequence) {
        self.stopped_at = Some(reached);
    }

    /// Takes what fits of `run`. Returns whether the page has room for the next run.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the run is damaged.
    pub fn push(&mut self, run: &Run) -> Result<bool> {
        if self.full || run.first() >= self.range.end() {
            return Ok(false);
        }
        if run.last() < self.range.start() {
            return Ok(true);
        }
        if self
            .since_ms
            .is_some_and(|since| run.timestamp_ms() < since)
        {
            return Ok(true);
        }
        let cut = |records, bytes| run.cut(self.range, records, bytes);
        self.full = self.kept.take(cut)?;
        if !self.kept.runs.is_empty() {
            self.since_ms = None;
        }
        Ok(!self.full)
    }

    /// Number of records that were taken.
    pub fn records(&self) -> usize {
        self.kept.records
    }

    /// Whether nothing was taken yet.
    pub fn is_empty(&self) -> bool {
        self.kept.runs.is_empty()
    }

    /// The page, when everything below `visible` was pushed, or the page was full or stopped before.
    pub fn finish(self, visible: Sequence) -> Page {
        let end = self.range.end().min(visible).max(self.range.start());
        let stopped_at = self.stopped_at.filter(|at| !self.full && *at < end);
        let next = match (self.kept.runs.last(), stopped_at) {
            (Some(last), _) if self.full => last.last().plus(1),
            (_, Some(at)) => at.max(self.range.start()),
            _ => end,
        };
        Page {
            runs: self.kept.runs,
            records: self.kept.records as u64,
            bytes: self.kept.bytes as u64,
            next,
            complete: !self.full && stopped_at.is_none(),
            more: stopped_at.is_some(),
            trimmed_before: None,
        }
    }
}

/// How many records of a key lie in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub records: u64,
    /// If a part of the range was trimmed: the first sequence that could still be there.
    pub trimmed_before: Option<Sequence>,
}

/// Distinct keys in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysPage {
    /// The keys.
    pub keys: Vec<Key>,
    /// Start of the next page, if there are more keys, or if the time of this one was over. It may be empty then, and that is not
    /// the end.
    pub next_start_after: Option<Key>,
}

/// Merges the sorted keys of any number of segments into one page, in memory bounded by the page.
#[derive(Debug)]
pub struct KeysBuilder {
    limit: PageLimit,
    /// The smallest keys: those of the page, and one more if there is one.
    smallest: BTreeSet<Bytes>,
    bytes: usize,
    stopped_after: Option<Key>,
}

impl KeysBuilder {
    /// An empty page for `query`.
    pub fn new(query: &KeysQuery) -> Self {
        Self {
            limit: query.limit,
            smallest: BTreeSet::new(),
            bytes: 0,
            stopped_after: None,
        }
    }

    /// The time of the page is over: all keys up to this one were offered that are to be listed, and no more come.
    pub fn stop_after(&mut self, key: Key) {
        self.stopped_after = Some(key);
    }

    /// Offers the next key of a segment, in ascending order. Returns whether the segment's following key can be in the page.
    pub fn offer(&mut self, key: Bytes) -> bool {
        if self.overflows(0) && self.smallest.last().is_some_and(|last| key >= *last) {
            return false;
        }
        let length = key.len();
        if self.smallest.insert(key) {
            self.bytes += length;
        }
        while let Some(last) = self.smallest.last()
            && self.overflows(last.len())
        {
            self.drop_last();
        }
        true
    }

    /// The page, when every segment was offered, or the page was stopped before.
    pub fn finish(mut self) -> KeysPage {
        let more = self.overflows(0);
        if more {
            self.drop_last();
        }
        let keys: Vec<Key> = self.smallest.into_iter().map(Key::stored).collect();
        KeysPage {
            next_start_after: match more {
                true => keys.last().cloned(),
                false => self.stopped_after,
            },
            keys,
        }
    }

    /// Whether the keys, without a last one of `last` bytes if that is not 0, are more than a page.
    fn overflows(&self, last: usize) -> bool {
        let count = self.smallest.len() - usize::from(last > 0);
        count > self.limit.records || (count > 1 && self.bytes - last > self.limit.bytes)
    }

    fn drop_last(&mut self) {
        if let Some(last) = self.smallest.pop_last() {
            self.bytes -= last.len();
        }
    }
}

impl KeysQuery {
    /// Where the first key that can be in the answer lies, as the lower bound of a byte range.
    pub fn lower_bound(&self) -> Bound<Bytes> {
        match &self.start_after {
            Some(after) if *after >= self.prefix => Bound::Excluded(after.clone()),
            _ => Bound::Included(self.prefix.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunBuilder;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_that_follow_next_show_every_record_once_and_in_order(
            gaps in prop::collection::vec((1u64..5, 0usize..50), 1..60),
            run_length in 1usize..8, limit in 1usize..10, bytes in 1usize..400, hidden in 0u64..20, stops in 1usize..5,
        ) {
            let mut sequence = 0;
            let records: Vec<(Sequence, Vec<u8>)> = gaps.iter().map(|(gap, size)| {
                sequence += gap;
                (Sequence::new(sequence), vec![7; *size])
            }).collect();
            let runs: Vec<Run> = records.chunks(run_length).map(|chunk| {
                let mut builder = RunBuilder::new(1);
                chunk.iter().for_each(|(sequence, value)| builder.push(*sequence, value));
                builder.finish().expect("not empty")
            }).collect();
            let visible = Sequence::new(sequence + hidden + 1);
            let limit = PageLimit { records: limit, bytes, time: None };
            let (mut seen, mut range) = (Vec::new(), SequenceRange::ALL);
            loop {
                let mut builder = PageBuilder::new(range, None, limit);
                // A store begins with the first run that can be in the range. The time is over after some of them.
                let from = runs.iter().filter(|run| run.last() >= range.start());
                for (read, run) in from.enumerate() {
                    if !builder.push(run).expect("not damaged") {
                        break;
                    }
                    if read + 1 == stops {
                        builder.stop_at(run.last().plus(1));
                        break;
                    }
                }
                let page = builder.finish(visible);
                prop_assert!(page.records as usize <= limit.records);
                prop_assert!(page.bytes as usize <= limit.bytes || page.records == 1);
                for run in &page.runs {
                    seen.extend(run.entries().map(|e| e.expect("not damaged").sequence));
                }
                prop_assert!(!(page.complete && page.more));
                prop_assert!(page.complete || page.next > range.start());
                range = range.starting_at(page.next);
                if page.complete {
                    prop_assert_eq!(page.next, visible);
                    break;
                }
                prop_assert!(page.records > 0);
            }
            prop_assert_eq!(seen, records.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>());
        }

        #[test]
        fn merging_segments_gives_the_first_distinct_keys(
            segments in prop::collection::vec(prop::collection::btree_set(prop::collection::vec(0u8..4, 1..4), 0..12), 0..6),
            records in 1usize..8, bytes in 1usize..20,
        ) {
            let limit = PageLimit { records, bytes, time: None };
            let query = KeysQuery { start_segment: 0, end_segment: u32::MAX, prefix: Bytes::new(), start_after: None, limit };
            let mut builder = KeysBuilder::new(&query);
            for segment in &segments {
                for key in segment {
                    if !builder.offer(Bytes::from(key.clone())) {
                        break;
                    }
                }
            }
            let all: BTreeSet<Vec<u8>> = segments.into_iter().flatten().collect();
            let page = builder.finish();
            let keys: Vec<Vec<u8>> = page.keys.iter().map(|k| k.as_bytes().to_vec()).collect();
            let mut total = 0;
            let fits = |key: &&Vec<u8>| {
                total += key.len();
                total <= bytes || total == key.len()
            };
            let expected: Vec<Vec<u8>> = all.iter().take(records).take_while(fits).cloned().collect();
            prop_assert_eq!(&keys, &expected);
            prop_assert_eq!(page.next_start_after.is_some(), all.len() > expected.len());
        }
    }

    #[test]
    fn a_page_that_is_stopped_goes_on_where_nothing_was_read() {
        let limit = PageLimit {
            records: 10,
            bytes: 1_000,
            time: None,
        };
        let range = SequenceRange::ALL.starting_at(5.into());
        let cases = [(3, 5, true), (7, 7, true), (9, 9, false), (20, 9, false)];
        for (stopped_at, next, more) in cases {
            let mut builder = PageBuilder::new(range, None, limit);
            builder.stop_at(Sequence::new(stopped_at));
            let page = builder.finish(Sequence::new(9));
            assert_eq!((page.next.get(), page.more), (next, more), "{stopped_at}");
            assert_eq!((page.complete, page.records), (!more, 0), "{stopped_at}");
        }
    }

    #[test]
    fn a_listing_that_is_stopped_goes_on_after_what_was_offered() {
        let limit = PageLimit {
            records: 2,
            bytes: 1_000,
            time: None,
        };
        let query = KeysQuery {
            start_segment: 0,
            end_segment: u32::MAX,
            prefix: Bytes::new(),
            start_after: None,
            limit,
        };
        for (offered, listed, after) in [("", 0, "m"), ("a", 1, "m"), ("abc", 2, "b")] {
            let mut builder = KeysBuilder::new(&query);
            for key in offered.bytes() {
                builder.offer(Bytes::from(vec![key]));
            }
            builder.stop_after(Key::stored("m".into()));
            let page = builder.finish();
            assert_eq!(page.keys.len(), listed, "{offered}");
            let next = page.next_start_after.expect("there may be more");
            assert_eq!(next.as_ref(), after.as_bytes(), "{offered}");
        }
    }

    #[test]
    fn a_start_time_skips_to_the_first_record_of_that_time_and_nothing_after_it() {
        let run = |sequence, time| {
            let mut builder = RunBuilder::new(time);
            builder.push(Sequence::new(sequence), b"v");
            builder.finish().expect("one record")
        };
        let limit = PageLimit {
            records: 10,
            bytes: 1_000,
            time: None,
        };
        let mut builder = PageBuilder::new(SequenceRange::ALL, Some(20), limit);
        for run in [run(0, 10), run(1, 20), run(2, 15)] {
            builder.push(&run).expect("not damaged");
        }
        let sequences: Vec<u64> = builder
            .finish(Sequence::new(3))
            .runs
            .iter()
            .map(|r| r.first().get())
            .collect();
        assert_eq!(sequences, [1, 2]);
    }
}
