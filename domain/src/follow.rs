//! Followers: readers that wait at the tip of a key.
//!
//! Each follower has a bounded inbox. A commit is delivered to the inboxes of the followers of its
//! keys, and wakes only them; a waiting follower costs nothing. A follower whose inbox overflows keeps its position and
//! catches up by scanning the store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::budget::{Budget, Permit};
use crate::{CommitListener, Key, Limits, Result, Run, Sequence, Stopped, Visibility, Watermarks};

/// Capacity of an inbox in bytes. When it overflows, its follower is behind.
const INBOX_BYTES: usize = 256 * 1024;

/// Bytes charged for a run in an inbox, in addition to its encoding, which all inboxes share.
const RUN_OVERHEAD: usize = 192;

/// The table of followers of this server.
#[derive(Debug)]
pub struct Followers {
    budget: Budget,
    /// Bytes in all inboxes together.
    room: Budget,
    registered: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_key: HashMap<Key, Vec<Arc<Inbox>>>,
    /// Durable followers that have something to see once everything below the sequence is durable; each once.
    undurable: BTreeMap<(Sequence, u64), Arc<Inbox>>,
    /// How many inboxes there have been; their ids.
    opened: u64,
    delivered: Watermarks,
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Inbox {
    id: u64,
    visibility: Visibility,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    runs: VecDeque<Waiting>,
    bytes: usize,
    durable: Sequence,
    dropped: Option<Dropped>,
    /// Its position in the queue of followers that wait for durability.
    queued_at: Option<Sequence>,
    stopped: Option<Stopped>,
    waker: Option<Waker>,
}

/// A run in an inbox, with its budget permits.
#[derive(Debug)]
struct Waiting {
    run: Run,
    _own: Permit,
    /// That of the encoding.
    _shared: Arc<Permit>,
}

/// Runs that did not fit into an inbox. They can be read from the store once they are visible.
#[derive(Debug, Clone, Copy)]
struct Dropped {
    /// There is something new to read once this is visible.
    from: Sequence,
    /// There is nothing more to read once this is visible.
    to: Sequence,
}

/// What wakes a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The next records of the key, in order.
    Run(Run),
    /// The inbox overflowed, or records of the key were deleted: read from the store at the current position, then wait again.
    Behind,
    /// There will be no more.
    Stopped(Stopped),
}

impl Followers {
    /// An empty table for at most [`Limits::followers`] concurrent followers.
    pub fn new(limits: &Limits) -> Self {
        Self {
            budget: Budget::new(
                "the number of concurrent followers",
                limits.followers as u64,
            ),
            room: Budget::new(
                "the number of bytes that wait for followers",
                limits.follower_bytes as u64,
            ),
            registered: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// Starts to collect the commits to `key`.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there are too many followers.
    pub fn register(self: &Arc<Self>, key: Key, visibility: Visibility) -> Result<Following> {
        let permit = self.budget.take(1)?;
        let mut state = locked(&self.state);
        state.opened += 1;
        let inbox = Arc::new(Inbox {
            id: state.opened,
            visibility,
            content: Mutex::default(),
        });
        let Watermarks { tip, durable } = state.delivered;
        {
            let mut content = inbox.content();
            content.stopped = state.stopped;
            content.durable = durable;
            if visibility == Visibility::Durable && tip > durable {
                // Applied before registration, but not visible yet: it must be read from the store.
                content.dropped = Some(Dropped {
                    from: durable.plus(1),
                    to: tip,
                });
            }
        }
        state.queue(&inbox);
        state
            .by_key
            .entry(key.clone())
            .or_default()
            .push(Arc::clone(&inbox));
        self.registered.fetch_add(1, Ordering::SeqCst);
        drop(state);
        Ok(Following {
            followers: Arc::clone(self),
            key,
            inbox,
            _permit: permit,
        })
    }

    /// The number of current followers.
    pub fn count(&self) -> usize {
        self.registered.load(Ordering::Relaxed)
    }

    /// Has the followers of `key` read from the store from where they are: what waits for them may have been deleted.
    pub fn read_again(&self, key: &Key) {
        let state = locked(&self.state);
        for inbox in state.by_key.get(key).into_iter().flatten() {
            inbox.change(Content::fall_behind);
        }
    }

    /// Stops all followers; later ones are stopped immediately.
    pub fn stop(&self, why: Stopped) {
        let mut state = locked(&self.state);
        if state.stopped.is_some() {
            return;
        }
        state.stopped = Some(why);
        state.undurable.clear();
        for inbox in state.by_key.values().flatten() {
            inbox.change(|content| content.stopped = Some(why));
        }
    }
}

impl CommitListener for Followers {
    fn is_listening(&self) -> bool {
        self.registered.load(Ordering::SeqCst) > 0
    }

    fn applied(&self, runs: Option<&[(Key, Run)]>, tip: Sequence) {
        let mut state = locked(&self.state);
        state.delivered.tip = tip;
        let mut reached: Vec<Arc<Inbox>> = Vec::new();
        match runs {
            Some(runs) => {
                for (key, run) in runs {
                    let Some(inboxes) = state.by_key.get(key) else {
                        continue;
                    };
                    let shared = self.room.take(run.encoded().len() as u64).map(Arc::new);
                    for inbox in inboxes {
                        let own = self.room.take(RUN_OVERHEAD as u64);
                        let room = shared.as_ref().ok().zip(own.ok());
                        inbox.content().put(run, room);
                        reached.push(Arc::clone(inbox));
                    }
                }
            }
            None => {
                for inbox in state.by_key.values().flatten() {
                    inbox.content().drop_up_to(tip);
                    reached.push(Arc::clone(inbox));
                }
            }
        }
        for inbox in reached {
            state.announce(&inbox);
        }
    }

    fn durable(&self, watermark: Sequence) {
        let mut state = locked(&self.state);
        state.delivered.durable = watermark;
        let later = state.undurable.split_off(&(watermark, u64::MAX));
        let reached = std::mem::replace(&mut state.undurable, later);
        for inbox in reached.into_values() {
            inbox.content().queued_at = None;
            state.announce(&inbox);
        }
    }

    fn stopped(&self, why: Stopped) {
        self.stop(why);
    }
}

impl State {
    /// Passes the durable watermark to `inbox`, wakes its follower if there is something visible, and queues it for
    /// records that become visible later.
    fn announce(&mut self, inbox: &Arc<Inbox>) {
        let durable = self.delivered.durable;
        let mut content = inbox.content();
        content.durable = durable;
        if content.has_news(inbox.visibility) {
            content.wake();
        }
        drop(content);
        self.queue(inbox);
    }

    fn queue(&mut self, inbox: &Arc<Inbox>) {
        let mut content = inbox.content();
        if inbox.visibility == Visibility::Memory || content.queued_at.is_some() {
            return;
        }
        if let Some(at) = content.first_above(content.durable) {
            content.queued_at = Some(at);
            drop(content);
            self.undurable.insert((at, inbox.id), Arc::clone(inbox));
        }
    }
}

/// One follower's place; gives it up on drop.
#[derive(Debug)]
pub struct Following {
    followers: Arc<Followers>,
    key: Key,
    inbox: Arc<Inbox>,
    _permit: Permit,
}

impl Following {
    /// Waits for the next thing to happen to the key.
    pub async fn next(&mut self) -> Delivery {
        poll_fn(|context| {
            let mut content = self.inbox.content();
            match content.take(self.inbox.visibility) {
                Some(delivery) => Poll::Ready(delivery),
                None => {
                    content.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next thing that has already happened.
    pub fn try_next(&mut self) -> Option<Delivery> {
        self.inbox.content().take(self.inbox.visibility)
    }

    /// A sequence below which nothing of the key is still to come, if the inbox is empty.
    pub fn caught_up_to(&self) -> Option<Sequence> {
        let delivered = locked(&self.followers.state).delivered;
        let content = self.inbox.content();
        (content.runs.is_empty() && content.dropped.is_none())
            .then(|| delivered.tip.min(delivered.visible(self.inbox.visibility)))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut state = locked(&self.followers.state);
        if let Some(inboxes) = state.by_key.get_mut(&self.key) {
            inboxes.retain(|inbox| !Arc::ptr_eq(inbox, &self.inbox));
            if inboxes.is_empty() {
                state.by_key.remove(&self.key);
            }
        }
        let queued_at = self.inbox.content().queued_at;
        if let Some(at) = queued_at {
            state.undurable.remove(&(at, self.inbox.id));
        }
        self.followers.registered.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Inbox {
    fn content(&self) -> MutexGuard<'_, Content> {
        locked(&self.content)
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.content();
        change(&mut content);
        content.wake();
    }
}

impl Content {
    /// Takes `run` in, if there is room for it.
    fn put(&mut self, run: &Run, room: Option<(&Arc<Permit>, Permit)>) {
        let end = run.last().plus(1);
        if let Some(dropped) = &mut self.dropped {
            dropped.to = end;
            return;
        }
        let bytes = self.bytes + run.encoded().len() + RUN_OVERHEAD;
        match room {
            Some((shared, own)) if bytes <= INBOX_BYTES => {
                self.bytes = bytes;
                self.runs.push_back(Waiting {
                    run: run.clone(),
                    _own: own,
                    _shared: Arc::clone(shared),
                });
            }
            _ => self.drop_up_to(end),
        }
    }

    /// Gives up what is here and whatever else ends at or below `end`.
    fn drop_up_to(&mut self, end: Sequence) {
        let first = self.runs.front().map(|waiting| waiting.run.last().plus(1));
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
    fn fall_behind(&mut self) {
        let last = self.runs.back().map(|waiting| waiting.run.last().plus(1));
        let to = self.dropped.map(|dropped| dropped.to).or(last);
        self.drop_up_to(to.unwrap_or(Sequence::ZERO));
        if let Some(dropped) = &mut self.dropped {
            dropped.from = Sequence::ZERO;
        }
    }

    fn take(&mut self, visibility: Visibility) -> Option<Delivery> {
        let visible = self.visible(visibility);
        if let Some(dropped) = self.dropped
            && dropped.from <= visible
        {
            self.dropped = (dropped.to > visible).then_some(Dropped {
                from: visible.plus(1),
                to: dropped.to,
            });
            return Some(Delivery::Behind);
        }
        let visible_run = |waiting: &Waiting| waiting.run.last() < visible;
        if self.runs.front().is_some_and(visible_run) {
            let run = self.runs.pop_front()?.run;
            self.bytes -= run.encoded().len() + RUN_OVERHEAD;
            return Some(Delivery::Run(run));
        }
        self.stopped.map(Delivery::Stopped)
    }

    /// Whether [`Content::take`] would give records, or a reason to read them.
    fn has_news(&self, visibility: Visibility) -> bool {
        let visible = self.visible(visibility);
        self.dropped.is_some_and(|dropped| dropped.from <= visible)
            || self
                .runs
                .front()
                .is_some_and(|waiting| waiting.run.last() < visible)
    }

    /// The first watermark above `durable` at which there is something more to see.
    fn first_above(&self, durable: Sequence) -> Option<Sequence> {
        let next = durable.plus(1);
        let dropped = self.dropped.filter(|dropped| dropped.to > durable);
        let runs = self.runs.iter();
        let runs = runs.map(|waiting| waiting.run.last().plus(1));
        dropped
            .map(|dropped| dropped.from.max(next))
            .or_else(|| runs.into_iter().find(|end| *end > durable))
    }

    fn visible(&self, visibility: Visibility) -> Sequence {
        match visibility {
            Visibility::Memory => Sequence::MAX,
            Visibility::Durable => self.durable,
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A panic elsewhere cannot leave these states half-changed in a way that matters, so poisoning is ignored.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
