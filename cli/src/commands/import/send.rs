//! Sends the batches of an import, until all of them are certain.

use std::time::Duration;

use opendata_log::{AppendOptions, Error, ErrorKind, LogClient};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep};

use super::lines::{self, Limits, Source};
use super::window::{Chunk, Window};
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome, UNREACHABLE};
use crate::progress::Progress;

/// The pause before a request is sent again, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An import that runs.
pub(super) struct Import {
    /// One that sends each append once.
    pub(super) client: LogClient,
    /// The cursor that counts the records.
    pub(super) cursor: String,
    pub(super) source: Source,
    pub(super) limits: Limits,
    /// How long the server may be away.
    pub(super) patience: Duration,
    pub(super) progress: Progress,
    /// How many records were imported before.
    pub(super) before: u64,
    /// How many records the server has acknowledged.
    pub(super) acknowledged: u64,
}

/// What the server says of a request.
enum Said {
    /// It was done.
    Done,
    /// The cursor is there, and not where it was expected.
    Position(u64),
}

/// Failures in a row.
#[derive(Default)]
struct Trouble {
    failed: u32,
    since: Option<Instant>,
}

impl Import {
    /// Imports everything. Gives how many records were imported in all, when no crash can undo it.
    ///
    /// # Errors
    /// When a line is wrong, the server refuses, or it is away for too long. [`Import::acknowledged`] says how far it got.
    pub(super) async fn run(&mut self) -> Outcome<u64> {
        let mut window = Window::new(self.before);
        let mut chunks = lines::begin(&self.source, self.before, self.limits)?;
        let mut trouble = Trouble::default();
        // Why there is no more. What came before is imported first.
        let mut failed = None;
        let mut ended = false;
        loop {
            let (said, durable) = match window.next() {
                Some((chunk, durable)) => (self.append(chunk, durable).await, durable),
                None if !ended => {
                    match chunks.recv().await {
                        Some(Ok(chunk)) => window.push(chunk),
                        Some(Err(failure)) => failed = Some(failure),
                        None => ended = true,
                    }
                    ended |= failed.is_some();
                    continue;
                }
                None if window.is_unproven() => (self.prove(window.position()).await, true),
                None => break,
            };
            match said {
                Ok(Said::Done) => {
                    trouble = Trouble::default();
                    self.done(&mut window, durable);
                }
                Ok(Said::Position(position)) => {
                    trouble = Trouble::default();
                    let is_there = window
                        .next()
                        .is_some_and(|(chunk, _)| chunk.end == position);
                    if is_there {
                        // An attempt before this one was applied, and its answer was lost.
                        self.done(&mut window, durable);
                    } else if !window.goes_on_from(position) {
                        chunks = self.begin_again(position)?;
                        window = Window::new(position);
                        (ended, failed) = (false, None);
                    }
                    self.acknowledged = window.position();
                }
                Err(error) => self.wait(error, &mut trouble).await?,
            }
        }
        match failed {
            Some(failure) => Err(failure),
            None => Ok(window.position()),
        }
    }

    fn done(&mut self, window: &mut Window, durable: bool) {
        let read = window.next().map(|(chunk, _)| chunk.read);
        match read {
            Some(read) => {
                window.applied(durable);
                self.acknowledged = window.position();
                let records = self.acknowledged.saturating_sub(self.before);
                self.progress.at(read, records);
            }
            None => window.proven(),
        }
    }

    async fn append(&self, chunk: &Chunk, durable: bool) -> Result<Said, Error> {
        let options = AppendOptions::new().await_durable(durable).move_cursor(
            &self.cursor,
            chunk.end,
            chunk.start,
        );
        let appended = self.client.append_batch(&chunk.batch, options).await;
        self.said(appended.map(drop))
    }

    /// Waits until everything up to here is durable: a move of the cursor to where it is is answered then.
    async fn prove(&self, position: u64) -> Result<Said, Error> {
        let moved = self.client.move_cursor(&self.cursor, position, position);
        self.said(moved.await.map(drop))
    }

    fn said(&self, answer: Result<(), Error>) -> Result<Said, Error> {
        let error = match answer {
            Ok(()) => return Ok(Said::Done),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Conflict(conflict)
                if conflict.cursor.as_deref() == Some(self.cursor.as_str()) =>
            {
                // One that does not exist is at 0.
                Ok(Said::Position(conflict.position.unwrap_or(0)))
            }
            _ => Err(error),
        }
    }

    /// The server has so many records, which is none of the places that are kept.
    fn begin_again(&self, position: u64) -> Outcome<Receiver<Outcome<Chunk>>> {
        if !self.source.is_repeatable() {
            let why = format!(
                "the server has {position} records of this import, and what follows them was read before: give all lines again"
            );
            return Err(Failure::new(ANSWERED_WITH_ERROR, why));
        }
        lines::begin(&self.source, position, self.limits)
    }

    /// Waits until the next attempt.
    async fn wait(&self, error: Error, trouble: &mut Trouble) -> Outcome {
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
        let since = *trouble.since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.patience {
            return Err(Failure::new(UNREACHABLE, error.to_string()));
        }
        if trouble.failed == 0 && *error.kind() != ErrorKind::Overloaded {
            self.progress.note(&format!("{error}; trying again"));
        }
        trouble.failed += 1;
        let doubled = PAUSE.saturating_mul(1 << trouble.failed.min(5));
        let asked = error.retry_after().unwrap_or_default();
        sleep(doubled.max(asked).min(LONGEST_PAUSE)).await;
        Ok(())
    }
}
