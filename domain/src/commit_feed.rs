//! The feed of commits: what a server that writes a log offers to read-only servers of the same log.
//!
//! A commit is durable once the file that holds it is stored. The store offers each such file here, by its id, together with how far the
//! log is durable. Readers of the feed are sent the files; what they show of them is the same as what they would read from the store.
//!
//! The feed holds files only while it has readers, and only so many bytes of them. A reader that is slow misses the files that are no
//! longer held: it finds them in the store. Neither the writer nor other readers wait for it.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

use bytes::Bytes;

use crate::Sequence;

/// Bytes of files that a feed holds for its readers.
pub const FEED_BYTES: usize = 16 << 20;

/// Bytes of the largest file that is sent to readers. Of a larger one they are told that it is there.
pub const FILE_BYTES: usize = FEED_BYTES / 2;

/// What each file is charged in addition to its bytes.
const FILE_OVERHEAD: usize = 128;

/// A file that holds commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFile {
    /// Its id. A store gives ids in the order of commits.
    pub id: u64,
    /// What is stored, byte for byte. `None` if it is not known to be stored, or too large: a reader looks for the file in the store.
    pub content: Option<Bytes>,
}

/// What a reader of a feed is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitNews {
    /// Everything below it is durable. The files that made it durable were offered before.
    pub durable: Option<Sequence>,
    /// The next file.
    pub file: Option<CommitFile>,
}

/// The feed of one log, which a store fills and any number of readers follow.
#[derive(Debug)]
pub struct CommitFeed {
    log: OnceLock<Bytes>,
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The files that are held, the oldest first.
    files: VecDeque<CommitFile>,
    /// What they are charged.
    held: usize,
    /// How many files were offered before these.
    dropped: u64,
    durable: Sequence,
    /// Each reader, by its number, with what wakes it if it waits.
    readers: BTreeMap<u64, Option<Waker>>,
    numbers: u64,
}

impl Default for CommitFeed {
    fn default() -> Self {
        Self::of(FEED_BYTES)
    }
}

impl CommitFeed {
    /// A feed that holds so many bytes of files.
    pub fn of(bytes: usize) -> Self {
        Self {
            log: OnceLock::new(),
            bytes,
            state: Mutex::default(),
        }
    }

    /// Says which log this is the feed of, by an identity that no other log has. Only the first call has an effect.
    pub fn is_of(&self, log: Bytes) {
        let _first = self.log.set(log);
    }

    /// Which log this is the feed of; `None` as long as it is not open.
    pub fn log(&self) -> Option<&Bytes> {
        self.log.get()
    }

    /// Offers a file. `content` is `None` if it may be stored, but that is not known. It MUST NOT be given before the file is stored.
    /// `content` is only called if there is a reader, and must be quick.
    pub fn offer(&self, id: u64, content: Option<impl FnOnce() -> Bytes>) {
        let mut state = self.state();
        if state.readers.is_empty() {
            return;
        }
        let content = content.map(|content| content());
        let most = FILE_BYTES.min(self.bytes / 2);
        let content = content.filter(|content| content.len() <= most);
        let file = CommitFile { id, content };
        state.held += charge(&file);
        state.files.push_back(file);
        while state.held > self.bytes
            && let Some(oldest) = state.files.pop_front()
        {
            state.held -= charge(&oldest);
            state.dropped += 1;
        }
        state.wake();
    }

    /// Everything below `durable` is durable, and the files that made it so were offered.
    pub fn durable(&self, durable: Sequence) {
        let mut state = self.state();
        if durable > state.durable {
            state.durable = durable;
            state.wake();
        }
    }

    /// Begins to follow the feed: every file that is offered from now on, and before that those that are held with an id above `after`.
    pub fn follow(self: &Arc<Self>, after: u64) -> FollowingFeed {
        let mut state = self.state();
        let number = state.numbers;
        state.numbers += 1;
        state.readers.insert(number, None);
        let known = state.files.iter().take_while(|file| file.id <= after);
        let next = state.dropped + known.count() as u64;
        drop(state);
        FollowingFeed {
            feed: Arc::clone(self),
            number,
            next,
            told: None,
        }
    }

    /// A panic elsewhere cannot leave it half-changed in a way that matters, so poisoning is ignored.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many readers there are.
    pub fn readers(&self) -> usize {
        self.state().readers.len()
    }

    /// Bytes that are held for readers.
    pub fn held_bytes(&self) -> usize {
        self.state().held
    }
}

fn charge(file: &CommitFile) -> usize {
    FILE_OVERHEAD + file.content.as_ref().map_or(0, Bytes::len)
}

impl State {
    fn wake(&mut self) {
        for waiting in self.readers.values_mut() {
            if let Some(waker) = waiting.take() {
                waker.wake();
            }
        }
    }
}

/// A reader of a feed; gives up its place on drop.
#[derive(Debug)]
pub struct FollowingFeed {
    feed: Arc<CommitFeed>,
    number: u64,
    /// The place of the next file among all that were offered.
    next: u64,
    /// The durable watermark that was told last.
    told: Option<Sequence>,
}

impl FollowingFeed {
    /// Waits for something new. The durable watermark is told once all files before it were. The first answer comes at once.
    ///
    /// The future is cancel-safe.
    pub async fn next(&mut self) -> CommitNews {
        poll_fn(|context| {
            let mut state = self.feed.state();
            // Those that are not held any more are in the store.
            let place = self.next.saturating_sub(state.dropped);
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let file = state.files.get(place).cloned();
            if file.is_some() {
                self.next = state.dropped + place as u64 + 1;
            }
            let is_last = self.next >= state.dropped + state.files.len() as u64;
            let durable =
                Some(state.durable).filter(|durable| is_last && self.told != Some(*durable));
            if durable.is_some() {
                self.told = durable;
            }
            if file.is_some() || durable.is_some() {
                return Poll::Ready(CommitNews { durable, file });
            }
            let waker = context.waker().clone();
            state.readers.insert(self.number, Some(waker));
            Poll::Pending
        })
        .await
    }

    /// The durable watermark at the moment.
    pub fn durable(&self) -> Sequence {
        self.feed.state().durable
    }
}

impl Drop for FollowingFeed {
    fn drop(&mut self) {
        let mut state = self.feed.state();
        state.readers.remove(&self.number);
        if state.readers.is_empty() {
            state.dropped += state.files.len() as u64;
            state.files = VecDeque::new();
            state.held = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::executor::block_on;
    use proptest::prelude::*;

    use super::*;

    fn bytes(id: u64, length: usize) -> Bytes {
        vec![id as u8; length].into()
    }

    fn offer(feed: &CommitFeed, id: u64, length: usize) {
        feed.offer(id, Some(|| bytes(id, length)));
    }

    /// What the reader is told without a wait.
    fn told(reader: &mut FollowingFeed) -> Vec<CommitNews> {
        std::iter::from_fn(|| reader.next().now_or_never()).collect()
    }

    fn ids(news: &[CommitNews]) -> Vec<u64> {
        let files = news.iter().filter_map(|news| news.file.as_ref());
        files.map(|file| file.id).collect()
    }

    #[test]
    fn a_reader_is_told_at_once_and_then_of_each_file_before_what_it_made_durable() {
        let feed = Arc::new(CommitFeed::default());
        feed.durable(Sequence::new(3));
        let mut reader = feed.follow(0);
        let first = block_on(reader.next());
        assert_eq!((first.durable, first.file), (Some(Sequence::new(3)), None));
        assert_eq!(told(&mut reader), []);
        offer(&feed, 1, 10);
        offer(&feed, 2, 10);
        feed.durable(Sequence::new(5));
        let news = told(&mut reader);
        assert_eq!(ids(&news), [1, 2]);
        let durable: Vec<_> = news.iter().map(|news| news.durable).collect();
        assert_eq!(durable, [None, Some(Sequence::new(5))]);
        feed.durable(Sequence::new(4));
        assert_eq!(told(&mut reader), [], "it does not go back");
    }

    #[test]
    fn nothing_is_held_without_a_reader_and_a_new_one_gets_what_is_held_for_others() {
        let feed = Arc::new(CommitFeed::default());
        offer(&feed, 1, 10);
        assert_eq!(feed.held_bytes(), 0);
        let first = feed.follow(0);
        offer(&feed, 2, 10);
        offer(&feed, 3, 10);
        let mut second = feed.follow(2);
        assert_eq!(ids(&told(&mut second)), [3]);
        drop((first, second));
        assert_eq!((feed.held_bytes(), feed.readers()), (0, 0));
        let mut third = feed.follow(0);
        assert_eq!(ids(&told(&mut third)), []);
        offer(&feed, 4, 10);
        assert_eq!(ids(&told(&mut third)), [4]);
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let feed = Arc::new(CommitFeed::default());
        let mut reader = feed.follow(0);
        told(&mut reader);
        let other = Arc::clone(&feed);
        let writing = std::thread::spawn(move || offer(&other, 7, 10));
        assert_eq!(block_on(reader.next()).file.map(|file| file.id), Some(7));
        writing.join().expect("no panic");
    }

    #[test]
    fn what_may_be_stored_or_is_too_large_is_told_without_content() {
        let feed = Arc::new(CommitFeed::of(1_000));
        let mut reader = feed.follow(0);
        offer(&feed, 1, 501);
        feed.offer(2, None::<fn() -> Bytes>);
        offer(&feed, 3, 500);
        let news = told(&mut reader);
        assert_eq!(ids(&news), [1, 2, 3]);
        let has: Vec<_> = news.iter().flat_map(|news| &news.file).collect();
        let has: Vec<_> = has.iter().map(|file| file.content.is_some()).collect();
        assert_eq!(has, [false, false, true]);
    }

    proptest! {
        /// Against a list of all files: a reader gets those that were offered since it came, in order, without those that it was too
        /// slow for; and what is held is bounded.
        #[test]
        fn readers_get_what_is_held_in_order(
            steps in prop::collection::vec((0..4_u8, 0..400_usize), 1..200),
        ) {
            let feed = Arc::new(CommitFeed::of(2_000));
            let mut readers: Vec<(FollowingFeed, Vec<u64>)> = Vec::new();
            let mut last = 0;
            for (step, size) in steps {
                match step {
                    0 | 1 => {
                        last += 1;
                        offer(&feed, last, size);
                    }
                    2 if readers.len() < 4 => readers.push((feed.follow(last), vec![last])),
                    _ => if let Some((reader, got)) = readers.get_mut(size % 4) {
                        for news in told(reader) {
                            if let Some(file) = news.file {
                                prop_assert!(file.id > got[got.len() - 1]);
                                let content = file.content.expect("small");
                                prop_assert!(content.iter().all(|byte| *byte == file.id as u8));
                                got.push(file.id);
                            }
                        }
                        // It has the newest.
                        prop_assert_eq!(got[got.len() - 1], last);
                    }
                }
                prop_assert!(feed.held_bytes() <= 2_000);
            }
        }
    }
}
