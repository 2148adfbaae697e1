//! What the server that writes the log tells: which files of the WAL it wrote, and how far the log is durable.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::{CommitNews, Sequence};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::poll_clock::PollSoon;
use super::polls::Polls;
use super::view::Views;

/// Interval of polls for a read that found a file missing, while the writer tells. (Else it waits for the next poll.)
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a read-only server knows of the server that writes the log. What it shows was found by a poll in any case, which reads what the
/// writer sent in place of the same in the object store.
pub struct WriterProgress {
    views: Arc<Views>,
    polls: Arc<Polls>,
    soon: Arc<PollSoon>,
    /// What identifies the log that is read, if it is known.
    log: Option<Bytes>,
    /// Unknown if there is none.
    durable: Mutex<Option<Sequence>>,
}

impl WriterProgress {
    pub(super) fn new(
        views: Arc<Views>,
        polls: Arc<Polls>,
        soon: Arc<PollSoon>,
        log: Option<Bytes>,
    ) -> Self {
        Self {
            views,
            polls,
            soon,
            log,
            durable: Mutex::new(None),
        }
    }

    /// The newest file that is not needed any more: a writer is asked for those after it.
    pub fn last_file(&self) -> u64 {
        self.polls.last_read()
    }

    /// A writer of the log with this identity begins to tell, of each file that it writes from now on.
    ///
    /// # Errors
    /// When it is another log; what to do about it, for the log of the server.
    pub fn begins(&self, log: &Bytes) -> Result<(), String> {
        if log.is_empty() || self.log.as_ref() != Some(log) {
            return Err(
                "it writes another log: reader.writer_url must be the URL of the server that writes the log that this one reads".to_owned(),
            );
        }
        self.polls.fed.is_live();
        self.soon.poll();
        Ok(())
    }

    /// The writer, which has begun, tells this. If it is not shown yet, the next poll begins as soon as it may.
    pub fn hears(&self, news: CommitNews) {
        let is_file = news.file.is_some();
        if let Some(file) = news.file {
            self.polls.fed.put(file);
        }
        let mut is_behind = false;
        if let Some(durable) = news.durable {
            let before = self.durable.lock().replace(durable);
            is_behind = self.shown() < durable;
            if is_behind && before == news.durable {
                // What the writer sent was not enough for a poll to find it.
                self.polls.fed.ask_next();
            }
        }
        if is_file || is_behind {
            self.soon.poll();
        }
    }

    /// The writer tells nothing any more.
    pub fn is_unknown(&self) {
        self.polls.fed.is_silent();
        *self.durable.lock() = None;
    }

    /// Everything below it is shown here.
    pub fn shown(&self) -> Sequence {
        self.views.now().watermarks.durable
    }

    /// How many sequences the writer is ahead of what is shown; `None` if that is unknown.
    pub fn lag(&self) -> Option<u64> {
        let durable = (*self.durable.lock())?;
        Some(durable.get().saturating_sub(self.shown().get()))
    }

    /// Has polls ask the object store often, while the writer tells.
    pub(super) async fn look_again(&self) -> Infallible {
        loop {
            if self.polls.fed.is_told() {
                self.polls.fed.ask_next();
                self.soon.poll();
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}
