//! The checker of read-only servers: pages of a log that only grows pass, and each kind of damage is found.

use super::correct::correct;
use crate::checks::{Facts, FinalLog, check};
use crate::history::{
    Call, History, Moment, Named, Operation, Outcome, ReplicaCall, ReplicaCount, Seen, headers_of,
    key,
};

const NODE: &str = "read-1";

fn named(sequence: u64) -> Named {
    let value = format!("v{sequence}:");
    Named {
        key: key(0),
        seen: Seen {
            sequence,
            headers: headers_of(&value),
            value,
            timestamp_ms: 0,
        },
    }
}

/// A log of three records, and a read-only server that shows two of them, then all.
fn read() -> (History, FinalLog, Facts) {
    let (_, _, facts) = correct(&[]);
    let mut log = FinalLog::default();
    let records = (0..3).map(|sequence| named(sequence).seen);
    log.records.insert(key(0), records.collect());
    log.tip = 3;
    let mut history = History::default();
    let pages = [
        (0, None, vec![0, 1], 2),
        (2, Some(2), vec![], 2),
        (2, Some(3), vec![2], 3),
        (3, None, vec![], 3),
    ];
    for (start, at_least, sequences, next) in pages {
        let id = history.operations.len();
        let at = |index: u64| Moment {
            index: 2 * id as u64 + index,
            ms: 0,
        };
        let page = Outcome::Named {
            values: sequences.into_iter().map(named).collect(),
            next,
            trimmed: None,
            more: false,
        };
        history.operations.push(Operation {
            id,
            client: "client".into(),
            node: NODE.into(),
            called: at(0),
            call: Call::Replica(ReplicaCall {
                start,
                at_least,
                follow_ms: None,
            }),
            answered: Some((at(1), page)),
        });
    }
    (history, log, facts)
}

fn found(damage: impl FnOnce(&mut Vec<Named>, &mut u64), page: usize) -> usize {
    found_of_trimmed(damage, page, None)
}

/// The same, of a log that is trimmed below a sequence, as that page tells.
fn found_of_trimmed(
    damage: impl FnOnce(&mut Vec<Named>, &mut u64),
    page: usize,
    told: Option<(usize, u64)>,
) -> usize {
    let (mut history, mut log, mut facts) = read();
    // Nothing else trims.
    (facts.max_age_ms, facts.max_bytes, facts.rule) = (None, None, None);
    if let Some((_, Outcome::Named { values, next, .. })) = &mut history.operations[page].answered {
        damage(values, next);
    }
    if let Some((page, floor)) = told {
        log.floor = floor;
        let records = log.records.values_mut();
        records.for_each(|records| records.retain(|seen| seen.sequence >= floor));
        if let Some((_, Outcome::Named { trimmed, .. })) = &mut history.operations[page].answered {
            *trimmed = Some(floor);
        }
    }
    let violations = check(&history, &log, facts).into_iter();
    violations
        .filter(|found| found.checker == "replicas")
        .count()
}

#[test]
fn what_a_read_only_server_must_not_show_is_found() {
    assert_eq!(found(|_, _| {}, 0), 0, "nothing is wrong");
    assert!(
        found(|values, _| drop(values.pop()), 0) > 0,
        "a record is missing"
    );
    assert!(
        found(|values, _| values.push(named(7)), 2) > 0,
        "one that the log does not end up with"
    );
    assert!(found(|_, next| *next = 1, 3) > 0, "it goes back");
    assert!(found(|_, next| *next = 1, 1) > 0, "less than was required");
    let nothing = |_: &mut Vec<Named>, _: &mut u64| {};
    assert_eq!(
        found_of_trimmed(nothing, 0, Some((1, 2))),
        0,
        "records that are trimmed later"
    );
    assert!(
        found_of_trimmed(|values, _| values.insert(0, named(1)), 2, Some((1, 2))) > 0,
        "a record that was said to be trimmed"
    );
    assert!(
        found_of_trimmed(nothing, 0, Some((0, 1))) > 0,
        "a record that the same page says is trimmed"
    );
}

/// What is found of one more operation, which is asked from 1,000 ms to 3,500 ms.
fn found_of(call: Call, outcome: Outcome) -> usize {
    let (mut history, log, facts) = read();
    let id = history.operations.len();
    let at = |index: u64, ms: u64| Moment {
        index: 2 * id as u64 + index,
        ms,
    };
    history.operations.push(Operation {
        id,
        client: "client".into(),
        node: NODE.into(),
        called: at(0, 1_000),
        call,
        answered: Some((at(1, 3_500), outcome)),
    });
    let violations = check(&history, &log, facts).into_iter();
    violations
        .filter(|found| found.checker == "replicas")
        .count()
}

#[test]
fn a_follower_that_sleeps_on_and_a_wrong_count_are_found() {
    let follow = |start: u64| {
        let call = Call::Replica(ReplicaCall {
            start,
            at_least: None,
            follow_ms: Some(2_500),
        });
        let nothing = Outcome::Named {
            values: Vec::new(),
            next: 3,
            trimmed: None,
            more: false,
        };
        found_of(call, nothing)
    };
    assert_eq!(follow(3), 0, "there is nothing new");
    assert!(follow(2) > 0, "something was shown to another one");
    let count = |below: u64, count: u64| {
        let call = Call::ReplicaCount(ReplicaCount { key: key(0), below });
        let told = Outcome::Count {
            count,
            trimmed: None,
        };
        found_of(call, told)
    };
    assert_eq!(count(3, 3) + count(2, 2), 0);
    assert!(count(3, 2) > 0 && count(2, 3) > 0);
}
