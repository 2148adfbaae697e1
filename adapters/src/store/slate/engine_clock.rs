//! The clock that SlateDB sees.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use log_domain::Clock;
use slatedb_common::clock::{SystemClock, SystemClockTicker};
use tokio::time::Instant;

/// A monotonic clock that starts with the wall clock when the log is opened; never before the last write of the log, nor
/// before the timestamps in its file names.
///
/// SlateDB requires a monotonic clock: it rejects a write with a time before that of the last one, and stops. Without
/// this clock, after a failover to a machine whose clock is behind, the log could not be written until that clock has
/// caught up.
#[derive(Debug)]
pub(super) struct EngineClock {
    opened_ms: i64,
    opened: Instant,
    floor_ms: AtomicI64,
}

impl EngineClock {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self {
            opened_ms: clock.now_ms(),
            opened: Instant::now(),
            floor_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// A time (Unix ms) that the log has already seen.
    pub(super) fn never_before(&self, last_write_ms: i64) {
        self.floor_ms.fetch_max(last_write_ms, Ordering::Relaxed);
    }
}

impl SystemClock for EngineClock {
    fn now(&self) -> DateTime<Utc> {
        let opened = DateTime::from_timestamp_millis(self.opened_ms).unwrap_or_default();
        let now = opened + self.opened.elapsed();
        let floor = DateTime::from_timestamp_millis(self.floor_ms.load(Ordering::Relaxed));
        floor.map_or(now, |floor| floor.max(now))
    }

    fn sleep<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn ticker<'a>(&'a self, duration: Duration) -> SystemClockTicker<'a> {
        SystemClockTicker::new(self, duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(AtomicI64);

    impl Clock for At {
        fn now_ms(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn it_goes_on_from_the_logs_clock_without_its_steps_and_never_before_the_last_write() {
        let now = 1_000_000;
        let logs = At(AtomicI64::new(now));
        let clock = EngineClock::new(&logs);
        logs.0.store(0, Ordering::Relaxed);
        clock.never_before(now - 60_000);
        let elapsed = clock.now().timestamp_millis() - now;
        assert!((0..60_000).contains(&elapsed), "{elapsed}");
        clock.never_before(now + 60_000);
        assert_eq!(clock.now().timestamp_millis(), now + 60_000);
    }
}
