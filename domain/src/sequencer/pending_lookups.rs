//! Pending lookups of commands that wait.

use std::collections::HashMap;

use bytes::Bytes;

use super::key_table::Standing;
use crate::{Key, SegmentId, Sequence};

/// Identifies a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(u64);

/// Something to look up: where a key stands at the end of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The segment.
    pub segment: SegmentId,
    /// The key.
    pub key: Key,
    /// How many times rows of the directory of segments that stay had been removed when it was asked.
    pub unlistings: u64,
}

/// The answer to a [`Subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What was asked.
    pub subject: Subject,
    /// Where the key stands at the end of the segment; `None` if it has no record so far.
    pub standing: Option<Standing>,
    /// The stored floor of the key; 0 if there is none.
    pub floor: Sequence,
    /// The row of the directory that said nothing of earlier records, and should say this.
    pub settled: Option<DirectoryEntry>,
}

/// That a key has records in a segment: what a row of the directory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The key.
    pub key: Key,
    /// The segment.
    pub segment: SegmentId,
    /// The number of the key in the segment.
    pub number: u32,
    /// Records of the key before the segment; `None` if that was not known.
    pub earlier: Option<u64>,
}

/// Keys that were looked up, or are being.
///
/// A commit with a key removes it from here, so an answer that is here is never older than a commit with the key.
/// Bounded by the commands that wait: an answer leaves with the command that it was looked up for.
#[derive(Debug, Default)]
pub(super) struct PendingLookups {
    keys: HashMap<Bytes, Lookup>,
    last: Ticket,
}

#[derive(Debug, Clone, Copy)]
enum Lookup {
    Asked(Ticket),
    Answered(Answer),
}

/// What was found of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Where it stands; `None` if it has no record.
    pub(super) standing: Option<Standing>,
    /// Its stored floor; 0 if there is none.
    pub(super) floor: Sequence,
}

impl PendingLookups {
    /// What was found of `key`, if that was answered.
    pub(super) fn answer(&self, key: &[u8]) -> Option<Answer> {
        match self.keys.get(key) {
            Some(Lookup::Answered(answer)) => Some(*answer),
            Some(Lookup::Asked(_)) | None => None,
        }
    }

    /// Starts a lookup of those `keys` without a pending one; `None` if there are none.
    pub(super) fn ask<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a Key>,
        segment: SegmentId,
        unlistings: u64,
    ) -> Option<(Ticket, Vec<Subject>)> {
        let ticket = Ticket(self.last.0 + 1);
        let mut subjects = Vec::new();
        for key in keys {
            if !self.keys.contains_key(key.as_ref()) {
                // The key is a slice of a whole request body, which a lookup must not keep alive.
                let key = Key::stored(Bytes::copy_from_slice(key.as_ref()));
                let asked = Lookup::Asked(ticket);
                self.keys.insert(key.as_bytes().clone(), asked);
                subjects.push(Subject {
                    segment,
                    key,
                    unlistings,
                });
            }
        }
        if subjects.is_empty() {
            return None;
        }
        self.last = ticket;
        Some((ticket, subjects))
    }

    /// The newest lookup that one of `keys` waits for.
    pub(super) fn last_asked<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Ticket {
        let asked = keys.filter_map(|key| match self.keys.get(key) {
            Some(Lookup::Asked(ticket)) => Some(*ticket),
            Some(Lookup::Answered(_)) | None => None,
        });
        asked.max().unwrap_or_default()
    }

    /// A lookup was answered.
    pub(super) fn answered(&mut self, ticket: Ticket, facts: &[Fact]) {
        for fact in facts {
            if let Some(lookup) = self.keys.get_mut(fact.subject.key.as_ref())
                && matches!(lookup, Lookup::Asked(asked) if *asked == ticket)
            {
                *lookup = Lookup::Answered(Answer {
                    standing: fact.standing,
                    floor: fact.floor,
                });
            }
        }
    }

    /// A lookup failed, and with it the commands that wait for it. What was answered for them before is forgotten too.
    pub(super) fn failed(&mut self, ticket: Ticket) {
        self.keys
            .retain(|_, lookup| matches!(lookup, Lookup::Asked(asked) if *asked != ticket));
    }

    /// Drops the answer for `key`, after a command was checked against it.
    pub(super) fn take(&mut self, key: &[u8]) -> Option<Standing> {
        match self.answer(key) {
            Some(answer) => {
                self.keys.remove(key);
                answer.standing
            }
            None => None,
        }
    }

    /// Whether nothing was looked up that is still here.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// `key` has no records any more, whatever a lookup that is under way has found.
    pub(super) fn removed(&mut self, key: &[u8], floor: Sequence) {
        if let Some(lookup) = self.keys.get_mut(key) {
            *lookup = Lookup::Answered(Answer {
                standing: None,
                floor,
            });
        }
    }

    /// What a lookup of `key` finds that is under way, or has found, is out of date.
    pub(super) fn forget(&mut self, key: &[u8]) {
        self.keys.remove(key);
    }

    /// A commit with `key` was applied: the key table has it now.
    pub(super) fn placed(&mut self, key: &[u8]) {
        if !self.keys.is_empty() {
            self.keys.remove(key);
        }
    }
}
