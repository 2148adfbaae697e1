//! The driver of a sequencer over an engine in memory, which crashes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::super::without_records::Written;
use super::super::*;
use super::deleted::Unlist;
use super::purge::Purge;
use super::sessions::Sessions;
use crate::{Appended, Key, KeyFloor, PrefixFloor, SegmentId, Trim};

/// What one write leaves in the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Write {
    pub(super) number: EngineNumber,
    pub(super) state: State,
    pub(super) new_segment: Option<Segment>,
    pub(super) producers: ProducerChanges,
    pub(super) cursors: CursorChanges,
    pub(super) directory: Vec<DirectoryEntry>,
    pub(super) key_floor: Option<KeyFloor>,
    pub(super) prefix_floors: Vec<PrefixFloor>,
    pub(super) removal: Removal,
    pub(super) records: Vec<Stored>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) sequence: Sequence,
    pub(super) segment: SegmentId,
    pub(super) key: Key,
    pub(super) value: Bytes,
    pub(super) time_ms: i64,
    /// Records of the key in the segment before it.
    pub(super) ordinal: u64,
    /// Where the key stood before the commit.
    pub(super) position: Position,
    pub(super) number: u32,
}

/// What was decided of a command.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) command: u64,
    pub(super) outcome: Result<Appended>,
    /// Of what is not placed: what its answer rests on.
    pub(super) rests_on: Option<EngineNumber>,
}

/// What was decided of a group.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// In the order in which it was decided.
    pub(super) judged: Vec<Judged>,
    pub(super) time_ms: i64,
    /// The start of the commit, if there was one.
    pub(super) start: Option<Sequence>,
}

impl Outcome {
    /// The commands that were placed.
    pub(super) fn placed(&self) -> Vec<u64> {
        let placed = self
            .judged
            .iter()
            .filter(|judged| judged.rests_on.is_none());
        placed.map(|judged| judged.command).collect()
    }
}

/// The driver of a sequencer over an engine in memory.
pub(super) struct Log {
    pub(super) sequencer: Sequencer,
    policy: Policy,
    pub(super) writes: Vec<Write>,
    pub(super) durable: EngineNumber,
    /// Commands by number, and those that wait for a lookup.
    pub(super) commands: BTreeMap<u64, Append>,
    pub(super) sessions: Sessions,
    pub(super) aside: Vec<(Ticket, u64)>,
    pub(super) lookups: VecDeque<(Ticket, Vec<Subject>)>,
    /// What was read for a lookup that is not answered yet.
    pub(super) read: BTreeMap<Ticket, Vec<Fact>>,
    /// Facts that nothing waits for, not reported yet.
    unreported: Vec<Fact>,
    /// A removal that has begun.
    pub(super) purge: Purge,
    /// A removal of what was deleted that has begun.
    pub(super) unlist: Unlist,
    /// Records of keys below these sequences were dropped by compactions.
    pub(super) dropped: BTreeMap<Key, Sequence>,
    /// Whether this sequencer has written nothing yet.
    begins: bool,
    pub(super) now_ms: i64,
}

impl Log {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            sequencer: Sequencer::recover(Recovered::default(), policy).expect("a new log"),
            policy,
            writes: Vec::new(),
            durable: EngineNumber::default(),
            commands: BTreeMap::new(),
            sessions: Sessions::default(),
            aside: Vec::new(),
            lookups: VecDeque::new(),
            read: BTreeMap::new(),
            unreported: Vec::new(),
            purge: Purge::default(),
            unlist: Unlist::default(),
            dropped: BTreeMap::new(),
            begins: true,
            now_ms: 1_000,
        }
    }

    /// Plans `commands` until no step is left.
    pub(super) fn run(&mut self, commands: &[u64]) -> Outcome {
        loop {
            let sent = |c: &u64| self.sessions.sent(*c, self.commands[c].clone());
            let appends: Vec<Append> = commands.iter().map(sent).collect();
            let appends: Vec<&Append> = appends.iter().collect();
            let step = self.sequencer.plan(&appends, self.now_ms);
            match step.expect("not full") {
                Step::AwaitDurable(number) => self.await_durable(number),
                Step::Reserve(metadata) => self.reserve(&metadata),
                Step::Answer(decided) => {
                    let time_ms = self.now_ms.max(self.last_time_ms());
                    return Outcome {
                        time_ms,
                        start: None,
                        judged: self.decided(commands, &[], decided),
                    };
                }
                Step::Commit(mut commit) => {
                    self.sequencer.applied(&commit);
                    self.apply(&commit);
                    let decided = std::mem::take(&mut commit.decided);
                    return Outcome {
                        time_ms: commit.time_ms,
                        start: Some(commit.start),
                        judged: self.decided(commands, &commit.placed, decided),
                    };
                }
            }
        }
    }

    /// Plans a commit without records until no step is left.
    pub(super) fn commit_without_records(&mut self) {
        loop {
            let step = self.sequencer.plan_without_records(Written::default());
            if self.does(step.expect("not full")) {
                return;
            }
        }
    }

    /// Trims; answers the floor and what it rests on.
    pub(super) fn trim(&mut self, trim: Trim) -> Result<Floor> {
        let segments = self.segments();
        loop {
            match self.sequencer.plan_trim(trim, &segments, self.now_ms)? {
                FloorStep::Written(floor) => return Ok(floor),
                FloorStep::Do(step) => self.does(step),
            };
        }
    }

    /// Whether the step was a commit.
    pub(super) fn does(&mut self, step: Step<'_>) -> bool {
        match step {
            Step::AwaitDurable(number) => self.await_durable(number),
            Step::Reserve(metadata) => self.reserve(&metadata),
            Step::Answer(_) => panic!("there is nothing to answer"),
            Step::Commit(commit) => {
                self.sequencer.applied(&commit);
                self.apply(&commit);
                return true;
            }
        }
        false
    }

    /// The floor in force, by what the engine holds.
    pub(super) fn floor(&self) -> Sequence {
        let durable = self.writes.iter().filter(|w| w.number <= self.durable);
        let floors = durable.map(|write| write.state.floor);
        floors.max().unwrap_or_default()
    }

    /// The segments that have a row.
    pub(super) fn segments(&self) -> Vec<Segment> {
        let removed = self.writes.iter().flat_map(|w| &w.removal.segments);
        let removed: BTreeSet<_> = removed.collect();
        let all = self.writes.iter().filter_map(|w| w.new_segment);
        all.filter(|segment| !removed.contains(&segment.id))
            .collect()
    }

    fn await_durable(&mut self, number: EngineNumber) {
        assert!(self.writes.iter().any(|write| write.number == number));
        self.flush();
    }

    fn reserve(&mut self, metadata: &Metadata) {
        self.write_metadata(metadata);
        self.sequencer.written(metadata);
        self.flush();
    }

    pub(super) fn last_time_ms(&self) -> i64 {
        self.writes
            .last()
            .map_or(0, |write| write.state.last_time_ms)
    }

    /// All that was decided, in the order of the commands.
    fn decided(
        &mut self,
        commands: &[u64],
        placed: &[Placed<'_>],
        decided: Decided,
    ) -> Vec<Judged> {
        let Decided { answered, waiting } = decided;
        let all = placed.len() + answered.len() + waiting.commands.len();
        assert_eq!(all, commands.len(), "each command gets one verdict");
        let placed = placed
            .iter()
            .map(|placed| (placed.command, Ok(placed.appended), None));
        let answered = answered
            .into_iter()
            .map(|answered| (answered.command, answered.outcome, Some(answered.rests_on)));
        let mut judged: Vec<_> = placed.chain(answered).collect();
        judged.sort_by_key(|(command, ..)| *command);
        self.set_aside(commands, waiting);
        let judged = judged
            .into_iter()
            .map(|(command, outcome, rests_on)| Judged {
                command: commands[command],
                outcome,
                rests_on,
            });
        judged.collect()
    }

    fn write_metadata(&mut self, metadata: &Metadata) {
        self.write(Write {
            number: metadata.number,
            state: metadata.state,
            ..Write::default()
        });
    }

    pub(super) fn set_aside(&mut self, commands: &[u64], waiting: Waiting) {
        self.lookups.extend(waiting.lookup);
        for (command, ticket) in waiting.commands {
            let is_asked = self.lookups.iter().any(|(asked, _)| *asked == ticket);
            assert!(is_asked, "waits for what nobody looks up");
            self.aside.push((ticket, commands[command]));
        }
    }

    pub(super) fn apply(&mut self, commit: &Commit<'_>) {
        let mut next = commit.start;
        let records = commit.placed.iter().flat_map(|p| p.batch.records());
        let mut stored = Vec::new();
        for (record, position) in records.zip(commit.group.positions()) {
            let key = &commit.group.by_position()[*position as usize];
            assert_eq!(key.key, &record.key);
            let before: &Vec<Stored> = &stored;
            let before = before.iter().filter(|s| s.key == record.key).count() as u64;
            stored.push(Stored {
                ordinal: key.position.in_segment + before,
                sequence: next,
                segment: commit.segment.id,
                key: record.key.clone(),
                value: record.value.clone(),
                time_ms: commit.time_ms,
                position: key.position,
                number: key.number,
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
            number: key.number,
            earlier: key.position.earlier,
        });
        self.write(Write {
            number: commit.number,
            state: commit.state,
            new_segment,
            producers: commit.producers.clone(),
            cursors: commit.cursors.clone(),
            directory: listed.chain(commit.settled.iter().cloned()).collect(),
            key_floor: commit.key_floor.as_ref().map(|raised| raised.floor.clone()),
            prefix_floors: commit.prefix_floors.clone(),
            removal: commit.removal.clone(),
            records: stored,
        });
    }

    pub(super) fn write(&mut self, write: Write) {
        let last = self.writes.last();
        let before = last.map(|write| write.number);
        assert!(before < Some(write.number), "the engine's numbers rise");
        let floor = last.map_or(Sequence::ZERO, |write| write.state.floor);
        assert!(floor <= write.state.floor, "a floor goes back");
        let begins = std::mem::take(&mut self.begins);
        assert!(
            !(begins && write.number.is_commit()),
            "begins with a commit"
        );
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
        assert!(write.number.watermark() <= write.state.bound);
        self.assert_purged(&write.removal);
        self.assert_numbered(&write);
        let is_state_only = write.records.is_empty()
            && write.directory.is_empty()
            && write.removal == Removal::default();
        self.writes.push(write);
        if is_state_only {
            return;
        }
        self.assert_named();
        let mut before = None;
        for ((key, segment), earlier) in self.directory() {
            let is = self.position(segment, &key);
            assert!(is.in_segment > 0, "{key:?} is listed in {segment}");
            assert!(
                earlier.is_none_or(|earlier| Some(earlier) == is.earlier),
                "{key:?}"
            );
            // Nothing can be counted before the first row of a key.
            let is_first = before.replace(key.clone()).as_ref() != Some(&key);
            assert!(
                !is_first || Some(earlier.unwrap_or_default()) == is.earlier,
                "{key:?} forgets its base, in segment {segment}"
            );
        }
        let listed: BTreeSet<_> = self.directory().into_keys().map(|(key, _)| key).collect();
        assert_eq!(self.keys(), listed, "the keys that have a row");
    }

    /// What the directory says: records before a segment, for each key and each segment that holds it.
    pub(super) fn directory(&self) -> BTreeMap<(Key, SegmentId), Option<u64>> {
        let mut directory = BTreeMap::new();
        for write in &self.writes {
            for row in &write.removal.directory {
                assert!(directory.remove(row).is_some(), "{row:?} is not there");
            }
            let entries = write.directory.iter();
            directory.extend(entries.map(|e| ((e.key.clone(), e.segment), e.earlier)));
        }
        directory
    }

    pub(super) fn fact(&self, subject: Subject) -> Fact {
        let of_key = self.counted(&subject.key);
        let last = of_key.filter(|s| s.segment <= subject.segment).last();
        let standing = last.map(|last| {
            let position = self.position(last.segment, &subject.key);
            let row = (subject.key.clone(), last.segment);
            if self.directory().contains_key(&row) {
                let found = self.stored_position(last.segment, &subject.key);
                assert_eq!(found, position, "{subject:?}");
            }
            Standing {
                segment: last.segment,
                number: position.number.unwrap_or_default(),
                in_segment: position.in_segment,
                earlier: position.earlier,
                last: last.sequence,
            }
        });
        let directory = self.directory();
        let settled = standing.and_then(|standing| {
            let entry = directory.get(&(subject.key.clone(), standing.segment));
            matches!(entry, Some(None)).then(|| DirectoryEntry {
                key: subject.key.clone(),
                segment: standing.segment,
                number: standing.number,
                earlier: standing.earlier,
            })
        });
        Fact {
            floor: self.stored_floor(&subject.key),
            subject,
            standing,
            settled,
        }
    }

    /// Looks up what the sequencer would like to know, and reports what was looked up before.
    pub(super) fn settle(&mut self) {
        let facts = std::mem::take(&mut self.unreported);
        self.sequencer.settle(facts);
        let subjects = self.sequencer.take_unsettled().into_iter();
        let facts: Vec<Fact> = subjects.map(|subject| self.fact(subject)).collect();
        self.unreported = facts;
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Stored> {
        self.writes.iter().flat_map(|write| &write.records)
    }

    pub(super) fn flush(&mut self) {
        self.durable = self.writes.last().map_or(self.durable, |w| w.number);
        self.sequencer.durable(self.durable);
    }

    pub(super) fn facts(&self, subjects: &[Subject]) -> Vec<Fact> {
        subjects.iter().map(|s| self.fact(s.clone())).collect()
    }

    /// Reads what the lookup at `at` asks for. It is answered later.
    pub(super) fn read(&mut self, at: usize) {
        if let Some((ticket, subjects)) = self.lookups.get(at) {
            self.read.insert(*ticket, self.facts(subjects));
        }
    }

    /// Forgets what is not durable, as a crash does. Returns the commands that were forgotten with it.
    pub(super) fn crash(&mut self) {
        self.writes.retain(|write| write.number <= self.durable);
        self.reopen();
    }

    pub(super) fn close(&mut self) {
        let metadata = self.sequencer.close();
        self.write_metadata(&metadata);
        self.flush();
        self.reopen();
    }

    /// The producers that the engine holds.
    pub(super) fn producers(&self) -> BTreeMap<ProducerId, ProducerState> {
        let mut producers = BTreeMap::new();
        for changes in self.writes.iter().map(|write| &write.producers) {
            producers.retain(|id, _| !changes.forgotten.contains(id));
            producers.extend(changes.written.iter().cloned());
        }
        producers
    }

    pub(super) fn reopen(&mut self) {
        self.aside.clear();
        self.lookups.clear();
        self.read.clear();
        self.unreported.clear();
        self.purge = Purge::default();
        self.unlist = Unlist::default();
        self.begins = true;
        let last = self.writes.last();
        let recovered = Recovered {
            state: last.map_or_else(State::default, |write| write.state),
            active: self.writes.iter().rev().find_map(|write| write.new_segment),
            last_number: last.map_or_else(EngineNumber::default, |write| write.number),
            producers: self.producers().into_iter().collect(),
            cursors: self.cursor_rows(),
            purges: self.purge_rows().into_values().collect(),
            has_key_floors: !self.floor_rows().is_empty(),
            prefix_floors: self.prefix_rows(),
        };
        self.sequencer = Sequencer::recover(recovered, self.policy).expect("recovered");
    }
}
