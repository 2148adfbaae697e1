//! Sends the batches of an import, until all of them are certain: one request at a time for each partition.

use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use opendata_log::{AppendOptions, Error, ErrorKind, LogClient};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep};

use super::batches::{Batches, Limits};
use super::lines::{self, Source};
use super::window::{Chunk, Window};
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome, UNREACHABLE};
use crate::progress::Progress;

/// The pause before a request is sent again, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// So many bytes of batches wait for those before them in their partitions; then no more are made.
const QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// An import that runs.
pub(super) struct Import {
    /// One that sends each append once.
    pub(super) client: LogClient,
    /// The partitions of the log, in order.
    pub(super) parts: Vec<Part>,
    pub(super) source: Source,
    pub(super) limits: Limits,
    /// How long the server may be away.
    pub(super) patience: Duration,
    pub(super) progress: Progress,
    /// How many records were imported before.
    pub(super) before: u64,
    /// The bytes of the source up to which something is acknowledged.
    pub(super) read: u64,
}

/// What is imported into a partition.
pub(super) struct Part {
    /// The cursor that counts the records.
    cursor: String,
    window: Window,
    trouble: Trouble,
    is_busy: bool,
}

/// What was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// The next batch.
    Batch { durable: bool },
    /// A move of the cursor to where it is, which is answered when everything up to there is durable.
    Proof,
}

/// What the server says of a request.
enum Said {
    /// It was done.
    Done,
    /// The cursor is there, and not where it was expected.
    Position(u64),
}

/// An answer for a partition.
type Answer = (usize, Sent, Result<Said, Error>);

/// Failures in a row.
#[derive(Default)]
struct Trouble {
    failed: u32,
    since: Option<Instant>,
    /// Before the next attempt.
    pause: Duration,
}

impl Part {
    /// A partition which has so many records of the import.
    pub(super) fn new(cursor: String, records: u64) -> Self {
        Self {
            cursor,
            window: Window::new(records),
            trouble: Trouble::default(),
            is_busy: false,
        }
    }
}

impl Import {
    /// How many records the server has acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.parts.iter().map(|part| part.window.position()).sum()
    }

    /// Imports everything. Gives how many records were imported in all, when no crash can undo it.
    ///
    /// # Errors
    /// When a line is wrong, the server refuses, or it is away for too long. [`Import::acknowledged`] says how far it got.
    pub(super) async fn run(&mut self) -> Outcome<u64> {
        let mut chunks = self.begin()?;
        let mut sent: FuturesUnordered<BoxFuture<'static, Answer>> = FuturesUnordered::new();
        // Why there is no more. What came before is imported first.
        let mut failed = None;
        let mut ended = false;
        loop {
            let queued: usize = self
                .parts
                .iter()
                .map(|part| part.window.queued_bytes())
                .sum();
            tokio::select! {
                chunk = chunks.recv(), if !ended && queued < QUEUED_BYTES => match chunk {
                    Some(Ok(chunk)) => {
                        let partition = chunk.partition;
                        self.parts[partition].window.push(chunk);
                        sent.extend(self.next(partition, false));
                    }
                    end => {
                        ended = true;
                        failed = end.and_then(Result::err);
                        for partition in 0..self.parts.len() {
                            sent.extend(self.next(partition, true));
                        }
                    }
                },
                Some((partition, what, said)) = sent.next() => {
                    self.parts[partition].is_busy = false;
                    if let Some(other) = self.answered(partition, what, said)? {
                        chunks = other;
                        (ended, failed) = (false, None);
                    }
                    sent.extend(self.next(partition, ended));
                }
                else => break,
            }
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(self.acknowledged()),
        }
    }

    /// Begins to make the batches after those that were made.
    fn begin(&self) -> Outcome<Receiver<Outcome<Chunk>>> {
        let made = self.parts.iter().map(|part| part.window.made());
        lines::begin(&self.source, Batches::new(self.limits, made.collect()))
    }

    /// What is to be sent to a partition now.
    fn next(&mut self, partition: usize, ended: bool) -> Option<BoxFuture<'static, Answer>> {
        let all = self.parts.iter().map(|part| part.window.unproven_bytes());
        let all: usize = all.sum();
        let part = &mut self.parts[partition];
        let others = all - part.window.unproven_bytes();
        if part.is_busy {
            return None;
        }
        let (client, cursor) = (self.client.clone(), part.cursor.clone());
        let pause = part.trouble.pause;
        let request: BoxFuture<'static, Answer> = match part.window.next() {
            Some(chunk) => {
                let durable = part.window.must_be_durable(others);
                let options = AppendOptions::new().await_durable(durable).move_cursor(
                    &cursor,
                    chunk.end,
                    chunk.start,
                );
                let batch = chunk.batch.clone();
                Box::pin(async move {
                    sleep(pause).await;
                    let appended = client.append_batch(&batch, options).await;
                    let sent = Sent::Batch { durable };
                    (partition, sent, said(&cursor, appended.map(drop)))
                })
            }
            None if ended && part.window.is_unproven() => {
                let position = part.window.position();
                Box::pin(async move {
                    sleep(pause).await;
                    let moved = client.move_cursor(&cursor, position, position).await;
                    (partition, Sent::Proof, said(&cursor, moved.map(drop)))
                })
            }
            None => return None,
        };
        part.is_busy = true;
        Some(request)
    }

    /// Takes an answer. Gives other batches, if they must be made again.
    fn answered(
        &mut self,
        partition: usize,
        sent: Sent,
        said: Result<Said, Error>,
    ) -> Outcome<Option<Receiver<Outcome<Chunk>>>> {
        let part = &mut self.parts[partition];
        let said = match said {
            Ok(said) => said,
            Err(error) => {
                self.wait(partition, error)?;
                return Ok(None);
            }
        };
        part.trouble = Trouble::default();
        let is_done = match (&said, part.window.next()) {
            (Said::Done, _) => true,
            // An attempt before this one was applied, and its answer was lost.
            (Said::Position(position), Some(next)) => sent != Sent::Proof && next.end == *position,
            (Said::Position(_), None) => false,
        };
        match (said, sent) {
            (_, Sent::Proof) if is_done => part.window.proven(),
            (_, Sent::Batch { durable }) if is_done => {
                let read = part.window.next().map_or(0, |chunk| chunk.read);
                part.window.applied(durable);
                self.read = self.read.max(read);
                let records = self.acknowledged().saturating_sub(self.before);
                self.progress.at(self.read, records);
            }
            (Said::Position(position), _) if !part.window.goes_on_from(position) => {
                return self.begin_again(partition, position).map(Some);
            }
            _ => {}
        }
        Ok(None)
    }

    /// The server has so many records, which is none of the places that are kept.
    fn begin_again(
        &mut self,
        partition: usize,
        position: u64,
    ) -> Outcome<Receiver<Outcome<Chunk>>> {
        self.parts[partition].window = Window::new(position);
        if !self.source.is_repeatable() {
            let why = format!(
                "the server has {position} records of this import, and what follows them was read before: give all lines again"
            );
            return Err(Failure::new(ANSWERED_WITH_ERROR, why));
        }
        self.begin()
    }

    /// Decides when the next attempt is made.
    fn wait(&mut self, partition: usize, error: Error) -> Outcome {
        let passes = error.is_unknown_outcome()
            || match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Fenced | ErrorKind::DeadlineExceeded => true,
                // Without a time, there is no room that would come by itself.
                ErrorKind::Overloaded => error.retry_after().is_some(),
                _ => false,
            };
        if !passes {
            let hint = match error.kind() {
                ErrorKind::TooLarge => ": perhaps with a smaller --batch-bytes or --batch-records",
                _ => "",
            };
            let failure = Failure::from(error);
            return Err(Failure::new(failure.code, failure.message + hint));
        }
        let is_first = self.parts.iter().all(|part| part.trouble.failed == 0);
        let trouble = &mut self.parts[partition].trouble;
        let since = *trouble.since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.patience {
            return Err(Failure::new(UNREACHABLE, error.to_string()));
        }
        if is_first && *error.kind() != ErrorKind::Overloaded {
            self.progress.note(&format!("{error}; trying again"));
        }
        trouble.failed += 1;
        let doubled = PAUSE.saturating_mul(1 << trouble.failed.min(5));
        let asked = error.retry_after().unwrap_or_default();
        trouble.pause = doubled.max(asked).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// What an answer means for an import that is counted by `cursor`.
fn said(cursor: &str, answer: Result<(), Error>) -> Result<Said, Error> {
    let error = match answer {
        Ok(()) => return Ok(Said::Done),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::Conflict(conflict) if conflict.cursor.as_deref() == Some(cursor) => {
            // One that does not exist is at 0.
            Ok(Said::Position(conflict.position.unwrap_or(0)))
        }
        _ => Err(error),
    }
}
