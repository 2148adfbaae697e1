//! What can be wrong with reads of several keys.

use super::{Damage, last};
use crate::history::{Call, History, Named, Operation, Outcome};

/// As for other reads.
#[rustfmt::skip]
pub(in crate::checks::tests) const OF_SEVERAL: &[(&str, &str, Damage)] = &[
    ("a page of several keys lacks a record", "several", |history, _, _| drop(values(history).remove(1))),
    ("a page of several keys has records in another order", "several", |history, _, _| values(history).swap(0, 1)),
    ("a record has the name of another key", "several", |history, _, _| values(history)[0].key = "key-9".into()),
    ("a record of several keys is of another key", "origin", |history, _, _| values(history)[0].key = "key-9".into()),
    ("a page of several keys has one that was not asked for", "several", |history, _, _| {
        let Call::Several(call) = &mut last(history, is_of_several).call else { return };
        call.keys = crate::history::Selected::Prefix("key-9".into());
    }),
    ("a page of several keys ends early without being late", "several", |history, _, _| {
        if let Some((_, Outcome::Named { more, .. })) = &mut last(history, is_of_several).answered { *more = true; }
    }),
    ("a follower of several keys is sent away early", "several", |history, _, _| {
        let asked = last(history, is_of_several);
        let Call::Several(call) = &mut asked.call else { return };
        (call.follow_ms, call.start) = (Some(9_000), 1 << 40);
        asked.answered.as_mut().expect("answered").1 = Outcome::Named { values: Vec::new(), next: 1 << 40, trimmed: None, more: false };
    }),
    ("a follower of several keys is woken late", "several", |history, _, _| {
        let mut late = last(history, is_of_several).clone();
        late.id = history.operations.len();
        let Call::Several(call) = &mut late.call else { return };
        call.follow_ms = Some(9_000);
        late.answered.as_mut().expect("answered").0.ms += 5_000;
        history.operations.push(late);
    }),
];

fn is_of_several(operation: &Operation) -> bool {
    matches!(operation.call, Call::Several(_))
}

fn values(history: &mut History) -> &mut Vec<Named> {
    match &mut last(history, is_of_several).answered {
        Some((_, Outcome::Named { values, .. })) => values,
        other => panic!("{other:?} is no page"),
    }
}
