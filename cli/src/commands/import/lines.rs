//! The lines of an import as batches, made by a thread of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use opendata_log::BatchBuilder;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::window::Chunk;
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
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

/// When a batch is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) records: u64,
    pub(super) bytes: usize,
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

/// Begins to make batches of the records after the first `skipped` ones.
///
/// # Errors
/// When the source cannot be opened, or no thread be started.
pub(super) fn begin(
    source: &Source,
    skipped: u64,
    limits: Limits,
) -> Outcome<Receiver<Outcome<Chunk>>> {
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
        let mut lines = Lines::new(name, limits);
        let read = match file {
            Some(file) => lines.read(BufReader::with_capacity(1024 * 1024, file), skipped, &tell),
            None => {
                let input = BufReader::with_capacity(1024 * 1024, stdin().lock());
                lines.read(input, skipped, &tell)
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
    limits: Limits,
    reader: LineReader,
    number: u64,
    bytes: u64,
}

impl Lines {
    fn new(name: String, limits: Limits) -> Self {
        Self {
            name,
            limits,
            reader: LineReader::default(),
            number: 0,
            bytes: 0,
        }
    }

    /// Reads to the end, or until nobody takes batches any more.
    fn read(
        &mut self,
        mut input: impl BufRead,
        skipped: u64,
        tell: &Sender<Outcome<Chunk>>,
    ) -> Outcome {
        let mut line = Vec::new();
        for done in 0..skipped {
            if !self.next(&mut input, &mut line)? {
                let name = &self.name;
                let why = format!(
                    "{name} has {done} records, and {skipped} were imported before: it is not the same, so give another --id"
                );
                return Err(Failure::new(ANSWERED_WITH_ERROR, why));
            }
        }
        let mut start = skipped;
        let mut batch = self.builder();
        loop {
            let (is_pushed, failure) = match self.next(&mut input, &mut line) {
                Ok(true) => match self.reader.push(&line, None, &mut batch) {
                    Ok(()) => (true, None),
                    Err(why) => (false, Some(self.wrong(&why))),
                },
                Ok(false) => (false, None),
                Err(failure) => (false, Some(failure)),
            };
            let is_full =
                batch.records() >= self.limits.records || batch.bytes() >= self.limits.bytes;
            if batch.records() > 0 && (is_full || !is_pushed) {
                let full = std::mem::replace(&mut batch, self.builder()).finish();
                let end = start + full.records();
                let chunk = Chunk {
                    batch: full,
                    start,
                    end,
                    read: self.bytes,
                };
                start = end;
                if tell.blocking_send(Ok(chunk)).is_err() {
                    return Ok(());
                }
            }
            match failure {
                Some(failure) => return Err(failure),
                None if !is_pushed => return Ok(()),
                None => {}
            }
        }
    }

    fn builder(&self) -> BatchBuilder {
        BatchBuilder::with_capacity(self.limits.bytes.min(4 * 1024 * 1024) + 64 * 1024)
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
    use super::*;

    fn read(text: &str, skipped: u64, records: u64) -> (Vec<(u64, u64)>, Outcome) {
        let (tell, mut chunks) = channel(100);
        let limits = Limits {
            records,
            bytes: 1000,
        };
        let read = Lines::new("x.jsonl".to_owned(), limits).read(text.as_bytes(), skipped, &tell);
        drop(tell);
        let mut ranges = Vec::new();
        while let Ok(chunk) = chunks.try_recv() {
            let chunk = chunk.expect("a chunk");
            assert_eq!(chunk.batch.records(), chunk.end - chunk.start);
            ranges.push((chunk.start, chunk.end));
        }
        (ranges, read)
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
