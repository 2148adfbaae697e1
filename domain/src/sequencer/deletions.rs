//! Deletions of keys: they raise a floor, as a trim does for the whole log. What they leave behind is removed in three steps:
//!
//! 1. The rows of the directory for segments without a record of the key that stays ([`Sequencer::plan_unlisting`]), as for what
//!    trims leave behind: see [`super::removal`]. They go first, while counts of what is before a row can still be taken.
//! 2. The records, by compactions. That is up to the storage engine: no read sees them any more.
//! 3. What says that there is something to remove ([`Sequencer::plan_purged`]). The floor stays.

use super::floors::Floor;
use super::without_records::{FloorStep, Written};
use super::{Doomed, EngineNumber, RaisedFloor, Removal, RemovalStep, Sequencer, Step};
use crate::{Deletion, Error, Key, KeyFloor, Result, Sequence};

/// What must happen next for a deletion.
#[derive(Debug)]
pub enum DeletionStep {
    /// As for a trim.
    Floor(FloorStep),
    /// Read the stored floor of the key again: it may be newer than the one that was read.
    ReadAgain,
}

/// Rows of the directory of a key whose records below its floor or that of a prefix were deleted: of segments that hold no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    /// The oldest of these rows.
    pub rows: Doomed,
    /// The floor.
    pub floor: Sequence,
}

impl Sequencer {
    /// How many keys were purged so far. Ask before the stored floor of a key is read.
    pub fn purges(&self) -> u64 {
        self.purges
    }

    /// What must happen next for `deletion`. The stored floor of the key was `stored` (0 if there is none) when so many keys had
    /// been purged.
    ///
    /// # Errors
    /// As [`Deletion::floor`] and [`Sequencer::plan`], and [`Error::Overloaded`] when too many keys wait to be purged. Nothing was
    /// deleted then.
    pub fn plan_deletion(
        &mut self,
        deletion: &Deletion,
        (stored, purges): (Sequence, u64),
        now_ms: i64,
    ) -> Result<DeletionStep> {
        let asked = deletion.floor(self.tip())?;
        let key = deletion.key.as_ref();
        let of_key = match self.key_floors.newest(key) {
            Some(newest) => newest,
            None if purges != self.purges => return Ok(DeletionStep::ReadAgain),
            None => Floor {
                sequence: stored,
                rests_on: EngineNumber::default(),
            },
        };
        let of_prefixes = self.prefix_floors.of_key(key);
        // Those of the log and of prefixes can hide records in a segment that stays. Their bytes must go, too.
        if asked <= of_key.sequence {
            return Ok(DeletionStep::Floor(FloorStep::Written(Floor {
                sequence: of_key.sequence.max(self.floor()).max(of_prefixes),
                ..of_key
            })));
        }
        self.key_floors.admit(key)?;
        let key_floor = KeyFloor {
            key: deletion.key.clone(),
            floor: asked,
            deleted_ms: self.key_floors.deleted_ms(key).unwrap_or(now_ms),
        };
        let step = self.plan_without_records(Written {
            key_floor: Some(RaisedFloor {
                floor: key_floor,
                before: stored,
                at_ms: now_ms,
            }),
            ..Written::default()
        })?;
        Ok(DeletionStep::Floor(FloorStep::Do(step)))
    }

    /// Watches `keys`, and no others any more, for records of any segment, in order to remove their rows. Read the rows after that.
    pub fn watch_deleted(&mut self, keys: &[Key]) {
        self.watch.begin(keys, true);
    }

    /// What must happen next to remove the rows of keys that are watched, and have floors of their own or of prefixes.
    ///
    /// # Errors
    /// [`Error::Internal`] for a floor that is not in force. As [`Sequencer::plan`]. Nothing was removed then.
    pub fn plan_unlisting(&mut self, unlisted: &[Unlisted]) -> Result<RemovalStep> {
        for Unlisted { rows, floor } in unlisted {
            let key = rows.key.as_ref();
            let of_key = self.key_floors.in_force(key).unwrap_or_default();
            let of_prefixes = self.prefix_floors.of_key(key);
            // That of a prefix may have been forgotten because of that of the log.
            if of_key.max(of_prefixes).max(self.floor()) < *floor {
                return Err(Error::internal(format!(
                    "the floor {floor} of a key is not in force"
                )));
            }
        }
        self.plan_removal_of_rows(unlisted.iter().map(|unlisted| &unlisted.rows))
    }

    /// What must happen next once no record of these keys below these floors is stored any more; `None` if newer ones were written
    /// for all of them.
    ///
    /// # Errors
    /// As [`Sequencer::plan`].
    pub fn plan_purged(&mut self, floors: &[KeyFloor]) -> Result<Option<Step<'static>>> {
        let newest = floors.iter();
        let newest = newest.filter(|floor| self.key_floors.is_newest(floor));
        let purged: Vec<KeyFloor> = newest.cloned().collect();
        if purged.is_empty() {
            return Ok(None);
        }
        let removal = Removal {
            purged,
            ..Removal::default()
        };
        self.plan_removal_of(removal).map(Some)
    }

    /// What must happen next to forget the floors of these keys, which are not above the start of the first segment that stays;
    /// `None` if all of them were deleted again.
    ///
    /// # Errors
    /// As [`Sequencer::plan`].
    pub fn plan_forgotten(&mut self, keys: Vec<Key>) -> Result<Option<Step<'static>>> {
        let mut floors = keys;
        floors.retain(|key| self.key_floors.newest(key.as_ref()).is_none());
        if floors.is_empty() {
            return Ok(None);
        }
        let removal = Removal {
            floors,
            ..Removal::default()
        };
        self.plan_removal_of(removal).map(Some)
    }
}
