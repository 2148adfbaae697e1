//! What waits for one follower.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::Delivery;
use crate::budget::Permit;
use crate::{Key, Run, Sequence, Stopped, Visibility};

/// Capacity of an inbox in bytes. When it overflows, its follower is behind.
pub(super) const INBOX_BYTES: usize = 256 * 1024;

/// Bytes charged for a run in an inbox, in addition to its encoding, which all inboxes share.
pub(super) const RUN_OVERHEAD: usize = 192;

/// Where the commits arrive that a follower waits for.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) id: u64,
    pub(super) visibility: Visibility,
    /// Whether a commit is one delivery, of the runs of several keys.
    pub(super) is_of_several: bool,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
pub(super) struct Content {
    runs: VecDeque<Waiting>,
    pub(super) bytes: usize,
    pub(super) durable: Sequence,
    /// The commits below it are here as a whole.
    pub(super) whole: Sequence,
    /// The end of the last commit that something was put in from.
    reached: Sequence,
    pub(super) dropped: Option<Dropped>,
    /// Its position in the queue of followers that wait for durability.
    pub(super) queued_at: Option<Sequence>,
    pub(super) stopped: Option<Stopped>,
    pub(super) waker: Option<Waker>,
}

/// A run in an inbox, with its budget permits.
#[derive(Debug)]
struct Waiting {
    /// Its key, if the inbox is of several.
    key: Option<Key>,
    run: Run,
    /// It is visible when everything below this is: its own end, or that of its commit if the inbox is of several keys.
    end: Sequence,
    _own: Permit,
    /// That of the encoding.
    _shared: Arc<Permit>,
}

/// Runs that did not fit into an inbox. They can be read from the store once they are visible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped {
    /// There is something new to read once this is visible.
    pub(super) from: Sequence,
    /// There is nothing more to read once this is visible.
    pub(super) to: Sequence,
}

impl Inbox {
    pub(super) fn new(id: u64, visibility: Visibility, is_of_several: bool) -> Self {
        Self {
            id,
            visibility,
            is_of_several,
            content: Mutex::default(),
        }
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        locked(&self.content)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.content();
        change(&mut content);
        content.wake();
    }

    /// Takes in a run of the commit that ends at `tip`, if there is room for it. Returns whether it is the first one of that commit.
    pub(super) fn put(
        &self,
        (key, run): &(Key, Run),
        tip: Sequence,
        room: Option<(&Arc<Permit>, Permit)>,
    ) -> bool {
        let (key, end) = match self.is_of_several {
            true => (Some(key), tip),
            false => (None, run.last().plus(1)),
        };
        let mut content = self.content();
        content.put(key, run, end, room);
        let is_first = content.reached != tip;
        content.reached = tip;
        is_first
    }

    /// What the follower gets next, if there is anything.
    pub(super) fn take(&self, content: &mut Content) -> Option<Delivery> {
        let visible = self.visible(content);
        if let Some(dropped) = content.dropped
            && dropped.from <= visible
        {
            content.dropped = (dropped.to > visible).then_some(Dropped {
                from: visible.plus(1),
                to: dropped.to,
            });
            return Some(Delivery::Behind);
        }
        let end = content.runs.front().map(|waiting| waiting.end);
        let Some(end) = end.filter(|end| *end <= self.complete(content)) else {
            return content.stopped.map(Delivery::Stopped);
        };
        if !self.is_of_several {
            return content.pop().map(|waiting| Delivery::Run(waiting.run));
        }
        let mut runs = Vec::new();
        while content.runs.front().is_some_and(|next| next.end == end)
            && let Some(Waiting { key, run, .. }) = content.pop()
        {
            runs.extend(key.map(|key| (key, run)));
        }
        Some(Delivery::Commit { runs, end })
    }

    /// Whether [`Inbox::take`] would give records, or a reason to read them.
    pub(super) fn has_news(&self, content: &Content) -> bool {
        let (visible, complete) = (self.visible(content), self.complete(content));
        let first = content.runs.front();
        content.dropped.is_some_and(|it| it.from <= visible)
            || first.is_some_and(|waiting| waiting.end <= complete)
    }

    fn visible(&self, content: &Content) -> Sequence {
        match self.visibility {
            Visibility::Memory => Sequence::MAX,
            Visibility::Durable => content.durable,
        }
    }

    /// Everything below it is visible, and no more of it is to come.
    fn complete(&self, content: &Content) -> Sequence {
        let visible = self.visible(content);
        match self.is_of_several {
            true => visible.min(content.whole),
            false => visible,
        }
    }
}

impl Content {
    fn put(
        &mut self,
        key: Option<&Key>,
        run: &Run,
        end: Sequence,
        room: Option<(&Arc<Permit>, Permit)>,
    ) {
        if let Some(dropped) = &mut self.dropped {
            dropped.to = end;
            return;
        }
        let bytes = self.bytes + run.encoded().len() + RUN_OVERHEAD;
        match room {
            Some((shared, own)) if bytes <= INBOX_BYTES => {
                self.bytes = bytes;
                self.runs.push_back(Waiting {
                    key: key.cloned(),
                    run: run.clone(),
                    end,
                    _own: own,
                    _shared: Arc::clone(shared),
                });
            }
            _ => self.drop_up_to(end),
        }
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.runs.pop_front()?;
        self.bytes -= first.run.encoded().len() + RUN_OVERHEAD;
        Some(first)
    }

    /// Whether nothing waits here.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.dropped.is_none()
    }

    /// Gives up what is here and whatever else ends at or below `end`.
    pub(super) fn drop_up_to(&mut self, end: Sequence) {
        let first = self.runs.front().map(|waiting| waiting.end);
        let from = self
            .dropped
            .map(|dropped| dropped.from)
            .or(first)
            .unwrap_or(end);
        self.dropped = Some(Dropped { from, to: end });
        // Their space, too.
        self.runs = VecDeque::new();
        self.bytes = 0;
    }

    /// Gives up what is here. There is something to read now.
    pub(super) fn fall_behind(&mut self) {
        let last = self.runs.back().map(|waiting| waiting.end);
        let to = self.dropped.map(|dropped| dropped.to).or(last);
        self.drop_up_to(to.unwrap_or(Sequence::ZERO));
        if let Some(dropped) = &mut self.dropped {
            dropped.from = Sequence::ZERO;
        }
    }

    /// The first watermark above `durable` at which there is something more to see.
    pub(super) fn first_above(&self, durable: Sequence) -> Option<Sequence> {
        let next = durable.plus(1);
        let dropped = self.dropped.filter(|dropped| dropped.to > durable);
        let mut ends = self.runs.iter().map(|waiting| waiting.end);
        dropped
            .map(|dropped| dropped.from.max(next))
            .or_else(|| ends.find(|end| *end > durable))
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A panic elsewhere cannot leave these states half-changed in a way that matters, so poisoning is ignored.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
