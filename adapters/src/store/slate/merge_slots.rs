//! The merges of a node: a limit that the logs of one process share.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use queue::SlotQueue;

mod queue;

pub(super) use queue::{Merges, Wanted};

/// Slots for merges, which logs of one process share: each merge that runs holds one.
///
/// Logs whose compactor [follows](super::Options::compactor_follows) use them. A log that the slots are full for waits for its turn. Merges that
/// are found when a log is opened run in any case, and count.
#[derive(Debug, Clone)]
pub struct MergeSlots(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    queue: SlotQueue,
    /// Whether each log should look soon whether merges have ended, or may begin.
    hurries: BTreeMap<u64, watch::Sender<bool>>,
}

impl MergeSlots {
    /// So many slots.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            queue: SlotQueue::new(limit),
            hurries: BTreeMap::new(),
        })))
    }

    /// Merges that run.
    pub fn running(&self) -> usize {
        self.0.lock().queue.running().all()
    }

    /// Merges that wait for a slot.
    pub fn waiting(&self) -> usize {
        self.0.lock().queue.waiting()
    }

    /// A log more that shares the slots.
    pub(super) fn join(&self) -> LogSlots {
        let mut state = self.0.lock();
        let log = state.queue.join();
        let (hurries, hurry) = watch::channel(false);
        state.hurries.insert(log, hurries);
        LogSlots {
            slots: self.clone(),
            log,
            hurry,
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut SlotQueue, Instant) -> T) -> T {
        let now = Instant::now();
        let mut state = self.0.lock();
        let State { queue, hurries } = &mut *state;
        let changed = change(queue, now);
        queue.call(now);
        for (log, hurry) in hurries {
            let hurries = queue.hurries(*log);
            hurry.send_if_modified(|hurry| std::mem::replace(hurry, hurries) != hurries);
        }
        changed
    }
}

/// The slots of one log. It leaves the others when this is dropped.
#[derive(Debug)]
pub(super) struct LogSlots {
    slots: MergeSlots,
    log: u64,
    hurry: watch::Receiver<bool>,
}

impl LogSlots {
    /// Returns how many of the wanted merges may begin, while these run.
    pub(super) fn ask(&self, running: Merges, wanted: Wanted) -> Merges {
        let ask = |queue: &mut SlotQueue, now| queue.ask(self.log, running, wanted, now);
        self.slots.change(ask)
    }

    /// Only these merges run any more.
    pub(super) fn hold(&self, running: Merges) {
        self.slots.change(|queue, _| queue.holds(self.log, running));
    }

    /// Gives everything back. The log gets no slot any more.
    pub(super) fn leave(&self) {
        self.slots.change(|queue, _| queue.leave(self.log));
        self.slots.0.lock().hurries.remove(&self.log);
    }

    /// Resolves when the log should poll, because its merges may have ended or may begin. Resolves immediately while that is so.
    pub(super) async fn should_look(&self) {
        let mut hurry = self.hurry.clone();
        if hurry.wait_for(|hurries| *hurries).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for LogSlots {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests;
