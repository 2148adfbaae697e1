//! The checker of cursors: what a correct consumer leaves passes, and each kind of damage is found.

use std::collections::BTreeMap;

use super::correct::correct;
use crate::checks::{Facts, FinalLog, check};
use crate::history::{
    Call, History, Moment, Move, Operation, Outcome, RESULTS, Safety, Seen, Sent, headers_of, key,
    made_of,
};

/// Two records of the first key, of which two appends have made something; and a cursor that is moved alone.
fn consumed() -> (History, FinalLog, Facts) {
    let (_, _, facts) = correct(&[]);
    let mut history = History::default();
    let mut asked = |call: Call, outcome: Outcome| {
        let id = history.operations.len();
        let at = |index: u64| Moment {
            index: 2 * id as u64 + index,
            ms: 0,
        };
        history.operations.push(Operation {
            id,
            client: "client".into(),
            node: super::correct::NODE.into(),
            called: at(0),
            call,
            answered: Some((at(1), outcome)),
        });
    };
    let mut records: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    let mut sequence = 0;
    let mut append = |key: String, value: String, moves: Vec<Move>| {
        let seen = Seen {
            sequence,
            headers: headers_of(&value),
            value: value.clone(),
            timestamp_ms: 0,
        };
        records.entry(key.clone()).or_default().push(seen);
        let outcome = Outcome::Appended {
            start: sequence,
            count: 1,
        };
        sequence += 1;
        let safety = Safety {
            moves,
            ..Safety::default()
        };
        let call = Call::Append {
            records: vec![Sent { key, value }],
            durable: true,
            safety,
        };
        (call, outcome)
    };
    for number in 0..2 {
        let (call, outcome) = append(key(0), format!("v{number}:"), Vec::new());
        asked(call, outcome);
    }
    let to = |name: &str, from: u64| Move {
        name: name.into(),
        position: from + 1,
        expected: Some(from),
    };
    for from in 0..2 {
        let value = made_of(&format!("r{from}"), "c0", from);
        let (call, outcome) = append(key(RESULTS), value, vec![to("c0", from)]);
        asked(call, outcome);
        let position = Some(from + 1);
        asked(
            Call::PutCursor(to("p0", from)),
            Outcome::Cursor { position },
        );
    }
    let name = "c0".to_owned();
    asked(
        Call::GetCursor { name },
        Outcome::Cursor { position: Some(2) },
    );
    let log = FinalLog {
        records,
        tip: 4,
        cursors: [("c0".to_owned(), 2), ("p0".to_owned(), 2)].into(),
        ..FinalLog::default()
    };
    (history, log, facts)
}

fn found(damage: impl FnOnce(&mut History, &mut FinalLog)) -> Vec<String> {
    let (mut history, mut log, facts) = consumed();
    damage(&mut history, &mut log);
    let all = check(&history, &log, facts).into_iter();
    let of_cursors = all.filter(|violation| violation.checker == "cursors");
    of_cursors.map(|violation| violation.message).collect()
}

#[test]
fn what_correct_consumers_leave_passes() {
    assert_eq!(found(|_, _| {}), [""; 0]);
}

#[test]
fn each_kind_of_damage_to_cursors_is_found() {
    let cursor = |log: &mut FinalLog, name: &str, position: u64| {
        log.cursors.insert(name.into(), position);
    };
    let is_found = |wrong: Vec<String>, says: &str| {
        assert!(
            wrong.iter().any(|line| line.contains(says)),
            "{wrong:?} does not say {says}"
        );
    };
    is_found(
        found(|_, log| cursor(log, "p0", 1)),
        "it is at 1 in the end",
    );
    is_found(
        found(|_, log| {
            log.cursors.remove("p0");
        }),
        "it is at 0 in the end",
    );
    // The move is there without what was made, and the other way round.
    is_found(
        found(|_, log| drop(log.records.get_mut(&key(RESULTS)).expect("results").pop())),
        "made 0 times",
    );
    is_found(found(|_, log| cursor(log, "c0", 1)), "not below the cursor");
    is_found(
        found(|_, log| {
            let results = log.records.get_mut(&key(RESULTS)).expect("results");
            let mut again = results[0].clone();
            again.value = made_of("again", "c0", 0);
            results.push(again);
        }),
        "made 2 times",
    );
    is_found(
        found(|history, _| {
            let again = history.operations.iter().find(|operation| {
                matches!(&operation.call, Call::PutCursor(moved) if moved.expected == Some(1))
            });
            let again = again.expect("a move").clone();
            history.operations.push(again);
        }),
        "both have moved",
    );
    is_found(
        found(|history, _| {
            let (mut lives, _, _) = correct(&[]);
            history.lives.append(&mut lives.lives);
            for life in &mut history.lives {
                (life.started, life.ended) = (Moment { index: 0, ms: 0 }, None);
            }
            history.lives.truncate(1);
            for operation in &mut history.operations {
                operation.called.index += 1;
                operation.answered.as_mut().expect("answered").0.index += 1;
            }
            let read = history.operations.last_mut().expect("a read");
            read.answered.as_mut().expect("answered").1 = Outcome::Cursor { position: Some(1) };
        }),
        "it was at 2 before",
    );
}
