//! Followers: readers that wait at the tip of a key, of several keys, or of all keys with a prefix.
//!
//! Each follower has a bounded inbox. A commit is delivered to the inboxes of the followers of its
//! keys, and wakes only them; a waiting follower costs nothing. A follower whose inbox overflows keeps its position and
//! catches up by scanning the store.
//!
//! To a follower of several keys, a commit is one delivery: the runs of its keys, which the follower merges.

mod inbox;
mod prefixes;
mod reaching;

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use crate::budget::{Budget, Permit};
use crate::{
    CommitListener, Key, Limits, Result, Run, Selection, Sequence, Stopped, Visibility, Watermarks,
};
use inbox::{Content, Dropped, Inbox, RUN_OVERHEAD, locked};
use prefixes::ByPrefix;
use reaching::Reaching;

/// Bytes charged for each key that a follower of a set of keys waits for, in addition to the key.
const KEY_OVERHEAD: usize = 128;

/// The table of followers of this server.
#[derive(Debug)]
pub struct Followers {
    budget: Budget,
    /// Bytes in all inboxes together.
    room: Budget,
    /// Bytes of the keys in all sets of keys together.
    keys: Budget,
    registered: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_key: HashMap<Key, Vec<Arc<Inbox>>>,
    by_prefix: ByPrefix<Arc<Inbox>>,
    /// All of them, by their ids.
    all: BTreeMap<u64, Arc<Inbox>>,
    /// Durable followers that have something to see once everything below the sequence is durable; each once.
    undurable: BTreeMap<(Sequence, u64), Arc<Inbox>>,
    /// Readers that wait until the log is shown up to some sequence.
    reaching: Reaching,
    /// How many inboxes there have been; their ids.
    opened: u64,
    delivered: Watermarks,
    stopped: Option<Stopped>,
}

/// What wakes a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The next records of the key, in order.
    Run(Run),
    /// To a follower of several keys: all that the next commit has of them, as runs of one key each. A key can have several.
    Commit {
        /// The runs, those of a key in order.
        runs: Vec<(Key, Run)>,
        /// The sequence after the last one of the commit.
        end: Sequence,
    },
    /// The inbox overflowed, or records of a key were deleted: read from the store at the current position, then wait again.
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
            keys: Budget::new(
                "the number of bytes of keys that followers of sets of keys wait for",
                limits.follower_bytes as u64 / 4,
            ),
            registered: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// Starts to collect the commits to the keys of `selection`.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there are too many followers, or followers of too many keys.
    pub fn register(
        self: &Arc<Self>,
        selection: Selection,
        visibility: Visibility,
    ) -> Result<Following> {
        let permits = (self.budget.take(1)?, self.keys.take(key_bytes(&selection))?);
        let mut state = locked(&self.state);
        state.opened += 1;
        let is_of_several = !matches!(selection, Selection::Key(_));
        let inbox = Arc::new(Inbox::new(state.opened, visibility, is_of_several));
        let Watermarks { tip, durable } = state.delivered;
        {
            let mut content = inbox.content();
            content.stopped = state.stopped;
            content.durable = durable;
            content.whole = tip;
            if visibility == Visibility::Durable && tip > durable {
                // Applied before registration, but not visible yet: it must be read from the store.
                content.dropped = Some(Dropped {
                    from: durable.plus(1),
                    to: tip,
                });
            }
        }
        state.queue(&inbox);
        state.add(&selection, &inbox);
        self.registered.fetch_add(1, Ordering::SeqCst);
        drop(state);
        Ok(Following {
            followers: Arc::clone(self),
            selection,
            inbox,
            _permits: permits,
        })
    }

    /// The number of current followers.
    pub fn count(&self) -> usize {
        self.registered.load(Ordering::Relaxed)
    }

    /// Resolves when everything below `sequence` is shown at this visibility, and with `false` when there will be no more commits.
    /// `shown` says how far the log is shown at the moment.
    ///
    /// # Errors
    /// [`crate::Error::Overloaded`] when there are too many followers, of which this is one.
    pub async fn reached(
        &self,
        sequence: Sequence,
        visibility: Visibility,
        shown: impl Fn() -> Watermarks,
    ) -> Result<bool> {
        let is_shown = || shown().visible(visibility) >= sequence;
        if is_shown() {
            return Ok(true);
        }
        let _permit = self.budget.take(1)?;
        let place = Place {
            followers: self,
            id: locked(&self.state).reaching.enter(sequence, visibility),
        };
        let stopped = poll_fn(|context| {
            let mut state = locked(&self.state);
            if state.stopped.is_some() || is_shown() {
                return Poll::Ready(state.stopped);
            }
            state.reaching.wait(place.id, context.waker());
            Poll::Pending
        })
        .await;
        Ok(stopped.is_none() || is_shown())
    }

    /// Has the followers of `key` read from the store from where they are: what waits for them may have been deleted.
    pub fn read_again(&self, key: &Key) {
        let state = locked(&self.state);
        for inbox in state.followers_of(key) {
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
        state.reaching.wake_all();
        for inbox in state.all.values() {
            inbox.change(|content| content.stopped = Some(why));
        }
    }
}

/// What the keys of a set are charged.
fn key_bytes(selection: &Selection) -> u64 {
    let Selection::Keys(keys) = selection else {
        return 0;
    };
    let bytes = keys.all().iter();
    let bytes = bytes.map(|key| key.as_ref().len() + KEY_OVERHEAD);
    bytes.sum::<usize>() as u64
}

impl CommitListener for Followers {
    fn is_listening(&self) -> bool {
        self.registered.load(Ordering::SeqCst) > 0
    }

    fn applied(&self, runs: Option<&[(Key, Run)]>, tip: Sequence) {
        let mut state = locked(&self.state);
        state.delivered.tip = tip;
        let Watermarks { tip, durable } = state.delivered;
        state.reaching.wake(tip, Visibility::Memory);
        // It can be reported before the commit is applied.
        let durable = durable.min(tip);
        state.reaching.wake(durable, Visibility::Durable);
        let mut reached: Vec<Arc<Inbox>> = Vec::new();
        match runs {
            Some(runs) => {
                for of_key in runs {
                    let (key, run) = of_key;
                    let mut shared = None;
                    for inbox in state.followers_of(key) {
                        let bytes = run.encoded().len() as u64;
                        let shared = shared
                            .get_or_insert_with(|| self.room.take(bytes).map(Arc::new).ok())
                            .as_ref();
                        let own = self.room.take(RUN_OVERHEAD as u64);
                        if inbox.put(of_key, tip, shared.zip(own.ok())) {
                            reached.push(Arc::clone(inbox));
                        }
                    }
                }
            }
            None => {
                for inbox in state.all.values() {
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
        state.reaching.wake(watermark, Visibility::Durable);
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
    fn add(&mut self, selection: &Selection, inbox: &Arc<Inbox>) {
        self.all.insert(inbox.id, Arc::clone(inbox));
        let mut of_key = |key: &Key| {
            let followers = self.by_key.entry(key.clone()).or_default();
            followers.push(Arc::clone(inbox));
        };
        match selection {
            Selection::Key(key) => of_key(key),
            Selection::Keys(keys) => keys.all().iter().for_each(of_key),
            Selection::Prefix(prefix) => self.by_prefix.add(prefix, Arc::clone(inbox)),
        }
    }

    fn remove(&mut self, selection: &Selection, inbox: &Arc<Inbox>) {
        self.all.remove(&inbox.id);
        let is_it = |other: &Arc<Inbox>| Arc::ptr_eq(other, inbox);
        let mut of_key = |key: &Key| {
            if let Some(followers) = self.by_key.get_mut(key) {
                followers.retain(|other| !is_it(other));
                if followers.is_empty() {
                    self.by_key.remove(key);
                }
            }
        };
        match selection {
            Selection::Key(key) => of_key(key),
            Selection::Keys(keys) => keys.all().iter().for_each(of_key),
            Selection::Prefix(prefix) => self.by_prefix.remove(prefix, is_it),
        }
    }

    /// Those whose selection has `key`.
    fn followers_of<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Arc<Inbox>> {
        let of_key = self.by_key.get(key).into_iter().flatten();
        of_key.chain(self.by_prefix.matching(key.as_ref()).flatten())
    }

    /// Passes the durable watermark to `inbox`, wakes its follower if there is something visible, and queues it for
    /// records that become visible later.
    fn announce(&mut self, inbox: &Arc<Inbox>) {
        let Watermarks { tip, durable } = self.delivered;
        let mut content = inbox.content();
        content.durable = durable;
        content.whole = tip;
        if inbox.has_news(&content) {
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

/// The place of a reader that waits; gives it up on drop.
struct Place<'f> {
    followers: &'f Followers,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        locked(&self.followers.state).reaching.leave(self.id);
    }
}

/// One follower's place; gives it up on drop.
#[derive(Debug)]
pub struct Following {
    followers: Arc<Followers>,
    selection: Selection,
    inbox: Arc<Inbox>,
    _permits: (Permit, Permit),
}

impl Following {
    /// Waits for the next thing to happen to the selection.
    pub async fn next(&mut self) -> Delivery {
        poll_fn(|context| {
            let mut content = self.inbox.content();
            match self.inbox.take(&mut content) {
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
        self.inbox.take(&mut self.inbox.content())
    }

    /// Why there will be no more commits, if that is so. Some may still wait here.
    pub fn stopped(&self) -> Option<Stopped> {
        self.inbox.content().stopped
    }

    /// A sequence below which nothing of the selection is still to come, if the inbox is empty.
    pub fn caught_up_to(&self) -> Option<Sequence> {
        let delivered = locked(&self.followers.state).delivered;
        let is_empty = self.inbox.content().is_empty();
        is_empty.then(|| delivered.tip.min(delivered.visible(self.inbox.visibility)))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut state = locked(&self.followers.state);
        state.remove(&self.selection, &self.inbox);
        let queued_at = self.inbox.content().queued_at;
        if let Some(at) = queued_at {
            state.undurable.remove(&(at, self.inbox.id));
        }
        self.followers.registered.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
