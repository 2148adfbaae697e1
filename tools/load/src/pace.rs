//! When a connection sends its next request.

use std::time::Duration;

use tokio::time::Instant;

use crate::arguments::Arguments;

/// When the requests of one connection are due.
pub(crate) enum Pace {
    /// As soon as the last one was answered.
    Closed,
    /// At fixed times, whether or not the last one was answered in time.
    Open { next: Instant, between: Duration },
}

impl Pace {
    /// Those of all connections, which take turns if there is a rate.
    pub(crate) fn of_all(arguments: &Arguments, started: Instant) -> impl Iterator<Item = Self> {
        let connections = u32::try_from(arguments.connections).expect("bounded by its parser");
        let between = arguments
            .rate
            .map(|rate| Duration::from_secs_f64(1.0 / rate as f64));
        (0..connections).map(move |connection| match between {
            None => Self::Closed,
            Some(between) => Self::Open {
                next: started + between * connection,
                between: between * connections,
            },
        })
    }

    /// When the next request is due; `None` for one that is not due before the last was answered.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        match self {
            Self::Closed => None,
            Self::Open { next, between } => {
                let due = *next;
                *next += *between;
                Some(due)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn connections_take_turns_at_fixed_times() {
        let arguments = ["log-load", "--connections", "2", "--rate", "10"];
        let arguments = Arguments::try_parse_from(arguments).expect("arguments");
        let started = Instant::now();
        let mut paces: Vec<Pace> = Pace::of_all(&arguments, started).collect();
        for (connection, millis) in [(0, 0), (1, 100), (0, 200), (1, 300), (1, 500)] {
            let due = paces[connection].next();
            assert_eq!(due, Some(started + Duration::from_millis(millis)));
        }
    }
}
