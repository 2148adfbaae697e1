//! Runs of clusters.

use std::collections::BTreeSet;
use std::process::Command;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{ClusterRuns, child, say, seeds};
use crate::cluster::{ClusterPlan, Planted, Size, run as simulate};
use crate::determinism;

/// What a run came to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Summary {
    /// What is wrong: the checker and what it says.
    violations: Vec<(String, String)>,
    operations: usize,
    acknowledged: usize,
    simulated_ms: u64,
}

/// Runs all seeds, tells what is wrong, and the totals. Answers the number of seeds with violations.
pub(super) fn run(runs: &ClusterRuns) -> usize {
    if runs.story {
        return tell(runs);
    }
    let all: Vec<u64> = runs.seeds.clone().collect();
    let totals: Mutex<(usize, Summary)> = Mutex::default();
    seeds::each(&all, |seed| {
        let summary = start(runs, seed);
        let mut totals = totals.lock();
        if let Some((checker, message)) = summary.violations.first() {
            say(format_args!("seed {seed}: {checker}: {message}"));
            totals.0 += 1;
        }
        totals.1.operations += summary.operations;
        totals.1.acknowledged += summary.acknowledged;
        totals.1.simulated_ms += summary.simulated_ms;
    });
    let (failed, sums) = totals.into_inner();
    say(format_args!(
        "cluster: {} calls, {} appends acknowledged, {} simulated minutes",
        sums.operations,
        sums.acknowledged,
        sums.simulated_ms / 60_000,
    ));
    say(format_args!("{} seeds, {failed} violations", all.len()));
    failed
}

/// The first seed, of `within` at most, with which one of the right checkers finds a planted bug, and all checkers that complain.
pub(super) fn find(bug: Planted, within: u64) -> Option<(u64, Vec<String>)> {
    let runs = ClusterRuns::with(bug);
    (1..=within).find_map(|seed| {
        let violations = start(&runs, seed).violations.into_iter();
        let checkers: BTreeSet<String> = violations.map(|(checker, _)| checker).collect();
        let mut found = checkers.iter();
        found
            .any(|checker| bug.promise().contains(&checker.as_str()))
            .then(|| (seed, checkers.into_iter().collect()))
    })
}

/// One run in this process, which prints its story, and its summary as the last line.
fn tell(runs: &ClusterRuns) -> usize {
    if let Some(file) = &runs.trace {
        child::trace_to(file);
    }
    let seed = *runs.seeds.start();
    let size = runs.nodes.zip(runs.partitions);
    let size = size.map(|(nodes, partitions)| Size {
        nodes: nodes.into(),
        partitions,
    });
    let planted = runs.planted;
    let plan = ClusterPlan::draw(seed, size);
    let outcome = determinism::simulated(seed, move || simulate(&plan, planted));
    let summary = match outcome {
        Ok(report) => {
            report.story.iter().for_each(say);
            let violations = report.violations.into_iter();
            Summary {
                violations: violations
                    .map(|v| (v.checker.to_owned(), v.message))
                    .collect(),
                operations: report.operations,
                acknowledged: report.acknowledged,
                simulated_ms: report.simulated.as_millis() as u64,
            }
        }
        Err(why) => Summary {
            violations: vec![("simulation".to_owned(), why)],
            ..Summary::default()
        },
    };
    say(serde_json::to_string(&summary).expect("a summary is JSON"));
    summary.violations.len()
}

/// Starts a run in a process of its own and waits for it.
fn start(runs: &ClusterRuns, seed: u64) -> Summary {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.args(["cluster", "--story", "--seeds", &format!("{seed}..{seed}")]);
    if let Some((nodes, partitions)) = runs.nodes.zip(runs.partitions) {
        command.args(["--nodes", &nodes.to_string()]);
        command.args(["--partitions", &partitions.to_string()]);
    }
    if let Some(planted) = runs.planted {
        command.args(["--planted", &planted.name()]);
    }
    // What this process is configured with is not the nodes' business.
    let output = command.env_clear().output();
    let output = output.expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| Summary {
        violations: vec![(
            "process".into(),
            format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        )],
        ..Summary::default()
    })
}
