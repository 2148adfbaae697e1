//! The sequencer: decides what each commit contains.
//!
//! A state machine without I/O. The driver (a store's writer) passes the commands that wait, in order, to
//! [`Sequencer::plan`], does what the returned [`Step`] says, and reports back what happened: [`Sequencer::learn`],
//! [`Sequencer::written`], [`Sequencer::applied`] and [`Sequencer::durable`]. Time is a parameter. The driver decides
//! nothing: it looks up, writes, waits and answers.

mod aside;
mod cursors;
mod decided;
mod deletions;
mod engine_number;
mod floors;
mod group;
mod judge;
mod key_floors;
mod key_table;
mod pending_lookups;
mod prefix_floors;
mod prefix_retention;
mod producers;
mod removal;
mod reservation;
mod roller;
mod sessions;
mod settling;
mod without_records;

#[cfg(test)]
mod tests;

pub use cursors::{CursorChanges, CursorStep};
pub use decided::{Answered, Decided, Placed, Waiting};
pub use deletions::{DeletionStep, Unlisted};
pub use engine_number::EngineNumber;
pub use floors::{Floor, Floors};
pub use group::{Group, KeyInGroup};
pub use key_floors::{KeyFloors, RaisedFloor};
pub use key_table::{Position, Standing};
pub use pending_lookups::{DirectoryEntry, Fact, Subject, Ticket};
pub use prefix_floors::PrefixFloors;
pub use producers::ProducerChanges;
pub use removal::{Doomed, Removal, RemovalStep};
pub use reservation::RESERVATION;
pub use without_records::FloorStep;

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::{
    Append, Cursor, Error, Key, KeyFloor, PrefixFloor, ProducerId, ProducerPolicy, ProducerState,
    Result, SealPolicy, Segment, Sequence,
};
use cursors::Cursors;
use judge::{Judge, Known};
use key_table::KeyTable;
use pending_lookups::PendingLookups;
use producers::Producers;
use removal::Watch;
use reservation::{Plan, Reservation};
use roller::Roller;
use settling::UNSETTLED;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// When the active segment is sealed.
    pub seal: SealPolicy,
    /// Memory for the key table, in bytes. Keys that do not fit are looked up again.
    pub key_table_bytes: u64,
    /// Expiry and number of producers.
    pub producers: ProducerPolicy,
    /// Maximum number of cursors.
    pub cursors: usize,
}

/// State that every write stores for the next writer, in addition to the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Where the log continues after this writer: no record has a sequence at or above it.
    pub bound: Sequence,
    /// Bytes of keys, values and headers in the active segment.
    pub segment_bytes: u64,
    /// Numbers given to keys in the active segment: they begin at 0, and none is given twice.
    pub numbers: u32,
    /// When the last commit was made (Unix ms).
    pub last_time_ms: i64,
    /// The floor of the log: nothing below it is read once this is durable.
    pub floor: Sequence,
}

/// What was found in the storage engine when the log was opened. All of it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// What the last write said; the default for a new log.
    pub state: State,
    /// The newest segment.
    pub active: Option<Segment>,
    /// The number of the last write.
    pub last_number: EngineNumber,
    /// All known producers.
    pub producers: Vec<(ProducerId, ProducerState)>,
    /// The floors of the keys that are still to be purged.
    pub purges: Vec<KeyFloor>,
    /// Whether there are floors of keys.
    pub has_key_floors: bool,
    /// The floors of prefixes.
    pub prefix_floors: Vec<PrefixFloor>,
    /// All cursors.
    pub cursors: Vec<Cursor>,
}

/// What must happen next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Write this commit, and report [`Sequencer::applied`].
    Commit(Box<Commit<'a>>),
    /// Nothing is to be written for these commands.
    Answer(Decided),
    /// Write this, report [`Sequencer::written`], wait until it is durable, report [`Sequencer::durable`], and plan again.
    Reserve(Metadata),
    /// Wait until this write is durable, report [`Sequencer::durable`], and plan again.
    AwaitDurable(EngineNumber),
}

/// One atomic write, of records and state or of state only.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The commands whose records are in it, in the order of their sequences. Empty if it has no records.
    pub placed: Vec<Placed<'a>>,
    /// Their records, by key.
    pub group: Group<'a>,
    /// What was decided of the other commands.
    pub decided: Decided,
    /// The segment of the records; without records, the one that a record would be in.
    pub segment: Segment,
    /// Whether this is the first commit of the segment, or begins it without records, so that its description must be written too.
    pub begins_segment: bool,
    /// What it changes about producers.
    pub producers: ProducerChanges,
    /// What it changes about cursors.
    pub cursors: CursorChanges,
    /// Rows of the directory that can now say how many records are before them.
    pub settled: Vec<DirectoryEntry>,
    /// A floor that it raises, of a key.
    pub key_floor: Option<RaisedFloor>,
    /// Floors that it raises, of prefixes.
    pub prefix_floors: Vec<PrefixFloor>,
    /// Rows that it deletes.
    pub removal: Removal,
    /// The sequence of the first record; without records, the end of the log.
    pub start: Sequence,
    /// The end (exclusive) of the log after the commit. A commit without records may skip one sequence.
    pub tip: Sequence,
    /// Append time of the records (Unix ms).
    pub time_ms: i64,
    /// What the next writer must know.
    pub state: State,
    /// The number of the write.
    pub number: EngineNumber,
}

/// A write without records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What the next writer must know.
    pub state: State,
    /// The number of the write.
    pub number: EngineNumber,
}

/// Decides what is written to one log. See the [module](self).
pub struct Sequencer {
    reservation: Reservation,
    roller: Roller,
    keys: KeyTable,
    lookups: PendingLookups,
    producers: Producers,
    cursors: Cursors,
    floors: Floors,
    key_floors: KeyFloors,
    prefix_floors: PrefixFloors,
    /// How many times keys were purged.
    purges: u64,
    /// How many times rows of the directory were removed of segments that stay.
    unlistings: u64,
    /// Keys whose directory rows do not say how many records are before them.
    unsettled: Vec<Subject>,
    /// Rows of the directory to be written with the next commit.
    settled: Vec<DirectoryEntry>,
    /// Keys whose rows are being removed.
    watch: Watch,
    last_time_ms: i64,
    last_number: EngineNumber,
}

impl Sequencer {
    /// Continues a log.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when records lie above the reserved bound.
    pub fn recover(recovered: Recovered, policy: Policy) -> Result<Self> {
        let Recovered {
            state,
            active,
            last_number,
            producers,
            purges,
            has_key_floors,
            prefix_floors,
            cursors,
        } = recovered;
        if state.bound < last_number.watermark() {
            return Err(Error::Corrupt(format!(
                "the reserved bound {} is below what was written, {}",
                state.bound,
                last_number.watermark()
            )));
        }
        let tip = last_number.tip_with_room(state.bound);
        Ok(Self {
            reservation: Reservation::resume(tip),
            roller: Roller::resume(policy.seal, active, state.segment_bytes, state.numbers),
            keys: KeyTable::new(
                policy.key_table_bytes,
                active.map(|segment| segment.id),
                tip,
            ),
            lookups: PendingLookups::default(),
            producers: Producers::new(policy.producers, producers),
            cursors: Cursors::new(policy.cursors, cursors),
            floors: Floors::found(state.floor),
            prefix_floors: PrefixFloors::found(prefix_floors),
            key_floors: KeyFloors::found(purges, if has_key_floors { tip } else { Sequence::ZERO }),
            purges: 0,
            unlistings: 0,
            unsettled: Vec::new(),
            settled: Vec::new(),
            watch: Watch::default(),
            last_time_ms: state.last_time_ms,
            last_number,
        })
    }

    /// The sequence that the next record gets.
    pub fn tip(&self) -> Sequence {
        self.reservation.next()
    }

    /// The number of the last write.
    pub fn last_number(&self) -> EngineNumber {
        self.last_number
    }

    /// What must happen next for `commands`, which wait in this order. There is at least one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the log is full. Nothing was applied then.
    pub fn plan<'a>(&mut self, commands: &[&'a Append], now_ms: i64) -> Result<Step<'a>> {
        let most = commands.iter().map(|append| append.batch().count());
        let most = most.sum();
        let bound = match self.grant(most)? {
            ControlFlow::Continue(bound) => bound,
            ControlFlow::Break(step) => return Ok(step),
        };
        let start = self.reservation.next();
        let time_ms = now_ms.max(self.last_time_ms);
        let segment = self.roller.place(start, time_ms);
        let begins_segment = self.roller.active() != Some(segment);
        let facts = Known {
            keys: &self.keys,
            lookups: &self.lookups,
            producers: &self.producers,
            cursors: &self.cursors,
            key_floors: &self.key_floors,
            prefix_floors: &self.prefix_floors,
            floor: self.floor(),
        };
        let mut judge = Judge::new(
            facts,
            commands,
            (start, segment.id, time_ms),
            self.last_number,
        );
        for (command, append) in commands.iter().copied().enumerate() {
            judge.take(command, append);
        }
        let Judge {
            producers,
            cursors,
            mut group,
            placed,
            answered,
            aside,
            unknown,
            ..
        } = judge;
        let (producers, cursors) = (producers.finish(), cursors.finish());
        let waiting = match aside.is_empty() {
            true => Waiting::default(),
            false => self.set_aside(
                &aside,
                unknown.into_iter().chain(group.unknown_keys()),
                segment,
            ),
        };
        self.forget_answers(commands, &aside);
        let decided = Decided { answered, waiting };
        let Some(last) = placed.last() else {
            return Ok(Step::Answer(decided));
        };
        let tip = last.appended.end();
        let mut roller = self.roller.clone();
        let numbers = group.number_new_keys(roller.next_number(segment));
        roller.committed(segment, bytes(&placed), numbers);
        Ok(Step::Commit(Box::new(Commit {
            group,
            decided,
            segment,
            begins_segment,
            producers,
            cursors,
            settled: std::mem::take(&mut self.settled),
            key_floor: None,
            prefix_floors: Vec::new(),
            removal: Removal::default(),
            start,
            tip,
            time_ms,
            state: State {
                bound,
                segment_bytes: roller.bytes(),
                numbers,
                last_time_ms: time_ms,
                floor: self.floors.newest().sequence,
            },
            number: EngineNumber::of_commit(tip),
            placed,
        })))
    }

    /// The bound to write with a commit of up to `count` sequences, or what must happen before it.
    fn grant<'a>(&self, count: u64) -> Result<ControlFlow<Step<'a>, Sequence>> {
        Ok(match self.reservation.plan(count) {
            Plan::Grant(bound) => ControlFlow::Continue(bound),
            Plan::Reserve(bound) => ControlFlow::Break(Step::Reserve(self.metadata(bound))),
            Plan::AwaitDurable(number) => ControlFlow::Break(Step::AwaitDurable(number)),
            Plan::Exhausted => {
                return Err(Error::unavailable(
                    "the log is full: all sequences are in use",
                ));
            }
        })
    }

    /// A lookup was answered: with one fact for each of its subjects.
    pub fn learn(&mut self, ticket: Ticket, facts: Vec<Fact>) {
        self.producers.release(ticket);
        self.lookups.answered(ticket, &facts);
        self.settle(facts);
    }

    /// A lookup failed. What it asked for is asked again when it is needed again.
    pub fn not_learnt(&mut self, ticket: Ticket) {
        self.producers.release(ticket);
        self.lookups.failed(ticket);
    }

    /// The commit of the last [`Step`] was applied: it can be read.
    pub fn applied(&mut self, commit: &Commit<'_>) {
        let segment = commit.segment.id;
        for key in commit.group.keys() {
            let Position {
                in_segment,
                earlier,
                ..
            } = key.position;
            let standing = Standing {
                segment,
                number: key.number,
                in_segment: in_segment + key.count,
                earlier,
                last: key.last,
            };
            self.keys.set(key.key.as_ref(), standing);
            self.lookups.placed(key.key.as_ref());
            self.watch.placed(key.key.as_ref(), in_segment == 0);
            if in_segment == 0 && earlier.is_none() && self.unsettled.len() < UNSETTLED {
                let key = Key::stored(Bytes::copy_from_slice(key.key.as_ref()));
                self.unsettled.push(Subject {
                    segment,
                    key,
                    unlistings: self.unlistings,
                });
            }
        }
        self.forget_removed(&commit.removal);
        self.producers.applied(&commit.producers);
        self.cursors.applied(&commit.cursors, commit.number);
        if commit.begins_segment || !commit.placed.is_empty() {
            let bytes = bytes(&commit.placed);
            let numbers = commit.state.numbers;
            self.roller.committed(commit.segment, bytes, numbers);
        }
        self.last_time_ms = commit.time_ms;
        self.last_number = commit.number;
        self.floors.written(commit.state.floor, commit.number);
        for floor in &commit.prefix_floors {
            self.prefix_floors.written(floor, commit.number);
        }
        if let Some(floor) = &commit.key_floor {
            self.key_floors.written(floor, commit.number);
        }
        self.reservation
            .written(commit.tip, commit.state.bound, commit.number);
    }

    /// The write of a [`Step::Reserve`] was applied.
    pub fn written(&mut self, metadata: &Metadata) {
        self.last_number = metadata.number;
        self.reservation
            .written(self.tip(), metadata.state.bound, metadata.number);
    }

    /// Every write up to `number` is durable.
    pub fn durable(&mut self, number: EngineNumber) {
        self.reservation.durable(number);
        self.floors.durable(number);
        self.key_floors.durable(number);
        self.prefix_floors.durable(number);
    }

    /// The last write of a clean close: with the exact tip, so that the next writer leaves no gap.
    pub fn close(&self) -> Metadata {
        self.metadata(self.tip())
    }

    fn metadata(&self, bound: Sequence) -> Metadata {
        Metadata {
            state: self.state(bound),
            number: self.last_number.next_metadata(self.tip()),
        }
    }

    /// The state as it is, with this bound.
    fn state(&self, bound: Sequence) -> State {
        State {
            bound,
            segment_bytes: self.roller.bytes(),
            numbers: self.roller.numbers(),
            last_time_ms: self.last_time_ms,
            floor: self.floors.newest().sequence,
        }
    }
}

fn bytes(placed: &[Placed<'_>]) -> u64 {
    placed.iter().map(|placed| placed.batch.bytes()).sum()
}
