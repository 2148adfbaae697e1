//! What must hold of every run: pure functions over its history and the log that it left.

mod appends;
mod backups;
mod counts;
mod cursors;
mod deletions;
mod durability;
mod exactly_once;
mod fencing;
mod headers;
mod order;
mod pages;
mod registers;
mod replicas;
mod retention;
mod service;
mod several;
mod trims;
mod truth;
mod waking;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::history::{History, Operation, Seen, SegmentSeen};
use crate::plan::PlannedRule;

pub use backups::{Restored, check_restored};

/// The name of the client that reads the final log.
pub const AUDITOR: &str = "auditor";

/// The log as it was read after all faults were over and the server was restarted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FinalLog {
    /// The records of every key that clients know.
    pub records: BTreeMap<String, Vec<Seen>>,
    /// The segments.
    pub segments: Vec<SegmentSeen>,
    /// The tip.
    pub tip: u64,
    /// The floor: 0 if nothing was trimmed.
    pub floor: u64,
    /// The floors of keys that are above that of the log.
    pub key_floors: BTreeMap<String, u64>,
    /// Where cursors are.
    pub cursors: BTreeMap<String, u64>,
}

impl FinalLog {
    /// The records of a key.
    pub fn of(&self, key: &str) -> &[Seen] {
        self.records.get(key).map_or(&[], Vec::as_slice)
    }

    /// Below this sequence, nothing of a key is left.
    pub fn floor_of(&self, key: &str) -> u64 {
        let of_key = self.key_floors.get(key).copied().unwrap_or(0);
        of_key.max(self.floor)
    }

    /// Those of `start..end`.
    pub fn between(&self, key: &str, start: u64, end: u64) -> &[Seen] {
        let all = self.of(key);
        let from = all.partition_point(|seen| seen.sequence < start);
        let to = all.partition_point(|seen| seen.sequence < end);
        &all[from..to.max(from)]
    }

    /// Sequences at which something begins or ends, and their neighbours: where mistakes of one show.
    pub fn edges(&self) -> Vec<u64> {
        let starts = self.segments.iter().map(|segment| segment.start);
        let records = self.records.values().flatten().map(|seen| seen.sequence);
        let mut edges: Vec<u64> = starts
            .chain(records)
            .chain([0, self.tip])
            .flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

/// What a run was configured with, as far as checkers need to know it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Facts {
    /// `limits.page_records`.
    pub page_records: u64,
    /// `limits.page_bytes`.
    pub page_bytes: u64,
    /// `segments.seal_bytes`.
    pub seal_bytes: Option<u64>,
    /// Whether segments are also sealed by time.
    pub seals_by_time: bool,
    /// `retention.max_age`.
    pub max_age_ms: Option<u64>,
    /// `retention.max_bytes`.
    pub max_bytes: Option<u64>,
    /// `retention.rules`.
    pub rule: Option<PlannedRule>,
    /// `timeouts.append` and `timeouts.read`.
    pub timeout_ms: u64,
    /// `shutdown.timeout`.
    pub shutdown_ms: u64,
    /// Whether anything goes wrong.
    pub faultless: bool,
    /// Bytes that may be acknowledged and not durable.
    pub unflushed_bytes: u64,
    /// `producers.expire_after`.
    pub producer_expiry_ms: u64,
    /// How far the clocks of the hosts are apart.
    pub skew_ms: u64,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// Which checker found it.
    pub checker: &'static str,
    /// What must hold and does not.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.checker, self.message)
    }
}

/// A checker: its name, what must hold, and the function that finds where it does not.
pub struct Checker {
    /// Its name.
    pub name: &'static str,
    /// What must hold.
    pub holds: &'static str,
    find: fn(&View<'_>) -> Vec<String>,
}

/// What a checker sees.
struct View<'a> {
    history: &'a History,
    log: &'a FinalLog,
    facts: Facts,
    /// Who appended each value.
    origin: BTreeMap<&'a str, Origin<'a>>,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
struct Origin<'a> {
    operation: &'a Operation,
    /// Its place in the batch.
    place: usize,
    key: &'a str,
}

/// All checkers.
#[rustfmt::skip]
pub const CHECKERS: [Checker; 27] = [
    Checker { name: "durable", holds: "every append acknowledged as durable is in the final log: whole, once, where it was said to be", find: durability::durable },
    Checker { name: "graceful", holds: "everything that a server acknowledged before it stopped with exit code 0 is in the final log", find: durability::graceful },
    Checker { name: "refused", holds: "nothing that was refused is seen by any reader", find: appends::refused },
    Checker { name: "atomic", holds: "a batch is in the final log whole, in order, with consecutive sequences, in one segment; or not at all", find: appends::atomic },
    Checker { name: "origin", holds: "every record that is seen was appended, under the key that it is seen under, and once", find: appends::origin },
    Checker { name: "headers", holds: "every record that is seen has the headers that it was appended with", find: headers::headers },
    Checker { name: "reuse", holds: "no sequence names two records, over the whole history", find: order::reuse },
    Checker { name: "real-time", holds: "what is appended after another append was acknowledged has higher sequences", find: order::real_time },
    Checker { name: "exactly-once", holds: "the final log holds each request of a producer once, without gaps, in the order of epochs and sequences, from the start again after it expired; nothing that was durable is forgotten before that; every rejection has a reason", find: exactly_once::exactly_once },
    Checker { name: "registers", holds: "where a record with a precondition lies in the final log, the precondition holds; a conflict that was answered as durable names a record of the final log", find: registers::registers },
    Checker { name: "cursors", holds: "a move of a cursor that was told is kept and shown, from one position only one is made, and what a consumer made of the records below a cursor is in the final log once", find: cursors::cursors },
    Checker { name: "segments", holds: "segments follow each other without gap, from 1 on, and are sealed when they are due", find: order::segments },
    Checker { name: "pages", holds: "a page is in order, within its range and limit, and has all of the final log up to nextSequence", find: pages::pages },
    Checker { name: "several", holds: "a page of several keys is in order, within its range and limit, and has all of the final log and all that was acknowledged up to nextSequence, each record under its key; a follower of several keys is answered as soon as there is something", find: several::several },
    Checker { name: "replicas", holds: "a read-only server shows a prefix of the final log, which never goes back, and as much of it as a read requires", find: replicas::replicas },
    Checker { name: "visible", holds: "a reader sees what was acknowledged before it asked", find: pages::visible },
    Checker { name: "trimmed", holds: "what lies below a floor that was told is not read again, readers of it are told, a floor is not lost, and is not higher than was asked for or than retention allows", find: trims::trimmed },
    Checker { name: "deleted", holds: "a deletion of a key has all that was acknowledged before it, and a key that has nothing left is not listed", find: deletions::deleted },
    Checker { name: "counts", holds: "a count is what was there", find: counts::counts },
    Checker { name: "model", holds: "the final log answers every question as the reference model does", find: truth::model },
    Checker { name: "fenced", holds: "a server that was taken over acknowledges nothing durable, then nothing at all, says so, and ends", find: fencing::fenced },
    Checker { name: "away", holds: "a server that lost the log does not open it again by itself while another has it", find: fencing::away },
    Checker { name: "woken", holds: "a follower is answered as soon as there is something", find: waking::woken },
    Checker { name: "answered", holds: "every request is answered by its deadline, and without a bug", find: service::answered },
    Checker { name: "stops", holds: "a stop ends by its deadline", find: service::stops },
    Checker { name: "engine", holds: "whatever happens, the storage engine does not fail, and the log can be opened", find: service::engine },
    Checker { name: "bounded", holds: "what is acknowledged and not durable is bounded while S3 is gone", find: service::bounded },
];

impl<'a> View<'a> {
    fn of(history: &'a History, log: &'a FinalLog, facts: Facts) -> Self {
        let mut origin = BTreeMap::new();
        for operation in &history.operations {
            for (place, sent) in operation
                .appends()
                .iter()
                .flat_map(|(all, _)| all.iter().enumerate())
            {
                let value = Origin {
                    operation,
                    place,
                    key: &sent.key,
                };
                // The same request may be sent several times: if one of them can have been applied, it comes from that one.
                let known = origin.entry(sent.value.as_str()).or_insert(value);
                if known.operation.not_applied() {
                    *known = value;
                }
            }
        }
        Self {
            history,
            log,
            facts,
            origin,
        }
    }
}

/// Everything that is wrong.
pub fn check(history: &History, log: &FinalLog, facts: Facts) -> Vec<Violation> {
    let view = View::of(history, log, facts);
    let mut violations = Vec::new();
    for checker in &CHECKERS {
        violations.extend((checker.find)(&view).into_iter().map(|message| Violation {
            checker: checker.name,
            message,
        }));
    }
    violations
}
