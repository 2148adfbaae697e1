//! Many seeds, one for each core in parallel.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::{Runs, Summary, Variant, child, minimise, say};
use crate::plan::Scenario;

/// Totals are told after so many seeds.
const TELL_EVERY: usize = 100;

/// Runs all seeds, tells what is wrong, and the totals. Answers the number of seeds with violations.
pub(super) fn run(scenario: Scenario, runs: &Runs) -> usize {
    let seeds: Vec<u64> = runs.range().collect();
    let failed: Mutex<Vec<(u64, Summary)>> = Mutex::default();
    let totals: Mutex<[u64; 4]> = Mutex::default();
    let done = AtomicUsize::new(0);
    each(&seeds, |seed| {
        let (summary, _) = child::start(scenario, seed, &runs.variant, &[]);
        {
            let mut totals = totals.lock();
            let counts = [summary.operations, summary.acknowledged, summary.lives];
            for (total, count) in totals.iter_mut().zip(counts) {
                *total += count as u64;
            }
            totals[3] += summary.simulated_ms;
        }
        if !summary.violations.is_empty() {
            let (checker, message) = &summary.violations[0];
            say(format_args!("seed {seed}: {checker}: {message}"));
            failed.lock().push((seed, summary));
        }
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(TELL_EVERY) {
            say(format_args!("{done} of {}", seeds.len()));
        }
    });
    let mut failed = failed.into_inner();
    failed.sort_by_key(|(seed, _)| *seed);
    if let Some((seed, summary)) = failed.first() {
        explain(scenario, *seed, &runs.variant, summary);
    }
    let [operations, acknowledged, lives, simulated_ms] = totals.into_inner();
    say(format_args!(
        "{scenario}: {operations} calls, {acknowledged} appends acknowledged, {lives} lives of servers, {} simulated minutes",
        simulated_ms / 60_000,
        scenario = scenario.name(),
    ));
    say(format_args!(
        "{} seeds, {} violations",
        seeds.len(),
        failed.len()
    ));
    failed.len()
}

/// Does something for each seed, on as many threads as there are cores.
pub(super) fn each(seeds: &[u64], work: impl Fn(u64) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(seeds.len()) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(*seed);
                }
            });
        }
    });
}

/// The seed, what does not hold, the shortest history that shows it, and how to see it again.
fn explain(scenario: Scenario, seed: u64, variant: &Variant, summary: &Summary) {
    let (checker, _) = &summary.violations[0];
    say(format_args!(
        "\nseed {seed} breaks `{checker}`; looking for the shortest history that does"
    ));
    let (shortest, story, summary) = minimise::run(scenario, seed, variant.clone(), summary);
    say(format_args!("\n{story}\n"));
    for (checker, message) in &summary.violations {
        say(format_args!("{checker}: {message}"));
    }
    say(format_args!(
        "\nseed {seed}; again: cargo sim {} --seed {seed} {}\n",
        scenario.name(),
        shortest.arguments().join(" ")
    ));
}
