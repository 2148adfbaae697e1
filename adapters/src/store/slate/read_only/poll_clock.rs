//! The clock of the engine of a read-only server, by which it can be told to poll sooner.
//!
//! The engine takes no request to poll. But it waits for its next poll on the clock that it was given, with the only ticker that its reader has.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use slatedb_common::clock::{SystemClock, SystemClockTicker};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::polls::Polls;
use crate::store::slate::engine_clock::EngineClock;

/// Ends the wait for the next poll.
#[derive(Default)]
pub(super) struct PollSoon(Notify);

impl PollSoon {
    /// A poll begins as soon as it may. If one runs, another one follows it.
    pub(super) fn poll(&self) {
        self.0.notify_one();
    }
}

/// A clock of the engine whose ticker can be told to tick sooner.
#[derive(Debug)]
pub(super) struct PollClock(Ticks);

impl PollClock {
    /// Polls that `soon` asks for begin `spacing` after the last one ended, or later. None is later than `polls` are due.
    pub(super) fn new(
        clock: EngineClock,
        soon: Arc<PollSoon>,
        spacing: Duration,
        polls: Arc<Polls>,
    ) -> Self {
        Self(Ticks {
            clock,
            soon,
            spacing,
            polls,
        })
    }
}

impl SystemClock for PollClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.0.clock.sleep(duration)
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        SystemClockTicker::new(&self.0, duration)
    }
}

/// What the ticker sleeps on.
struct Ticks {
    clock: EngineClock,
    soon: Arc<PollSoon>,
    spacing: Duration,
    polls: Arc<Polls>,
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clock.fmt(f)
    }
}

impl SystemClock for Ticks {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let spacing = self.spacing.max(self.polls.least_spacing());
            let at_least = duration.min(spacing);
            let left = |due: Instant| due.saturating_duration_since(Instant::now());
            let due = self.polls.fed.due().map(left);
            sleep(at_least).await;
            let wait = due.map_or(duration, |due| due.min(duration));
            tokio::select! {
                () = sleep(wait.saturating_sub(at_least)) => {}
                () = self.soon.0.notified() => {}
            }
        })
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        SystemClockTicker::new(self, duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock as WallClock;
    use crate::store::slate::wal_files::WalFiles;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_ticker_ticks_sooner_when_told_and_not_more_often_than_it_may() {
        let soon = Arc::new(PollSoon::default());
        let clock = EngineClock::new(&WallClock);
        let polls = Polls::begin(WalFiles::of("log"), 60 * SECOND);
        let clock = PollClock::new(clock, Arc::clone(&soon), SECOND, polls);
        let mut ticker = clock.ticker(60 * SECOND);
        let began = Instant::now();
        let mut tick = async || {
            let since = Instant::now();
            ticker.tick().await;
            since.elapsed().as_secs()
        };
        assert_eq!(tick().await, 0, "the first one");
        assert_eq!(tick().await, 60);
        // Told during a poll, also more than once.
        soon.poll();
        soon.poll();
        assert_eq!(tick().await, 1);
        assert_eq!(tick().await, 60);
        let telling = async {
            tokio::time::sleep(5 * SECOND).await;
            soon.poll();
        };
        let (waited, ()) = tokio::join!(tick(), telling);
        assert_eq!(waited, 5);
        assert_eq!(began.elapsed().as_secs(), 126);
        // Sleeps of the engine are as long as they are.
        soon.poll();
        let since = Instant::now();
        clock.sleep(30 * SECOND).await;
        assert_eq!(since.elapsed().as_secs(), 30);
    }
}
