//! The model's cursors: a list.

use super::Model;
use crate::cursor::{beyond, full};
use crate::{
    Cursor, CursorMove, CursorName, CursorsPage, CursorsQuery, Error, Rejection, Result, Sequence,
};

/// All cursors, in no order.
#[derive(Debug, Clone)]
pub(super) struct Cursors {
    limit: usize,
    all: Vec<Cursor>,
}

impl Cursors {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            all: Vec::new(),
        }
    }

    pub(super) fn get(&self, name: &CursorName) -> Option<&Cursor> {
        self.all.iter().find(|cursor| cursor.name == *name)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether all of `moves` can be made in a log that ends at `end`, with the records that come along.
    ///
    /// # Errors
    /// Why not; the first reason, and that there is no room last.
    pub(super) fn check(&self, moves: &[CursorMove], end: Sequence) -> Result<()> {
        for wanted in moves {
            if wanted.position > end {
                return Err(beyond(wanted, end));
            }
            let position = self.get(&wanted.name).map(|cursor| cursor.position);
            match wanted.expected {
                Some(expected) if position.unwrap_or(Sequence::ZERO) != expected => {
                    return Err(Error::rejected(Rejection::CursorConflict {
                        name: wanted.name.clone(),
                        expected,
                        position,
                    }));
                }
                _ => {}
            }
        }
        let new = moves
            .iter()
            .filter(|wanted| self.get(&wanted.name).is_none());
        let new = new.count();
        match new > 0 && self.all.len() + new > self.limit {
            true => Err(full(self.limit)),
            false => Ok(()),
        }
    }

    /// Makes `moves`, which were checked.
    pub(super) fn apply(&mut self, moves: &[CursorMove], now_ms: i64) {
        for wanted in moves {
            self.delete(&wanted.name);
            self.all.push(Cursor {
                name: wanted.name.clone(),
                position: wanted.position,
                updated_ms: now_ms,
            });
        }
    }

    /// Whether it was there.
    pub(super) fn delete(&mut self, name: &CursorName) -> bool {
        let before = self.all.len();
        self.all.retain(|cursor| cursor.name != *name);
        self.all.len() < before
    }

    pub(super) fn list(&self, query: &CursorsQuery) -> CursorsPage {
        let is_listed = |cursor: &&Cursor| {
            let name = cursor.name.as_str();
            let is_after = match &query.start_after {
                Some(after) => name.as_bytes() > after.as_bytes(),
                None => true,
            };
            is_after && name.starts_with(&query.prefix)
        };
        let mut cursors: Vec<Cursor> = self.all.iter().filter(is_listed).cloned().collect();
        cursors.sort_by(|a, b| a.name.as_str().as_bytes().cmp(b.name.as_str().as_bytes()));
        let is_last = cursors.len() <= query.limit;
        cursors.truncate(query.limit);
        let last = cursors.last().map(|cursor| cursor.name.clone());
        CursorsPage {
            next_start_after: last.filter(|_| !is_last),
            cursors,
        }
    }
}

impl Model {
    /// The same log with room for so many cursors.
    pub fn with_cursors(self, limit: usize) -> Self {
        Self {
            cursors: Cursors::new(limit),
            ..self
        }
    }

    /// Moves a cursor at `now_ms`.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is not where it is expected, [`Error::Invalid`] for a position beyond the tip,
    /// [`Error::Full`] when there are too many.
    pub fn move_cursor(&mut self, wanted: &CursorMove, now_ms: i64) -> Result<Cursor> {
        let moves = std::slice::from_ref(wanted);
        self.cursors.check(moves, self.next)?;
        self.cursors.apply(moves, now_ms.max(self.last_time_ms));
        let moved = self.cursors.get(&wanted.name).cloned();
        moved.ok_or_else(|| Error::internal("a cursor that was moved is not there"))
    }

    /// Deletes a cursor. Returns whether there was one.
    pub fn delete_cursor(&mut self, name: &CursorName) -> bool {
        self.cursors.delete(name)
    }

    /// The cursor of this name.
    pub fn cursor(&self, name: &CursorName) -> Option<Cursor> {
        self.cursors.get(name).cloned()
    }

    /// One page of the cursors.
    pub fn cursors(&self, query: &CursorsQuery) -> CursorsPage {
        self.cursors.list(query)
    }

    /// How many cursors there are.
    pub fn cursor_count(&self) -> u64 {
        self.cursors.len() as u64
    }
}
