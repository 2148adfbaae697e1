//! What one page must be.

use super::View;
use super::durability::brief;
use crate::history::{Life, Moment, Operation, Outcome, ScanCall, Seen};

/// What a record takes in an answer besides its value, at most, headers included; and the largest value of a run.
const OVERHEAD: u64 = 128;
const LARGEST: u64 = 2_200;
/// So much of a time is lost when its ends are told in ms.
const ROUNDING_MS: u64 = 2;

pub(super) fn pages(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (operation, scan, values, next) in view.history.pages() {
        let mut say = |what: String| wrong.push(format!("#{} got a page {what}", operation.id));
        let most = scan.limit.min(view.facts.page_records);
        if values.len() as u64 > most {
            say(format!("of {} records, over {most}", values.len()));
        }
        let bytes: u64 = values.iter().map(|seen| seen.value.len() as u64).sum();
        if values.len() > 1 && bytes > view.facts.page_bytes {
            say(format!("of {bytes} bytes, over {}", view.facts.page_bytes));
        }
        let mut expected = scan.start;
        for seen in values {
            if seen.sequence < expected || seen.sequence >= scan.end {
                say(format!(
                    "with {} where {expected} or more comes",
                    seen.sequence
                ));
            }
            expected = seen.sequence + 1;
        }
        if next < expected || next > scan.end.max(scan.start) {
            say(format!(
                "with nextSequence {next}, after {expected}, up to {}",
                scan.end
            ));
        }
        if operation.told_more() && !view.took_its_time(operation) {
            say("that ended because of its time, which was not over".to_owned());
        }
        for (what, seen) in differences(view, (operation, scan), values, next) {
            say(format!(
                "{what} {} of {:?} ({})",
                seen.sequence,
                scan.key,
                brief(&seen.value)
            ));
        }
    }
    wrong
}

/// How a page differs from the final log.
fn differences<'a>(
    view: &View<'a>,
    (operation, scan): (&Operation, &ScanCall),
    values: &'a [Seen],
    next: u64,
) -> Vec<(&'static str, &'a Seen)> {
    let mut found = Vec::new();
    let from = view.read_from(operation, scan, values);
    for last in view.log.between(&scan.key, from, next) {
        let here = values.binary_search_by_key(&last.sequence, |seen| seen.sequence);
        match here {
            Err(_) => found.push(("without", last)),
            Ok(at) if values[at] != *last => found.push(("with something else as", last)),
            Ok(_) => {}
        }
    }
    if scan.durable {
        let last = view.log.between(&scan.key, from, next);
        let gone = values
            .iter()
            .filter(|seen| seen.sequence >= view.log.floor_of(&scan.key))
            .filter(|seen| !last.iter().any(|kept| kept.sequence == seen.sequence));
        found.extend(gone.map(|seen| ("of durable records, with the lost", seen)));
        let durable = match operation.outcome() {
            Some(Outcome::Page { durable, .. }) => durable.unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        let early = values.iter().filter(|seen| seen.sequence >= durable);
        found.extend(early.map(|seen| ("of durable records, with what is not yet,", seen)));
    }
    found
}

pub(super) fn visible(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (operation, scan, values, next) in view.history.pages() {
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        // A page of the newest records reaches to the end, however full it is.
        let is_cut = !scan.newest && (view.may_be_full(scan, values) || operation.told_more());
        let from = view.read_from(operation, scan, values);
        for (append, start) in view.known_to(life, operation.called, scan.durable) {
            let (records, _) = append.appends().unwrap_or_default();
            let end = start + records.len() as u64;
            if !is_cut && next < end.min(scan.end) {
                wrong.push(format!(
                    "#{} reached {next}, and #{} had been acknowledged with {start}..{end}",
                    operation.id, append.id
                ));
            }
            let floor = operation.told_trimmed().unwrap_or(0);
            let missing = (start..).zip(records).find(|(sequence, sent)| {
                sent.key == scan.key
                    && *sequence >= floor
                    && (from..next).contains(sequence)
                    && !values.iter().any(|seen| seen.sequence == *sequence)
            });
            if let Some((sequence, _)) = missing {
                wrong.push(format!(
                    "#{} did not see {sequence} of {:?}, which #{} had been acknowledged with",
                    operation.id, scan.key, append.id
                ));
            }
        }
    }
    wrong
}

impl<'a> View<'a> {
    /// Whether a page may have no room for more records.
    fn may_be_full(&self, scan: &ScanCall, values: &[Seen]) -> bool {
        let bytes: u64 = values
            .iter()
            .map(|seen| seen.value.len() as u64 + OVERHEAD)
            .sum();
        values.len() as u64 >= scan.limit.min(self.facts.page_records)
            || !values.is_empty() && bytes + OVERHEAD + LARGEST > self.facts.page_bytes
    }

    /// Whether a read took so long that the time of its page was over.
    pub(super) fn took_its_time(&self, read: &Operation) -> bool {
        read.answered.as_ref().is_some_and(|(when, _)| {
            when.ms - read.called.ms + ROUNDING_MS >= self.facts.timeout_ms / 2
        })
    }

    /// From where on a page certainly has all records.
    pub(super) fn read_from(&self, read: &Operation, scan: &ScanCall, values: &[Seen]) -> u64 {
        let is_cut = || read.told_more() || self.may_be_full(scan, values);
        match values.first() {
            Some(first) if scan.newest && is_cut() => first.sequence,
            _ => scan.start,
        }
    }

    /// The appends that a life must know of at a time: those that it acknowledged before, and those that were
    /// acknowledged as durable before it began. With `durable`, only those that were acknowledged as durable.
    pub(super) fn known_to(
        &self,
        life: &'a Life,
        by: Moment,
        durable: bool,
    ) -> impl Iterator<Item = (&'a Operation, u64)> {
        let history = self.history;
        history
            .acknowledged()
            .filter_map(move |(append, when, start)| {
                let waited = append.appends().is_some_and(|(_, waited)| waited);
                let own = || {
                    when < by
                        && history
                            .life_of(append)
                            .is_some_and(|other| other.id == life.id)
                };
                let before = waited && when < life.started;
                let known = before || (waited || !durable) && own();
                known.then_some((append, start))
            })
    }
}
