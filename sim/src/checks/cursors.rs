//! Cursors: moves that are told are kept, from one position only one is made, and what is made of records is there with the move.

use std::collections::BTreeMap;

use super::View;
use crate::history::{
    Call, Moment, Move, Operation, Outcome, RESULTS, consumed_by, key, origin_of,
};

pub(super) fn cursors(view: &View<'_>) -> Vec<String> {
    let told: Vec<Told<'_>> = view
        .history
        .operations
        .iter()
        .flat_map(durable_moves)
        .collect();
    let mut wrong = lost(view, &told);
    wrong.extend(made_twice(&told));
    wrong.extend(read_before(view, &told));
    wrong.extend(not_once(view));
    wrong
}

/// A move that was acknowledged as durable.
struct Told<'a> {
    operation: &'a Operation,
    when: Moment,
    moved: &'a Move,
}

fn durable_moves(operation: &Operation) -> Vec<Told<'_>> {
    let Some((when, outcome)) = &operation.answered else {
        return Vec::new();
    };
    let moves = match (&operation.call, outcome) {
        (Call::PutCursor(moved), Outcome::Cursor { .. }) => std::slice::from_ref(moved),
        (
            Call::Append {
                durable: true,
                safety,
                ..
            },
            Outcome::Appended { .. },
        ) => &safety.moves[..],
        _ => &[],
    };
    let told = moves.iter().map(|moved| Told {
        operation,
        when: *when,
        moved,
    });
    told.collect()
}

/// Cursors that are before a position that was told. Consumers only move them forward.
fn lost(view: &View<'_>, told: &[Told<'_>]) -> Vec<String> {
    let lost = told.iter().filter_map(|told| {
        let Move { name, position, .. } = told.moved;
        let found = view.log.cursors.get(name).copied().unwrap_or(0);
        (found < *position).then(|| {
            format!(
                "#{} was told that {name:?} is at {position}, and it is at {found} in the end",
                told.operation.id
            )
        })
    });
    lost.collect()
}

/// Moves from the same position that were both told.
fn made_twice(told: &[Told<'_>]) -> Vec<String> {
    let mut first: BTreeMap<(&str, u64), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for told in told {
        let (Move { name, expected, .. }, id) = (told.moved, told.operation.id);
        let Some(expected) = expected else {
            continue;
        };
        if let Some(other) = first.insert((name, *expected), id) {
            wrong.push(format!(
                "#{other} and #{id} both have moved {name:?} from {expected}"
            ));
        }
    }
    wrong
}

/// Readers that were told an earlier position than their server must know.
fn read_before(view: &View<'_>, told: &[Told<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        let (Call::GetCursor { name }, Some(Outcome::Cursor { position })) =
            (&operation.call, operation.outcome())
        else {
            continue;
        };
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let known = told.iter().filter(|told| {
            let by = view.history.life_of(told.operation);
            let own = by.is_some_and(|by| by.id == life.id) && told.when < operation.called;
            told.moved.name == *name && (own || told.when < life.started)
        });
        let at_least = known.map(|told| told.moved.position).max().unwrap_or(0);
        if position.unwrap_or(0) < at_least {
            wrong.push(format!(
                "#{} found {name:?} at {position:?}, and it was at {at_least} before",
                operation.id
            ));
        }
    }
    wrong
}

/// Records below a cursor of which nothing was made, or more than once; and others of which something was.
fn not_once(view: &View<'_>) -> Vec<String> {
    let mut made: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for seen in view.log.of(&key(RESULTS)) {
        if let Some(origin) = origin_of(&seen.value) {
            *made.entry(origin).or_default() += 1;
        }
    }
    let mut wrong = Vec::new();
    for (name, position) in &view.log.cursors {
        let Some((number, true)) = consumed_by(name) else {
            continue;
        };
        for seen in view.log.between(&key(number), 0, *position) {
            let times = made.remove(&(name.as_str(), seen.sequence)).unwrap_or(0);
            if times != 1 {
                wrong.push(format!(
                    "{name:?} is at {position}, and of {seen:?} something was made {times} times"
                ));
            }
        }
    }
    wrong.extend(made.into_iter().map(|((name, sequence), times)| {
        format!("something was made of {sequence} at {name:?} {times} times, which is not below the cursor")
    }));
    wrong
}
