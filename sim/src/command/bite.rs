//! The checkers must bite: every planted bug is found, by a checker that knows the promise.

use clap::ValueEnum;
use parking_lot::Mutex;

use super::{Variant, child, say, seeds};
use crate::planted::Planted;

/// Looks for each planted bug, in `within` seeds at most. Answers how many were not found.
pub(super) fn run(planted: Option<Planted>, within: u64) -> usize {
    let bugs = planted.map_or_else(|| Planted::value_variants().to_vec(), |one| vec![one]);
    let missed: Mutex<usize> = Mutex::default();
    let numbers: Vec<u64> = (0..bugs.len() as u64).collect();
    seeds::each(&numbers, |number| {
        let bug = bugs[number as usize];
        match find(bug, within) {
            Some((seed, checkers)) => say(format_args!(
                "{:<18} found with seed {seed:>2} of {} by {}",
                bug.name(),
                bug.scenario().name(),
                checkers.join(", ")
            )),
            None => {
                *missed.lock() += 1;
                say(format_args!(
                    "{:<18} NOT FOUND in {within} seeds of {}",
                    bug.name(),
                    bug.scenario().name()
                ));
            }
        }
    });
    let missed = missed.into_inner();
    say(format_args!(
        "{} planted bugs, {missed} not found",
        bugs.len()
    ));
    missed
}

/// The first seed with which one of the right checkers complains, and all checkers that do.
fn find(bug: Planted, within: u64) -> Option<(u64, Vec<String>)> {
    (1..=within).find_map(|seed| {
        let (summary, _) = child::start(bug.scenario(), seed, &Variant::with(bug), &[]);
        let mut checkers: Vec<String> = summary
            .violations
            .into_iter()
            .map(|(checker, _)| checker)
            .collect();
        checkers.sort();
        checkers.dedup();
        let right = checkers
            .iter()
            .any(|checker| bug.promise().contains(&checker.as_str()));
        right.then_some((seed, checkers))
    })
}
