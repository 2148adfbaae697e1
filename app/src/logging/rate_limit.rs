//! Rate-limits log lines per call site, so that clients cannot fill a disk with log lines.
//!
//! Clients without a token can cause lines at INFO and above, of this server (requests that fail) and of the libraries that speak
//! HTTP and TLS. So the limit applies to each call site, including those in libraries. Lines at DEBUG and TRACE, and every
//! line of a target whose DEBUG lines the setting `log` asks for, are not limited.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

use super::LostLines;

/// Lines of one place in the code within [`PERIOD`]; more are dropped and counted.
const BURST: u32 = 10;
/// After this time since the first of its lines a place may log again.
const PERIOD: Duration = Duration::from_secs(10);

/// Drops the lines that are over the limit.
pub(super) struct RateLimit {
    places: Mutex<HashMap<u64, Window>>,
    unlimited: Targets,
    lost: Arc<LostLines>,
}

struct Window {
    began: Instant,
    lines: u32,
    dropped: u64,
}

/// What happens to a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Log,
    /// It is the first of a window, and so many were dropped in the one before.
    LogAfter(u64),
    /// It is the first that is dropped.
    DropAndTell,
    Drop,
}

impl RateLimit {
    /// For the filter in the setting `log`.
    pub(super) fn new(filter: &str, lost: Arc<LostLines>) -> Self {
        Self {
            places: Mutex::default(),
            // A filter by spans names no target of this server.
            unlimited: filter.parse().unwrap_or_default(),
            lost,
        }
    }

    fn is_limited(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
            && metadata.target() != module_path!()
            && !self
                .unlimited
                .would_enable(metadata.target(), &Level::DEBUG)
    }

    fn judge(&self, place: u64, now: Instant) -> Verdict {
        let mut places = self.places.lock();
        let window = places.entry(place).or_insert(Window {
            began: now,
            lines: 0,
            dropped: 0,
        });
        let mut dropped_before = 0;
        if now - window.began >= PERIOD {
            dropped_before = window.dropped;
            *window = Window {
                began: now,
                lines: 0,
                dropped: 0,
            };
        }
        if window.lines < BURST {
            window.lines += 1;
            return match dropped_before {
                0 => Verdict::Log,
                dropped => Verdict::LogAfter(dropped),
            };
        }
        window.dropped += 1;
        match window.dropped {
            1 => Verdict::DropAndTell,
            _ => Verdict::Drop,
        }
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        // Lines through the crate `log` share their metadata; where they come from is among their fields.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if !self.is_limited(metadata) {
            return true;
        }
        let about = metadata.target();
        match self.judge(place(metadata), Instant::now()) {
            Verdict::Log => true,
            Verdict::LogAfter(lines) => {
                tracing::warn!(lines, about, "lines like the next one were dropped");
                true
            }
            Verdict::DropAndTell => {
                self.lost.count_rate_limited();
                tracing::warn!(
                    about,
                    "more than {BURST} lines like the last one in {} s: dropping the rest",
                    PERIOD.as_secs()
                );
                false
            }
            Verdict::Drop => {
                self.lost.count_rate_limited();
                false
            }
        }
    }
}

/// The place in the code that a line comes from.
fn place(metadata: &Metadata<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (
        metadata.level(),
        metadata.target(),
        metadata.file(),
        metadata.line(),
    )
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_logs_ten_lines_in_ten_seconds_and_then_says_how_many_were_dropped() {
        let limit = RateLimit::new("info", Arc::default());
        let now = Instant::now();
        for _ in 0..BURST {
            assert_eq!(limit.judge(1, now), Verdict::Log);
        }
        assert_eq!(limit.judge(1, now), Verdict::DropAndTell);
        assert_eq!(limit.judge(1, now), Verdict::Drop);
        assert_eq!(limit.judge(2, now), Verdict::Log, "another place");
        let later = now + PERIOD;
        assert_eq!(limit.judge(1, later), Verdict::LogAfter(2));
        assert_eq!(limit.judge(1, later), Verdict::Log);
    }
}
