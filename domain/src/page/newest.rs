//! Pages of the newest records.

use super::kept::Kept;
use crate::{Page, PageLimit, Result, Run, Sequence, SequenceRange};

/// Fills a [`Page`] with the last records of a range, from runs in descending order.
#[derive(Debug)]
pub struct NewestBuilder {
    range: SequenceRange,
    since_ms: Option<i64>,
    /// The newest run first.
    kept: Kept,
    full: bool,
    stopped: bool,
}

impl NewestBuilder {
    /// An empty page for the end of `range`. With `since_ms`, it has no record that was appended earlier.
    pub fn new(range: SequenceRange, since_ms: Option<i64>, limit: PageLimit) -> Self {
        Self {
            range,
            since_ms,
            kept: Kept::new(limit),
            full: false,
            stopped: false,
        }
    }

    /// Whether there is no record in it yet.
    pub fn is_empty(&self) -> bool {
        self.kept.runs.is_empty()
    }

    /// The time of the page is over: no older runs come. It must not be empty.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Takes the end of `run` that fits. Returns whether the run before it can have records of the page.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when the run is damaged.
    pub fn push(&mut self, run: &Run) -> Result<bool> {
        // Append times never decrease.
        let is_older = self
            .since_ms
            .is_some_and(|since| run.timestamp_ms() < since);
        if self.full || is_older || run.last() < self.range.start() {
            return Ok(false);
        }
        if run.first() >= self.range.end() {
            return Ok(true);
        }
        let cut = |records, bytes| run.cut_newest(self.range, records, bytes);
        let more = self.kept.take(cut)?;
        self.full = more || !self.kept.has_room();
        Ok(!self.full && self.range.start() < run.first())
    }

    /// The page, when everything of the range below `visible` was pushed, or the page was full or stopped before. In a log with
    /// this floor, `asked` is the range that the reader asked for; a page that was full or stopped has no news of it.
    pub fn finish(mut self, visible: Sequence, asked: SequenceRange, floor: Sequence) -> Page {
        self.kept.runs.reverse();
        Page {
            runs: self.kept.runs,
            records: self.kept.records as u64,
            bytes: self.kept.bytes as u64,
            next: self.range.end().min(visible).max(self.range.start()),
            complete: true,
            more: self.stopped && !self.full,
            trimmed_before: match self.full || self.stopped {
                true => None,
                false => asked.trimmed_before(floor),
            },
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
        fn a_page_has_the_last_records_of_the_range_that_fit(
            gaps in prop::collection::vec((1u64..5, 0usize..50), 1..60), run_length in 1usize..8,
            start in 0u64..200, length in 0u64..200, limit in 1usize..80, bytes in 1usize..1_000, since in prop::option::of(0i64..10),
        ) {
            let mut sequence = 0;
            let records: Vec<(u64, Vec<u8>)> = gaps.iter().map(|(gap, size)| {
                sequence += gap;
                (sequence, vec![7; *size])
            }).collect();
            let run = |records: &[(u64, Vec<u8>)], time| {
                let mut builder = RunBuilder::new(time);
                records.iter().for_each(|(sequence, value)| builder.push(Sequence::new(*sequence), value));
                builder.finish()
            };
            let runs: Vec<Run> = records.chunks(run_length).zip(0..).filter_map(|(chunk, time)| run(chunk, time)).collect();
            let range = SequenceRange::new(start.into(), (start + length).into()).expect("ordered");
            let limit = PageLimit { records: limit, bytes, time: None };
            let mut builder = NewestBuilder::new(range, since, limit);
            for run in runs.iter().rev() {
                if !builder.push(run).expect("not damaged") {
                    break;
                }
            }
            let page = builder.finish(range.end(), range, Sequence::ZERO);
            let found: Vec<Sequence> = page.runs.iter().flat_map(Run::entries).map(|e| e.expect("not damaged").sequence).collect();
            // The same, record by record.
            let (mut expected, mut total) = (Vec::new(), 0);
            for (index, record) in records.iter().enumerate().rev() {
                let time = (index / run_length) as i64;
                if !(start..start + length).contains(&record.0) || since.is_some_and(|since| time < since) {
                    continue;
                }
                total += run(std::slice::from_ref(record), time).map_or(0, |run| run.encoded().len());
                if expected.len() == limit.records || (total > bytes && !expected.is_empty()) {
                    break;
                }
                expected.insert(0, Sequence::new(record.0));
            }
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(page.records as usize, expected.len());
            prop_assert_eq!(page.bytes as usize, page.runs.iter().map(|run| run.encoded().len()).sum::<usize>());
            prop_assert_eq!((page.next, page.complete), (range.end(), true));
        }
    }

    #[test]
    fn only_a_page_with_room_left_tells_of_a_trim() {
        let mut run = RunBuilder::new(1);
        (5..8).for_each(|sequence| run.push(Sequence::new(sequence), b"v"));
        let run = run.finish().expect("three records");
        let range = SequenceRange::ALL.starting_at(5.into());
        for (records, told) in [(2, None), (3, None), (4, Some(5.into()))] {
            let limit = PageLimit {
                records,
                bytes: 1_000,
                time: None,
            };
            let mut page = NewestBuilder::new(range, None, limit);
            page.push(&run).expect("not damaged");
            let page = page.finish(8.into(), SequenceRange::ALL, 5.into());
            assert_eq!(page.trimmed_before, told, "{records}");
            assert_eq!((page.records, page.next.get()), (records.min(3) as u64, 8));
        }
    }
}
