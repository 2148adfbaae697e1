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

use super::{DirectoryEntry, Sequencer, Step};
use crate::segment::SYSTEM_SEGMENT;
use crate::{Error, Key, Result, Segment, SegmentId};

/// Rows that a commit deletes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removal {
    /// Rows of the directory.
    pub directory: Vec<(Key, SegmentId)>,
    /// Keys without records: their rows that say that they have some.
    pub keys: Vec<Key>,
    /// Rows of segments.
    pub segments: Vec<SegmentId>,
}

/// The oldest rows of a key in the directory, all of dead segments, and what has to be done to delete them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// The key.
    pub key: Key,
    /// The segments of the rows.
    pub segments: Vec<SegmentId>,
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
    /// Whether the directory listed the key in another segment since it is watched.
    listed: HashMap<Bytes, bool>,
    /// The first segment that stays: rows of those before must not be written any more.
    first_left: SegmentId,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            listed: HashMap::new(),
            first_left: SYSTEM_SEGMENT,
        }
    }
}

impl Watch {
    /// The directory lists `key` in one more segment.
    pub(super) fn listed(&mut self, key: &[u8]) {
        if let Some(listed) = self.listed.get_mut(key) {
            *listed = true;
        }
    }

    /// Whether the rows of `segment` are being removed, or were.
    pub(super) fn is_removed(&self, segment: SegmentId) -> bool {
        segment < self.first_left
    }

    fn has_changed(&self, key: &Key) -> bool {
        self.listed.get(key.as_ref()).copied().unwrap_or(true)
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
        self.watch = Watch {
            // The key may be a slice of something larger.
            listed: keys
                .iter()
                .map(|key| (Bytes::copy_from_slice(key.as_ref()), false))
                .collect(),
            first_left: first_left.id.max(self.watch.first_left),
        };
        self.settled
            .retain(|entry| !self.watch.is_removed(entry.segment));
        Ok(())
    }

    /// What must happen next to remove the `doomed` rows of keys that are watched.
    ///
    /// # Errors
    /// [`Error::Internal`] for rows of segments that may not be dead. As [`Sequencer::plan`]. Nothing was removed then.
    pub fn plan_removal(&mut self, doomed: &[Doomed]) -> Result<RemovalStep> {
        let mut again = Vec::new();
        let mut removal = Removal::default();
        let mut settled = Vec::new();
        for Doomed {
            key,
            segments,
            are_all,
            settled: first,
        } in doomed
        {
            if let Some(left) = segments.iter().find(|id| !self.watch.is_removed(**id)) {
                return Err(Error::internal(format!("segment {left} is not dead")));
            }
            if *are_all && self.watch.has_changed(key) {
                again.push(key.clone());
                continue;
            }
            let rows = segments.iter().map(|segment| (key.clone(), *segment));
            removal.directory.extend(rows);
            removal.keys.extend(are_all.then(|| key.clone()));
            settled.extend(first.clone());
        }
        let step = match removal.directory.is_empty() {
            true => None,
            false => Some(self.plan_removal_of(removal, settled)?),
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
        self.plan_removal_of(removal, Vec::new())
    }

    /// A commit with this removal was applied.
    pub(super) fn forget_removed(&mut self, removal: &Removal) {
        for key in &removal.keys {
            self.keys.remove(key.as_ref());
            self.lookups.removed(key.as_ref());
        }
    }

    fn plan_removal_of(
        &mut self,
        removal: Removal,
        settled: Vec<DirectoryEntry>,
    ) -> Result<Step<'static>> {
        let floor = self.floors.newest().sequence;
        let mut step = self.plan_without_records(floor, removal)?;
        if let Step::Commit(commit) = &mut step {
            commit.settled.extend(settled);
        }
        Ok(step)
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
