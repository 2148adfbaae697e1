//! What clients asked and were told, and which promises were seen broken.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use crate::batch::BatchId;
use crate::client::Outcome;

/// Violations beyond so many are only counted.
const MOST_VIOLATIONS: usize = 50;

/// One append and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// Which server it was sent to.
    pub(crate) server: u32,
    pub(crate) durable: bool,
    pub(crate) records: u32,
    pub(crate) outcome: Outcome,
}

/// How a server ended, and so what must have survived it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By SIGKILL, or because another server took over: what was acknowledged as durable, and a prefix of the rest.
    Abruptly,
    /// By SIGTERM: everything that was acknowledged.
    Gracefully,
}

/// Everything that was asked, answered and seen.
#[derive(Debug, Default)]
pub(crate) struct History {
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    attempts: BTreeMap<BatchId, Attempt>,
    ended: HashMap<u32, Ended>,
    /// What a sequence was ever read as.
    seen: HashMap<u64, (BatchId, u32)>,
    /// The last sequence read with durable visibility.
    seen_durable: Vec<u64>,
    pages: u64,
    violations: Vec<String>,
    more_violations: u64,
}

impl History {
    pub(crate) fn attempted(&self, id: BatchId, attempt: Attempt) {
        self.all().attempts.insert(id, attempt);
    }

    /// A record that a reader was shown.
    pub(crate) fn saw(&self, sequence: u64, origin: (BatchId, u32), durable: bool) {
        let mut all = self.all();
        let first = *all.seen.entry(sequence).or_insert(origin);
        if durable {
            all.seen_durable.push(sequence);
        }
        drop(all);
        if first != origin {
            self.violation(format!(
                "sequence {sequence} named {first:?}, and later {origin:?}"
            ));
        }
    }

    pub(crate) fn read_a_page(&self) {
        self.all().pages += 1;
    }

    pub(crate) fn ended(&self, server: u32, how: Ended) {
        self.all().ended.insert(server, how);
    }

    pub(crate) fn how_ended(&self, server: u32) -> Ended {
        let ended = self.all().ended.get(&server).copied();
        ended.unwrap_or(Ended::Gracefully)
    }

    pub(crate) fn attempts(&self) -> BTreeMap<BatchId, Attempt> {
        self.all().attempts.clone()
    }

    /// What readers were shown, by sequence.
    pub(crate) fn seen(&self) -> HashMap<u64, (BatchId, u32)> {
        self.all().seen.clone()
    }

    /// Sequences that readers were shown as durable.
    pub(crate) fn seen_durable(&self) -> Vec<u64> {
        self.all().seen_durable.clone()
    }

    /// A promise was broken.
    pub(crate) fn violation(&self, what: String) {
        crate::say(&format!("VIOLATION: {what}"));
        let mut all = self.all();
        if all.violations.len() < MOST_VIOLATIONS {
            all.violations.push(what);
        } else {
            all.more_violations += 1;
        }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let all = self.all();
        let mut violations = all.violations.clone();
        if all.more_violations > 0 {
            violations.push(format!("and {} more", all.more_violations));
        }
        violations
    }

    /// How many appends ended how, and how much was read, in a line.
    pub(crate) fn summary(&self) -> String {
        let all = self.all();
        let (mut durable, mut applied, mut refused, mut unknown, mut records) = (0, 0, 0, 0, 0);
        for attempt in all.attempts.values() {
            match (&attempt.outcome, attempt.durable) {
                (Outcome::Acknowledged(_), true) => durable += 1,
                (Outcome::Acknowledged(_), false) => applied += 1,
                (Outcome::Refused, _) => refused += 1,
                (Outcome::Unknown, _) => unknown += 1,
            }
            if matches!(attempt.outcome, Outcome::Acknowledged(_)) {
                records += u64::from(attempt.records);
            }
        }
        format!(
            "appends: {durable} acknowledged as durable, {applied} as applied, {refused} refused, {unknown} unknown; \
             {records} records acknowledged; {} pages and {} distinct records read; {} violations",
            all.pages,
            all.seen.len(),
            all.violations.len()
        )
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().expect("no panic under this lock")
    }
}
