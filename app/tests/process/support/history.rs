//! What clients did and were told, held against what the log holds in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::client::{Client, Outcome, Record};

/// The log as read back: what every sequence names.
pub(crate) type Log = BTreeMap<u64, Record>;

/// One append and how it ended.
pub(crate) struct Attempt {
    /// Which life of the server it was made in.
    pub(crate) round: usize,
    pub(crate) records: Vec<Record>,
    pub(crate) durable: bool,
    pub(crate) outcome: Outcome,
}

/// How the server's last life ended, and so what must have survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Without a goodbye: what was acknowledged as durable, and of the rest a prefix.
    Killed,
    /// By a graceful stop: everything that was acknowledged.
    Stopped,
}

/// Everything that was asked, answered and read over all lives of a log.
#[derive(Debug, Default)]
pub(crate) struct History {
    attempts: Vec<Attempt>,
    /// What a sequence was ever said to name, whether by an acknowledgement or by a read.
    names: BTreeMap<u64, Record>,
    /// What was ever read with `visibility=durable`.
    read_as_durable: BTreeSet<u64>,
}

impl History {
    pub(crate) fn attempted(&mut self, attempt: Attempt) {
        if let Outcome::Acknowledged(start) = attempt.outcome {
            for (sequence, record) in (start..).zip(&attempt.records) {
                self.name(sequence, record, "an acknowledgement");
            }
        }
        self.attempts.push(attempt);
    }

    pub(crate) fn read(&mut self, key: &[u8], values: &[(u64, Vec<u8>)], durable: bool) {
        for (sequence, value) in values {
            self.name(*sequence, &(key.to_vec(), value.clone()), "a read");
            if durable {
                self.read_as_durable.insert(*sequence);
            }
        }
    }

    /// The appends that were acknowledged in a round, durable or not.
    pub(crate) fn acknowledged_in(&self, round: usize) -> usize {
        self.attempts
            .iter()
            .filter(|a| a.round == round && matches!(a.outcome, Outcome::Acknowledged(_)))
            .count()
    }

    /// What was acknowledged as durable until now.
    pub(crate) fn durable(&self) -> Log {
        let durable = self.attempts.iter().filter(|attempt| attempt.durable);
        let acknowledged = durable.filter_map(|attempt| match attempt.outcome {
            Outcome::Acknowledged(start) => Some((start, &attempt.records)),
            _ => None,
        });
        acknowledged
            .flat_map(|(start, records)| (start..).zip(records.iter().cloned()))
            .collect()
    }

    /// The appends that were refused in a round with this code.
    pub(crate) fn refused_in(&self, round: usize, wanted: &str) -> usize {
        self.attempts
            .iter()
            .filter(|a| a.round == round)
            .filter(|a| matches!(&a.outcome, Outcome::Refused { code, .. } if code == wanted))
            .count()
    }

    /// How the appends of a round ended that were not acknowledged, to show when a check fails.
    pub(crate) fn not_acknowledged_in(&self, round: usize) -> Vec<Outcome> {
        let outcomes = self.attempts.iter().filter(|a| a.round == round);
        outcomes
            .map(|a| a.outcome.clone())
            .filter(|outcome| !matches!(outcome, Outcome::Acknowledged(_)))
            .collect()
    }

    /// A sequence never names another record, so every response must agree about it.
    fn name(&mut self, sequence: u64, record: &Record, by: &str) {
        let first = self.names.entry(sequence).or_insert_with(|| record.clone());
        assert!(
            first == record,
            "sequence {sequence} named {} before, and by {by} it names {}",
            show(first),
            show(record)
        );
    }

    /// Holds the log, read back after the server's last life, against everything recorded.
    pub(crate) fn check(&mut self, log: &Log, round: usize, ended: Ended) {
        for (sequence, record) in log {
            self.name(*sequence, record, "the log after the restart");
        }
        for sequence in &self.read_as_durable {
            assert!(
                log.contains_key(sequence),
                "sequence {sequence} was read as durable and is gone"
            );
        }
        let mut at = HashMap::new();
        for (sequence, (key, value)) in log {
            let twice = at.insert((key, value), *sequence);
            assert_eq!(twice, None, "a record is there twice, again at {sequence}");
        }
        let mut surviving = BTreeSet::new();
        let mut lost = BTreeSet::new();
        let mut known = 0;
        for attempt in &self.attempts {
            let found: Vec<u64> = attempt
                .records
                .iter()
                .filter_map(|(key, value)| at.get(&(key, value)).copied())
                .collect();
            known += found.len();
            attempt.check_shape(&found);
            attempt.check_survival(!found.is_empty(), round, ended);
            if attempt.round == round {
                surviving.extend(found.iter().copied());
                if let (Outcome::Acknowledged(start), true) = (&attempt.outcome, found.is_empty()) {
                    lost.insert(*start);
                }
            }
        }
        assert_eq!(
            known,
            log.len(),
            "the log holds records that nobody appended"
        );
        if let (Some(last_kept), Some(first_lost)) = (surviving.last(), lost.first()) {
            assert!(
                last_kept < first_lost,
                "sequence {last_kept} survived and the earlier {first_lost} did not: not a prefix"
            );
        }
    }
}

impl Attempt {
    /// A batch is there whole, in order and in consecutive sequences, or not at all.
    fn check_shape(&self, found: &[u64]) {
        let Some(&first) = found.first() else { return };
        assert_eq!(
            found.len(),
            self.records.len(),
            "part of a batch is there: {self:?}"
        );
        let consecutive = found.iter().copied().eq(first..first + found.len() as u64);
        assert!(
            consecutive,
            "a batch is out of order at {found:?}: {self:?}"
        );
        if let Outcome::Acknowledged(start) = self.outcome {
            assert_eq!(
                first, start,
                "a batch is not where it was said to be: {self:?}"
            );
        }
    }

    fn check_survival(&self, present: bool, round: usize, ended: Ended) {
        match &self.outcome {
            Outcome::Acknowledged(_) => {
                let promised = self.durable || (self.round == round && ended == Ended::Stopped);
                assert!(
                    present || !promised,
                    "an acknowledged batch is lost ({ended:?}): {self:?}"
                );
            }
            Outcome::Refused { .. } => {
                assert!(!present, "a batch that was refused is there: {self:?}");
            }
            Outcome::Unknown(_) => {}
        }
    }
}

/// Reads the whole log back through keys and scans; no sequence is given twice, and `count` agrees.
pub(crate) async fn read_log(client: &Client) -> Log {
    let mut log = Log::new();
    for key in client.all_keys(1_000).await {
        let values = client.scan_all(&key, 5_000).await;
        assert_eq!(
            client.count(&key).await,
            values.len() as u64,
            "count of {key:?}"
        );
        for (sequence, value) in values {
            let other = log.insert(sequence, (key.clone(), value));
            assert_eq!(other, None, "sequence {sequence} was given twice");
        }
    }
    log
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.records.first().map(show);
        let (count, durable) = (self.records.len(), self.durable);
        write!(
            f,
            "{count} records from {first:?} on, durable: {durable}, {:?}",
            self.outcome
        )
    }
}

fn show((key, value): &Record) -> String {
    let value = String::from_utf8_lossy(value);
    format!("{}={value}", String::from_utf8_lossy(key))
}
