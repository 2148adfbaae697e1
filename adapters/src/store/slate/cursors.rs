//! The cursors, for readers. All of them are in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use log_domain::sequencer::CursorChanges;
use log_domain::{Cursor, CursorName, CursorsPage, CursorsQuery};
use parking_lot::RwLock;

/// The cursors as they were moved last.
#[derive(Debug, Default)]
pub(super) struct Cursors(RwLock<BTreeMap<CursorName, Cursor>>);

impl Cursors {
    /// Those that were found when the log was opened.
    pub(super) fn found(found: Vec<Cursor>) -> Self {
        let found = found.into_iter();
        let found = found.map(|cursor| (cursor.name.clone(), cursor));
        Self(RwLock::new(found.collect()))
    }

    /// The cursor of this name.
    pub(super) fn get(&self, name: &CursorName) -> Option<Cursor> {
        self.0.read().get(name).cloned()
    }

    /// One page of them.
    pub(super) fn list(&self, query: &CursorsQuery) -> CursorsPage {
        let prefix = query.prefix.as_str();
        let start = match query.start_after.as_deref() {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let cursors = self.0.read();
        let from = cursors.range::<str, _>((start, Bound::Unbounded));
        query.page(from.map(|(_, cursor)| cursor.clone()))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.read().len() as u64
    }

    /// Makes `changes`, of a commit that `show` makes readable. Who sees the one sees the other.
    pub(super) fn change(&self, changes: &CursorChanges, show: impl FnOnce()) {
        if changes.is_empty() {
            return show();
        }
        let mut cursors = self.0.write();
        for name in &changes.deleted {
            cursors.remove(name);
        }
        for cursor in &changes.written {
            cursors.insert(cursor.name.clone(), cursor.clone());
        }
        show();
    }
}
