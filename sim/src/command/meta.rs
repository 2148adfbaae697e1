//! The same seed twice: everything that happens must be the same.

use std::fs;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::{Runs, child, say, seeds};
use crate::plan::Scenario;

/// Runs each seed in two processes and compares their traces. Answers how many differ.
pub(super) fn run(scenario: Scenario, runs: &Runs) -> usize {
    let all: Vec<u64> = runs.range().collect();
    let different: Mutex<Vec<u64>> = Mutex::default();
    seeds::each(&all, |seed| {
        let files = ["a", "b"].map(|which| {
            let name = format!(
                "log-sim-{}-{}-{seed}-{which}",
                std::process::id(),
                scenario.name()
            );
            std::env::temp_dir().join(name)
        });
        let summaries = files.clone().map(|file| {
            let trace = format!("--trace={}", file.display());
            child::start(scenario, seed, &runs.variant, &[trace]).0
        });
        match difference(&files) {
            // A run that did nothing is the same every time.
            None if summaries[0].operations == 0 => {
                say(format_args!(
                    "{} {seed}: no run: {:?}",
                    scenario.name(),
                    summaries[0].violations
                ));
                different.lock().push(seed);
            }
            None if summaries[0] == summaries[1] => {}
            found => {
                let why = found.unwrap_or_else(|| "their summaries".into());
                say(format_args!(
                    "{} {seed}: two runs differ in {why}",
                    scenario.name()
                ));
                different.lock().push(seed);
            }
        }
        for file in files {
            // A file that is still there does no harm.
            drop(fs::remove_file(file));
        }
    });
    let different = different.into_inner();
    say(format_args!(
        "{} seeds, {} violations",
        all.len(),
        different.len()
    ));
    different.len()
}

/// The first line in which two files differ; an empty file is a difference too.
fn difference(files: &[PathBuf; 2]) -> Option<String> {
    let [one, other] = files
        .each_ref()
        .map(|file| fs::read(file).unwrap_or_default());
    if one.is_empty() {
        return Some("nothing: there is no trace".into());
    }
    if one == other {
        return None;
    }
    let mut lines = one
        .split(|byte| *byte == b'\n')
        .zip(other.split(|byte| *byte == b'\n'));
    let number = lines
        .position(|(one, other)| one != other)
        .unwrap_or_default();
    let shown = |text: &[u8]| {
        let line = text
            .split(|byte| *byte == b'\n')
            .nth(number)
            .unwrap_or_default();
        String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned()
    };
    Some(format!(
        "line {}:\n  {}\n  {}",
        number + 1,
        shown(&one),
        shown(&other)
    ))
}
