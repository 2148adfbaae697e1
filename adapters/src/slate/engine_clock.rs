//! The clock that SlateDB sees.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use slatedb_common::clock::{DefaultSystemClock, SystemClock, SystemClockTicker};

/// The machine's clock, but never before the last write of the log.
///
/// SlateDB refuses a write whose time is before that of the last one, and stops: after a failover to a machine whose
/// clock is behind, the log could not be written to until that clock has caught up.
#[derive(Debug)]
pub(super) struct EngineClock {
    machine: DefaultSystemClock,
    floor_ms: AtomicI64,
}

impl EngineClock {
    pub(super) fn new() -> Self {
        Self {
            machine: DefaultSystemClock::new(),
            floor_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// The time of the last write (Unix ms), known once the log is open.
    pub(super) fn never_before(&self, last_write_ms: i64) {
        self.floor_ms.fetch_max(last_write_ms, Ordering::Relaxed);
    }
}

impl SystemClock for EngineClock {
    fn now(&self) -> DateTime<Utc> {
        let floor = DateTime::from_timestamp_millis(self.floor_ms.load(Ordering::Relaxed));
        let now = self.machine.now();
        floor.map_or(now, |floor| floor.max(now))
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.machine.sleep(duration)
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        self.machine.ticker(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_machines_clock_but_never_before_the_last_write() {
        let clock = EngineClock::new();
        let now = clock.machine.now().timestamp_millis();
        clock.never_before(now - 60_000);
        assert!(clock.now().timestamp_millis() >= now);
        clock.never_before(now + 60_000);
        assert_eq!(clock.now().timestamp_millis(), now + 60_000);
    }
}
