//! Lingering close: a connection that is closed while its client still sends is half-closed, and what still comes is read and
//! discarded, or the operating system would answer it with a reset, and the client would lose the answer that it was sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A client that sends nothing for so long is not waited for any more.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How many bytes of one connection are discarded at most.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// How many connections linger at the same time; more are closed without.
const MAX_LINGERING: usize = 1_024;
/// For how long a connection lingers once the server stops.
pub(super) const AT_STOP: Duration = Duration::from_secs(2);

/// How connections linger; one for all of a listener.
#[derive(Clone)]
pub(super) struct Linger {
    /// For how long each does; not at all if it is zero.
    time: Duration,
    places: Arc<Semaphore>,
}

impl Linger {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time,
            places: Arc::new(Semaphore::new(MAX_LINGERING)),
        }
    }

    /// For how long.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// A connection begins to linger, if it may.
    pub(super) fn begin(&self) -> Option<(Lingering, OwnedSemaphorePermit)> {
        if self.time.is_zero() {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let now = Instant::now();
        let lingering = Lingering {
            end: now + self.time,
            heard: now,
        };
        Some((lingering, place))
    }
}

/// A connection that lingers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lingering {
    end: Instant,
    heard: Instant,
}

impl Lingering {
    /// Something came, and was discarded.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// When it is closed at the latest, if nothing else comes.
    pub(super) fn deadline(&self, stopping_since: Option<Instant>) -> Instant {
        let deadline = self.end.min(self.heard + PAUSE);
        stopping_since.map_or(deadline, |since| deadline.min(since + AT_STOP))
    }
}
