//! The sequencer's table of cursors, and what happens to one that is moved or deleted without records.

use std::collections::BTreeMap;

use super::without_records::Written;
use super::{EngineNumber, Sequencer, Step};
use crate::cursor::{self, Cursor, CursorCommand, CursorMove, CursorName};
use crate::{Error, Rejection, Result, Sequence};

/// All cursors.
pub(super) struct Cursors {
    limit: usize,
    known: BTreeMap<CursorName, Known>,
    /// The last write that created or deleted one.
    changed: EngineNumber,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    position: Sequence,
    updated_ms: i64,
    /// The write that moved it there.
    written_by: EngineNumber,
}

/// What a commit changes about cursors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CursorChanges {
    /// Cursors that are at another position now, or exist now.
    pub written: Vec<Cursor>,
    /// Cursors that are to be deleted.
    pub deleted: Vec<CursorName>,
}

impl CursorChanges {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty() && self.deleted.is_empty()
    }
}

/// What must happen next for a command about a cursor.
#[derive(Debug)]
pub enum CursorStep {
    /// Nothing. This is the answer, once every write up to this one is durable: why it is refused, or that there is no such cursor.
    Answer(Result<Option<Cursor>>, EngineNumber),
    /// This. If it is a commit, this is the answer once that is durable: the cursor as it was written, or as it was before it was
    /// deleted. Otherwise plan again.
    Do(Step<'static>, Cursor),
}

impl Cursors {
    /// Continues with what was found when the log was opened. If there are more than `limit`, they stay, and none is added.
    pub(super) fn new(limit: usize, found: Vec<Cursor>) -> Self {
        let known = found.into_iter().map(|found| {
            let known = Known {
                position: found.position,
                updated_ms: found.updated_ms,
                written_by: EngineNumber::default(),
            };
            (found.name, known)
        });
        Self {
            limit,
            known: known.collect(),
            changed: EngineNumber::default(),
        }
    }

    /// The commit `number` was applied.
    pub(super) fn applied(&mut self, changes: &CursorChanges, number: EngineNumber) {
        for name in &changes.deleted {
            self.known.remove(name);
            self.changed = number;
        }
        for cursor in &changes.written {
            let known = Known {
                position: cursor.position,
                updated_ms: cursor.updated_ms,
                written_by: number,
            };
            if self.known.insert(cursor.name.clone(), known).is_none() {
                self.changed = number;
            }
        }
    }

    fn get(&self, name: &CursorName) -> Option<Cursor> {
        self.known.get(name).map(|known| Cursor {
            name: name.clone(),
            position: known.position,
            updated_ms: known.updated_ms,
        })
    }
}

/// The cursors as a group of commands finds and leaves them.
pub(super) struct Staged<'t> {
    table: &'t Cursors,
    time_ms: i64,
    written: BTreeMap<CursorName, Sequence>,
    /// Of `written`, those that were not known.
    new: usize,
}

impl<'t> Staged<'t> {
    pub(super) fn new(table: &'t Cursors, time_ms: i64) -> Self {
        Self {
            table,
            time_ms,
            written: BTreeMap::new(),
            new: 0,
        }
    }

    /// Why `moves` cannot be made together with so many `records` in a log that ends at `tip` with what was placed before, and which writes
    /// that rests on.
    pub(super) fn refusal(
        &self,
        moves: &[CursorMove],
        tip: Sequence,
        records: u64,
    ) -> Option<(Error, EngineNumber)> {
        let end = tip.plus(records);
        // The commit to come reaches at least this far.
        let this_commit = EngineNumber::of_commit(tip);
        let mut created = 0;
        for wanted in moves {
            if wanted.position > end {
                return Some((cursor::beyond(wanted, end), EngineNumber::default()));
            }
            let name = &wanted.name;
            let (position, rests_on) = match (self.written.get(name), self.table.known.get(name)) {
                (Some(position), _) => (Some(*position), this_commit),
                (None, Some(known)) => (Some(known.position), known.written_by),
                (None, None) => (None, self.table.changed),
            };
            created += usize::from(position.is_none());
            if let Some(expected) = wanted.expected
                && expected != position.unwrap_or_default()
            {
                let conflict = Rejection::CursorConflict {
                    name: name.clone(),
                    expected,
                    position,
                };
                return Some((Error::rejected(conflict), rests_on));
            }
        }
        if created > 0 && self.table.known.len() + self.new + created > self.table.limit {
            let rests_on = match self.new {
                0 => self.table.changed,
                _ => this_commit,
            };
            return Some((cursor::full(self.table.limit), rests_on));
        }
        None
    }

    /// A command with these moves has its place in the log.
    pub(super) fn place(&mut self, moves: &[CursorMove]) {
        for wanted in moves {
            let name = wanted.name.clone();
            let is_known = self.table.known.contains_key(&name);
            let staged = self.written.insert(name, wanted.position);
            self.new += usize::from(staged.is_none() && !is_known);
        }
    }

    /// What the commit changes.
    pub(super) fn finish(self) -> CursorChanges {
        let time_ms = self.time_ms;
        let written = self.written.into_iter().map(|(name, position)| Cursor {
            name,
            position,
            updated_ms: time_ms,
        });
        CursorChanges {
            written: written.collect(),
            deleted: Vec::new(),
        }
    }
}

impl Sequencer {
    /// What must happen next for `command`.
    ///
    /// # Errors
    /// As [`Sequencer::plan`]. Nothing was changed then.
    pub fn plan_cursor(&mut self, command: &CursorCommand, now_ms: i64) -> Result<CursorStep> {
        let (changes, answer) = match command {
            CursorCommand::Move(wanted) => {
                let time_ms = now_ms.max(self.last_time_ms);
                let mut staged = Staged::new(&self.cursors, time_ms);
                let moves = std::slice::from_ref(wanted);
                if let Some((why, rests_on)) = staged.refusal(moves, self.tip(), 0) {
                    return Ok(CursorStep::Answer(Err(why), rests_on));
                }
                staged.place(moves);
                let moved = Cursor {
                    name: wanted.name.clone(),
                    position: wanted.position,
                    updated_ms: time_ms,
                };
                (staged.finish(), moved)
            }
            CursorCommand::Delete(name) => {
                let Some(found) = self.cursors.get(name) else {
                    return Ok(CursorStep::Answer(Ok(None), self.cursors.changed));
                };
                let changes = CursorChanges {
                    written: Vec::new(),
                    deleted: vec![name.clone()],
                };
                (changes, found)
            }
        };
        let step = self.plan_without_records(Written {
            cursors: changes,
            ..Written::default()
        })?;
        Ok(CursorStep::Do(step, answer))
    }
}
