//! Connection slots: the configured limit, and a few more for health checks.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::idle_and_stalled::Activity;

/// Connections above the limit, on which only health and metrics are answered.
const SPARE: usize = 16;
/// At the limit, connections that were idle for at least this long are closed, and spare ones.
const IDLE: Duration = Duration::from_secs(1);
const SPARE_IDLE: Duration = Duration::from_millis(200);
/// So many are closed at a time, the longest idle first.
const EVICTED: usize = 64;
/// When the budget for requests is exhausted, connections with an answer that was not taken for this long are closed.
const STALLED: Duration = Duration::from_secs(5);
/// How often to look for connections to close.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The places of a listener.
pub(super) struct Places {
    usual: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    connections: HashMap<u64, (bool, Weak<Activity>)>,
    next: u64,
    evicted_idle: Option<Instant>,
    evicted_stalled: Option<Instant>,
}

/// A place for one connection.
pub(super) struct Place {
    /// Whether it is one above the limit.
    pub(super) spare: bool,
    _permit: OwnedSemaphorePermit,
}

/// A connection that can be closed to make room, until it is dropped.
pub(super) struct Seated {
    places: Arc<Places>,
    number: u64,
}

impl Places {
    pub(super) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self {
            usual: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            spare: Arc::new(Semaphore::new(SPARE)),
            taken: Mutex::default(),
        })
    }

    /// A slot, if one is free. When the regular slots are taken, the longest idle connections are closed for later clients.
    pub(super) fn take(&self) -> Option<Place> {
        let place = |permit, spare| Place {
            spare,
            _permit: permit,
        };
        if let Ok(permit) = Arc::clone(&self.usual).try_acquire_owned() {
            return Some(place(permit, false));
        }
        let permit = Arc::clone(&self.spare).try_acquire_owned();
        self.evict_idle(permit.is_err());
        permit.ok().map(|permit| place(permit, true))
    }

    /// A connection has begun on `place`.
    pub(super) fn seat(self: &Arc<Self>, place: &Place, activity: &Arc<Activity>) -> Seated {
        let mut taken = self.taken.lock();
        let number = taken.next;
        taken.next += 1;
        let connection = (place.spare, Arc::downgrade(activity));
        taken.connections.insert(number, connection);
        Seated {
            places: Arc::clone(self),
            number,
        }
    }

    /// Closes the longest idle connections.
    fn evict_idle(&self, spare_too: bool) {
        let mut taken = self.taken.lock();
        if !due(&mut taken.evicted_idle) {
            return;
        }
        let mut idle = taken.select(|spare, activity| {
            let least = if spare { SPARE_IDLE } else { IDLE };
            let since = activity.idle_since()?;
            (since.elapsed() >= least && (spare_too || !spare)).then_some(since)
        });
        drop(taken);
        idle.sort_by_key(|(since, _)| *since);
        for (_, activity) in idle.iter().take(EVICTED) {
            activity.evict();
        }
    }

    /// Closes connections that hold room for requests without taking their answers.
    pub(super) fn evict_stalled(&self) {
        let mut taken = self.taken.lock();
        if !due(&mut taken.evicted_stalled) {
            return;
        }
        let stalled = taken.select(|_, activity| {
            let since = activity.stalled_since()?;
            (since.elapsed() >= STALLED).then_some(since)
        });
        drop(taken);
        for (_, activity) in stalled {
            activity.evict();
        }
    }
}

/// Whether it is time to look again; then it is taken for done.
fn due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= LOOK_EVERY);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Taken {
    fn select(
        &self,
        since: impl Fn(bool, &Activity) -> Option<Instant>,
    ) -> Vec<(Instant, Arc<Activity>)> {
        let connections = self.connections.values();
        connections
            .filter_map(|(spare, activity)| {
                let activity = activity.upgrade()?;
                Some((since(*spare, &activity)?, activity))
            })
            .collect()
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.places.taken.lock().connections.remove(&self.number);
    }
}
