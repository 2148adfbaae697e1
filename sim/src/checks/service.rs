//! General obligations of a server: answers in time, stops in time, bounded memory.

use super::View;
use crate::history::{End, Moment, Outcome};

/// A stop takes so much longer than its deadline at most.
const STOP_SLACK_MS: u64 = 1_000;
/// What waits in the queue of a run comes on top of what the engine may hold.
const QUEUED_BYTES: u64 = 1 << 20;

pub(super) fn answered(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        let Some((when, outcome)) = &operation.answered else {
            wrong.push(format!("#{} never ended", operation.id));
            continue;
        };
        let served_throughout = || {
            let life = view.history.life_of(operation);
            life.is_some_and(|life| {
                !life.over_by(*when) && life.opened.is_some_and(|opened| opened < operation.called)
            })
        };
        let undisturbed = || !view.unreachable(operation.called.ms, when.ms);
        let failure = match outcome {
            Outcome::Garbled(_) => true,
            Outcome::Refused { status: 503, .. } => view.facts.faultless && served_throughout(),
            Outcome::Refused { status, .. } => ![429, 504].contains(status) || view.facts.faultless,
            Outcome::Rejected { code, .. } => {
                let is_numbered = operation
                    .safety()
                    .is_some_and(|safety| safety.numbered.is_some());
                match code.as_str() {
                    "conflict" => !operation.may_conflict(),
                    _ => !is_numbered,
                }
            }
            Outcome::Late => served_throughout() && undisturbed() || view.facts.faultless,
            // Before the log is open there may be no listener yet.
            Outcome::NotSent | Outcome::Broken => view.facts.faultless && served_throughout(),
            _ => false,
        };
        if failure {
            wrong.push(format!("#{} ended with {outcome:?}", operation.id));
        }
    }
    wrong
}

pub(super) fn stops(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for life in &view.history.lives {
        let Some(asked) = life.asked else {
            continue;
        };
        let limit = view.facts.shutdown_ms + STOP_SLACK_MS;
        match &life.ended {
            Some((_, End::Crashed)) => {}
            Some((ended, _)) if ended.ms > asked.ms + limit => wrong.push(format!(
                "{} was asked to stop at {} ms and ended at {} ms, over {limit} ms",
                life.node, asked.ms, ended.ms
            )),
            Some((ended, End::NotFlushed(why))) if !view.disturbed(asked.ms, ended.ms) => {
                wrong.push(format!(
                    "{} did not stop cleanly with nothing wrong: {why}",
                    life.node
                ));
            }
            Some(_) => {}
            None => wrong.push(format!(
                "{} was asked to stop at {} ms and never did",
                life.node, asked.ms
            )),
        }
    }
    wrong
}

pub(super) fn engine(view: &View<'_>) -> Vec<String> {
    let ended = view.history.lives.iter().filter_map(|life| {
        let (when, end) = life.ended.as_ref()?;
        let (End::NotFlushed(why) | End::CannotStart(why)) = end else {
            return None;
        };
        // While objects are gone, a start that says that data are damaged is right.
        let cannot_start = matches!(end, End::CannotStart(_));
        if cannot_start && view.has_vanished(*when) {
            return None;
        }
        // What a server dies of while another one takes over does not matter: the log is another's by then.
        let others = view
            .history
            .lives
            .iter()
            .filter(|other| other.id != life.id);
        let had_it = !others
            .filter(|other| other.started > life.started)
            .any(|other| other.started < *when);
        let broken = why.contains("engine failed") && had_it || why.contains("damaged");
        broken.then(|| format!("{} ended at {} ms: {why}", life.node, when.ms))
    });
    ended.collect()
}

pub(super) fn bounded(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for fault in &view.history.faults {
        let Some(until) = fault
            .until
            .filter(|_| fault.what.contains("Lost") && fault.what.contains("ServerAndS3"))
        else {
            continue;
        };
        let bytes: usize = view
            .history
            .acknowledged()
            .filter(|(operation, when, _)| {
                fault.what.ends_with(&operation.node)
                    && fault.from < operation.called
                    && *when < until
            })
            .flat_map(|(operation, ..)| operation.appends().unwrap_or_default().0)
            .map(|sent| sent.key.len() + sent.value.len())
            .sum();
        let most = view.facts.unflushed_bytes + QUEUED_BYTES;
        if bytes as u64 > most {
            wrong.push(format!(
                "{bytes} bytes were acknowledged without S3, over {most}"
            ));
        }
    }
    wrong
}

impl View<'_> {
    /// Whether objects of the log were gone then.
    fn has_vanished(&self, when: Moment) -> bool {
        self.history.faults.iter().any(|fault| {
            let back = fault.until;
            fault.what.starts_with("Vanish")
                && fault.from < when
                && back.is_none_or(|back| when < back)
        })
    }

    /// Whether clients could not reach the server at some time in a span, or shortly before.
    fn unreachable(&self, from_ms: u64, until_ms: u64) -> bool {
        self.history.faults.iter().any(|fault| {
            let over = fault
                .until
                .map_or(u64::MAX, |until| until.ms + STOP_SLACK_MS);
            fault.what.contains("ClientsAndServer") && fault.from.ms <= until_ms && from_ms <= over
        })
    }
}
