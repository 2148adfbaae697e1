//! The floors of keys, for readers, and with them those of prefixes.
//!
//! Those of keys that are still to be purged are in memory; for all others there is a row. A log in which no key was ever deleted
//! pays nothing for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use log_domain::sequencer::{EngineNumber, KeyFloors, RaisedFloor};
use log_domain::{Key, KeyFloor, PrefixFloor, Result, Sequence};
use parking_lot::RwLock;
use slatedb::DbReadOps;
use slatedb::config::{DurabilityLevel, ReadOptions};

use super::error;
use super::layout::{key_floors, prefix_floors, purges};
use super::prefix_floors::{FloorsOfPrefixes, Mark};
use super::stored_rows::all;

/// What a log says of floors of keys and of prefixes.
#[derive(Clone, Default, PartialEq)]
pub(super) struct FoundFloors {
    /// Those of keys that are still to be purged.
    pub(super) purges: Vec<KeyFloor>,
    /// Whether there are floors of keys.
    pub(super) of_keys: bool,
    /// Those of prefixes.
    pub(super) prefixes: Vec<PrefixFloor>,
}

/// What held for a key when a read of it began: for itself, and for its prefixes.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyMark(Option<(Sequence, u64)>, Mark);

/// Reads the rows.
pub(super) async fn read(db: &(impl DbReadOps + Sync)) -> Result<FoundFloors> {
    let first = async {
        let floors = db.scan_prefix(key_floors::prefix(), ..).await;
        let first = floors.map_err(error::read)?.next().await;
        first.map_err(error::read)
    };
    let (prefixes, purges, first) = futures::try_join!(
        all(db, prefix_floors::prefix(), prefix_floors::decode).boxed(),
        all(db, purges::prefix(), purges::decode).boxed(),
        first.boxed(),
    )?;
    let purges = purges.into_iter().map(|(key, floor, deleted_ms)| KeyFloor {
        key,
        floor,
        deleted_ms,
    });
    Ok(FoundFloors {
        purges: purges.collect(),
        of_keys: first.is_some(),
        prefixes,
    })
}

/// The floors of keys in force. Clones share them.
#[derive(Clone, Default)]
pub(super) struct FloorsOfKeys(Arc<Inner>);

#[derive(Default)]
struct Inner {
    floors: RwLock<KeyFloors>,
    /// Whether there are any, here or in rows.
    any: AtomicBool,
    /// How many times keys were purged.
    purges: AtomicU64,
    /// How many times floors changed, or what they hide.
    changes: AtomicU64,
    prefixes: FloorsOfPrefixes,
}

impl FloorsOfKeys {
    /// As they were found.
    pub(super) fn found(found: FoundFloors) -> Self {
        let FoundFloors {
            purges,
            of_keys,
            prefixes,
        } = found;
        let any = of_keys || !purges.is_empty();
        Self(Arc::new(Inner {
            prefixes: FloorsOfPrefixes::found(prefixes),
            floors: RwLock::new(KeyFloors::found(purges, Sequence::ZERO)),
            any: AtomicBool::new(any),
            ..Inner::default()
        }))
    }

    /// They are as they were found: a store that only reads finds what another process has changed. Reads that began before look at
    /// their floors again.
    pub(super) fn found_again(&self, found: FoundFloors) {
        let FoundFloors {
            purges,
            of_keys,
            prefixes,
        } = found;
        if of_keys || !purges.is_empty() {
            self.0.any.store(true, Ordering::Release);
        }
        self.0.prefixes.found_again(prefixes);
        *self.0.floors.write() = KeyFloors::found(purges, Sequence::ZERO);
        self.0.purges.fetch_add(1, Ordering::AcqRel);
        if self.0.any.load(Ordering::Acquire) {
            self.changed();
        }
    }

    /// If it is the same as before, so are the floors of all keys and their marks.
    pub(super) fn version(&self) -> u64 {
        let of_keys = self.0.changes.load(Ordering::Acquire);
        of_keys.wrapping_add(self.0.prefixes.version())
    }

    fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Those of prefixes.
    pub(super) fn prefixes(&self) -> &FloorsOfPrefixes {
        &self.0.prefixes
    }

    /// The highest floor in force of `key` and its prefixes: 0 if there is none.
    pub(super) async fn of(&self, db: &(impl DbReadOps + Sync), key: &Key) -> Result<Sequence> {
        let of_key = match self.of_purge(key) {
            Some(floor) => floor,
            None => self.stored(db, key).await?,
        };
        Ok(of_key.max(self.0.prefixes.of(key)))
    }

    /// The floor in force of `key`, if the key is still to be purged.
    pub(super) fn of_purge(&self, key: &Key) -> Option<Sequence> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        self.0.floors.read().in_force(key.as_ref())
    }

    /// The durable floor in the row of `key`: 0 if there is none.
    pub(super) async fn stored(&self, db: &(impl DbReadOps + Sync), key: &Key) -> Result<Sequence> {
        if !self.0.any.load(Ordering::Acquire) {
            return Ok(Sequence::ZERO);
        }
        let durable = ReadOptions::default().with_durability_filter(DurabilityLevel::Remote);
        let row = db.get_with_options(key_floors::key(key.as_ref()), &durable);
        let row = row.await.map_err(error::read)?;
        row.map_or(Ok(Sequence::ZERO), |row| key_floors::floor(&row))
    }

    /// What holds for `key` as a read of it begins.
    pub(super) fn mark(&self, key: &Key) -> KeyMark {
        KeyMark(self.mark_of(key), self.0.prefixes.mark(key))
    }

    /// Tells whether a read of `key` that begins now has missed nothing when it is asked; always of no key.
    pub(super) fn watch<'a>(&'a self, key: Option<&'a Key>) -> impl Fn() -> bool + 'a {
        let marked = key.map(|key| (key, self.mark(key)));
        move || marked.is_none_or(|(key, mark)| self.is_as_marked(key, &mark))
    }

    /// Whether a read of `key` that began at `mark` has missed nothing.
    pub(super) fn is_as_marked(&self, key: &Key, mark: &KeyMark) -> bool {
        self.mark_of(key) == mark.0 && self.0.prefixes.is_as_marked(key, mark.1)
    }

    /// Changes when a read of `key` that began before may have missed something, but for the floors of prefixes.
    fn mark_of(&self, key: &Key) -> Option<(Sequence, u64)> {
        let any = self.0.any.load(Ordering::Acquire);
        any.then(|| self.0.floors.read().mark(key.as_ref()))
            .flatten()
    }

    /// How many times keys were purged. If it is the same after [`FloorsOfKeys::of_purge`] found no floor, that was not because the key
    /// was purged since.
    pub(super) fn purges(&self) -> u64 {
        self.0.purges.load(Ordering::Acquire)
    }

    /// The floors in force of the keys that are still to be purged, in the order of the keys.
    pub(super) fn all_in_force(&self) -> Vec<KeyFloor> {
        let mut all: Vec<KeyFloor> = self.0.floors.read().all_in_force().collect();
        all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        all
    }

    /// How many keys are still to be purged, and how long the first of them has waited.
    pub(super) fn backlog(&self, now_ms: i64) -> (u64, Duration) {
        let (keys, oldest) = self.0.floors.read().backlog();
        let waited = oldest.map_or(0, |deleted_ms| now_ms.saturating_sub(deleted_ms));
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        (keys as u64, waited)
    }

    /// The write `number` was applied, and raises this floor. Every write up to `durable` is durable.
    pub(super) fn written(
        &self,
        raised: &RaisedFloor,
        number: EngineNumber,
        durable: EngineNumber,
    ) {
        self.0.any.store(true, Ordering::Release);
        self.0.floors.write().written(raised, number);
        self.changed();
        self.durable(durable);
    }

    /// Every write up to `number` is durable.
    pub(super) fn durable(&self, number: EngineNumber) {
        let waits = || self.0.floors.read().waits_for(number);
        if self.0.any.load(Ordering::Acquire) && waits() {
            self.0.floors.write().durable(number);
            self.changed();
        }
        self.0.prefixes.durable(number);
    }

    /// Nothing of these keys is stored any more below these floors, but of newer ones something may be.
    pub(super) fn emptied(&self, floors: &[KeyFloor]) {
        self.0.floors.write().emptied(floors);
    }

    /// Rows of the directory were removed for these keys.
    pub(super) fn unlisted<'a>(&self, keys: impl Iterator<Item = &'a Key> + Clone) {
        self.0.prefixes.rows_removed(keys.clone());
        if self.0.any.load(Ordering::Acquire) {
            let mut floors = self.0.floors.write();
            keys.for_each(|key| floors.unlisted(key.as_ref()));
            self.changed();
        }
    }

    /// Nothing of these keys is stored any more below these floors.
    pub(super) fn purged(&self, floors: &[KeyFloor]) {
        let mut all = self.0.floors.write();
        all.purged(floors);
        // Before the floors are missed: see `purges`.
        self.0.purges.fetch_add(1, Ordering::AcqRel);
        self.changed();
    }
}
