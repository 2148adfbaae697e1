//! Judges the commands of one group by their producers, cursors and preconditions: each is placed in the commit, answered (rejected or a
//! duplicate), or set aside for a lookup.

use super::cursors::{self, Cursors};
use super::group::Group;
use super::key_floors::KeyFloors;
use super::key_table::{KeyTable, LastRecord, Position};
use super::pending_lookups::PendingLookups;
use super::prefix_floors::PrefixFloors;
use super::producers::{Judgement, Producers, Staged};
use super::sessions::{Sessions, Standing};
use super::{Answered, EngineNumber, Placed};
use crate::{Append, Appended, Error, Key, Precondition, Rejection, Result, SegmentId, Sequence};

/// What is known of the log.
#[derive(Clone, Copy)]
pub(super) struct Known<'s> {
    pub(super) keys: &'s KeyTable,
    pub(super) lookups: &'s PendingLookups,
    pub(super) producers: &'s Producers,
    pub(super) cursors: &'s Cursors,
    pub(super) key_floors: &'s KeyFloors,
    pub(super) prefix_floors: &'s PrefixFloors,
    /// Nothing below it is read, so a key without a record above it has none.
    pub(super) floor: Sequence,
}

/// Takes the commands of a group in order. Each is checked against everything placed before it.
pub(super) struct Judge<'s, 'a> {
    known: Known<'s>,
    segment: SegmentId,
    next: Sequence,
    /// What the group does to producers.
    pub(super) producers: Staged<'s>,
    /// What the group does to cursors.
    pub(super) cursors: cursors::Staged<'s>,
    /// The records of what was placed.
    pub(super) group: Group<'a>,
    /// Commands whose records have sequences.
    pub(super) placed: Vec<Placed<'a>>,
    /// Commands that are answered without being placed.
    pub(super) answered: Vec<Answered>,
    /// Commands for which something must be looked up first.
    pub(super) aside: Vec<(usize, &'a Append)>,
    /// Keys of their preconditions whose last record is unknown.
    pub(super) unknown: Vec<&'a Key>,
    sessions: Sessions,
}

enum Verdict {
    Holds,
    Answered(Result<Appended>, EngineNumber),
    Unknown,
}

impl<'s, 'a: 's> Judge<'s, 'a> {
    /// Nothing yet, for a commit of `commands` to `segment` from sequence `start` on, after `last_write`.
    pub(super) fn new(
        known: Known<'s>,
        commands: &[&'a Append],
        (start, segment, time_ms): (Sequence, SegmentId, i64),
        last_write: EngineNumber,
    ) -> Self {
        Self {
            known,
            segment,
            next: start,
            producers: Staged::new(known.producers, time_ms, last_write),
            cursors: cursors::Staged::new(known.cursors, time_ms),
            group: Group::new(commands),
            placed: Vec::with_capacity(commands.len()),
            answered: Vec::new(),
            aside: Vec::new(),
            unknown: Vec::new(),
            sessions: Sessions::default(),
        }
    }

    /// Takes the next command.
    pub(super) fn take(&mut self, command: usize, append: &'a Append) {
        let verdict = match self.sessions.standing(append) {
            None => self.judge(append),
            Some(Standing::Waits) => {
                self.note_unknown(append);
                Verdict::Unknown
            }
            Some(Standing::Ended) => {
                Verdict::Answered(Err(Error::behind_failed()), EngineNumber::default())
            }
        };
        match verdict {
            Verdict::Holds if self.place(command, append) => {}
            Verdict::Holds | Verdict::Unknown => self.set_aside(command, append),
            Verdict::Answered(outcome, rests_on) => {
                self.sessions.answered(append, &outcome);
                self.answered.push(Answered {
                    command,
                    outcome,
                    rests_on,
                });
            }
        }
    }

    /// Whether a command is applied, if that is known already. The producer is checked first: a duplicate gets its first
    /// answer, even if its cursors have moved or its preconditions no longer hold. Where cursors are is always known.
    fn judge(&mut self, append: &'a Append) -> Verdict {
        if let Some(producer) = append.producer() {
            match self.producers.judge(producer, append.fingerprint()) {
                Judgement::Next => {}
                Judgement::Answered(outcome, rests_on) => {
                    return Verdict::Answered(outcome, rests_on);
                }
                Judgement::Behind => {
                    self.note_unknown(append);
                    return Verdict::Unknown;
                }
            }
        }
        let records = append.batch().records().len() as u64;
        let refusal = self.cursors.refusal(append.cursors(), self.next, records);
        if let Some((why, rests_on)) = refusal {
            return Verdict::Answered(Err(why), rests_on);
        }
        let unknown = self.unknown.len();
        for precondition in append.preconditions() {
            match self.check(precondition) {
                Verdict::Holds => {}
                Verdict::Unknown => self.unknown.push(&precondition.key),
                conflict if self.unknown.len() == unknown => return conflict,
                // The first one that does not hold is told, and one before this may turn out not to.
                _ => {}
            }
        }
        match self.unknown.len() == unknown {
            true => Verdict::Holds,
            false => Verdict::Unknown,
        }
    }

    fn check(&self, precondition: &Precondition) -> Verdict {
        let Precondition {
            key,
            no_record_since,
        } = precondition;
        let Known { keys, lookups, .. } = self.known;
        let floor = self.floor(key);
        // A record that matters has at least this sequence.
        let since = floor.max(*no_record_since);
        let last = match self.group.last(key) {
            Some(last) => Some(last),
            None => match keys.last(key.as_ref()) {
                LastRecord::At(last) => Some(last),
                LastRecord::Never => None,
                LastRecord::Below(end) if since >= end => None,
                LastRecord::Below(_) => match lookups.answer(key.as_ref()) {
                    Some(answer) => answer.standing.map(|standing| standing.last),
                    None => return Verdict::Unknown,
                },
            },
        };
        let (conflict, rests_on) = match last {
            Some(last) if last >= since => {
                let conflict = Rejection::Conflict {
                    key: key.as_bytes().clone(),
                    no_record_since: *no_record_since,
                    last,
                };
                (conflict, EngineNumber::of_commit(last.plus(1)))
            }
            _ if *no_record_since == Sequence::ZERO => return Verdict::Holds,
            _ if *no_record_since >= self.highest_floor(key) => return Verdict::Holds,
            // Of a key that was purged, only the stored floor says what its readers may have missed.
            _ if floor < self.highest_floor(key) => return Verdict::Unknown,
            _ => {
                let trimmed = Rejection::Trimmed {
                    key: key.as_bytes().clone(),
                    no_record_since: *no_record_since,
                    trimmed_before: floor,
                };
                // The floor is durable.
                (trimmed, EngineNumber::default())
            }
        };
        Verdict::Answered(Err(Error::rejected(conflict)), rests_on)
    }

    /// The floor of the key or of the log that is known to be in force.
    fn floor(&self, key: &Key) -> Sequence {
        let Known {
            lookups,
            key_floors,
            floor,
            ..
        } = self.known;
        let stored = || lookups.answer(key.as_ref()).map(|answer| answer.floor);
        let of_key = key_floors.in_force(key.as_ref()).or_else(stored);
        let of_prefixes = self.known.prefix_floors.of_key(key.as_ref());
        floor.max(of_key.unwrap_or_default()).max(of_prefixes)
    }

    /// The highest floor that can be in force for the key.
    fn highest_floor(&self, key: &Key) -> Sequence {
        let Known {
            lookups,
            key_floors,
            ..
        } = self.known;
        let is_known = || lookups.answer(key.as_ref()).is_some();
        match key_floors.in_force(key.as_ref()).is_some() || is_known() {
            true => self.floor(key),
            false => self.floor(key).max(key_floors.others_below()),
        }
    }

    /// Gives its records the next sequences, if it is known where their keys stand.
    fn place(&mut self, command: usize, append: &'a Append) -> bool {
        let Known { keys, lookups, .. } = self.known;
        let segment = self.segment;
        let batch = append.batch();
        let is_known = self.group.add(batch, self.next, |key| {
            position(keys, lookups, key, segment)
        });
        if !is_known {
            return false;
        }
        if let Some(producer) = append.producer() {
            self.producers.place(producer, append, self.next);
        }
        self.cursors.place(append.cursors());
        let appended = Appended {
            start: self.next,
            count: batch.count(),
            duplicate: false,
        };
        self.placed.push(Placed {
            command,
            batch,
            appended,
        });
        self.next = appended.end();
        true
    }

    /// Has everything looked up that a command will need when it is its turn.
    fn note_unknown(&mut self, append: &'a Append) {
        for precondition in append.preconditions() {
            if matches!(self.check(precondition), Verdict::Unknown) {
                self.unknown.push(&precondition.key);
            }
        }
        for record in append.batch().records() {
            if position(
                self.known.keys,
                self.known.lookups,
                &record.key,
                self.segment,
            )
            .is_none()
            {
                self.unknown.push(&record.key);
            }
        }
    }

    fn set_aside(&mut self, command: usize, append: &'a Append) {
        if let Some(producer) = append.producer() {
            self.producers.wait(producer);
        }
        self.sessions.waits(append);
        self.aside.push((command, append));
    }
}

/// Where `key` stands in `segment`, if that is known.
fn position(
    keys: &KeyTable,
    lookups: &PendingLookups,
    key: &Key,
    segment: SegmentId,
) -> Option<Position> {
    let key = key.as_ref();
    keys.position(key, segment).or_else(|| {
        let standing = lookups.answer(key)?.standing;
        Some(standing.map_or(Position::NONE, |standing| standing.position(segment)))
    })
}
