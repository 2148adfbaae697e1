//! The checkers must bite: every planted bug is found, by a checker that knows the promise.

use clap::ValueEnum;
use parking_lot::Mutex;

use super::{Variant, child, clusters, say, seeds};
use crate::cluster;
use crate::plan::Scenario;
use crate::planted::Planted;

/// Looks for each planted bug, those of clusters last if `planted` does not name one, in `within` seeds at most. Answers how many were not found.
pub(super) fn run(planted: Option<Planted>, within: u64) -> usize {
    let bugs = planted.map_or_else(|| Planted::value_variants().to_vec(), |one| vec![one]);
    let missed: Mutex<usize> = Mutex::default();
    let numbers: Vec<u64> = (0..bugs.len() as u64).collect();
    seeds::each(&numbers, |number| {
        let bug = bugs[number as usize];
        match find(bug, within) {
            Some((scenario, seed, checkers)) => say(format_args!(
                "{:<18} found with seed {seed:>2} of {} by {}",
                bug.name(),
                scenario.name(),
                checkers.join(", ")
            )),
            None => {
                *missed.lock() += 1;
                let scenarios: Vec<_> = bug.scenarios().iter().map(|one| one.name()).collect();
                say(format_args!(
                    "{:<18} NOT FOUND in {within} seeds of {}",
                    bug.name(),
                    scenarios.join(" and ")
                ));
            }
        }
    });
    let of_clusters = match planted {
        Some(_) => &[],
        None => cluster::Planted::value_variants(),
    };
    let numbers: Vec<u64> = (0..of_clusters.len() as u64).collect();
    seeds::each(&numbers, |number| {
        let bug = of_clusters[number as usize];
        match clusters::find(bug, within) {
            Some((seed, checkers)) => say(format_args!(
                "{:<18} found with seed {seed:>2} of cluster by {}",
                bug.name(),
                checkers.join(", ")
            )),
            None => {
                *missed.lock() += 1;
                say(format_args!(
                    "{:<18} NOT FOUND in {within} seeds of cluster",
                    bug.name()
                ));
            }
        }
    });
    let missed = missed.into_inner();
    say(format_args!(
        "{} planted bugs, {missed} not found",
        bugs.len() + of_clusters.len()
    ));
    missed
}

/// The first seed with which one of the right checkers complains, in which scenario, and all checkers that do.
fn find(bug: Planted, within: u64) -> Option<(Scenario, u64, Vec<String>)> {
    let runs = (1..=within).flat_map(|seed| bug.scenarios().iter().map(move |one| (*one, seed)));
    for (scenario, seed) in runs {
        let (summary, _) = child::start(scenario, seed, &Variant::with(bug), &[]);
        let mut checkers: Vec<String> = summary
            .violations
            .into_iter()
            .map(|(checker, _)| checker)
            .collect();
        checkers.sort();
        checkers.dedup();
        let mut found = checkers.iter();
        if found.any(|checker| bug.promise().contains(&checker.as_str())) {
            return Some((scenario, seed, checkers));
        }
    }
    None
}
