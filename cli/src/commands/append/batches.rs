//! Lines of standard input as batches: as many as are there, within limits.

use std::io::{BufReader, Stdin};

use bytes::Bytes;
use opendata_log::BatchBuilder;
use tokio::sync::mpsc::{Receiver, channel};

use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
use crate::input::{LONGEST_LINE, Read, read_line};
use crate::record_line::LineReader;

/// A batch has no more records than this.
const MOST_RECORDS: u64 = 10_000;
/// A batch is sent when it has so many bytes.
const MOST_BYTES: usize = 1024 * 1024;
/// So many lines are read ahead of those that are sent.
const READ_AHEAD: usize = 16_384;

/// What a line is.
pub(super) enum Format {
    /// A value, with these headers.
    Lines(Vec<(String, String)>),
    /// An object.
    Json,
}

/// What comes next.
pub(super) enum Next {
    Batch(BatchBuilder),
    End,
    /// A line cannot be read. Everything before it came.
    Failed(Failure),
}

/// The batches of standard input.
pub(super) struct Batches {
    lines: Receiver<Outcome<Vec<u8>>>,
    key: Bytes,
    format: Format,
    reader: LineReader,
    /// How many lines came.
    taken: u64,
    failed: Option<Failure>,
}

/// Reads `input` in a thread of its own: it may be a terminal or a pipe that stays open.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn batches(input: Stdin, key: Bytes, format: Format) -> Outcome<Batches> {
    let (tell, lines) = channel(READ_AHEAD);
    let read = move || {
        let mut input = BufReader::with_capacity(256 * 1024, input.lock());
        let mut number = 0_u64;
        loop {
            let mut line = Vec::new();
            number += 1;
            let told = match read_line(&mut input, LONGEST_LINE, &mut line) {
                Ok(Read::Line) => Ok(line),
                Ok(Read::End) => return,
                Ok(Read::TooLong) => {
                    Err(at(number, format!("it has more than {LONGEST_LINE} bytes")))
                }
                Err(error) => Err(Failure::io("cannot read standard input", &error)),
            };
            let is_last = told.is_err();
            if tell.blocking_send(told).is_err() || is_last {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .spawn(read)
        .map_err(|error| Failure::io("cannot start a thread", &error))?;
    Ok(Batches {
        lines,
        key,
        format,
        reader: LineReader::default(),
        taken: 0,
        failed: None,
    })
}

fn at(line: u64, why: String) -> Failure {
    Failure::new(ANSWERED_WITH_ERROR, format!("line {line}: {why}"))
}

impl Batches {
    /// The next batch: what is there already. It waits for the first line. Waiting may be given up: nothing is lost.
    pub(super) async fn next(&mut self) -> Next {
        if let Some(failure) = self.failed.take() {
            return Next::Failed(failure);
        }
        let mut batch = BatchBuilder::default();
        let mut next = self.lines.recv().await;
        loop {
            let line = match next {
                None if batch.records() == 0 => return Next::End,
                None => return Next::Batch(batch),
                Some(line) => line,
            };
            if let Err(failure) = line.and_then(|line| self.push(line, &mut batch)) {
                if batch.records() == 0 {
                    return Next::Failed(failure);
                }
                self.failed = Some(failure);
                return Next::Batch(batch);
            }
            if batch.records() == MOST_RECORDS || batch.bytes() >= MOST_BYTES {
                return Next::Batch(batch);
            }
            next = match self.lines.try_recv() {
                Ok(line) => Some(line),
                Err(_) => return Next::Batch(batch),
            };
        }
    }

    /// How many lines were read into batches.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn push(&mut self, mut line: Vec<u8>, batch: &mut BatchBuilder) -> Outcome {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let number = self.taken + 1;
        match &self.format {
            Format::Lines(headers) => {
                let headers: Vec<(&str, &[u8])> = headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_bytes()))
                    .collect();
                batch.push(&self.key, &line, &headers)?;
            }
            Format::Json if line.trim_ascii().is_empty() => {}
            Format::Json => {
                let pushed = self.reader.push(&line, Some(&self.key), batch);
                pushed.map_err(|why| at(number, why))?;
            }
        }
        self.taken = number;
        Ok(())
    }
}
