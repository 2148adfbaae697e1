//! When a connection sends its next request.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::arguments::Arguments;
use crate::measured::{Measured, Problem};

/// A server that refuses everything is not asked as fast as it can refuse.
const AFTER_AN_ERROR: Duration = Duration::from_millis(10);

/// What sends the requests of one connection.
pub(crate) trait Sender {
    /// Sends a request and waits for its answer; how many records that is about.
    fn send(&mut self) -> impl Future<Output = Result<u64, Problem>> + Send;
}

/// When the requests of one connection are due, until the load ends.
pub(crate) struct Pace {
    schedule: Schedule,
    until: Instant,
}

enum Schedule {
    /// Each as soon as the last one was answered.
    Closed,
    /// At fixed times, whether or not the last one was answered in time.
    Open { next: Instant, between: Duration },
}

impl Pace {
    /// Those of all connections of a load that begins at `started`; they take turns if there is a rate.
    pub(crate) fn of_all(arguments: &Arguments, started: Instant) -> impl Iterator<Item = Self> {
        let connections = u32::try_from(arguments.connections).expect("bounded by its parser");
        let until = started + arguments.duration();
        let between = arguments
            .rate
            .map(|rate| Duration::from_secs_f64(1.0 / rate as f64));
        (0..connections).map(move |connection| match between {
            None => Self {
                schedule: Schedule::Closed,
                until,
            },
            Some(between) => Self::open((started, until), between, (connection, connections)),
        })
    }

    /// That of one of several connections, which take turns: one request is due each `between`, from `started` until `until`.
    pub(crate) fn open(
        (started, until): (Instant, Instant),
        between: Duration,
        (connection, connections): (u32, u32),
    ) -> Self {
        Self {
            schedule: Schedule::Open {
                next: started + between * connection,
                between: between * connections,
            },
            until,
        }
    }

    /// Has requests sent, each when it is due and the one before is answered.
    pub(crate) async fn run(mut self, mut sender: impl Sender) -> Measured {
        let mut measured = Measured::new();
        while let Some(due) = self.next().await {
            let outcome = sender.send().await;
            let has_failed = outcome.is_err();
            measured.note(due, outcome);
            if has_failed {
                sleep(AFTER_AN_ERROR).await;
            }
        }
        measured
    }

    /// Waits until the next request is due, and returns when that was; `None` at the end of the load.
    pub(crate) async fn next(&mut self) -> Option<Instant> {
        let due = self.schedule.next();
        sleep_until(due.min(self.until)).await;
        (due < self.until).then_some(due)
    }
}

impl Schedule {
    fn next(&mut self) -> Instant {
        match self {
            Self::Closed => Instant::now(),
            Self::Open { next, between } => {
                let due = *next;
                *next += *between;
                due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_take_turns_at_fixed_times() {
        let arguments = ["log-load", "--connections", "2", "--rate", "10"];
        let arguments = Arguments::try_parse_from(arguments).expect("arguments");
        let started = Instant::now();
        let mut paces: Vec<Pace> = Pace::of_all(&arguments, started).collect();
        for (connection, millis) in [(0, 0), (1, 100), (0, 200), (1, 300), (1, 500)] {
            let due = paces[connection].next().await;
            assert_eq!(due, Some(started + Duration::from_millis(millis)));
        }
    }
}
