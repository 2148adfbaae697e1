//! The numbers of keys, by what the engine holds.

use super::log::{Log, Write};
use super::*;

impl Log {
    /// All numbers that were given, in order.
    fn given(&self) -> impl Iterator<Item = (SegmentId, u32, &Key)> {
        let records = self.records();
        let new = records.filter(|record| record.position.number.is_none());
        let mut seen = BTreeSet::new();
        new.filter(move |record| seen.insert((record.segment, record.number)))
            .map(|record| (record.segment, record.number, &record.key))
    }

    /// The numbers of the keys that the directory lists.
    pub(super) fn numbers(&self) -> BTreeMap<(Key, SegmentId), u32> {
        let mut numbers = BTreeMap::new();
        for write in &self.writes {
            for row in &write.removal.directory {
                numbers.remove(row);
            }
            let entries = write.directory.iter();
            numbers.extend(entries.map(|e| ((e.key.clone(), e.segment), e.number)));
        }
        numbers
    }

    /// The number of a key that the directory lists in a segment.
    pub(super) fn number(&self, segment: SegmentId, key: &Key) -> Option<u32> {
        let newest = self.writes.iter().rev().find_map(|write| {
            let mut entries = write.directory.iter();
            let entry = entries.find(|e| e.segment == segment && e.key == *key);
            let is_removed = || write.removal.directory.contains(&(key.clone(), segment));
            let number = entry.map(|entry| Some(entry.number));
            number.or_else(|| is_removed().then_some(None))
        });
        newest.flatten()
    }

    /// Rows of the directory with their numbers.
    pub(super) fn numbered(&self, key: &Key, segments: Vec<SegmentId>) -> Vec<(SegmentId, u32)> {
        let numbers = self.numbers();
        let segments = segments.into_iter();
        segments
            .map(|segment| (segment, numbers[&(key.clone(), segment)]))
            .collect()
    }

    /// The names that are stored.
    fn names(&self) -> BTreeMap<(SegmentId, u32), Key> {
        let given = self.given().map(|(id, number, key)| ((id, number), key));
        let mut names: BTreeMap<_, _> = given.map(|(name, key)| (name, key.clone())).collect();
        for name in self.writes.iter().flat_map(|w| &w.removal.names) {
            assert!(names.remove(name).is_some(), "{name:?} has no name");
        }
        names
    }

    /// What comes next is numbered right: new keys get the numbers after the last one, and all others keep theirs.
    pub(super) fn assert_numbered(&self, write: &Write) {
        let before = self.numbers();
        let segment = write.records.first().map(|record| record.segment);
        let of_segment = |(id, number, key)| (Some(id) == segment).then_some((number, key));
        let mut given: BTreeMap<u32, &Key> = self.given().filter_map(of_segment).collect();
        for record in &write.records {
            let name = (record.key.clone(), record.segment);
            match record.position.number {
                Some(number) => {
                    assert_eq!(number, record.number);
                    assert_eq!(before.get(&name), Some(&number), "{record:?}");
                }
                None => assert_eq!(before.get(&name), None, "{record:?}"),
            }
            let is_named = given.entry(record.number).or_insert(&record.key);
            assert_eq!(*is_named, &record.key, "a number is given twice");
        }
        if segment.is_some() {
            let all = given.keys().copied();
            assert!(all.eq(0..write.state.numbers), "{given:?}");
        }
        for entry in &write.directory {
            let name = (entry.key.clone(), entry.segment);
            if let Some(number) = before.get(&name) {
                assert_eq!(entry.number, *number, "{entry:?}");
            }
        }
    }

    /// Names and directory agree, but for segments below the floor: their rows of the directory go first.
    pub(super) fn assert_named(&self) {
        let names = self.names();
        let numbers = self.numbers();
        for ((key, segment), number) in &numbers {
            assert_eq!(names.get(&(*segment, *number)), Some(key));
        }
        let segments = self.segments();
        let dead = crate::segment::dead(&segments, self.floor());
        let first_left = segments.get(dead.len()).map_or(0, |segment| segment.id);
        let left = names.keys().filter(|(segment, _)| *segment >= first_left);
        let listed = numbers.keys();
        let listed = listed.filter(|(_, segment)| *segment >= first_left);
        assert_eq!(left.count(), listed.count(), "{names:?}, {numbers:?}");
    }
}

#[test]
fn numbers_go_on_after_a_crash_and_begin_anew_in_the_next_segment() {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        ..policy(1 << 20)
    });
    let append = |log: &mut Log, keys: &[u8]| {
        let number = log.commands.len() as u64;
        log.commands.insert(number, batch(keys, number).into());
        let mut outcome = log.run(&[number]);
        while outcome.judged.is_empty() {
            let ready = log.look_up(0, false);
            outcome = log.run(&ready);
        }
        let records = log.writes.last().expect("a write").records.iter();
        records.map(|record| record.number).collect::<Vec<_>>()
    };
    assert_eq!(append(&mut log, &[7, 8, 7, 9]), [0, 1, 0, 2]);
    log.flush();
    assert_eq!(append(&mut log, &[1]), [3]);
    // What was not durable never was.
    log.crash();
    assert_eq!(append(&mut log, &[2, 9]), [3, 2]);
    log.close();
    assert_eq!(append(&mut log, &[9, 3, 2]), [2, 4, 3]);
    log.now_ms += 1_000;
    assert_eq!(append(&mut log, &[9, 3, 9]), [0, 1, 0]);
    // A log that was trimmed as a whole has a segment without keys.
    log.now_ms += 60_000;
    log.trim(Trim::BeforeSequence(log.sequencer.tip()))
        .expect("trimmed");
    log.flush();
    log.crash();
    assert_eq!(append(&mut log, &[4, 9]), [0, 1]);
}
