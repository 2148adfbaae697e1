//! Retention: how much may be gone of a log although nobody trimmed it.

use super::View;
use crate::determinism::EPOCH_MS;
use crate::history::{Life, Moment, Operation, as_sent, headers_of};

/// What a record, and a data file, take beside keys, values and headers, at most. Every append can bring a file.
const RECORD_BYTES: u64 = 200;
const FILE_BYTES: u64 = 1_500;

impl View<'_> {
    /// Why retention cannot have trimmed the log, or this key, before `floor` by then, if it cannot.
    pub(super) fn retention_keeps(
        &self,
        floor: u64,
        by: Moment,
        key: Option<&str>,
    ) -> Option<String> {
        let of_rule = key.and_then(|key| self.age_of_rule(key));
        let ages = self.facts.max_age_ms.into_iter().chain(of_rule);
        let young = match ages.min() {
            None => Some("retention.max_age is off, and there is no rule for the key".into()),
            Some(age) => self.youngest_below(floor, by, age),
        };
        let fits = match self.facts.max_bytes {
            None => Some("retention.max_bytes is off".into()),
            Some(most) => {
                let bytes = self.bytes_at_most(by);
                // Room is left for what comes until the next check.
                let fits = bytes <= most - most / 10;
                fits.then(|| format!("all records have at most {bytes} bytes of {most}"))
            }
        };
        // It is enough that one of them allows it.
        young
            .zip(fits)
            .map(|(young, fits)| format!("{young}; {fits}"))
    }

    /// Why no retention rule can have deleted the records of `key` below `floor`, if none can.
    pub(super) fn rule_keeps(&self, floor: u64, by: Moment, key: &str) -> Option<String> {
        match self.age_of_rule(key) {
            None => Some("there is no rule for the key".into()),
            Some(age) => self.youngest_below(floor, by, age),
        }
    }

    fn age_of_rule(&self, key: &str) -> Option<u64> {
        let rule = self.facts.rule?;
        key.starts_with(rule.prefix).then_some(rule.max_age_ms)
    }

    /// A record below `floor` that was not old enough then, if there is one.
    fn youngest_below(&self, floor: u64, by: Moment, max_age_ms: u64) -> Option<String> {
        let before_ms = self.latest_believed_ms(by) - i64::try_from(max_age_ms).unwrap_or(i64::MAX);
        let is_there =
            |operation: &Operation, durable: bool| durable || !self.may_be_lost(operation, by);
        let acknowledged = self.history.acknowledged().filter(|(append, ..)| {
            let durable = append.appends().is_some_and(|(_, durable)| durable);
            is_there(append, durable)
        });
        let stored = acknowledged.filter_map(|(append, _, start)| {
            let first_ms = EPOCH_MS + append.called.ms as i64 + self.least_ahead_ms(append)?;
            let (records, _) = append.appends()?;
            let last = floor.min(start + records.len() as u64).checked_sub(1)?;
            (start <= last).then_some((last, first_ms))
        });
        let pages = self.history.pages();
        let pages = pages.filter(|(page, scan, ..)| is_there(page, scan.durable));
        let seen = pages
            .flat_map(|(_, _, values, _)| values)
            .filter(|seen| seen.sequence < floor)
            .map(|seen| (seen.sequence, seen.timestamp_ms));
        let mut young = stored.chain(seen).filter(|(_, ms)| *ms >= before_ms);
        young.next().map(|(sequence, ms)| {
            format!("{sequence} is of {ms} or later, and what is before {before_ms} was old enough")
        })
    }

    /// Whether a server can have opened the log by then without all that the one that answered had applied: what is not durable
    /// is lost when a server is killed or another one has the log. The one after it then deletes what is older and what is
    /// lost together.
    fn may_be_lost(&self, operation: &Operation, by: Moment) -> bool {
        let mut answering = self.history.answering(operation);
        answering.any(|life| {
            let lives = &mut self.history.lives.iter();
            !life.was_clean()
                && lives.any(|other| other.started > life.started && other.started < by)
        })
    }

    /// The latest time that a server can have believed by then. It does not believe a clock that was set forward after it
    /// opened the log: a step is more than drift, and a run takes less than an hour.
    fn latest_believed_ms(&self, by: Moment) -> i64 {
        let begun = self.history.lives.iter().filter(|life| life.started < by);
        let believed = begun.map(|life| {
            let until = life.ended.as_ref().map_or(by, |(end, _)| by.min(*end));
            let opened = life.opened.map_or(until.ms, |opened| opened.ms);
            let read = life.clock.iter().take_while(|(ms, _)| *ms <= opened);
            let ahead_ms = read.map(|(_, ahead_ms)| *ahead_ms).max();
            EPOCH_MS + until.ms as i64 + ahead_ms.unwrap_or(0)
        });
        believed.max().unwrap_or(i64::MIN)
    }

    /// How far the clock that an append was stamped by was ahead, at least.
    fn least_ahead_ms(&self, append: &Operation) -> Option<i64> {
        let until = append
            .answered
            .as_ref()
            .map_or(u64::MAX, |(when, _)| when.ms);
        let lives = self.history.answering(append);
        lives
            .map(|life| least_ahead_ms(life, append.called.ms, until))
            .min()
    }

    /// The bytes of all records that can have been in the log by then, as they are stored, at most.
    fn bytes_at_most(&self, by: Moment) -> u64 {
        let sent = self
            .history
            .operations
            .iter()
            .filter(|operation| operation.called < by);
        let batches = sent.filter_map(Operation::appends);
        let bytes = batches.map(|(records, _)| {
            let records = records.iter().map(|sent| {
                let headers = as_sent(&headers_of(&sent.value)).unwrap_or_default();
                (sent.key.len() + sent.value.len() + headers.encoded().len()) as u64 + RECORD_BYTES
            });
            FILE_BYTES + records.sum::<u64>()
        });
        bytes.sum()
    }
}

fn least_ahead_ms(life: &Life, from_ms: u64, until_ms: u64) -> i64 {
    let first = life
        .clock
        .partition_point(|(ms, _)| *ms <= from_ms)
        .saturating_sub(1);
    let within = life.clock[first..]
        .iter()
        .take_while(|(ms, _)| *ms <= until_ms);
    let ahead = within.map(|(_, ahead_ms)| *ahead_ms);
    ahead.min().unwrap_or(life.clock[0].1)
}
