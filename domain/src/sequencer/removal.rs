//! Removal of what is below the floor.
//!
//! A segment that ends at or below the floor in force is *dead*. Before its records go, so do its rows of the directory, and
//! then its own row. For each key with rows of dead segments:
//!
//! - If it has others, the first of them must say how many records are before it: when the dead ones are gone, that can no
//!   longer be counted, and what later rows say includes them. So all rows of a key stay on one base.
//! - If it has none, its key row goes too, and the key is forgotten: its next record is counted as its first.
//!
//! The rows are read while appends continue. So the keys are *watched* from before they are read until they are removed: one that
//! got its first row of a segment that stays meanwhile is left, and read again.

use std::collections::HashMap;

use bytes::Bytes;

use super::without_records::Written;
use super::{DirectoryEntry, Sequencer, Step};
use crate::segment::SYSTEM_SEGMENT;
use crate::{Error, Key, KeyFloor, Result, Segment, SegmentId};

/// Rows that a commit deletes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removal {
    /// Rows of the directory.
    pub directory: Vec<(Key, SegmentId)>,
    /// Names of keys, by the segment and the number of the key there. Those of dead segments go with the segment.
    pub names: Vec<(SegmentId, u32)>,
    /// Keys without records: their rows that say that they have some.
    pub keys: Vec<Key>,
    /// Rows of segments.
    pub segments: Vec<SegmentId>,
    /// Purge rows: no record of these keys below these floors is stored any more.
    pub purged: Vec<KeyFloor>,
    /// Rows of floors of keys.
    pub floors: Vec<Key>,
    /// Rows of floors of prefixes.
    pub prefixes: Vec<Bytes>,
}

/// The oldest rows of a key in the directory, all of dead segments, and what has to be done to delete them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// The key.
    pub key: Key,
    /// The segment of each row, and the number of the key there.
    pub rows: Vec<(SegmentId, u32)>,
    /// Whether the key has no other rows.
    pub are_all: bool,
    /// The first of the other rows, if it does not say how many records are before it, and should say this.
    pub settled: Option<DirectoryEntry>,
}

/// What must happen next to remove rows of the directory.
#[derive(Debug)]
pub struct RemovalStep {
    /// Keys that got a row meanwhile: watch them and read them again.
    pub again: Vec<Key>,
    /// What to do for the others; `None` if there are none.
    pub step: Option<Step<'static>>,
}

/// Keys whose rows are about to be removed.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether the key has changed since it is watched.
    changed: HashMap<Bytes, bool>,
    /// Whether each record changes a key, or only one with which the directory lists it in another segment.
    each_record: bool,
    /// The first segment that stays: rows of those before must not be written any more.
    first_left: SegmentId,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            changed: HashMap::new(),
            each_record: false,
            first_left: SYSTEM_SEGMENT,
        }
    }
}

impl Watch {
    /// `key` has more records; `is_listed` if that made the directory list it in one more segment.
    pub(super) fn placed(&mut self, key: &[u8], is_listed: bool) {
        if (is_listed || self.each_record)
            && let Some(changed) = self.changed.get_mut(key)
        {
            *changed = true;
        }
    }

    /// Watches `keys`, and no others any more.
    pub(super) fn begin(&mut self, keys: &[Key], each_record: bool) {
        // The key may be a slice of something larger.
        let keys = keys.iter();
        let unchanged = keys.map(|key| (Bytes::copy_from_slice(key.as_ref()), false));
        self.changed = unchanged.collect();
        self.each_record = each_record;
    }

    /// Whether the rows of `segment` are being removed, or were.
    pub(super) fn is_removed(&self, segment: SegmentId) -> bool {
        segment < self.first_left
    }

    fn has_changed(&self, key: &Key) -> bool {
        self.changed.get(key.as_ref()).copied().unwrap_or(true)
    }
}

impl Sequencer {
    /// Watches `keys`, and no others any more, in order to remove their rows of segments before `first_left`. Read the rows
    /// after that.
    ///
    /// # Errors
    /// [`Error::Internal`] when segments before `first_left` are not dead.
    pub fn watch(&mut self, keys: &[Key], first_left: Segment) -> Result<()> {
        self.are_dead_before(first_left)?;
        self.watch.begin(keys, false);
        self.watch.first_left = first_left.id.max(self.watch.first_left);
        self.settled
            .retain(|entry| !self.watch.is_removed(entry.segment));
        Ok(())
    }

    /// What must happen next to remove the `doomed` rows of keys that are watched.
    ///
    /// # Errors
    /// [`Error::Internal`] for rows of segments that may not be dead. As [`Sequencer::plan`]. Nothing was removed then.
    pub fn plan_removal(&mut self, doomed: &[Doomed]) -> Result<RemovalStep> {
        let mut all = doomed.iter().flat_map(|doomed| &doomed.rows);
        if let Some((left, _)) = all.find(|(id, _)| !self.watch.is_removed(*id)) {
            return Err(Error::internal(format!("segment {left} is not dead")));
        }
        self.plan_removal_of_rows(doomed)
    }

    /// What must happen next to remove these rows of the directory, of keys that are watched. If a later row of a key stays, these
    /// are of segments that get no more records, so a change of the key does not matter.
    pub(super) fn plan_removal_of_rows<'a>(
        &mut self,
        doomed: impl IntoIterator<Item = &'a Doomed>,
    ) -> Result<RemovalStep> {
        let mut again = Vec::new();
        let mut written = Written::default();
        for doomed in doomed {
            let key = &doomed.key;
            if doomed.are_all && self.watch.has_changed(key) {
                again.push(key.clone());
                continue;
            }
            let removal = &mut written.removal;
            for (segment, number) in &doomed.rows {
                removal.directory.push((key.clone(), *segment));
                if !self.watch.is_removed(*segment) {
                    removal.names.push((*segment, *number));
                }
            }
            removal.keys.extend(doomed.are_all.then(|| key.clone()));
            written.settled.extend(doomed.settled.clone());
        }
        let step = match written.removal.directory.is_empty() {
            true => None,
            false => Some(self.plan_without_records(written)?),
        };
        Ok(RemovalStep { again, step })
    }

    /// What must happen next to remove the rows of these segments, all of which come before `first_left`. Their rows of the
    /// directory have been removed.
    ///
    /// # Errors
    /// As [`Sequencer::plan_removal`].
    pub fn plan_removal_of_segments(
        &mut self,
        segments: &[SegmentId],
        first_left: Segment,
    ) -> Result<Step<'static>> {
        self.are_dead_before(first_left)?;
        if let Some(left) = segments.iter().find(|id| **id >= first_left.id) {
            return Err(Error::internal(format!("segment {left} is not dead")));
        }
        let removal = Removal {
            segments: segments.to_vec(),
            ..Removal::default()
        };
        self.plan_removal_of(removal)
    }

    /// A commit with this removal was applied.
    pub(super) fn forget_removed(&mut self, removal: &Removal) {
        for key in &removal.keys {
            let key = key.as_ref();
            self.keys.remove(key);
            let floor = self.key_floors.in_force(key);
            self.lookups.removed(key, floor.unwrap_or_default());
        }
        // Rows of segments that are dead are not written again anyway.
        let rows = removal.directory.iter();
        let unlisted = rows.filter(|(_, segment)| !self.watch.is_removed(*segment));
        for (key, _) in unlisted {
            self.unlistings += 1;
            // A lookup that is under way may count what is removed from now on.
            if !removal.keys.contains(key) {
                self.lookups.forget(key.as_ref());
            }
        }
        self.prefix_floors.forgotten(&removal.prefixes);
        if !removal.purged.is_empty() {
            self.purges += 1;
            self.key_floors.purged(&removal.purged);
            for floor in &removal.purged {
                self.lookups.forget(floor.key.as_ref());
            }
        }
    }

    pub(super) fn plan_removal_of(&mut self, removal: Removal) -> Result<Step<'static>> {
        self.plan_without_records(Written {
            removal,
            ..Written::default()
        })
    }

    fn are_dead_before(&self, first_left: Segment) -> Result<()> {
        match first_left.start <= self.floor() {
            true => Ok(()),
            false => Err(Error::internal(format!(
                "segment {} begins at {}, above the floor {}",
                first_left.id,
                first_left.start,
                self.floor()
            ))),
        }
    }
}
