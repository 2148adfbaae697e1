//! A proxy between a server and its clients that falsifies answers.

mod deletions;
mod replicas;
mod safety;
mod sessions;
mod trims;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::Planted;
use crate::history::{Call, Outcome, Recorder, Safety, ScanCall, Seen};
use crate::time::now_ms;

use deletions::Deletions;
use replicas::Shown;
use safety::Unsafe;
use trims::{Trims, with_trimmed};

/// A jump of sequences that only a crash makes.
const CRASH_GAP: u64 = 10_000;
/// How long a stale page is answered.
const STALE_MS: u64 = 3_000;
/// An answer to a follower that took longer came because it was woken.
const WOKEN_MS: u64 = 80;
/// How long after its answer a trim is done.
const LATER: Duration = Duration::from_millis(400);
/// Two answers to the same client that are given at the same time arrive within this.
const ANSWERED: Duration = Duration::from_millis(20);

/// A face of all servers of a run. The default is their own.
#[derive(Clone, Default)]
pub struct Face {
    bug: Option<Planted>,
    recorder: Recorder,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// The end of the sequences that were acknowledged as durable.
    durable: u64,
    highest: u64,
    /// From which sequence on how much is taken off.
    shifts: Vec<(u64, u64)>,
    segments: Vec<u64>,
    pages: HashMap<(String, u64, u64), (u64, Outcome)>,
    safety: Unsafe,
    trims: Trims,
    deletions: Deletions,
    shown: Shown,
}

impl Face {
    /// With this bug, if it is one of faces, of the servers whose lives are written down here.
    pub fn of(bug: Option<Planted>, recorder: Recorder) -> Self {
        Self {
            bug,
            recorder,
            ..Self::default()
        }
    }

    /// What the server is asked, one after the other, when a client asks `call` as this operation.
    pub fn heard(&self, operation: usize, call: &Call) -> Vec<Call> {
        let mut call = call.clone();
        match (self.bug, &mut call) {
            (Some(Planted::AcknowledgeEarly), Call::Append { durable, .. }) => *durable = false,
            (Some(Planted::DrainEarly), Call::Trim { before }) => {
                self.memory.lock().trims.begins(*before);
            }
            (Some(Planted::ReuseSegment), call) => self.memory.lock().trims.asked(call),
            (Some(Planted::ReverseBatch), Call::Append { records, .. }) => records.reverse(),
            (Some(Planted::IgnoreExpected), Call::PutCursor(moved)) => moved.expected = None,
            (Some(Planted::ShowUndurable), Call::Scan(scan)) => scan.durable = false,
            (Some(Planted::IncludeEnd), Call::Scan(scan)) => scan.end = scan.end.saturating_add(1),
            (
                Some(Planted::SplitBatch),
                Call::Append {
                    records, durable, ..
                },
            ) if records.len() > 1 => {
                let second = records.split_off(records.len() / 2);
                let second = Call::Append {
                    records: second,
                    durable: *durable,
                    safety: Safety::default(),
                };
                return vec![call, second];
            }
            (
                Some(bug),
                Call::Append {
                    records,
                    durable,
                    safety,
                },
            ) => {
                let lives = self.recorder.lives();
                let mut memory = self.memory.lock();
                memory.safety.heard(bug, lives, records, safety);
                if bug == Planted::RejectEarly && !safety.conditions.is_empty() {
                    *durable = false;
                }
                memory.safety.begins(operation);
            }
            (Some(Planted::ReuseSequences), Call::Scan(scan)) => {
                let memory = self.memory.lock();
                scan.start = memory.unshifted(scan.start);
                scan.end = memory.unshifted(scan.end);
            }
            _ => {}
        }
        vec![call]
    }

    /// What a client is told before the server is asked, and how long after that it is.
    pub fn answers_early(&self, call: &Call) -> Option<(Outcome, Duration)> {
        match (self.bug, call) {
            (Some(Planted::MoveEarly), Call::PutCursor(moved)) => {
                let position = Some(moved.position);
                Some((Outcome::Cursor { position }, LATER))
            }
            (Some(Planted::TrimEarly), Call::Trim { before }) => {
                Some((Outcome::Trimmed { floor: *before }, LATER))
            }
            (
                Some(Planted::DeleteEarly),
                Call::Delete {
                    before: Some(before),
                    ..
                },
            ) => Some((Outcome::Deleted { floor: *before }, LATER)),
            _ => None,
        }
    }

    /// What the server is asked after it said `outcome`, if its first judgement of `call` is to be ignored.
    pub async fn judges_again(
        &self,
        operation: usize,
        call: &Call,
        outcome: &Outcome,
    ) -> Option<Call> {
        if self.bug != Some(Planted::JudgeEarly) {
            return None;
        }
        let Outcome::Rejected {
            key: Some(key),
            sequence: Some(last),
            ..
        } = outcome
        else {
            return None;
        };
        // By then the append that is in the way was answered too.
        tokio::time::sleep(ANSWERED).await;
        let together = self.memory.lock().safety.is_together(operation, *last);
        let mut again = call.clone();
        if let Call::Append { safety, .. } = &mut again {
            safety.conditions.retain(|condition| condition.key != *key);
        }
        together.then_some(again)
    }

    /// What the client is told when the server says `outcome` to what was asked at `asked_ms`.
    pub async fn says(
        &self,
        operation: usize,
        call: &Call,
        outcome: Outcome,
        asked_ms: u64,
    ) -> Outcome {
        if let (Some(Planted::LoseWakeUp), Call::Scan(scan)) = (self.bug, call) {
            return asleep(scan, outcome, asked_ms).await;
        }
        if let (Some(Planted::DrainEarly), Call::Trim { before }) = (self.bug, call) {
            return self.durable_later(*before, outcome).await;
        }
        let outcome = self.replica_says(call, outcome, asked_ms).await;
        let mut memory = self.memory.lock();
        memory.learn(call, &outcome);
        memory.safety.ends(operation, &outcome);
        memory.deletions.learn(call, &outcome);
        let outcome = memory.deletions.says(self.bug, call, outcome);
        match (self.bug, call, outcome) {
            (
                Some(bug),
                Call::Scan(scan),
                Outcome::Page {
                    mut values,
                    next,
                    mut trimmed,
                    more,
                    durable,
                },
            ) if changes_records(bug) => {
                match bug {
                    Planted::DropRecord if values.len() > 2 => drop(values.remove(2)),
                    Planted::MissNewest if scan.newest => drop(values.pop()),
                    Planted::SwapHeaders => swap_headers(&mut values),
                    Planted::DropHeaders => {
                        let old = values.iter_mut();
                        for seen in old.filter(|seen| memory.is_from_before_a_crash(seen.sequence))
                        {
                            seen.headers.clear();
                        }
                    }
                    Planted::HideTrim => trimmed = None,
                    _ => {}
                }
                Outcome::Page {
                    values,
                    next,
                    trimmed,
                    more,
                    durable,
                }
            }
            (
                Some(Planted::MissBetween),
                Call::Several(call),
                Outcome::Named {
                    next,
                    trimmed,
                    more,
                    ..
                },
            ) if call.start > 0 && call.follow_ms.is_some() && now_ms() - asked_ms < WOKEN_MS => {
                Outcome::Named {
                    values: Vec::new(),
                    next,
                    trimmed,
                    more,
                }
            }
            (
                Some(Planted::SkipAtPageEnd),
                Call::Scan(scan),
                Outcome::Page {
                    values,
                    next,
                    trimmed,
                    more,
                    durable,
                },
            ) if values.len() as u64 == scan.limit => Outcome::Page {
                values,
                next: next + 1,
                trimmed,
                more,
                durable,
            },
            (
                Some(Planted::HideMore),
                Call::Scan(scan),
                Outcome::Page {
                    mut values,
                    trimmed,
                    durable,
                    ..
                },
            ) if !scan.newest && values.len() > 1 => {
                let rest = values.split_off(values.len() / 2);
                Outcome::Page {
                    values,
                    next: rest[0].sequence,
                    trimmed,
                    more: false,
                    durable,
                }
            }
            (
                Some(Planted::CountAtSegment),
                Call::Count { end, .. },
                Outcome::Count { count, trimmed },
            ) => {
                let at_start = count > 0 && memory.segments.contains(end);
                let count = count + u64::from(at_start);
                Outcome::Count { count, trimmed }
            }
            (
                Some(Planted::CountTrimmed),
                Call::Count { .. },
                Outcome::Count {
                    count,
                    trimmed: Some(floor),
                },
            ) => Outcome::Count {
                count: count + 1,
                trimmed: Some(floor),
            },
            (Some(Planted::DrainEarly), Call::Scan(ScanCall { start, .. }), outcome)
            | (Some(Planted::DrainEarly), Call::Count { start, .. }, outcome) => {
                with_trimmed(outcome, |trimmed| memory.trims.told(*start, trimmed))
            }
            (Some(Planted::ReuseSegment), Call::Trim { .. }, Outcome::Trimmed { floor }) => {
                let (tip, lives) = (memory.highest, self.recorder.lives());
                memory.trims.trimmed(floor, tip, lives);
                Outcome::Trimmed { floor }
            }
            (Some(Planted::ReuseSegment), _, Outcome::Segments(mut segments)) => {
                memory.trims.listed(&mut segments, self.recorder.lives());
                Outcome::Segments(segments)
            }
            (Some(Planted::StaleRead), Call::Scan(scan), outcome) => memory.stale(scan, outcome),
            (
                Some(Planted::SayNotApplied),
                Call::Append { .. },
                Outcome::Refused { status: 504, .. } | Outcome::Broken | Outcome::Late,
            ) => Outcome::Refused {
                status: 503,
                code: "unavailable".into(),
                message: "the batch was not applied".into(),
            },
            (
                Some(Planted::SayTooOld),
                Call::Append { safety, .. },
                Outcome::Refused { status: 504, .. } | Outcome::Broken | Outcome::Late,
            ) if safety.numbered.is_some() => Outcome::Rejected {
                code: "producer_sequence_too_old".into(),
                key: None,
                sequence: None,
            },
            (
                Some(Planted::ServeFenced),
                Call::Append { records, .. },
                Outcome::Refused { code, .. },
            ) if code == "fenced" => {
                let start = memory.highest;
                memory.highest += records.len() as u64;
                let count = records.len() as u64;
                Outcome::Appended { start, count }
            }
            (Some(Planted::ReuseSequences), _, outcome) => memory.shifted(outcome),
            (
                Some(Planted::DropKey),
                Call::Keys { .. },
                Outcome::Keys {
                    mut keys,
                    next_start_after,
                },
            ) => {
                if keys.len() > 1 {
                    keys.pop();
                }
                Outcome::Keys {
                    keys,
                    next_start_after,
                }
            }
            (_, _, outcome) => outcome,
        }
    }
}

impl Face {
    /// What was trimmed is gone, and its floor is durable later, if the server does not crash before.
    async fn durable_later(&self, before: u64, outcome: Outcome) -> Outcome {
        let Outcome::Trimmed { floor } = outcome else {
            return outcome;
        };
        let crashes = self.recorder.crashes();
        tokio::time::sleep(LATER).await;
        if self.recorder.crashes() > crashes {
            return Outcome::Broken;
        }
        self.memory.lock().trims.is_durable(before);
        Outcome::Trimmed { floor }
    }
}

/// A follower that was woken is answered only when its time is over, with nothing.
async fn asleep(scan: &ScanCall, outcome: Outcome, asked_ms: u64) -> Outcome {
    let took = now_ms() - asked_ms;
    let (Some(wait), true) = (scan.follow_ms, took > WOKEN_MS) else {
        return outcome;
    };
    if !matches!(&outcome, Outcome::Page { values, .. } if !values.is_empty()) {
        return outcome;
    }
    tokio::time::sleep(Duration::from_millis(wait.saturating_sub(took))).await;
    Outcome::Page {
        values: Vec::new(),
        next: scan.start,
        trimmed: None,
        more: false,
        durable: None,
    }
}

/// Whether a bug is one of the records of a page, and of what is told of them.
fn changes_records(bug: Planted) -> bool {
    matches!(
        bug,
        Planted::DropRecord
            | Planted::MissNewest
            | Planted::SwapHeaders
            | Planted::DropHeaders
            | Planted::HideTrim
    )
}

fn swap_headers(values: &mut [Seen]) {
    let Some((first, others)) = values.split_first_mut() else {
        return;
    };
    if let Some(other) = others.iter_mut().find(|seen| seen.headers != first.headers) {
        std::mem::swap(&mut first.headers, &mut other.headers);
    }
}

impl Memory {
    fn is_from_before_a_crash(&self, sequence: u64) -> bool {
        let last = self.shifts.last();
        last.is_some_and(|(from, _)| sequence < *from)
    }

    fn learn(&mut self, call: &Call, outcome: &Outcome) {
        match (call, outcome) {
            (Call::Append { durable, .. }, Outcome::Appended { start, count }) => {
                if *start > self.highest + CRASH_GAP {
                    self.shifts.push((*start, *start - self.durable));
                }
                self.highest = self.highest.max(start + count);
                if *durable {
                    self.durable = self.durable.max(start + count);
                }
            }
            (Call::Segments, Outcome::Segments(segments)) => {
                let starts = segments.iter().skip(1).map(|segment| segment.start);
                self.segments = starts.collect();
            }
            _ => {}
        }
    }

    fn stale(&mut self, scan: &ScanCall, outcome: Outcome) -> Outcome {
        if scan.newest {
            return outcome;
        }
        let asked = (scan.key.clone(), scan.start, scan.limit);
        match self.pages.get(&asked) {
            Some((since, page)) if now_ms() - since < STALE_MS && scan.end == u64::MAX => {
                page.clone()
            }
            _ => {
                if matches!(outcome, Outcome::Page { .. }) && scan.end == u64::MAX {
                    self.pages.insert(asked, (now_ms(), outcome.clone()));
                }
                outcome
            }
        }
    }

    fn shift(&self, sequence: u64) -> u64 {
        let shift = self.shifts.iter().rev().find(|(from, _)| *from <= sequence);
        sequence - shift.map_or(0, |(_, by)| *by)
    }

    /// As close as it gets: what was taken off may be taken off twice numbers.
    fn unshifted(&self, sequence: u64) -> u64 {
        let shift = self.shifts.last();
        shift.map_or(sequence, |(from, by)| match sequence.saturating_add(*by) {
            back if back >= *from => back,
            _ => sequence,
        })
    }

    fn shifted(&self, mut outcome: Outcome) -> Outcome {
        match &mut outcome {
            Outcome::Appended { start, .. } => *start = self.shift(*start),
            Outcome::Page { values, next, .. } => {
                for seen in values {
                    seen.sequence = self.shift(seen.sequence);
                }
                *next = self.shift(*next);
            }
            _ => {}
        }
        outcome
    }
}
