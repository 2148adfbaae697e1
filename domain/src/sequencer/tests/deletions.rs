//! Deletions of keys, case by case.

use super::deleted::Unlist;
use super::log::{Log, Outcome};
use super::*;
use crate::Deletion;

/// A log with records of keys 1, 2 and 1, a table with room for all, and key 1 deleted and purged at 3.
fn purged() -> Log {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[1, 2, 1], 0).into());
    log.run(&[0]);
    delete(&mut log, None);
    log.flush();
    purge_all(&mut log);
    log
}

fn delete(log: &mut Log, before: Option<u64>) -> Floor {
    let deletion = Deletion {
        key: key(1),
        before: before.map(Sequence::new),
    };
    log.delete(&deletion, None).expect("deleted")
}

fn purge_all(log: &mut Log) {
    while !log.purge_rows().is_empty() {
        log.unlist();
    }
}

/// What is decided of an append that wants no record of key 1 since this sequence.
fn rejection(log: &mut Log, since: u64) -> Option<Rejection> {
    let precondition = Precondition {
        key: key(1),
        no_record_since: Sequence::new(since),
    };
    let number = log.commands.len() as u64;
    let append = Append::new(batch(&[2], number), vec![precondition], None);
    log.commands.insert(number, append.expect("an append"));
    let mut outcome = log.run(&[number]);
    while outcome.judged.is_empty() {
        let ready = log.look_up(0, false);
        outcome = log.run(&ready);
    }
    match outcome.judged.remove(0).outcome {
        Ok(_) => None,
        Err(Error::Rejected(why)) => Some(*why),
        Err(error) => panic!("{error}"),
    }
}

fn trimmed(since: u64, before: u64) -> Option<Rejection> {
    Some(Rejection::Trimmed {
        key: key(1).as_bytes().clone(),
        no_record_since: Sequence::new(since),
        trimmed_before: Sequence::new(before),
    })
}

#[test]
fn a_precondition_is_told_the_floor_of_a_key_that_was_purged() {
    let mut log = purged();
    assert_eq!(rejection(&mut log, 1), trimmed(1, 3));
    log.flush();
    log.crash();
    // The writer has forgotten the key.
    assert_eq!(rejection(&mut log, 2), trimmed(2, 3));
    assert_eq!(rejection(&mut log, 0), None, "it has no record");
    assert_eq!(rejection(&mut log, 3), None, "nothing of it was deleted");
}

#[test]
fn a_precondition_below_both_floors_is_told_the_higher_one() {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[1], 0).into());
    log.run(&[0]);
    log.close();
    log.commands.insert(1, batch(&[2, 2, 2], 1).into());
    while log.run(&[1]).judged.is_empty() {
        log.look_up(0, false);
    }
    delete(&mut log, None);
    log.flush();
    purge_all(&mut log);
    log.trim(Trim::BeforeSequence(Sequence::new(2)))
        .expect("trimmed");
    log.flush();
    // No lookup is needed to know that the key has no record at or above the floor of the log.
    assert_eq!(rejection(&mut log, 1), trimmed(1, 4));
}

#[test]
fn a_floor_stays_in_force_while_a_higher_one_is_not_durable() {
    let mut log = purged();
    log.commands.insert(1, batch(&[1, 2], 1).into());
    log.run(&[1]);
    let floor = delete(&mut log, Some(4));
    assert_eq!(floor.sequence.get(), 4);
    assert!(floor.rests_on > log.durable);
    assert_eq!(delete(&mut log, Some(2)), floor, "a floor never goes back");
    let in_force = log.in_force();
    assert_eq!(in_force.of_key(&key(1)).get(), 3);
    log.assert_knows(&in_force);
    let conflict = rejection(&mut log, 0);
    assert!(
        matches!(conflict, Some(Rejection::Conflict { .. })),
        "{conflict:?}"
    );
    log.crash();
    assert_eq!(log.in_force().of_key(&key(1)).get(), 3);
}

#[test]
fn a_key_that_gets_a_record_while_its_rows_are_read_keeps_them() {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[1, 2], 0).into());
    log.run(&[0]);
    delete(&mut log, None);
    log.flush();
    log.unlist();
    log.unlist();
    assert!(matches!(&log.unlist, Unlist::Read(unlisted, _) if unlisted[0].rows.are_all));
    log.commands.insert(1, batch(&[1], 1).into());
    log.run(&[1]);
    purge_all(&mut log);
    let listed: Vec<_> = log.directory().into_keys().collect();
    assert_eq!(listed, [(key(1), 1), (key(2), 1)]);
    // Its records are counted on: the row that was cut had two of them.
    assert_eq!(log.stored_position(1, &key(1)).in_segment, 2);
}

#[test]
fn a_key_that_is_written_all_the_time_loses_its_rows_nevertheless() {
    let mut log = open_rows(3);
    delete(&mut log, None);
    log.flush();
    for number in 3..12 {
        log.unlist();
        log.commands.insert(number, batch(&[1], number).into());
        log.run(&[number]);
    }
    let listed: Vec<_> = log.directory().into_keys().collect();
    assert_eq!(listed, [(key(1), 4)]);
}

/// A log with a record of key 1 in each of so many segments. Only the row of the first one says how many records are before it.
fn open_rows(segments: u64) -> Log {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        ..policy(1 << 20)
    });
    for number in 0..segments {
        log.commands.insert(number, batch(&[1], number).into());
        log.run(&[number]);
        log.flush();
        if number + 1 < segments {
            log.crash();
        }
        log.now_ms += 1_000;
    }
    let last = log.directory().into_values().next_back();
    assert_eq!(last, Some(None));
    log
}

#[test]
fn what_was_found_out_of_a_row_before_it_was_removed_does_not_bring_it_back() {
    let mut log = open_rows(2);
    log.settle();
    delete(&mut log, None);
    log.flush();
    purge_all(&mut log);
    assert!(log.directory().is_empty());
    // What was read before is reported now.
    log.settle();
    log.commit_without_records();
    assert!(log.directory().is_empty());
}

#[test]
fn what_is_to_be_written_of_a_row_when_it_is_removed_is_not_written() {
    let mut log = open_rows(2);
    log.settle();
    delete(&mut log, None);
    log.flush();
    log.unlist();
    // It waits for the next commit.
    log.settle();
    purge_all(&mut log);
    assert!(log.directory().is_empty());
}

#[test]
fn a_lookup_that_read_the_floor_of_a_key_before_it_was_purged_is_asked_again() {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[2, 2, 2], 0).into());
    log.run(&[0]);
    log.flush();
    log.crash();
    let precondition = Precondition {
        key: key(1),
        no_record_since: Sequence::new(1),
    };
    let conditional = Append::new(batch(&[2], 1), vec![precondition], None);
    log.commands.insert(1, conditional.expect("an append"));
    assert!(log.run(&[1]).judged.is_empty());
    log.read(0);
    let floor = delete(&mut log, Some(3)).sequence.get();
    log.flush();
    purge_all(&mut log);
    let mut outcome = Outcome::default();
    while outcome.judged.is_empty() {
        let ready = log.look_up(0, false);
        outcome = log.run(&ready);
    }
    let found = outcome.judged.remove(0).outcome;
    assert!(
        matches!(&found, Err(Error::Rejected(why)) if Some(&**why) == trimmed(1, floor).as_ref()),
        "{found:?}"
    );
}

#[test]
fn a_floor_that_was_read_before_the_key_was_purged_is_read_again() {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[1, 2, 1], 0).into());
    log.run(&[0]);
    let read = log.read_floor(&key(1));
    let highest = delete(&mut log, None).sequence;
    log.flush();
    purge_all(&mut log);
    let lower = Deletion {
        key: key(1),
        before: Some(Sequence::new(2)),
    };
    let floor = log.delete(&lower, Some(read)).expect("deleted");
    assert_eq!(floor.sequence, highest);
    assert!(log.purge_rows().is_empty(), "nothing more is deleted");
}

#[test]
fn what_a_trim_hides_in_a_segment_that_stays_is_purged_when_it_is_deleted() {
    let mut log = Log::new(policy(1 << 20));
    log.commands.insert(0, batch(&[1, 2, 1], 0).into());
    log.run(&[0]);
    log.trim(Trim::BeforeSequence(Sequence::new(3)))
        .expect("trimmed");
    log.flush();
    for before in [Some(2), None] {
        let floor = delete(&mut log, before);
        assert_eq!(floor.sequence.get(), 3, "that of the log");
        assert!(floor.rests_on > log.durable, "a crash may take it back");
        let row = log.purge_rows().remove(&key(1));
        assert_eq!(row.map(|row| row.floor.get()), Some(before.unwrap_or(3)));
        log.flush();
        assert_eq!(
            delete(&mut log, before).rests_on,
            log.durable.min(floor.rests_on)
        );
    }
    purge_all(&mut log);
    let rows: Vec<_> = log.directory().into_keys().collect();
    assert_eq!(rows, [(key(2), 1)]);
}

#[test]
fn the_floor_of_a_key_is_forgotten_once_that_of_the_log_is_as_high() {
    let mut log = purged();
    for (before, rows) in [(2, 1), (3, 0)] {
        log.trim(Trim::BeforeSequence(Sequence::new(before)))
            .expect("trimmed");
        log.flush();
        log.unlist();
        assert_eq!(log.floor_rows().len(), rows, "{before}");
    }
    log.flush();
    log.crash();
    assert_eq!(rejection(&mut log, 1), trimmed(1, 3));
}
