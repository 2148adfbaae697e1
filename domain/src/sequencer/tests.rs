//! The sequencer with an engine that crashes, against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

mod compared;
mod cursors;
mod deleted;
mod deletions;
mod log;
mod lookups;
mod numbers;
mod policy;
mod prefixes;
mod purge;
mod sessions;
mod without_records;

use compared::compare;
use deleted::InForce;
use log::Log;
use policy::{SMALL_TABLE, policy};

use super::*;
use crate::model::Model;
use crate::{
    Appended, Batch, Deletion, Limits, Precondition, Producer, Record, Rejection, SegmentId, Trim,
};

#[derive(Debug, Clone)]
enum Do {
    /// Commands that arrive together, perhaps in a session.
    Append(Vec<Command>, bool),
    /// A command of before is sent again.
    Retry(prop::sample::Index),
    LookUp {
        at: prop::sample::Index,
        fails: bool,
    },
    /// What a lookup asks for is read, and answered later.
    Read(prop::sample::Index),
    /// The next step of a removal.
    Purge,
    /// So many commits without records.
    StoreState(u16),
    /// So far before the tip; negative numbers are beyond it.
    Trim(i64),
    /// The records of a key, so far before the tip, or all; negative numbers are beyond it.
    Delete(u8, Option<i64>),
    /// The floor of a key is read for a deletion that comes later.
    ReadFloor(u8),
    /// The floor of a key as a prefix, or of all keys, so far before the tip; without it, floors that say nothing are forgotten.
    Raise(Option<(u8, u64)>),
    /// The next step of the removal of what was deleted.
    Unlist,
    /// As far back in time; negative numbers are in the future.
    TrimTime(i64),
    Flush,
    Settle,
    Wait(i64),
    Crash,
    Close,
}

/// An append to come.
#[derive(Debug, Clone)]
struct Command {
    keys: Vec<u8>,
    /// Keys, and how far behind their last record the precondition is; negative numbers are beyond it.
    preconditions: Vec<(u8, i64)>,
    producer: Option<Sender>,
}

#[derive(Debug, Clone, Copy)]
struct Sender {
    id: u8,
    /// Whether it begins a new epoch.
    restarts: bool,
    /// How far its sequence is off.
    ahead: i64,
}

/// A key; some are used often.
fn name() -> impl Strategy<Value = u8> {
    prop_oneof![1 => 0u8..4, 2 => 0u8..40]
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let precondition = (
        name(),
        prop_oneof![5 => Just(-1i64), 2 => -3i64..4, 1 => Just(1_000)],
    );
    let sender = (
        0u8..5,
        prop::bool::weighted(0.1),
        prop_oneof![9 => Just(0i64), 1 => -7i64..3],
    );
    let sender = sender.prop_map(|(id, restarts, ahead)| Sender {
        id,
        restarts,
        ahead,
    });
    let command = (
        prop::collection::vec(name(), 1..8),
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(precondition, 1..6)],
        prop::option::of(sender),
    );
    let command = command.prop_map(|(keys, preconditions, producer)| Command {
        keys,
        preconditions,
        producer,
    });
    let step = prop_oneof![
        10 => (prop::collection::vec(command, 1..5), any::<bool>()).prop_map(|(c, s)| Do::Append(c, s)),
        3 => any::<prop::sample::Index>().prop_map(Do::Retry),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(at, fails)| Do::LookUp { at, fails }),
        2 => any::<prop::sample::Index>().prop_map(Do::Read),
        6 => Just(Do::Purge),
        2 => prop_oneof![9 => 1u16..4, 1 => Just(260)].prop_map(Do::StoreState),
        2 => (-1i64..30).prop_map(Do::Trim),
        1 => (-1i64..400).prop_map(Do::TrimTime),
        4 => (name(), prop::option::of(-1i64..30)).prop_map(|(key, back)| Do::Delete(key, back)),
        1 => name().prop_map(Do::ReadFloor),
        6 => Just(Do::Unlist),
        2 => prop::option::of((name(), 0u64..30)).prop_map(Do::Raise),
        3 => Just(Do::Flush),
        3 => Just(Do::Settle),
        3 => prop_oneof![9 => 0i64..200, 1 => Just(61_000)].prop_map(Do::Wait),
        1 => Just(Do::Crash),
        1 => Just(Do::Close),
    ];
    prop::collection::vec(step, 0..80)
}

fn key(key: u8) -> Key {
    Key::stored(Bytes::from(vec![b'k', key]))
}

fn batch(keys: &[u8], number: u64) -> Batch {
    let limits = Limits::default();
    let records = keys.iter().map(|name| {
        let value = Bytes::from(format!("{number}"));
        Record::parse(key(*name).as_bytes().clone(), value, &limits).expect("a record")
    });
    Batch::new(records.collect(), &limits).expect("a batch")
}

/// The log, and what it should have decided.
struct Checked {
    log: Log,
    producers: ProducerPolicy,
    /// The judge: told of every command in the order in which it is decided.
    model: Model,
    /// What was applied. A crash takes the end of it away.
    history: Vec<Applied>,
    /// The highest floors that were acknowledged.
    acknowledged: InForce,
    /// The stored floor of a key, as it was read for a deletion.
    read: Option<(Key, (Sequence, u64))>,
    granted: BTreeSet<u64>,
    /// Epoch and next sequence of each producer, as its client believes.
    senders: BTreeMap<u8, (u64, u64)>,
}

/// A command, its answer, the time of its commit, and the floors by which it was judged.
type Applied = (u64, Appended, i64, InForce);

impl Checked {
    fn new(policy: Policy) -> Self {
        Self {
            log: Log::new(policy),
            producers: policy.producers,
            model: Model::with_producers(SealPolicy::default(), policy.producers),
            history: Vec::new(),
            acknowledged: InForce::default(),
            read: None,
            granted: BTreeSet::new(),
            senders: BTreeMap::new(),
        }
    }

    fn send(&mut self, command: &Command) -> u64 {
        let number = self.log.commands.len() as u64;
        let preconditions = command.preconditions.iter().map(|(name, behind)| {
            let last = self.log.records().filter(|r| r.key == key(*name)).last();
            let last = last.map_or(-1, |stored| stored.sequence.get() as i64);
            Precondition {
                key: key(*name),
                no_record_since: Sequence::new((last - behind).max(0) as u64),
            }
        });
        let preconditions = preconditions.collect();
        let producer = command.producer.map(|sender| {
            let (epoch, next) = self.senders.entry(sender.id).or_default();
            if sender.restarts {
                (*epoch, *next) = (*epoch + 1, 0);
            }
            let sequence = (*next as i64 + sender.ahead).max(0) as u64;
            if sender.ahead == 0 {
                *next += 1;
            }
            Producer::parse(&sender.id.to_string(), *epoch, sequence).expect("a producer")
        });
        let append = Append::new(batch(&command.keys, number), preconditions, producer);
        self.log.commands.insert(number, append.expect("an append"));
        number
    }

    fn send_all(&mut self, commands: &[Command], in_session: bool) -> Vec<u64> {
        let sent: Vec<_> = commands.iter().map(|command| self.send(command)).collect();
        if in_session {
            self.log.sessions.begin(&sent);
        }
        sent
    }

    /// Plans these commands, and compares what is decided with what the model decides.
    fn run(&mut self, commands: &[u64]) -> std::result::Result<(), TestCaseError> {
        self.log.now_ms += 1;
        let before = self.log.sequencer.last_number();
        let outcome = self.log.run(commands);
        let in_force = self.log.in_force();
        self.log.assert_knows(&in_force);
        let start = outcome.start.unwrap_or_default();
        self.model.resume_at(start.max(in_force.highest()));
        in_force.raise(&mut self.model);
        for judged in outcome.judged {
            let append = self.log.commands[&judged.command].clone();
            let sessions = &mut self.log.sessions;
            if sessions.is_behind_failed(judged.command, &append, &judged.outcome) {
                continue;
            }
            let expected = self.model.append(&append, outcome.time_ms);
            let expected = expected.map(|(appended, _)| appended);
            let (found, expected) = (format!("{:?}", judged.outcome), format!("{expected:?}"));
            prop_assert_eq!(found, expected, "{:?}", append);
            self.correct(&append, &judged.outcome);
            match (judged.outcome, judged.rests_on) {
                (Ok(appended), None) => {
                    for sequence in appended.start.get()..appended.end().get() {
                        let is_new = self.granted.insert(sequence);
                        prop_assert!(is_new, "sequence {sequence} was given twice");
                    }
                    let applied = (judged.command, appended, outcome.time_ms, in_force.clone());
                    self.history.push(applied);
                }
                (Ok(appended), Some(rests_on)) => {
                    prop_assert!(appended.duplicate);
                    prop_assert_eq!(rests_on, EngineNumber::of_commit(appended.end()));
                }
                (Err(error), rests_on) => {
                    // What is not known rests on whatever was forgotten.
                    if matches!(&error, Error::Rejected(why) if **why == Rejection::ProducerUnknown)
                    {
                        prop_assert!(rests_on >= Some(before), "{rests_on:?}, {before:?}");
                    }
                    prop_assert!(rests_on <= Some(self.log.sequencer.last_number()));
                }
            }
        }
        Ok(())
    }

    /// A client goes by what it is told.
    fn correct(&mut self, append: &Append, outcome: &Result<Appended>) {
        let (Some(producer), Err(Error::Rejected(why))) = (append.producer(), outcome) else {
            return;
        };
        let id = producer.id.as_str().parse().expect("a number");
        let Some((epoch, next)) = self.senders.get_mut(&id) else {
            return;
        };
        match **why {
            Rejection::OutOfOrder { expected, .. } => *next = expected,
            Rejection::Conflict { .. } | Rejection::Trimmed { .. } => *next = producer.sequence,
            Rejection::ProducerFenced { current } => (*epoch, *next) = (current + 1, 0),
            Rejection::ProducerUnknown => *next = 0,
            Rejection::SequenceTooOld
            | Rejection::SequenceReused { .. }
            | Rejection::CursorConflict { .. } => {}
        }
    }

    /// Trims, and compares the floor with what `trim` says of the log.
    fn trim(&mut self, trim: Trim) -> std::result::Result<(), TestCaseError> {
        let before = self.log.sequencer.floors.newest().sequence;
        let (tip, now_ms) = (self.log.sequencer.tip(), self.log.now_ms);
        let last_ms = self.log.records().last().map_or(0, |last| last.time_ms);
        let answered = self.log.trim(trim);
        let expected = match trim {
            Trim::BeforeSequence(sequence) => (sequence <= tip).then_some(sequence),
            Trim::BeforeTime(time) => (time <= now_ms.max(last_ms)).then(|| {
                let kept = |sequence: Sequence| {
                    let mut below = self.log.records().filter(|r| r.sequence < sequence);
                    below.all(|record| record.time_ms < time)
                };
                let segments = self.log.segments();
                let began = segments.iter().rfind(|s| s.start_time_ms < time);
                let floor = match last_ms < time {
                    true => tip,
                    false => began.map_or(Sequence::ZERO, |segment| segment.start),
                };
                assert!(kept(floor), "a record of that time is trimmed");
                floor
            }),
        };
        let Some(expected) = expected else {
            prop_assert!(matches!(answered, Err(Error::Invalid(_))), "{answered:?}");
            return Ok(());
        };
        let floor = answered.expect("trimmed");
        prop_assert_eq!(floor.sequence, expected.max(before));
        if floor.rests_on <= self.log.durable {
            prop_assert!(floor.sequence <= self.log.floor());
            self.acknowledged.log = self.acknowledged.log.max(floor.sequence);
        } else {
            prop_assert!(
                floor.sequence > self.log.floor(),
                "in force before it is durable"
            );
        }
        Ok(())
    }

    fn crash(&mut self) {
        let durable = self.log.durable.watermark();
        self.history
            .retain(|(_, appended, ..)| appended.start < durable);
        self.acknowledged.raise_to(&self.log.in_force());
        self.read = None;
        self.log.crash();
        let in_force = self.log.in_force();
        self.log.assert_knows(&in_force);
        in_force.assert_at_least(&self.acknowledged);
        self.model = Model::with_producers(SealPolicy::default(), self.producers);
        for (command, appended, time_ms, in_force) in &self.history {
            self.model.resume_at(appended.start);
            in_force.raise(&mut self.model);
            let replayed = self.model.append(&self.log.commands[command], *time_ms);
            assert_eq!(replayed.expect("replayed").0, *appended);
        }
    }
}

proptest! {
    #[test]
    fn what_is_decided_and_committed_is_what_the_model_says_whatever_is_evicted_or_crashes(
        seal_ms in prop::option::of(1u64..500),
        seal_bytes in prop::option::of(10u64..300),
        key_table_bytes in prop_oneof![Just(SMALL_TABLE), Just(1 << 20)],
        expire_ms in prop_oneof![Just(300u64), Just(1_000_000)],
        limit in prop_oneof![Just(3usize), Just(100)],
        steps in steps(),
    ) {
        let seal = SealPolicy { interval: seal_ms.map(Duration::from_millis), bytes: seal_bytes };
        let producers = ProducerPolicy { expire_after: Duration::from_millis(expire_ms), limit };
        let mut checked = Checked::new(Policy { seal, producers, ..policy(key_table_bytes) });
        for step in steps {
            let log = &mut checked.log;
            let ready = match step {
                Do::Append(commands, in_session) => checked.send_all(&commands, in_session),
                Do::Retry(_) if log.commands.is_empty() => Vec::new(),
                Do::Retry(at) => {
                    let number = log.commands.len() as u64;
                    let before = at.index(log.commands.len()) as u64;
                    log.commands.insert(number, log.commands[&before].clone());
                    vec![number]
                }
                Do::LookUp { at, fails } if !log.lookups.is_empty() => {
                    log.look_up(at.index(log.lookups.len()), fails)
                }
                Do::Read(at) if !log.lookups.is_empty() => {
                    log.read(at.index(log.lookups.len()));
                    Vec::new()
                }
                Do::LookUp { .. } | Do::Read(_) => Vec::new(),
                Do::Purge => { log.purge(); Vec::new() }
                Do::Settle => { log.settle(); Vec::new() }
                Do::StoreState(times) => {
                    (0..times).for_each(|_| log.commit_without_records());
                    Vec::new()
                }
                Do::Trim(back) => {
                    let tip = log.sequencer.tip().get() as i64;
                    let before = Sequence::new((tip - back).max(0) as u64);
                    checked.trim(Trim::BeforeSequence(before))?;
                    Vec::new()
                }
                Do::Delete(name, back) => {
                    let tip = log.sequencer.tip().get() as i64;
                    let before = back.map(|back| Sequence::new((tip - back).max(0) as u64));
                    checked.delete(Deletion { key: key(name), before })?;
                    Vec::new()
                }
                Do::ReadFloor(name) => {
                    checked.read = Some((key(name), log.read_floor(&key(name))));
                    Vec::new()
                }
                Do::Unlist => { log.unlist(); Vec::new() }
                Do::Raise(due) => {
                    log.raise(due.map(|(name, back)| PrefixFloor {
                        prefix: if name == 0 { Bytes::from("k") } else { key(name).as_bytes().clone() },
                        floor: Sequence::new(log.sequencer.tip().get().saturating_sub(back)),
                    }));
                    Vec::new()
                }
                Do::TrimTime(back) => {
                    let before = log.now_ms.max(log.last_time_ms()) - back;
                    checked.trim(Trim::BeforeTime(before))?;
                    Vec::new()
                }
                Do::Flush => { log.flush(); Vec::new() }
                Do::Wait(ms) => { log.now_ms += ms; Vec::new() }
                Do::Crash => { checked.crash(); Vec::new() }
                Do::Close => { log.close(); checked.read = None; Vec::new() }
            };
            if !ready.is_empty() {
                checked.run(&ready)?;
            }
        }
        compare(&checked.log, seal, &checked.history)?;
        checked.log.in_force().assert_at_least(&checked.acknowledged);
    }
}
