//! The driver of removals: a key or two at a time, with other steps in between.

use super::log::Log;
use super::*;
use crate::SegmentId;
use crate::segment::dead;

/// Keys that are removed together.
const TOGETHER: usize = 3;
/// Rows of a key that are removed together.
const ROWS: usize = 2;

/// How far a removal is.
#[derive(Debug, Default)]
pub(super) enum Purge {
    /// It has not begun.
    #[default]
    Idle,
    /// These keys are watched.
    Watched(Segment, Vec<Key>),
    /// These rows were read.
    Read(Segment, Vec<Doomed>),
}

impl Log {
    /// All segments that there ever were.
    pub(super) fn all_segments(&self) -> Vec<Segment> {
        self.writes.iter().filter_map(|w| w.new_segment).collect()
    }

    /// The keys that have a row that says that they have records. One is written as the store does it.
    pub(super) fn keys(&self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        for write in &self.writes {
            for key in &write.removal.keys {
                assert!(keys.remove(key), "{key:?} is not there");
            }
            let begun = write.records.iter().filter(|r| r.position.in_segment == 0);
            let new = begun.filter(|r| r.position.earlier.unwrap_or_default() == 0);
            keys.extend(new.map(|record| record.key.clone()));
        }
        keys
    }

    /// Takes the next step of a removal.
    pub(super) fn purge(&mut self) {
        match std::mem::take(&mut self.purge) {
            // One after the other.
            Purge::Idle if self.unlist.has_begun() => {}
            Purge::Idle => {
                let segments = self.segments();
                let dead = dead(&segments, self.sequencer.floor());
                let Some(newest) = dead.last() else { return };
                let first_left = segments[dead.len()];
                let rows = self.directory().into_keys();
                let mut keys: Vec<Key> = rows
                    .filter(|(_, segment)| *segment <= newest.id)
                    .map(|(key, _)| key)
                    .collect();
                keys.dedup();
                if keys.is_empty() {
                    let ids: Vec<_> = dead.iter().map(|segment| segment.id).collect();
                    return self.remove_segments(&ids, first_left);
                }
                keys.truncate(TOGETHER);
                self.watch(first_left, keys);
            }
            Purge::Watched(first_left, keys) => {
                let doomed = keys.iter().map(|key| self.doomed(key, first_left.id));
                self.purge = Purge::Read(first_left, doomed.collect());
            }
            Purge::Read(first_left, doomed) => {
                let again = self.remove(&doomed);
                let are_all = |key: &&Key| doomed.iter().any(|d| d.key == **key && d.are_all);
                assert!(again.iter().all(|key| are_all(&key)));
                if !again.is_empty() {
                    self.watch(first_left, again);
                }
            }
        }
    }

    fn watch(&mut self, first_left: Segment, keys: Vec<Key>) {
        self.sequencer.watch(&keys, first_left).expect("dead");
        self.purge = Purge::Watched(first_left, keys);
    }

    fn doomed(&self, key: &Key, first_left: SegmentId) -> Doomed {
        let rows = self.directory().into_iter();
        let rows: Vec<_> = rows.filter(|((of, _), _)| of == key).collect();
        let dead = rows.iter().map(|((_, segment), _)| *segment);
        let dead: Vec<_> = dead.filter(|s| *s < first_left).take(ROWS).collect();
        let next = rows.get(dead.len());
        let settled = next.and_then(|((key, segment), earlier)| {
            earlier.is_none().then(|| DirectoryEntry {
                key: key.clone(),
                segment: *segment,
                number: self.numbers()[&(key.clone(), *segment)],
                earlier: self.position(*segment, key).earlier,
            })
        });
        Doomed {
            key: key.clone(),
            rows: self.numbered(key, dead),
            are_all: next.is_none(),
            settled,
        }
    }

    fn remove(&mut self, doomed: &[Doomed]) -> Vec<Key> {
        loop {
            let planned = self.sequencer.plan_removal(doomed).expect("dead");
            if planned.step.is_none_or(|step| self.does(step)) {
                return planned.again;
            }
        }
    }

    fn remove_segments(&mut self, ids: &[SegmentId], first_left: Segment) {
        loop {
            let step = self.sequencer.plan_removal_of_segments(ids, first_left);
            if self.does(step.expect("dead")) {
                return;
            }
        }
    }
}

/// A log with a record of key 1 in segment 1, whose segments are sealed by the next append after a second.
fn sealing() -> Log {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        ..policy(1 << 20)
    });
    append(&mut log, &[1, 2]);
    log
}

/// Appends a record of each of these keys.
fn append(log: &mut Log, keys: &[u8]) {
    let number = log.commands.len() as u64;
    log.commands.insert(number, batch(keys, number).into());
    let mut outcome = log.run(&[number]);
    while outcome.judged.is_empty() {
        let ready = log.look_up(0, false);
        outcome = log.run(&ready);
    }
}

/// Trims everything but the newest segment.
fn trim(log: &mut Log) {
    let newest = log.segments().last().copied().expect("a segment");
    log.trim(Trim::BeforeSequence(newest.start))
        .expect("trimmed");
    log.flush();
}

/// Takes all steps of all removals that are due.
fn purge_all(log: &mut Log) {
    while !dead(&log.segments(), log.sequencer.floor()).is_empty() {
        log.purge();
    }
}

#[test]
fn the_first_row_that_stays_says_how_many_records_were_before_it() {
    let mut log = sealing();
    log.now_ms += 1_000;
    append(&mut log, &[2]);
    log.flush();
    log.crash();
    // A writer that knows no key leaves the rows of the next segments open.
    for _ in 0..2 {
        log.now_ms += 1_000;
        append(&mut log, &[1]);
        log.flush();
        log.crash();
    }
    let open = [((key(1), 3), None), ((key(1), 4), None)];
    let of_first = |log: &Log| -> Vec<_> {
        let rows = log.directory().into_iter();
        rows.filter(|((of, _), _)| *of == key(1)).collect()
    };
    assert_eq!(of_first(&log)[1..], open);
    let before = log.segments()[2].start;
    log.trim(Trim::BeforeSequence(before)).expect("trimmed");
    log.flush();
    purge_all(&mut log);
    assert_eq!(
        of_first(&log),
        [((key(1), 3), Some(1)), ((key(1), 4), None)]
    );
    assert_eq!(log.segments()[0].id, 3);
    let rest: Vec<_> = log.directory().into_keys().map(|(key, _)| key).collect();
    assert!(!rest.contains(&key(2)), "it has no record any more");
}

#[test]
fn a_key_without_records_is_forgotten_and_counted_from_its_next_one() {
    let mut log = sealing();
    log.now_ms += 1_000;
    append(&mut log, &[3]);
    trim(&mut log);
    purge_all(&mut log);
    let rows: Vec<_> = log.directory().into_keys().collect();
    assert_eq!(rows, [(key(3), 2)], "the newest segment stays");
    log.now_ms += 1_000;
    append(&mut log, &[1, 3]);
    assert_eq!(log.directory()[&(key(1), 3)], Some(0));
    assert_eq!(log.directory()[&(key(3), 3)], Some(1));
}

#[test]
fn a_key_that_gets_a_row_while_its_rows_are_read_keeps_them_until_they_are_read_again() {
    let mut log = sealing();
    log.now_ms += 1_000;
    append(&mut log, &[3]);
    trim(&mut log);
    log.purge();
    log.purge();
    assert!(matches!(&log.purge, Purge::Read(_, doomed) if doomed.iter().all(|d| d.are_all)));
    append(&mut log, &[1]);
    log.purge();
    assert!(matches!(&log.purge, Purge::Watched(_, keys) if *keys == [key(1)]));
    let listed: Vec<_> = log.directory().into_keys().collect();
    assert_eq!(listed, [(key(1), 1), (key(1), 2), (key(3), 2)]);
    purge_all(&mut log);
    assert_eq!(log.directory()[&(key(1), 2)], Some(1));
}

#[test]
fn a_lookup_that_read_what_was_removed_since_brings_nothing_back() {
    let mut log = sealing();
    log.now_ms += 1_000;
    append(&mut log, &[3]);
    log.flush();
    // After a crash in mid-segment nothing is known of a key.
    log.crash();
    let waits = log.commands.len() as u64;
    log.commands.insert(waits, batch(&[1], waits).into());
    assert!(log.run(&[waits]).judged.is_empty());
    log.read(0);
    trim(&mut log);
    purge_all(&mut log);
    let ready = log.look_up(0, false);
    assert_eq!(log.run(&ready).placed(), [waits]);
    assert_eq!(log.directory()[&(key(1), 2)], Some(0));
}

#[test]
fn nothing_above_the_floor_in_force_is_removed() {
    let mut log = sealing();
    log.now_ms += 1_000;
    append(&mut log, &[1]);
    let tip = log.sequencer.tip();
    log.trim(Trim::BeforeSequence(tip)).expect("trimmed");
    let second = log.segments()[1];
    // It is not durable yet.
    assert!(log.sequencer.watch(&[key(1)], second).is_err());
    assert!(
        log.sequencer
            .plan_removal_of_segments(&[1], second)
            .is_err()
    );
    log.flush();
    log.sequencer.watch(&[key(1)], second).expect("dead");
    let mut doomed = log.doomed(&key(1), second.id);
    assert!(log.sequencer.plan_removal(&[doomed.clone()]).is_ok());
    doomed.rows.push((second.id, 0));
    assert!(log.sequencer.plan_removal(&[doomed]).is_err());
    assert!(
        log.sequencer
            .plan_removal_of_segments(&[2], second)
            .is_err()
    );
}
