//! What reads of many keys have fetched beyond the ends of their pages, for the pages that follow.
//!
//! Seeking to the next record of a key costs more than reading several consecutive ones. So a client that reads page after page gets *windows* of
//! sequences that grow with what it has read so far, and what does not fit into a page is kept for the next one. All that is kept is
//! bounded in bytes, and windows only grow into what is left of that. So one read never takes the room of another; what is not asked for in
//! time is dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use log_domain::{Key, PageLimit, Selection, Sequence};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::order_walk::{Bounds, Walked, filling, scaled};
use super::seen_key::SeenKey;

/// How long the next page may take to come.
const KEPT: Duration = Duration::from_secs(10);
/// The most reads that something is kept for. Beyond that, the oldest one is dropped.
const READS: usize = 256;
/// The longest that fetching a window is meant to take; a quarter of the time of a page if that is shorter.
const FETCH: Duration = Duration::from_secs(4);
/// Sequences in a window of a long read, and rows of their order.
const LARGEST_WINDOW: u64 = 1 << 20;
const WINDOW_ROWS: usize = 16 * 1_024;

/// What is kept for all reads of a log. Clones share it.
#[derive(Clone)]
pub(super) struct ReadAhead(Arc<Inner>);

struct Inner {
    /// Bytes that all of it may take.
    most: usize,
    used: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: VecDeque<Kept>,
    /// Whether a task drops what is not asked for in time.
    is_swept: bool,
}

/// What is kept for one read.
struct Kept {
    selection: Selection,
    /// Where its next page begins.
    from: Sequence,
    since: Instant,
    ahead: Ahead,
}

impl ReadAhead {
    /// With room for so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            used: AtomicUsize::new(0),
            state: Mutex::default(),
        }))
    }

    /// What was kept for the page of `selection` that begins at `from`. The records in it are those of then: some can have been removed.
    pub(super) fn take(&self, selection: &Selection, from: Sequence) -> Option<Ahead> {
        let kept = &mut self.0.state.lock().kept;
        let is_it = |kept: &Kept| kept.from == from && kept.selection == *selection;
        let at = kept.iter().position(is_it)?;
        kept.remove(at).map(|kept| kept.ahead)
    }

    /// Keeps what a page has left, which ends at `from`.
    pub(super) fn keep(&self, selection: &Selection, from: Sequence, mut ahead: Ahead) {
        if !ahead.has_room(self) {
            ahead.rows.clear();
            ahead.seen.clear();
        }
        if ahead.rows.is_empty() {
            ahead.room = Room::none();
            ahead.reached = from;
        }
        let mut state = self.0.state.lock();
        if state.kept.len() >= READS {
            state.kept.pop_front();
        }
        state.kept.push_back(Kept {
            selection: selection.clone(),
            from,
            since: Instant::now(),
            ahead,
        });
        if !std::mem::replace(&mut state.is_swept, true) {
            tokio::spawn(sweep(self.clone()));
        }
    }

    /// Records that are kept, given or not.
    #[cfg(test)]
    pub(super) fn records(&self) -> u64 {
        let state = self.0.state.lock();
        let walked = state.kept.iter().flat_map(|kept| &kept.ahead.rows);
        let runs = walked.flat_map(|walked| &walked.runs);
        runs.map(|(_, run)| u64::from(run.count())).sum()
    }

    /// Room for up to so many bytes, which can be none. No read gets more than half of all.
    fn room(&self, bytes: usize) -> Room {
        let mut got = 0;
        let take = |used: usize| {
            got = bytes
                .min(self.0.most / 2)
                .min(self.0.most.saturating_sub(used));
            Some(used + got)
        };
        let order = Ordering::Relaxed;
        let _taken = self.0.used.fetch_update(order, order, take);
        Room(Some((Arc::clone(&self.0), got)))
    }
}

/// Drops what is not asked for in time, until nothing is kept any more.
async fn sweep(all: ReadAhead) {
    loop {
        sleep(KEPT).await;
        let mut state = all.0.state.lock();
        state.kept.retain(|kept| kept.since.elapsed() < KEPT);
        state.is_swept = !state.kept.is_empty();
        if !state.is_swept {
            return;
        }
    }
}

/// Room for some bytes, until it is dropped.
struct Room(Option<(Arc<Inner>, usize)>);

impl Room {
    fn none() -> Self {
        Self(None)
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, bytes)| *bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some((of, bytes)) = &self.0 {
            of.used.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }
}

/// What a read has fetched and not given yet.
pub(super) struct Ahead {
    /// The records, in order. The first ones can have been given already.
    pub(super) rows: VecDeque<Walked>,
    /// Everything below it that is wanted is in `rows`, or was given.
    pub(super) reached: Sequence,
    /// The keys of `rows`, as they were before these were read.
    pub(super) seen: IndexMap<Key, SeenKey>,
    /// The version of all floors before that, and how many times keys had been purged.
    pub(super) version: u64,
    pub(super) purges: u64,
    /// Records that the read was given.
    given: u64,
    /// The window that was fetched last.
    last: Fetched,
    room: Room,
}

/// What fetching a window took.
#[derive(Debug, Clone, Copy, Default)]
struct Fetched {
    sequences: u64,
    records: u64,
    bytes: usize,
    took: Duration,
}

impl Ahead {
    /// Nothing, for a read that begins at `from`.
    pub(super) fn nothing(from: Sequence) -> Self {
        Self {
            rows: VecDeque::new(),
            reached: from,
            seen: IndexMap::new(),
            version: 0,
            purges: 0,
            given: 0,
            last: Fetched::default(),
            room: Room::none(),
        }
    }

    /// The read was given so many records.
    pub(super) fn was_given(&mut self, records: u64) {
        self.given += records;
    }

    /// How large the next windows are for a page that has this much room left. The window of the first page is as large as that page needs. Later
    /// ones have up to twice as many records as were given before, if `all` has room for them.
    pub(super) fn bounds(&mut self, limit: PageLimit, all: &ReadAhead) -> Bounds {
        let page = Bounds::of(limit);
        let Fetched {
            sequences, records, ..
        } = self.last;
        if sequences == 0 {
            return page;
        }
        self.room = Room::none();
        self.room = all.room(all.0.most);
        let bytes = self.room.bytes().max(page.bytes);
        let wanted = self.given.saturating_mul(2).max(page.records);
        let by_records = scaled(sequences, wanted, records);
        let by_bytes = filling(bytes, sequences, self.last.bytes);
        let time = limit.time.map_or(FETCH, |time| FETCH.min(time / 4));
        let took = self.last.took.as_micros() as u64;
        let by_time = scaled(sequences, time.as_micros() as u64, took);
        let largest = by_time.min(LARGEST_WINDOW).max(page.first);
        Bounds {
            first: by_records.min(by_bytes).clamp(page.first, largest),
            largest,
            rows: WINDOW_ROWS,
            bytes,
            records: wanted,
        }
    }

    /// A window was fetched, which ends before `reached`: all the rows before have been given.
    pub(super) fn fetched(
        &mut self,
        window: Vec<Walked>,
        (reached, bytes): (Sequence, usize),
        seen: IndexMap<Key, SeenKey>,
        took: Duration,
    ) {
        let runs = window.iter().flat_map(|walked| &walked.runs);
        self.last = Fetched {
            sequences: reached.get().saturating_sub(self.reached.get()),
            records: runs.map(|(_, run)| u64::from(run.count())).sum(),
            bytes,
            took,
        };
        self.rows = window.into();
        self.seen = seen;
        self.reached = reached;
    }

    /// Whether there is room for what is left.
    fn has_room(&mut self, all: &ReadAhead) -> bool {
        let needed = match self.rows.is_empty() {
            true => 0,
            false => self.last.bytes,
        };
        if self.room.bytes() < needed {
            self.room = Room::none();
            self.room = all.room(needed);
        }
        self.room.bytes() >= needed
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const LIMIT: PageLimit = PageLimit {
        records: 100,
        bytes: 1 << 20,
        time: None,
    };

    fn prefix() -> Selection {
        Selection::Prefix(Bytes::new())
    }

    /// A read that has had so many records, of 100 bytes each.
    fn reading(given: u64) -> Ahead {
        let mut ahead = Ahead::nothing(Sequence::ZERO);
        ahead.was_given(given);
        let end = (Sequence::new(100), 10_000);
        let took = Duration::from_millis(1);
        ahead.fetched(Vec::new(), end, IndexMap::new(), took);
        ahead.last.records = 100;
        ahead
    }

    #[test]
    fn windows_grow_with_what_was_read_as_far_as_there_is_room() {
        let all = ReadAhead::new(64 << 20);
        let mut first = Ahead::nothing(Sequence::ZERO);
        assert_eq!(
            first.bounds(LIMIT, &all).first,
            101,
            "the page, and one more"
        );
        let mut long = reading(50_000);
        let bounds = long.bounds(LIMIT, &all);
        assert_eq!((bounds.first, bounds.records), (100_000, 100_000));
        assert_eq!(bounds.bytes, 32 << 20);
        // A second one gets the other half, and a third one what each page may have.
        let mut second = reading(u64::MAX / 4);
        assert_eq!(second.bounds(LIMIT, &all).bytes, 32 << 20);
        let mut third = reading(50_000);
        assert_eq!(third.bounds(LIMIT, &all).bytes, Bounds::of(LIMIT).bytes);
        drop(second);
        assert_eq!(third.bounds(LIMIT, &all).bytes, 32 << 20);
    }

    #[test]
    fn a_window_that_would_take_long_is_smaller() {
        let all = ReadAhead::new(64 << 20);
        let mut slow = reading(1_000_000);
        slow.last.took = Duration::from_millis(500);
        assert_eq!(slow.bounds(LIMIT, &all).largest, 800);
        let time = Some(Duration::from_secs(4));
        let short = PageLimit { time, ..LIMIT };
        assert_eq!(slow.bounds(short, &all).largest, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_for_one_page_and_goes_after_a_while() {
        let all = ReadAhead::new(1 << 20);
        let at = Sequence::new(7);
        all.keep(&prefix(), at, reading(5));
        assert!(all.take(&prefix(), Sequence::new(8)).is_none());
        let other = Selection::Prefix(Bytes::from_static(b"a"));
        assert!(all.take(&other, at).is_none());
        assert!(all.take(&prefix(), at).is_some());
        assert!(all.take(&prefix(), at).is_none());
        all.keep(&prefix(), at, reading(5));
        sleep(2 * KEPT).await;
        assert!(all.take(&prefix(), at).is_none());
        for from in 0..2 * READS as u64 {
            all.keep(&prefix(), from.into(), reading(5));
        }
        assert_eq!(all.0.state.lock().kept.len(), READS);
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_sweeps_however_often_something_is_kept() {
        let all = ReadAhead::new(1 << 20);
        for from in 0..100 {
            all.keep(&prefix(), from.into(), reading(5));
            assert!(all.take(&prefix(), from.into()).is_some());
        }
        assert_eq!(Arc::strong_count(&all.0), 2, "this one, and that of a task");
        sleep(2 * KEPT).await;
        assert_eq!(Arc::strong_count(&all.0), 1, "the task has ended");
        all.keep(&prefix(), Sequence::ZERO, reading(5));
        sleep(3 * KEPT).await;
        assert!(all.take(&prefix(), Sequence::ZERO).is_none());
    }

    #[test]
    fn rows_without_room_are_not_kept() {
        let all = ReadAhead::new(1_000);
        let mut ahead = reading(5);
        let walked = Walked {
            first: Sequence::ZERO,
            last: Sequence::ZERO,
            time_ms: 0,
            runs: Vec::new(),
        };
        ahead.rows.push_back(walked);
        assert!(!ahead.has_room(&all), "10,000 bytes");
        let all = ReadAhead::new(30_000);
        assert!(ahead.has_room(&all));
        assert_eq!(ahead.room.bytes(), 10_000);
        drop(ahead);
        assert_eq!(all.0.used.load(Ordering::Relaxed), 0);
    }
}
