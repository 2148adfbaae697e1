//! The clock of a compactor that shares slots for merges, by which it looks sooner when it has a turn.
//!
//! The engine takes no request to poll. But it waits for its next poll on the clock that it was given.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use slatedb::config::CompactorOptions;
use slatedb_common::clock::{SystemClock, SystemClockTicker};
use tokio::time::sleep;

use super::engine_clock::EngineClock;
use super::merge_slots::LogSlots;

/// Between two polls while the log is called to begin a merge, or has some under way: for so long a slot is idle.
const SOON: Duration = Duration::from_millis(500);

/// A clock whose tickers for polls tick sooner when the log should look.
#[derive(Debug)]
pub(super) struct CompactorClock {
    polls: Polls,
    /// How often the compactor and its worker poll. Tickers of other lengths are as long as they are.
    intervals: [Option<Duration>; 2],
}

impl CompactorClock {
    /// That of a compactor with these options.
    pub(super) fn new(
        clock: Arc<EngineClock>,
        slots: Arc<LogSlots>,
        options: &CompactorOptions,
    ) -> Self {
        let worker = options.worker.as_ref();
        Self {
            polls: Polls { clock, slots },
            intervals: [
                Some(options.poll_interval),
                worker.map(|worker| worker.compactions_poll_interval),
            ],
        }
    }
}

impl SystemClock for CompactorClock {
    fn now(&self) -> DateTime<Utc> {
        self.polls.now()
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.polls.clock.sleep(duration)
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        match self.intervals.contains(&Some(duration)) {
            true => SystemClockTicker::new(&self.polls, duration),
            false => self.polls.clock.ticker(duration),
        }
    }
}

/// What the tickers for polls sleep on.
#[derive(Debug)]
struct Polls {
    clock: Arc<EngineClock>,
    slots: Arc<LogSlots>,
}

impl SystemClock for Polls {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let at_least = duration.min(SOON);
            sleep(at_least).await;
            tokio::select! {
                () = sleep(duration.saturating_sub(at_least)) => {}
                () = self.slots.should_look() => {}
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
    use crate::store::slate::merge_slots::{MergeSlots, Merges, Wanted};
    use tokio::time::Instant;

    const POLL: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn polls_come_sooner_while_the_log_has_merges_under_way_or_a_turn() {
        let slots = MergeSlots::new(1);
        let (ours, other) = (Arc::new(slots.join()), slots.join());
        let clock = Arc::new(EngineClock::new(&WallClock));
        let options = CompactorOptions {
            poll_interval: POLL,
            worker: None,
            ..CompactorOptions::default()
        };
        let clock = CompactorClock::new(clock, Arc::clone(&ours), &options);
        let mut polls = clock.ticker(POLL);
        let mut others = clock.ticker(2 * POLL);
        let mut tick = async || {
            let since = Instant::now();
            polls.tick().await;
            since.elapsed()
        };
        let wanted = Wanted {
            merges: Merges { short: 1, long: 0 },
            room: 64,
        };
        let none = Merges::default();
        assert_eq!(tick().await, Duration::ZERO, "the first one");
        assert_eq!(tick().await, POLL);
        assert_eq!(other.ask(none, wanted), wanted.merges);
        assert_eq!(ours.ask(none, wanted), none);
        assert_eq!(tick().await, POLL, "it only waits");
        other.hold(none);
        assert_eq!(tick().await, SOON, "it is called");
        assert_eq!(ours.ask(none, wanted), wanted.merges);
        assert_eq!(tick().await, SOON, "its merge is under way");
        others.tick().await;
        let since = Instant::now();
        others.tick().await;
        assert_eq!(since.elapsed(), 2 * POLL, "another ticker");
        ours.hold(none);
        let ending = async {
            sleep(5 * SOON).await;
            ours.ask(none, wanted);
        };
        tick().await;
        let (waited, ()) = tokio::join!(tick(), ending);
        assert_eq!(waited, 5 * SOON);
        ours.leave();
        assert_eq!(tick().await, POLL, "it has left");
    }
}
