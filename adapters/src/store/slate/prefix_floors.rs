//! The floors of prefixes, for readers. All of them are in memory, and a log without any pays nothing for it.

use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use log_domain::sequencer::{EngineNumber, PrefixFloors};
use log_domain::{Key, PrefixFloor, Sequence};
use parking_lot::RwLock;

/// Keys are told apart by so many hashes, to tell a read that rows of its key were removed. Of a commit that removes those of 256
/// keys, one read in 256 begins again for nothing.
const HASHES: usize = 65_536;

/// The floors of prefixes in force. Clones share them.
#[derive(Clone, Default)]
pub(super) struct FloorsOfPrefixes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    floors: RwLock<Arc<PrefixFloors>>,
    /// Whether there were any.
    any: AtomicBool,
    /// How many times rows of the directory were removed, by the hash of their key.
    unlistings: OnceLock<Box<[AtomicU32]>>,
    /// How many times any of it changed.
    changes: AtomicU64,
}

/// Changes when a read of a key that began before may have missed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(Sequence, u32);

impl FloorsOfPrefixes {
    /// Those that were found when the log was opened.
    pub(super) fn found(floors: Vec<PrefixFloor>) -> Self {
        let any = !floors.is_empty();
        Self(Arc::new(Inner {
            floors: RwLock::new(Arc::new(PrefixFloors::found(floors))),
            any: AtomicBool::new(any),
            ..Inner::default()
        }))
    }

    /// They are as they were found, now.
    pub(super) fn found_again(&self, floors: Vec<PrefixFloor>) {
        if !floors.is_empty() {
            self.0.any.store(true, Ordering::Release);
        }
        *self.0.floors.write() = Arc::new(PrefixFloors::found(floors));
        if self.any() {
            self.changed();
        }
    }

    /// If it is the same as before, so are all floors and marks.
    pub(super) fn version(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Whether no prefix has a floor.
    pub(super) fn is_empty(&self) -> bool {
        !self.any() || self.now().is_empty()
    }

    /// The floors as they are now.
    pub(super) fn now(&self) -> Arc<PrefixFloors> {
        Arc::clone(&self.0.floors.read())
    }

    /// The highest floor in force of the prefixes of `key`; 0 without one.
    pub(super) fn of(&self, key: &Key) -> Sequence {
        match self.any() {
            true => self.0.floors.read().of_key(key.as_ref()),
            false => Sequence::ZERO,
        }
    }

    /// Changes when a read of `key` that began before may have missed something.
    pub(super) fn mark(&self, key: &Key) -> Option<Mark> {
        if !self.any() {
            return None;
        }
        let unlistings = self.unlistings_of(key).load(Ordering::Acquire);
        Some(Mark(self.of(key), unlistings))
    }

    /// The write `number` was applied, and raises these floors. Every write up to `durable` is durable.
    pub(super) fn written(
        &self,
        raised: &[PrefixFloor],
        number: EngineNumber,
        durable: EngineNumber,
    ) {
        self.0.any.store(true, Ordering::Release);
        self.change(|floors| {
            raised
                .iter()
                .for_each(|floor| floors.written(floor, number))
        });
        self.durable(durable);
    }

    /// Every write up to `number` is durable.
    pub(super) fn durable(&self, number: EngineNumber) {
        let waits = || self.0.floors.read().waits_for(number);
        if self.any() && waits() {
            self.change(|floors| floors.durable(number));
        }
    }

    /// Rows of the directory were removed for these keys.
    pub(super) fn rows_removed<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        if self.any() {
            for key in keys {
                self.unlistings_of(key).fetch_add(1, Ordering::AcqRel);
            }
            self.changed();
        }
    }

    /// See [`PrefixFloors::unlisted`].
    pub(super) fn unlisted(&self, floor: &PrefixFloor) {
        self.change(|floors| floors.unlisted(floor));
    }

    /// See [`PrefixFloors::forgotten`].
    pub(super) fn forgotten(&self, prefixes: &[Bytes]) {
        self.change(|floors| floors.forgotten(prefixes));
    }

    fn any(&self) -> bool {
        self.0.any.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut PrefixFloors)) {
        // A listing may hold them as they were when it began.
        change(Arc::make_mut(&mut self.0.floors.write()));
        self.changed();
    }

    fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
    }

    fn unlistings_of(&self, key: &Key) -> &AtomicU32 {
        let all = self.0.unlistings.get_or_init(|| {
            let none = std::iter::repeat_with(AtomicU32::default);
            none.take(HASHES).collect()
        });
        let mut hasher = DefaultHasher::new();
        hasher.write(key.as_ref());
        &all[hasher.finish() as usize % HASHES]
    }
}
