//! The driver of deletions, and of the removal of what was deleted: a key or two at a time, with other steps in between.

use super::log::Log;
use super::purge::Purge;
use super::*;
use crate::{Deletion, KeyFloor, SegmentId};

/// Keys whose rows are removed together.
const TOGETHER: usize = 3;
/// Rows of a key that are removed together.
const ROWS: usize = 2;

/// How far the removal of what was deleted is.
#[derive(Debug, Default)]
pub(super) enum Unlist {
    /// It has not begun.
    #[default]
    Idle,
    /// These keys are watched.
    Watched(Vec<KeyFloor>),
    /// These rows were read.
    Read(Vec<Unlisted>, Vec<KeyFloor>),
    /// What is below these floors was dropped.
    Dropped(Vec<KeyFloor>),
}

impl Unlist {
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self, Self::Idle)
    }
}

/// The floors in force.
#[derive(Debug, Clone, Default)]
pub(super) struct InForce {
    pub(super) log: Sequence,
    pub(super) keys: BTreeMap<Key, Sequence>,
    pub(super) prefixes: BTreeMap<Bytes, Sequence>,
}

impl InForce {
    pub(super) fn of_key(&self, key: &Key) -> Sequence {
        let of_key = self.keys.get(key).copied().unwrap_or_default();
        of_key.max(self.of_prefixes(key)).max(self.log)
    }

    pub(super) fn of_prefixes(&self, key: &Key) -> Sequence {
        let prefixes = self.prefixes.iter();
        let of_key = prefixes.filter(|(prefix, _)| key.as_bytes().starts_with(prefix));
        let floors = of_key.map(|(_, floor)| *floor);
        floors.max().unwrap_or_default()
    }

    pub(super) fn highest(&self) -> Sequence {
        let all = self.keys.values().chain(self.prefixes.values());
        all.copied().fold(self.log, Sequence::max)
    }

    pub(super) fn raise_to(&mut self, other: &Self) {
        self.log = self.log.max(other.log);
        for (key, floor) in &other.keys {
            let is = self.keys.entry(key.clone()).or_default();
            *is = (*is).max(*floor);
        }
    }

    /// Raises the floors of the model.
    pub(super) fn raise(&self, model: &mut Model) {
        let raised = model.trim(Trim::BeforeSequence(self.log), 0);
        assert_eq!(raised.expect("below the tip"), self.log);
        for (prefix, floor) in &self.prefixes {
            model.raise(&PrefixFloor {
                prefix: prefix.clone(),
                floor: *floor,
            });
        }
        for (key, floor) in &self.keys {
            let deletion = Deletion {
                key: key.clone(),
                before: Some(*floor),
            };
            let raised = model.delete(&deletion).expect("below the tip");
            assert_eq!(raised, self.of_key(key));
        }
    }

    pub(super) fn assert_at_least(&self, acknowledged: &Self) {
        assert!(self.log >= acknowledged.log, "the floor of the log");
        for (key, floor) in &acknowledged.keys {
            assert!(self.of_key(key) >= *floor, "the floor of {key:?}");
        }
    }
}

impl Checked {
    /// Deletes, and compares the floor with what it asks for.
    pub(super) fn delete(&mut self, deletion: Deletion) -> std::result::Result<(), TestCaseError> {
        let log = &mut self.log;
        let tip = log.sequencer.tip();
        let written = log.writes.iter().filter_map(|w| w.key_floor.as_ref());
        let of_key = written.filter(|floor| floor.key == deletion.key);
        let of_key = of_key.map(|floor| floor.floor).max().unwrap_or_default();
        let in_force = log.in_force();
        let hidden = in_force.of_prefixes(&deletion.key).max(log.floor());
        let before = of_key.max(hidden);
        let read = self.read.take().filter(|(key, _)| *key == deletion.key);
        let answered = log.delete(&deletion, read.map(|(_, read)| read));
        let asked = deletion.before.unwrap_or(tip);
        if asked > tip {
            prop_assert!(matches!(answered, Err(Error::Invalid(_))), "{answered:?}");
            return Ok(());
        }
        let floor = answered.expect("deleted");
        prop_assert_eq!(floor.sequence, asked.max(before));
        let in_force = log.in_force().of_key(&deletion.key);
        let key = deletion.key;
        if floor.rests_on <= log.durable {
            prop_assert!(floor.sequence <= in_force);
            let acknowledged = self.acknowledged.keys.entry(key.clone()).or_default();
            *acknowledged = floor.sequence.max(*acknowledged);
        } else {
            // What the log hides already is deleted, too: its bytes go.
            let is_hidden = floor.sequence == hidden;
            prop_assert!(
                floor.sequence > in_force || is_hidden,
                "in force before it is durable"
            );
        }
        let row = self.log.purge_rows().remove(&key);
        let to_go = row.map_or(Sequence::ZERO, |row| row.floor);
        let gone = self.log.dropped.get(&key).copied().unwrap_or_default();
        prop_assert!(
            asked <= to_go.max(gone),
            "what is stored below {asked} stays"
        );
        Ok(())
    }
}

impl Log {
    /// Deletes; answers the floor of the key and what it rests on. `read` is its stored floor, if it was read before.
    pub(super) fn delete(
        &mut self,
        deletion: &Deletion,
        read: Option<(Sequence, u64)>,
    ) -> Result<Floor> {
        let mut read = read.unwrap_or_else(|| self.read_floor(&deletion.key));
        loop {
            match self.sequencer.plan_deletion(deletion, read, self.now_ms)? {
                DeletionStep::ReadAgain => read = self.read_floor(&deletion.key),
                DeletionStep::Floor(FloorStep::Written(floor)) => return Ok(floor),
                DeletionStep::Floor(FloorStep::Do(step)) => {
                    self.does(step);
                }
            }
        }
    }

    /// The stored floor of a key, and how many keys were purged before it was read.
    pub(super) fn read_floor(&self, key: &Key) -> (Sequence, u64) {
        (self.stored_floor(key), self.sequencer.purges())
    }

    pub(super) fn stored_floor(&self, key: &Key) -> Sequence {
        self.floor_rows().get(key).copied().unwrap_or_default()
    }

    /// The floors of keys that have a row.
    pub(super) fn floor_rows(&self) -> BTreeMap<Key, Sequence> {
        let mut rows = BTreeMap::new();
        for write in &self.writes {
            for key in &write.removal.floors {
                assert!(rows.remove(key).is_some(), "{key:?} has no floor");
            }
            if let Some(floor) = &write.key_floor {
                let before = rows.insert(floor.key.clone(), floor.floor);
                assert!(before < Some(floor.floor), "a floor goes back");
            }
        }
        rows
    }

    /// The rows that say that something is to be purged.
    pub(super) fn purge_rows(&self) -> BTreeMap<Key, KeyFloor> {
        let mut rows = BTreeMap::new();
        for write in &self.writes {
            for purged in &write.removal.purged {
                let row: Option<KeyFloor> = rows.remove(&purged.key);
                assert_eq!(row.map(|row| row.floor), Some(purged.floor));
            }
            let floor = write.key_floor.iter().cloned();
            rows.extend(floor.map(|floor| (floor.key.clone(), floor)));
        }
        rows
    }

    /// The floors in force, by all that was ever written.
    pub(super) fn in_force(&self) -> InForce {
        let mut keys = BTreeMap::new();
        let durable = self.writes.iter().filter(|w| w.number <= self.durable);
        for floor in durable.filter_map(|write| write.key_floor.as_ref()) {
            let is: &mut Sequence = keys.entry(floor.key.clone()).or_default();
            *is = floor.floor.max(*is);
        }
        InForce {
            log: self.floor(),
            keys,
            prefixes: self.prefixes_in_force(),
        }
    }

    /// The sequencer, with the rows for what it does not hold itself, knows what is in force.
    pub(super) fn assert_knows(&self, in_force: &InForce) {
        assert_eq!(self.sequencer.floor(), in_force.log);
        let floors = &self.sequencer.key_floors;
        for key in (0..40).map(key) {
            let known = match floors.newest(key.as_ref()) {
                Some(_) => floors.in_force(key.as_ref()).unwrap_or_default(),
                None => self.stored_floor(&key),
            };
            let of_prefixes = self.sequencer.prefix_floors.of_key(key.as_ref());
            let known = known.max(of_prefixes).max(in_force.log);
            assert_eq!(known, in_force.of_key(&key), "{key:?}");
        }
        let (purges, oldest) = floors.backlog();
        let rows = self.purge_rows();
        assert_eq!(purges, rows.len());
        assert_eq!(oldest, rows.values().map(|row| row.deleted_ms).min());
        for row in rows.values() {
            let newest = floors.newest(row.key.as_ref());
            assert_eq!(newest.map(|newest| newest.sequence), Some(row.floor));
        }
    }

    /// Nothing is stored below a floor once its row says that nothing is to be purged.
    pub(super) fn assert_purged(&self, removal: &Removal) {
        for purged in &removal.purged {
            let dropped = self.dropped.get(&purged.key).copied().unwrap_or_default();
            assert!(dropped >= purged.floor, "{purged:?} is stored");
        }
        for key in &removal.floors {
            assert!(
                self.stored_floor(key) <= self.floor(),
                "{key:?} is forgotten"
            );
        }
    }

    /// Whether the records of a key in a segment are deleted.
    pub(super) fn is_deleted(&self, key: &Key, segment: SegmentId) -> bool {
        let floor = self.in_force().of_key(key);
        let of_key = self.records().filter(|r| r.key == *key);
        let mut there = of_key.filter(|r| r.segment == segment);
        there.all(|record| record.sequence < floor)
    }

    /// What the directory lists of keys without anything to be purged has records that are neither dead nor deleted.
    pub(super) fn assert_listed_exactly(
        &self,
        listed: &BTreeSet<(Key, SegmentId)>,
        live: SegmentId,
    ) {
        let pending = self.purge_rows();
        for (key, segment) in listed {
            let is_exact = *segment >= live && !pending.contains_key(key);
            let in_force = self.stored_floor(key) <= self.in_force().of_key(key);
            assert!(
                !is_exact || !in_force || !self.is_deleted_in(key, *segment),
                "{key:?} is listed in {segment}"
            );
        }
    }

    /// Whether all records of a key in a segment are below the floor of the key.
    fn is_deleted_in(&self, key: &Key, segment: SegmentId) -> bool {
        let floor = self.in_force().keys.get(key).copied().unwrap_or_default();
        let of_key = self.records().filter(|r| r.key == *key);
        let mut there = of_key.filter(|r| r.segment == segment);
        there.all(|record| record.sequence < floor)
    }

    /// The records of a key that are counted: those since all of them were removed.
    pub(super) fn counted(&self, key: &Key) -> impl Iterator<Item = &super::log::Stored> {
        let removed = |write: &super::log::Write| write.removal.keys.contains(key);
        let from = self.writes.iter().rposition(removed).unwrap_or(0);
        let records = self.writes[from..].iter().flat_map(|write| &write.records);
        records.filter(move |stored| stored.key == *key)
    }

    /// Where a key stands in a segment, by what the engine holds.
    pub(super) fn position(&self, segment: SegmentId, key: &Key) -> Position {
        let in_segment = self.counted(key).filter(|stored| stored.segment == segment);
        let earlier = self.counted(key).filter(|stored| stored.segment < segment);
        Position {
            in_segment: in_segment.count() as u64,
            earlier: Some(earlier.count() as u64),
            number: self.number(segment, key),
        }
    }

    /// Where a key stands in a segment, counted from what is stored: the records that are left, and the directory.
    pub(super) fn stored_position(&self, segment: SegmentId, key: &Key) -> Position {
        let dropped = self.dropped.get(key).copied().unwrap_or_default();
        let in_segment = |segment: SegmentId| {
            let of_key = self.records().filter(|r| r.key == *key);
            let left = of_key.filter(|r| r.segment == segment && r.sequence >= dropped);
            left.last().map_or(0, |last| last.ordinal + 1)
        };
        let rows = self.directory().into_iter();
        let rows = rows.filter(|((of, row), _)| of == key && *row <= segment);
        let mut earlier = 0;
        let mut before = None;
        for ((_, row), number) in rows {
            let added = before.replace(row).map_or(0, in_segment);
            earlier = number.unwrap_or(earlier + added);
        }
        Position {
            in_segment: in_segment(segment),
            earlier: Some(earlier),
            number: self.number(segment, key),
        }
    }

    /// Takes the next step of the removal of what was deleted.
    pub(super) fn unlist(&mut self) {
        match std::mem::take(&mut self.unlist) {
            // One after the other.
            Unlist::Idle if !matches!(self.purge, Purge::Idle) => {}
            Unlist::Idle => self.begin(),
            Unlist::Watched(floors) => {
                let unlisted = floors.iter().map(|floor| self.unlisted(floor));
                let unlisted = unlisted.filter(|unlisted| !unlisted.rows.rows.is_empty());
                self.unlist = Unlist::Read(unlisted.collect(), floors);
            }
            Unlist::Read(unlisted, floors) => loop {
                let planned = self.sequencer.plan_unlisting(&unlisted);
                let RemovalStep { again, step } = planned.expect("in force");
                if step.is_none_or(|step| self.does(step)) {
                    let floors = floors.into_iter();
                    let again: Vec<_> = floors.filter(|f| again.contains(&f.key)).collect();
                    if !again.is_empty() {
                        self.watch_deleted(again);
                    }
                    return;
                }
            },
            Unlist::Dropped(floors) => loop {
                let step = self.sequencer.plan_purged(&floors).expect("not full");
                if step.is_none_or(|step| self.does(step)) {
                    return;
                }
            },
        }
    }

    fn begin(&mut self) {
        let mut floors: Vec<KeyFloor> = self.sequencer.key_floors.all_in_force().collect();
        floors.extend(self.hidden_by_prefixes());
        floors.sort_by(|a, b| a.key.cmp(&b.key));
        let is_listed = |floor: &&KeyFloor| !self.unlisted(floor).rows.rows.is_empty();
        let mut listed: Vec<_> = floors.iter().filter(is_listed).cloned().collect();
        if !listed.is_empty() {
            listed.truncate(TOGETHER);
            return self.watch_deleted(listed);
        }
        if !floors.is_empty() {
            // Records are dropped once it is durable that they are not listed.
            self.flush();
            for floor in &floors {
                let dropped = self.dropped.entry(floor.key.clone()).or_default();
                *dropped = floor.floor.max(*dropped);
            }
            self.unlist = Unlist::Dropped(floors);
            return;
        }
        let floor = self.sequencer.floor();
        let rows = self.floor_rows().into_iter();
        let passed = rows.filter(|(_, of_key)| *of_key <= floor);
        let keys: Vec<Key> = passed.map(|(key, _)| key).collect();
        loop {
            let step = self.sequencer.plan_forgotten(keys.clone());
            if step.expect("not full").is_none_or(|step| self.does(step)) {
                return;
            }
        }
    }

    fn watch_deleted(&mut self, floors: Vec<KeyFloor>) {
        let keys: Vec<Key> = floors.iter().map(|floor| floor.key.clone()).collect();
        self.sequencer.watch_deleted(&keys);
        self.unlist = Unlist::Watched(floors);
    }

    fn unlisted(&self, floor: &KeyFloor) -> Unlisted {
        let key = &floor.key;
        let rows = self.directory().into_iter();
        let rows: Vec<_> = rows.filter(|((of, _), _)| of == key).collect();
        let all = rows.iter().map(|((_, segment), _)| *segment);
        let deleted = all.take_while(|segment| {
            let mut there = self.counted(key).filter(|r| r.segment == *segment);
            there.all(|record| record.sequence < floor.floor)
        });
        let deleted: Vec<_> = deleted.take(ROWS).collect();
        let next = rows.get(deleted.len());
        let settled = next.and_then(|((key, segment), earlier)| {
            earlier.is_none().then(|| {
                let position = self.position(*segment, key);
                assert_eq!(self.stored_position(*segment, key), position);
                DirectoryEntry {
                    key: key.clone(),
                    segment: *segment,
                    number: self.numbers()[&(key.clone(), *segment)],
                    earlier: position.earlier,
                }
            })
        });
        Unlisted {
            rows: Doomed {
                key: key.clone(),
                rows: self.numbered(key, deleted),
                are_all: next.is_none(),
                settled,
            },
            floor: floor.floor,
        }
    }
}
