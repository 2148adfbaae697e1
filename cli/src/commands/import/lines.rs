//! The lines of an import as batches, made by a thread of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::batches::Batches;
use super::window::Chunk;
use crate::exit::{ANSWERED_WITH_ERROR, Failure, OK, Outcome};
use crate::input::{LONGEST_LINE, Read, read_line};
use crate::record_line::LineReader;

/// So many batches are made ahead of the one that is sent.
const READ_AHEAD: usize = 3;

/// Where lines come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Stdin,
}

impl Source {
    /// The length of it; `None` if nobody knows.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::File(path) => {
                let metadata = path.metadata().ok()?;
                metadata.is_file().then_some(metadata.len())
            }
            Self::Stdin => None,
        }
    }

    /// Whether it can be read from its beginning once more.
    pub(super) fn is_repeatable(&self) -> bool {
        self.bytes().is_some()
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }
}

/// Begins to make batches.
///
/// # Errors
/// When the source cannot be opened, or no thread be started.
pub(super) fn begin(source: &Source, mut batches: Batches) -> Outcome<Receiver<Outcome<Chunk>>> {
    let (tell, chunks) = channel(READ_AHEAD);
    let name = source.shown();
    let file = match source {
        Source::File(path) => {
            let opened = File::open(path);
            Some(opened.map_err(|error| Failure::io(format!("cannot read {name}"), &error))?)
        }
        Source::Stdin => None,
    };
    let read = move || {
        let mut lines = Lines::new(name);
        let read = match file {
            Some(file) => {
                let input = BufReader::with_capacity(1024 * 1024, file);
                lines.read(input, &mut batches, &tell)
            }
            None => {
                let input = BufReader::with_capacity(1024 * 1024, stdin().lock());
                lines.read(input, &mut batches, &tell)
            }
        };
        if let Err(failure) = read {
            // Fails if the import has ended.
            drop(tell.blocking_send(Err(failure)));
        }
    };
    std::thread::Builder::new()
        .spawn(read)
        .map_err(|error| Failure::io("cannot start a thread", &error))?;
    Ok(chunks)
}

struct Lines {
    name: String,
    reader: LineReader,
    number: u64,
    bytes: u64,
}

impl Lines {
    fn new(name: String) -> Self {
        Self {
            name,
            reader: LineReader::default(),
            number: 0,
            bytes: 0,
        }
    }

    /// Reads to the end, or until nobody takes batches any more.
    fn read(
        &mut self,
        mut input: impl BufRead,
        batches: &mut Batches,
        tell: &Sender<Outcome<Chunk>>,
    ) -> Outcome {
        let mut line = Vec::new();
        // Lines that are all in one partition need not be understood to be skipped.
        while batches.skips_any() {
            if !self.next(&mut input, &mut line)? {
                return self.ended(batches);
            }
            batches.skip();
        }
        loop {
            let read = match self.next(&mut input, &mut line) {
                Ok(true) => {
                    let pushed = self.reader.push_where(&line, None, |key| batches.of(key));
                    pushed.map_err(|why| self.wrong(&why))
                }
                Ok(false) => Err(Failure::new(OK, "")),
                Err(failure) => Err(failure),
            };
            let Err(end) = read else {
                if let Some(full) = batches.full(self.bytes)
                    && tell.blocking_send(Ok(full)).is_err()
                {
                    return Ok(());
                }
                continue;
            };
            // What comes before a wrong line is sent, too.
            while let Some(rest) = batches.rest(self.bytes) {
                if tell.blocking_send(Ok(rest)).is_err() {
                    return Ok(());
                }
            }
            return match end.code {
                OK => self.ended(batches),
                _ => Err(end),
            };
        }
    }

    /// Whether all that is to be skipped was there.
    fn ended(&self, batches: &Batches) -> Outcome {
        let Some((found, skipped, partition)) = batches.missing() else {
            return Ok(());
        };
        let name = &self.name;
        let of = partition.map_or_else(String::new, |number| format!(" of partition {number}"));
        let why = format!(
            "{name} has {found} records{of}, and {skipped} were imported before: it is not the same, so give another --id"
        );
        Err(Failure::new(ANSWERED_WITH_ERROR, why))
    }

    /// The next line that is not blank; false at the end.
    fn next(&mut self, input: &mut impl BufRead, line: &mut Vec<u8>) -> Outcome<bool> {
        loop {
            self.number += 1;
            match read_line(input, LONGEST_LINE, line) {
                Ok(Read::Line) => {}
                Ok(Read::End) => return Ok(false),
                Ok(Read::TooLong) => {
                    return Err(self.wrong(&format!("it has more than {LONGEST_LINE} bytes")));
                }
                Err(error) => {
                    return Err(Failure::io(format!("cannot read {}", self.name), &error));
                }
            }
            self.bytes += line.len() as u64;
            if !line.trim_ascii_start().is_empty() {
                return Ok(true);
            }
        }
    }

    fn wrong(&self, why: &str) -> Failure {
        let (name, number) = (&self.name, self.number);
        Failure::new(
            ANSWERED_WITH_ERROR,
            format!("{name}, line {number}: {why}; mend it"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::batches::Limits;
    use super::*;

    fn limits(records: u64) -> Limits {
        Limits {
            records,
            bytes: 1000,
        }
    }

    fn read_into(text: &str, mut batches: Batches) -> (Vec<Chunk>, Outcome) {
        let (tell, mut chunks) = channel(100);
        let read = Lines::new("x.jsonl".to_owned()).read(text.as_bytes(), &mut batches, &tell);
        drop(tell);
        let mut all = Vec::new();
        while let Ok(chunk) = chunks.try_recv() {
            let chunk = chunk.expect("a chunk");
            assert_eq!(chunk.batch.records(), chunk.end - chunk.start);
            all.push(chunk);
        }
        (all, read)
    }

    fn read(text: &str, skipped: u64, records: u64) -> (Vec<(u64, u64)>, Outcome) {
        let batches = Batches::new(limits(records), vec![skipped]);
        let (chunks, read) = read_into(text, batches);
        let ranges = chunks.iter().map(|chunk| (chunk.start, chunk.end));
        (ranges.collect(), read)
    }

    /// How many records of each partition are in chunks, which must follow one another.
    fn counted(chunks: &[Chunk], mut ends: Vec<u64>) -> Vec<u64> {
        for chunk in chunks {
            assert_eq!(chunk.start, ends[chunk.partition]);
            ends[chunk.partition] = chunk.end;
        }
        ends
    }

    #[test]
    fn each_partition_has_its_own_batches_and_continues_after_what_it_has() {
        let lines: Vec<String> = (0..100)
            .map(|number| format!("{{\"keyText\":\"k{}\",\"valueText\":\"v\"}}\n", number % 10))
            .collect();
        let text = lines.concat();
        let (chunks, ended) = read_into(&text, Batches::new(limits(7), vec![0; 4]));
        assert_eq!(ended, Ok(()));
        let all = counted(&chunks, vec![0; 4]);
        assert_eq!(all.iter().sum::<u64>(), 100);
        assert!(
            all.iter().filter(|count| **count > 0).count() > 1,
            "{all:?}"
        );
        let before: Vec<u64> = all.iter().map(|count| count / 3).collect();
        let (chunks, ended) = read_into(&text, Batches::new(limits(7), before.clone()));
        assert_eq!(ended, Ok(()));
        assert_eq!(counted(&chunks, before), all);
        // A file that is shorter than what a partition has is another one.
        let (_, ended) = read_into(&lines[0], Batches::new(limits(7), all));
        let failure = ended.expect_err("too short");
        assert!(failure.message.contains("of partition "), "{failure:?}");
        assert!(failure.message.contains("another --id"), "{failure:?}");
    }

    const LINE: &str = "{\"keyText\":\"k\",\"valueText\":\"v\"}\n";

    #[test]
    fn batches_continue_after_what_is_skipped_and_blank_lines_do_not_count() {
        let text = format!("{LINE}\n  \n{LINE}{LINE}\n{LINE}{}", LINE.trim());
        assert_eq!(read(&text, 0, 2), (vec![(0, 2), (2, 4), (4, 5)], Ok(())));
        assert_eq!(read(&text, 3, 2), (vec![(3, 5)], Ok(())));
        assert_eq!(read(&text, 5, 2), (Vec::new(), Ok(())));
        assert_eq!(read("", 0, 2), (Vec::new(), Ok(())));
    }

    #[test]
    fn a_batch_ends_when_it_has_enough_bytes() {
        let long = format!(
            "{{\"keyText\":\"k\",\"valueText\":\"{}\"}}\n",
            "v".repeat(600)
        );
        assert_eq!(read(&long.repeat(3), 0, 100).0, [(0, 2), (2, 3)]);
    }

    #[test]
    fn what_comes_before_a_wrong_line_is_sent_and_its_number_is_told() {
        let (ranges, read) = read(&format!("{LINE}{LINE}\nx\n{LINE}"), 0, 10);
        assert_eq!(ranges, [(0, 2)]);
        let failure = read.expect_err("a wrong line");
        assert!(
            failure.message.starts_with("x.jsonl, line 4: "),
            "{failure:?}"
        );
    }

    #[test]
    fn a_file_that_is_shorter_than_what_was_imported_is_another_one() {
        let (_, read) = read(LINE, 2, 10);
        let failure = read.expect_err("too short");
        assert!(failure.message.contains("another --id"), "{failure:?}");
    }
}
