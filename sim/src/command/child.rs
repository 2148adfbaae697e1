//! One run in a child process: the side of the child, and the side of its parent.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::{One, Variant, say};
use crate::checks::Violation;
use crate::determinism;
use crate::plan::{Plan, Scenario};
use crate::run::{Report, run as simulate};
use crate::time::now_ms;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What is wrong: the checker and what it says.
    pub violations: Vec<(String, String)>,
    /// Numbers of the clients that took part.
    pub clients: Vec<usize>,
    /// Numbers of the faults that there were.
    pub faults: Vec<usize>,
    /// Calls of all clients.
    pub operations: usize,
    /// Appends that were acknowledged.
    pub acknowledged: usize,
    /// Lives of servers.
    pub lives: usize,
    /// How long it took, in simulated milliseconds.
    pub simulated_ms: u64,
}

/// Runs in this process and prints the summary as the last line. Answers the number of violations.
pub(super) fn run(one: One) -> usize {
    if let Some(file) = &one.trace {
        trace_to(file);
    }
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&panics);
    std::panic::set_hook(Box::new(move |panic| heard.lock().push(panic.to_string())));
    let plan = Plan::draw(one.scenario, one.seed).reduced(&one.variant.reduction());
    let planned = plan.clone();
    let planted = one.variant.planted;
    let outcome = std::panic::catch_unwind(|| {
        determinism::simulated(one.seed, move || simulate(&planned, planted))
    });
    let mut violations = Vec::new();
    let report = match outcome {
        Ok(Ok(report)) => Some(report),
        Ok(Err(why)) => {
            violations.push(("simulation".to_owned(), why));
            None
        }
        Err(_) => None,
    };
    violations.extend(
        panics
            .lock()
            .iter()
            .map(|panic| ("panics".into(), panic.clone())),
    );
    let found = report.iter().flat_map(|report| &report.violations);
    violations.extend(
        found.map(|Violation { checker, message }| ((*checker).to_owned(), message.clone())),
    );
    if let Some(report) = &report {
        if one.story {
            tell(report);
        }
        if let Some(file) = &one.trace {
            append_history(file, report);
        }
    }
    let count = violations.len();
    let summary = Summary {
        violations,
        clients: plan.clients.iter().map(|client| client.number).collect(),
        faults: plan.faults.iter().map(|fault| fault.number).collect(),
        operations: report
            .as_ref()
            .map_or(0, |report| report.history.operations.len()),
        acknowledged: report
            .as_ref()
            .map_or(0, |report| report.history.acknowledged().count()),
        lives: report
            .as_ref()
            .map_or(0, |report| report.history.lives.len()),
        simulated_ms: report
            .as_ref()
            .map_or(0, |report| report.simulated.as_millis() as u64),
    };
    say(serde_json::to_string(&summary).expect("a summary is JSON"));
    count
}

/// Starts a run in a process of its own and waits for it.
pub(super) fn start(
    scenario: Scenario,
    seed: u64,
    variant: &Variant,
    more: &[String],
) -> (Summary, String) {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args(["run", scenario.name(), "--seed", &seed.to_string()])
        .args(variant.arguments())
        .args(more)
        // What this process is configured with is not the servers' business.
        .env_clear()
        .output()
        .expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (story, last) = text
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", text.trim_end()));
    let summary = serde_json::from_str(last).unwrap_or_else(|_| Summary {
        violations: vec![(
            "process".into(),
            format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        )],
        clients: Vec::new(),
        faults: Vec::new(),
        operations: 0,
        acknowledged: 0,
        lives: 0,
        simulated_ms: 0,
    });
    (summary, story.to_owned())
}

/// Prints what servers did, what was done to them, and the calls that the violations name, in the order in which they
/// began.
fn tell(report: &Report) {
    let history = &report.history;
    let mut lines: Vec<(u64, String)> = Vec::new();
    for life in &history.lives {
        let Some((ended, how)) = &life.ended else {
            lines.push((
                life.started.index,
                format!("{:>7} ms  {} starts", life.started.ms, life.node),
            ));
            continue;
        };
        lines.push((
            life.started.index,
            format!(
                "{:>7} ms  {} starts, until {} ms: {how:?}",
                life.started.ms, life.node, ended.ms
            ),
        ));
    }
    for fault in &history.faults {
        let until = fault
            .until
            .map_or_else(String::new, |until| format!(", until {} ms", until.ms));
        lines.push((
            fault.from.index,
            format!("{:>7} ms  {}{until}", fault.from.ms, fault.what),
        ));
    }
    let named = |id: usize| {
        let words = report.violations.iter().flat_map(|violation| {
            violation
                .message
                .split(|c: char| !c.is_alphanumeric() && c != '#')
        });
        let id = format!("#{id}");
        words.into_iter().any(|word| word == id)
    };
    for operation in history
        .operations
        .iter()
        .filter(|operation| named(operation.id))
    {
        lines.push((operation.called.index, operation.to_string()));
    }
    lines.sort();
    for (_, line) in lines {
        say(line);
    }
}

/// Everything that is logged, at every level, with simulated times.
pub(super) fn trace_to(path: &Path) {
    struct Simulated;
    impl FormatTime for Simulated {
        fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
            write!(writer, "{}", now_ms())
        }
    }
    let file = File::create(path).expect("the trace can be written");
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_timer(Simulated)
        .with_ansi(false)
        .with_writer(Arc::new(file))
        .init();
}

fn append_history(path: &Path, report: &Report) {
    let mut file = File::options()
        .append(true)
        .open(path)
        .expect("the trace is there");
    let history = serde_json::to_string(&report.history).expect("a history is JSON");
    writeln!(file, "{history}").expect("the trace can be written");
}
