//! How often and how long a client tries.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::connection::{Connection, Observer};
use crate::error::Error;

/// How often and how long a client tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// How many requests are sent for one call at most, as long as it is certain that nothing was applied; for a stream of appends, until its first
    /// session is open. At least 1.
    pub attempts: u32,
    /// The pause before the second request at least, doubled each time up to `longest_pause`; the server may ask for more.
    pub pause: Duration,
    /// A `Retry-After` beyond this is not waited for. (A tail asks again after it.)
    pub longest_pause: Duration,
    /// A tail that was following gives up when it had no answer for this long, an append when its outcome was unknown for this long, and a stream
    /// of appends that was talking to the server when it is away for this long.
    pub patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            patience: Duration::from_secs(300),
        }
    }
}

impl Retry {
    /// The pause after that many failures in a row.
    pub(crate) fn pause_after(&self, failed: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failed.saturating_sub(1).min(31));
        let pause = self.pause.saturating_mul(doubled.unwrap_or(u32::MAX));
        pause.min(self.longest_pause)
    }

    /// The pause before `error` is answered with another request; `None` after the last one, and if there is no use in another.
    pub(crate) fn pause_for(&self, error: &Error, failed: u32) -> Option<Duration> {
        let asked = error.retry_after()?;
        let again = failed < self.attempts && asked <= self.longest_pause;
        again.then(|| asked.max(self.pause_after(failed)))
    }

    /// Asks `once` until it is answered, there is no use in asking again, or there were enough attempts.
    pub(crate) async fn until_answered<T, F>(&self, once: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut failed = 0;
        loop {
            let error = match once().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failed += 1;
            match self.pause_for(&error, failed) {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
        }
    }
}

/// The requests of a tail: when one that failed is sent again, and when no more.
#[derive(Debug)]
pub(crate) struct Reconnect {
    retry: Retry,
    failed: u32,
    since: Instant,
    ever_answered: bool,
    observer: Observer,
}

impl Reconnect {
    pub(crate) fn new(retry: Retry, observer: Observer) -> Self {
        Self {
            retry,
            observer,
            failed: 0,
            since: Instant::now(),
            ever_answered: false,
        }
    }

    /// The server answered: it is there, however quiet the key is.
    pub(crate) fn answered(&mut self) {
        if self.failed > 0 {
            self.observer.tell(Connection::Back);
        }
        self.failed = 0;
        self.ever_answered = true;
    }

    /// Waits until the next request; gives `error` back when it was the last.
    ///
    /// A server that never answered is given up after as many attempts as for any other call: its address may be wrong.
    pub(crate) async fn pause(&mut self, error: Error) -> Result<(), Error> {
        if self.failed == 0 {
            self.since = Instant::now();
        }
        self.failed += 1;
        let asked = error.retry_after().unwrap_or_default();
        let pause = self.retry.pause_after(self.failed).max(asked);
        let pause = pause.min(self.retry.longest_pause);
        let last = if self.ever_answered {
            self.since.elapsed() + pause > self.retry.patience
        } else {
            self.failed >= self.retry.attempts
        };
        if last {
            return Err(error);
        }
        if self.failed == 1 {
            self.observer.tell(Connection::Lost(&error));
        }
        sleep(pause).await;
        Ok(())
    }
}
