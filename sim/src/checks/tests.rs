//! The checkers by themselves: a correct history passes, each kind of damage is found by the checker that is for it.

mod correct;
mod cursors;
mod damage;
mod replicas;

use proptest::prelude::*;

use super::{CHECKERS, FinalLog, Restored, check, check_restored};
use correct::{Step, correct};
use damage::{DAMAGE, OF_DELETIONS, OF_SEVERAL, OF_TRIMS};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append =
        (0..3usize, 1..5usize, any::<bool>()).prop_map(|(key, records, durable)| Step::Append {
            key,
            records,
            durable,
        });
    let page = (0..3usize, 0..40u64, 1..8u64, any::<bool>(), any::<bool>());
    let page = page.prop_map(|(key, start, limit, durable, newest)| Step::Page {
        key,
        start,
        limit,
        durable,
        newest,
    });
    let count = (0..3usize, 0..40u64, 0..40u64).prop_map(|(key, one, other)| Step::Count {
        key,
        start: one.min(other),
        end: one.max(other),
    });
    let again = (1..8u64, any::<bool>()).prop_map(|(back, same)| Step::Again { back, same });
    prop::collection::vec(
        prop_oneof![
            6 => append,
            4 => page,
            2 => count,
            2 => Just(Step::Crash),
            2 => again,
            1 => (0..6u64).prop_map(|back| Step::Trim { back }),
            1 => Just(Step::Retain),
            1 => any::<bool>().prop_map(|all| Step::Delete { all }),
            1 => Just(Step::Ahead),
            1 => Just(Step::Idle),
        ],
        0..30,
    )
}

proptest! {
    #[test]
    fn a_correct_history_passes(steps in steps()) {
        let (history, log, facts) = correct(&steps);
        prop_assert_eq!(check(&history, &log, facts), vec![]);
    }

    #[test]
    fn each_kind_of_damage_is_found_by_the_checker_that_is_for_it(steps in steps()) {
        for (name, checker, damage) in DAMAGE.iter().chain(OF_TRIMS).chain(OF_DELETIONS).chain(OF_SEVERAL) {
            let trims = ["trimmed", "deleted"].contains(checker);
            let (mut history, mut log, mut facts) = correct(&Step::with_something_to_damage(&steps, trims));
            damage(&mut history, &mut log, &mut facts);
            let found = check(&history, &log, facts);
            prop_assert!(
                found.iter().any(|violation| violation.checker == *checker),
                "{name}: {found:?}"
            );
        }
    }
}

#[test]
fn a_restored_log_has_what_was_durable_without_a_gap_and_its_floor() {
    let (history, log, facts) = correct(&Step::with_something_to_damage(&[], true));
    let last = history.operations.last().expect("a count");
    let found = |log: &FinalLog, restored: FinalLog| {
        let restored = Restored {
            began: last.called,
            log: restored,
        };
        check_restored(&history, log, facts, &restored)
    };
    assert_eq!(found(&log, log.clone()), vec![]);
    let first = |log: &mut FinalLog| log.records.values_mut().next().expect("a key").remove(0);
    type Damage<'a> = (&'a str, &'a dyn Fn(&mut FinalLog));
    let damage: [Damage<'_>; 4] = [
        ("the newest is lost", &|log| {
            log.records
                .values_mut()
                .for_each(|values| values.truncate(1));
        }),
        ("a gap", &|log| drop(first(log))),
        ("a floor is lost", &|log| log.floor = 0),
        ("too much is trimmed", &|log| log.floor += 1),
    ];
    for (name, damage) in damage {
        let mut restored = log.clone();
        damage(&mut restored);
        assert!(!found(&log, restored).is_empty(), "{name}");
    }
    let mut without = log.clone();
    first(&mut without);
    assert!(
        !found(&without, log.clone()).is_empty(),
        "what the log has not"
    );
}

#[test]
fn retention_deletes_what_a_crash_lost_together_with_what_is_older() {
    let append = |durable| Step::Append {
        key: 0,
        records: 1,
        durable,
    };
    for durable in [false, true] {
        let steps = [
            append(true),
            append(durable),
            Step::Crash,
            append(true),
            Step::Retain,
        ];
        let (mut history, log, facts) = correct(&steps);
        let mut appends = history
            .operations
            .iter()
            .filter(|each| each.appends().is_some());
        // The clock is set forward before the second append, so that it is young when the log is trimmed.
        let second = appends.nth(1).expect("two appends").called.ms;
        history.lives[0].clock = vec![(0, 0), (second, 3_600_000)];
        let found = check(&history, &log, facts);
        let is_wrong = found.iter().any(|violation| violation.checker == "trimmed");
        assert_eq!(is_wrong, durable, "{found:?}");
    }
}

#[test]
fn every_checker_has_damage_to_find() {
    let without: Vec<&str> = CHECKERS
        .iter()
        .map(|checker| checker.name)
        // What damages the histories of consumers, and of read-only servers, is in files of their own.
        .filter(|name| !["cursors", "replicas"].contains(name))
        .filter(|name| {
            let mut all = DAMAGE
                .iter()
                .chain(OF_TRIMS)
                .chain(OF_DELETIONS)
                .chain(OF_SEVERAL);
            !all.any(|(_, checker, _)| checker == name)
        })
        .collect();
    assert_eq!(without, Vec::<&str>::new());
}
