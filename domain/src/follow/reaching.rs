//! Readers that wait until the log is shown up to a sequence of theirs. A commit wakes only those that it reaches.

use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

use crate::{Sequence, Visibility};

/// The readers that wait.
#[derive(Debug, Default)]
pub(super) struct Reaching {
    /// By what they wait for, and their ids.
    applied: BTreeMap<(Sequence, u64), Option<Waker>>,
    durable: BTreeMap<(Sequence, u64), Option<Waker>>,
    /// What each of them waits for.
    all: HashMap<u64, (Sequence, Visibility)>,
    entered: u64,
}

impl Reaching {
    /// A place for a reader that waits until everything below `sequence` is shown at this visibility; its id.
    pub(super) fn enter(&mut self, sequence: Sequence, visibility: Visibility) -> u64 {
        self.entered += 1;
        self.all.insert(self.entered, (sequence, visibility));
        self.entered
    }

    /// Has `waker` woken when the reader may be shown what it waits for.
    pub(super) fn wait(&mut self, id: u64, waker: &Waker) {
        if let Some((sequence, visibility)) = self.all.get(&id).copied() {
            let waiting = self.waiting(visibility);
            waiting.insert((sequence, id), Some(waker.clone()));
        }
    }

    /// The reader waits no more.
    pub(super) fn leave(&mut self, id: u64) {
        if let Some((sequence, visibility)) = self.all.remove(&id) {
            self.waiting(visibility).remove(&(sequence, id));
        }
    }

    /// Everything below `watermark` is shown at this visibility.
    pub(super) fn wake(&mut self, watermark: Sequence, visibility: Visibility) {
        let waiting = self.waiting(visibility);
        if waiting.is_empty() {
            return;
        }
        let later = waiting.split_off(&(watermark.plus(1), 0));
        let reached = std::mem::replace(waiting, later);
        reached.into_values().flatten().for_each(Waker::wake);
    }

    /// There will be no more commits.
    pub(super) fn wake_all(&mut self) {
        let all = [&mut self.applied, &mut self.durable];
        for waiting in all.map(std::mem::take) {
            waiting.into_values().flatten().for_each(Waker::wake);
        }
    }

    fn waiting(&mut self, visibility: Visibility) -> &mut BTreeMap<(Sequence, u64), Option<Waker>> {
        match visibility {
            Visibility::Memory => &mut self.applied,
            Visibility::Durable => &mut self.durable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_commit_wakes_the_readers_that_it_reaches_and_no_others() {
        let mut reaching = Reaching::default();
        let mut reader = |sequence: u64, visibility| {
            let woken = Arc::new(Woken::default());
            let id = reaching.enter(Sequence::new(sequence), visibility);
            reaching.wait(id, &Waker::from(Arc::clone(&woken)));
            (id, woken)
        };
        let near = reader(5, Visibility::Memory);
        let far = reader(6, Visibility::Memory);
        let left = reader(1, Visibility::Memory);
        let durable = reader(5, Visibility::Durable);
        reaching.leave(left.0);
        reaching.wake(Sequence::new(5), Visibility::Memory);
        let woken = |reader: &(u64, Arc<Woken>)| reader.1.0.load(Ordering::Relaxed);
        assert_eq!([&near, &far, &left, &durable].map(woken), [1, 0, 0, 0]);
        reaching.wake_all();
        assert_eq!([&near, &far, &left, &durable].map(woken), [1, 1, 0, 1]);
    }
}
