//! The floors of prefixes, for readers. All of them are in memory, and a log without any pays nothing for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use log_domain::sequencer::{EngineNumber, PrefixFloors};
use log_domain::{Key, PrefixFloor, Sequence};
use parking_lot::RwLock;

use super::unlisted_keys::UnlistedKeys;

/// The floors of prefixes in force. Clones share them.
#[derive(Clone, Default)]
pub(super) struct FloorsOfPrefixes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    floors: RwLock<Arc<PrefixFloors>>,
    /// Whether there were any.
    any: AtomicBool,
    /// Keys whose rows of the directory were removed.
    unlisted: RwLock<UnlistedKeys>,
    /// How many times any of it changed.
    changes: AtomicU64,
}

/// What held for a key when a read of it began; `None` if no prefix had a floor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(Option<(Sequence, u64)>);

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

    /// What holds for `key` as a read of it begins.
    pub(super) fn mark(&self, key: &Key) -> Mark {
        let marked = || (self.of(key), self.0.unlisted.read().count());
        Mark(self.any().then(marked))
    }

    /// Whether a read of `key` that began at `mark` has missed nothing: neither a floor came into force, nor were rows of the
    /// directory removed for the key.
    pub(super) fn is_as_marked(&self, key: &Key, mark: Mark) -> bool {
        match mark.0 {
            Some((floor, count)) => {
                self.of(key) == floor && !self.0.unlisted.read().has_since(key, count)
            }
            None => !self.any(),
        }
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
            let mut unlisted = self.0.unlisted.write();
            keys.for_each(|key| unlisted.add(key));
            drop(unlisted);
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
}
