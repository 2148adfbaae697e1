//! The sequencer with an engine that crashes, against the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::model::Model;
use crate::{Key, Limits, Record, SegmentId, SequenceRange};

/// A table with room for a few keys only.
const SMALL_TABLE: u64 = 1_500;

/// What one write leaves in the engine.
#[derive(Debug, Clone)]
struct Write {
    number: EngineNumber,
    state: State,
    new_segment: Option<Segment>,
    directory: Vec<DirectoryEntry>,
    records: Vec<Stored>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    sequence: Sequence,
    segment: SegmentId,
    key: Key,
    value: Bytes,
    time_ms: i64,
    /// Where the key stood before the commit.
    position: Position,
}

/// The driver of a sequencer over an engine in memory.
struct Log {
    sequencer: Sequencer,
    policy: Policy,
    writes: Vec<Write>,
    durable: EngineNumber,
    /// Commands by number, and those that wait for a lookup.
    commands: BTreeMap<u64, Batch>,
    aside: Vec<(Ticket, u64)>,
    lookups: VecDeque<(Ticket, Vec<Subject>)>,
    /// Facts that nothing waits for, not reported yet.
    unreported: Vec<Fact>,
    now_ms: i64,
}

impl Log {
    fn new(policy: Policy) -> Self {
        Self {
            sequencer: Sequencer::recover(Recovered::default(), policy).expect("a new log"),
            policy,
            writes: Vec::new(),
            durable: EngineNumber::default(),
            commands: BTreeMap::new(),
            aside: Vec::new(),
            lookups: VecDeque::new(),
            unreported: Vec::new(),
            now_ms: 1_000,
        }
    }

    /// Plans `commands` until no step is left; returns what was placed, in order.
    fn run(&mut self, commands: &[u64]) -> Vec<(u64, Appended, i64)> {
        loop {
            let batches: Vec<Batch> = commands.iter().map(|c| self.commands[c].clone()).collect();
            let batches: Vec<&Batch> = batches.iter().collect();
            let step = self.sequencer.plan(&batches, self.now_ms);
            match step.expect("not full") {
                Step::AwaitDurable(number) => {
                    assert!(self.writes.iter().any(|write| write.number == number));
                    self.flush();
                }
                Step::Reserve(metadata) => {
                    self.write(Write {
                        number: metadata.number,
                        state: metadata.state,
                        new_segment: None,
                        directory: Vec::new(),
                        records: Vec::new(),
                    });
                    self.sequencer.written(&metadata);
                    self.flush();
                }
                Step::LookUp(waiting) => {
                    assert_eq!(waiting.commands.len(), commands.len());
                    self.set_aside(commands, waiting);
                    return Vec::new();
                }
                Step::Commit(commit) => {
                    self.sequencer.applied(&commit);
                    let done: Vec<(u64, Appended, i64)> = commit
                        .placed
                        .iter()
                        .map(|placed| (commands[placed.command], placed.appended, commit.time_ms))
                        .collect();
                    self.apply(&commit);
                    assert_eq!(done.len() + commit.waiting.commands.len(), commands.len());
                    self.set_aside(commands, commit.waiting);
                    return done;
                }
            }
        }
    }

    fn set_aside(&mut self, commands: &[u64], waiting: Waiting) {
        self.lookups.extend(waiting.lookup);
        for (command, ticket) in waiting.commands {
            let is_asked = self.lookups.iter().any(|(asked, _)| *asked == ticket);
            assert!(is_asked, "waits for what nobody looks up");
            self.aside.push((ticket, commands[command]));
        }
    }

    fn apply(&mut self, commit: &Commit<'_>) {
        let mut next = commit.start;
        let records = commit.placed.iter().flat_map(|p| p.batch.records());
        let mut stored = Vec::new();
        for (record, position) in records.zip(commit.group.positions()) {
            let key = &commit.group.by_position()[*position as usize];
            assert_eq!(key.key, &record.key);
            stored.push(Stored {
                sequence: next,
                segment: commit.segment.id,
                key: record.key.clone(),
                value: record.value.clone(),
                time_ms: commit.time_ms,
                position: key.position,
            });
            next = next.plus(1);
        }
        assert_eq!(next, commit.tip);
        let new_segment = commit.begins_segment.then_some(commit.segment);
        let listed = commit
            .group
            .keys()
            .filter(|key| key.position.in_segment == 0);
        let listed = listed.map(|key| DirectoryEntry {
            key: key.key.clone(),
            segment: commit.segment.id,
            earlier: key.position.earlier,
        });
        self.write(Write {
            number: commit.number,
            state: commit.state,
            new_segment,
            directory: listed.chain(commit.settled.iter().cloned()).collect(),
            records: stored,
        });
    }

    fn write(&mut self, write: Write) {
        let before = self.writes.last().map(|write| write.number);
        assert!(before < Some(write.number), "the engine's numbers rise");
        let durable = self.writes.iter().rfind(|w| w.number <= self.durable);
        let bound = durable.map_or(Sequence::ZERO, |write| write.state.bound);
        for record in &write.records {
            assert!(record.sequence < bound, "granted above a durable bound");
            let is = self.position(record.segment, &record.key);
            assert_eq!(record.position.in_segment, is.in_segment, "{record:?}");
            let earlier = record.position.earlier;
            assert!(
                earlier.is_none_or(|earlier| Some(earlier) == is.earlier),
                "{record:?}"
            );
        }
        self.writes.push(write);
        for ((key, segment), earlier) in self.directory() {
            let is = self.position(segment, &key);
            assert!(is.in_segment > 0, "{key:?} is listed in {segment}");
            assert!(
                earlier.is_none_or(|earlier| Some(earlier) == is.earlier),
                "{key:?}"
            );
        }
    }

    /// What the directory says: records before a segment, for each key and each segment that holds it.
    fn directory(&self) -> BTreeMap<(Key, SegmentId), Option<u64>> {
        let entries = self.writes.iter().flat_map(|write| &write.directory);
        entries
            .map(|entry| ((entry.key.clone(), entry.segment), entry.earlier))
            .collect()
    }

    /// Where a key stands in a segment, by what the engine holds.
    fn position(&self, segment: SegmentId, key: &Key) -> Position {
        let of_key = || self.records().filter(|stored| stored.key == *key);
        let in_segment = of_key().filter(|stored| stored.segment == segment).count();
        let earlier = of_key().filter(|stored| stored.segment < segment).count();
        Position {
            in_segment: in_segment as u64,
            earlier: Some(earlier as u64),
        }
    }

    fn fact(&self, subject: Subject) -> Fact {
        let position = self.position(subject.segment, &subject.key);
        let directory = self.directory();
        let entry = directory.get(&(subject.key.clone(), subject.segment));
        let settled = matches!(entry, Some(None)).then(|| DirectoryEntry {
            key: subject.key.clone(),
            segment: subject.segment,
            earlier: position.earlier,
        });
        Fact {
            subject,
            position,
            settled: settled.into_iter().collect(),
        }
    }

    /// Looks up what the sequencer would like to know, and reports what was looked up before.
    fn settle(&mut self) {
        let facts = std::mem::take(&mut self.unreported);
        self.sequencer.settle(facts);
        let subjects = self.sequencer.take_unsettled().into_iter();
        let facts: Vec<Fact> = subjects.map(|subject| self.fact(subject)).collect();
        self.unreported = facts;
    }

    fn records(&self) -> impl Iterator<Item = &Stored> {
        self.writes.iter().flat_map(|write| &write.records)
    }

    fn flush(&mut self) {
        self.durable = self.writes.last().map_or(self.durable, |w| w.number);
        self.sequencer.durable(self.durable);
    }

    /// Answers the lookup at `at`, or lets it fail. Returns the commands that waited for it.
    fn look_up(&mut self, at: usize, fails: bool) -> Vec<u64> {
        let Some((ticket, subjects)) = self.lookups.remove(at) else {
            return Vec::new();
        };
        if fails {
            self.sequencer.not_learnt(ticket);
        } else {
            let facts = subjects.into_iter().map(|subject| self.fact(subject));
            let facts = facts.collect();
            self.sequencer.learn(ticket, facts);
        }
        let (ready, aside) = self.aside.iter().partition(|(asked, _)| *asked == ticket);
        self.aside = aside;
        let ready: Vec<(Ticket, u64)> = ready;
        ready.into_iter().map(|(_, command)| command).collect()
    }

    /// Forgets what is not durable, as a crash does. Returns the commands that were forgotten with it.
    fn crash(&mut self) {
        self.writes.retain(|write| write.number <= self.durable);
        self.reopen();
    }

    fn close(&mut self) {
        let metadata = self.sequencer.close();
        self.write(Write {
            number: metadata.number,
            state: metadata.state,
            new_segment: None,
            directory: Vec::new(),
            records: Vec::new(),
        });
        self.flush();
        self.reopen();
    }

    fn reopen(&mut self) {
        self.aside.clear();
        self.lookups.clear();
        self.unreported.clear();
        let last = self.writes.last();
        let recovered = Recovered {
            state: last.map_or_else(State::default, |write| write.state),
            active: self.writes.iter().rev().find_map(|write| write.new_segment),
            last_number: last.map_or_else(EngineNumber::default, |write| write.number),
        };
        self.sequencer = Sequencer::recover(recovered, self.policy).expect("recovered");
    }
}

#[derive(Debug, Clone)]
enum Do {
    /// Commands that arrive together, each a list of keys.
    Append(Vec<Vec<u8>>),
    LookUp {
        at: prop::sample::Index,
        fails: bool,
    },
    Flush,
    Settle,
    Wait(i64),
    Crash,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let batch = prop::collection::vec(0u8..40, 1..8);
    let step = prop_oneof![
        10 => prop::collection::vec(batch, 1..5).prop_map(Do::Append),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(at, fails)| Do::LookUp { at, fails }),
        3 => Just(Do::Flush),
        3 => Just(Do::Settle),
        3 => (0i64..200).prop_map(Do::Wait),
        1 => Just(Do::Crash),
        1 => Just(Do::Close),
    ];
    prop::collection::vec(step, 0..60)
}

fn batch(keys: &[u8], number: u64) -> Batch {
    let limits = Limits::default();
    let records = keys.iter().map(|key| {
        let value = Bytes::from(format!("{number}"));
        Record::parse(Bytes::from(vec![b'k', *key]), value, &limits).expect("a record")
    });
    Batch::new(records.collect(), &limits).expect("a batch")
}

proptest! {
    #[test]
    fn what_is_committed_is_what_the_model_says_whatever_is_evicted_or_crashes(
        seal_ms in prop::option::of(1u64..500),
        seal_bytes in prop::option::of(10u64..300),
        key_table_bytes in prop_oneof![Just(SMALL_TABLE), Just(1 << 20)],
        steps in steps(),
    ) {
        let seal = SealPolicy { interval: seal_ms.map(Duration::from_millis), bytes: seal_bytes };
        let mut log = Log::new(Policy { seal, key_table_bytes });
        // What was applied, each with the time of its commit. A crash takes the end of it away.
        let mut history: Vec<(u64, Appended, i64)> = Vec::new();
        let mut granted = BTreeSet::new();
        for step in steps {
            let ready = match step {
                Do::Append(batches) => {
                    let first = log.commands.len() as u64;
                    for (number, keys) in (first..).zip(&batches) {
                        log.commands.insert(number, batch(keys, number));
                    }
                    (first..log.commands.len() as u64).collect()
                }
                Do::LookUp { at, fails } if !log.lookups.is_empty() => {
                    log.look_up(at.index(log.lookups.len()), fails)
                }
                Do::LookUp { .. } => Vec::new(),
                Do::Settle => { log.settle(); Vec::new() }
                Do::Flush => { log.flush(); Vec::new() }
                Do::Wait(ms) => { log.now_ms += ms; Vec::new() }
                Do::Crash => {
                    let durable = log.durable.watermark();
                    history.retain(|(_, appended, _)| appended.start < durable);
                    log.crash();
                    Vec::new()
                }
                Do::Close => { log.close(); Vec::new() }
            };
            if ready.is_empty() {
                continue;
            }
            for (command, appended, time_ms) in log.run(&ready) {
                let sequences = appended.start.get()..appended.start.plus(appended.count).get();
                for sequence in sequences {
                    prop_assert!(granted.insert(sequence), "sequence {sequence} was given twice");
                }
                history.push((command, appended, time_ms));
            }
        }
        compare(&log, seal, &history)?;
    }
}

/// Everything that the engine holds, compared with the model's answers for the same appends.
fn compare(
    log: &Log,
    seal: SealPolicy,
    history: &[(u64, Appended, i64)],
) -> std::result::Result<(), TestCaseError> {
    // A group is one commit: its segment is chosen once. The model appends batch by batch, so it is told of the group.
    let mut model = Model::new(seal);
    let mut expected = Vec::new();
    for commit in log.writes.iter().filter(|write| !write.records.is_empty()) {
        let start = commit.records[0].sequence;
        let end = start.plus(commit.records.len() as u64);
        let within: Vec<_> = history
            .iter()
            .filter(|(_, appended, _)| start <= appended.start && appended.start < end)
            .collect();
        let records = within
            .iter()
            .flat_map(|(command, ..)| log.commands[command].records());
        let whole = Batch::new(records.cloned().collect(), &Limits::default());
        let whole = whole.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let time_ms = commit.state.last_time_ms;
        model.resume_at(start);
        let (appended, _) = model.append(&whole, time_ms).expect("appended");
        prop_assert_eq!(appended.start, start);
        let mut sequence = start;
        for record in whole.records() {
            expected.push((sequence, record.key.clone(), record.value.clone(), time_ms));
            sequence = sequence.plus(1);
        }
        for (_, _, at_ms) in within {
            prop_assert_eq!(*at_ms, time_ms);
        }
    }
    let held: Vec<_> = log
        .records()
        .map(|r| (r.sequence, r.key.clone(), r.value.clone(), r.time_ms))
        .collect();
    prop_assert_eq!(held, expected);
    let segments: Vec<Segment> = log.writes.iter().filter_map(|w| w.new_segment).collect();
    prop_assert_eq!(segments, model.segments(SequenceRange::ALL));
    let listed: BTreeSet<(Key, SegmentId)> = log.directory().into_keys().collect();
    let held: BTreeSet<(Key, SegmentId)> =
        log.records().map(|r| (r.key.clone(), r.segment)).collect();
    prop_assert_eq!(listed, held);
    Ok(())
}

#[test]
fn a_command_that_waits_does_not_hold_up_the_others() {
    let mut log = Log::new(Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    });
    // Until a key is forgotten and has to be looked up.
    let mut forgotten = None;
    for number in 0..60 {
        log.commands
            .insert(number, batch(&[number as u8 % 30], number));
        if log.run(&[number]).is_empty() {
            forgotten = Some(number);
            break;
        }
    }
    let waits = forgotten.expect("the table is small");
    let (also_waits, known) = (100, 101);
    let key = waits as u8 % 30;
    log.commands
        .insert(also_waits, batch(&[key, 50], also_waits));
    log.commands
        .insert(known, batch(&[(waits as u8 - 1) % 30], known));

    let placed = log.run(&[also_waits, known]);
    assert_eq!(placed.len(), 1);
    assert_eq!(placed[0].0, known);

    // The key is looked up once, and an answer that comes later than the other one is waited for too.
    assert_eq!(log.lookups.len(), 2);
    let of_the_other = log.look_up(1, false);
    assert_eq!(of_the_other, [also_waits]);
    assert_eq!(log.run(&of_the_other), []);
    let ready = log.look_up(0, false);
    assert_eq!(ready, [waits, also_waits]);
    let placed: Vec<u64> = log.run(&ready).iter().map(|placed| placed.0).collect();
    assert_eq!(placed, [waits, also_waits]);
}

#[test]
fn what_was_left_open_in_the_directory_is_settled_with_the_next_commit() {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        key_table_bytes: 1 << 20,
    });
    for number in 0..4 {
        log.commands.insert(number, batch(&[1, 2], number));
    }
    let key = |key| Key::stored(Bytes::from(vec![b'k', key]));
    log.run(&[0]);
    log.flush();
    log.crash();
    // The next segment begins after a restart: no append waits to know how many records came before.
    log.now_ms += 1_000;
    assert_eq!(log.run(&[1]).len(), 1);
    assert_eq!(log.directory()[&(key(1), 2)], None);
    log.settle();
    log.settle();
    log.run(&[2]);
    for number in [1, 2] {
        assert_eq!(log.directory()[&(key(number), 2)], Some(1));
    }
    log.now_ms += 1_000;
    log.run(&[3]);
    assert_eq!(log.directory()[&(key(1), 3)], Some(3));
}

#[test]
fn a_lookup_that_fails_is_asked_again() {
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    };
    let mut log = Log::new(policy);
    log.commands.insert(0, batch(&[1], 0));
    log.run(&[0]);
    log.flush();
    log.crash();
    // After a crash in mid-segment nothing is known of a key.
    log.commands.insert(1, batch(&[1], 1));
    assert_eq!(log.run(&[1]), []);
    assert_eq!(log.look_up(0, true), [1]);
    assert_eq!(log.run(&[1]), []);
    assert_eq!(log.look_up(0, false), [1]);
    assert_eq!(log.run(&[1]).len(), 1);
}

#[test]
fn a_bound_below_the_records_is_reported_as_damage() {
    let recovered = Recovered {
        last_number: EngineNumber::of_commit(Sequence::new(5)),
        ..Recovered::default()
    };
    let policy = Policy {
        seal: SealPolicy::default(),
        key_table_bytes: SMALL_TABLE,
    };
    let refused = Sequencer::recover(recovered, policy);
    assert!(matches!(refused, Err(Error::Corrupt(_))));
}
