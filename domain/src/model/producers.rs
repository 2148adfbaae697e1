//! What the model remembers of producers: everything, naively.

use std::collections::BTreeMap;

use crate::producer::{BUSY_MS, RECENT};
use crate::{Append, Appended, Error, Producer, ProducerPolicy, Record, Rejection, Result};

/// All producers that were not forgotten.
#[derive(Debug, Clone)]
pub(super) struct Producers {
    policy: ProducerPolicy,
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    epoch: u64,
    last_used_ms: i64,
    /// All requests of the epoch that were applied: their records, and their answers.
    requests: Vec<(Vec<Record>, Appended)>,
}

impl Producers {
    pub(super) fn new(policy: ProducerPolicy) -> Self {
        Self {
            policy,
            known: BTreeMap::new(),
        }
    }

    /// Whether a request is to be applied; if not, its answer.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn judge(
        &mut self,
        producer: &Producer,
        records: &[Record],
        now_ms: i64,
    ) -> Result<Option<Appended>> {
        let policy = self.policy;
        self.known
            .retain(|_, known| !policy.has_expired(known.last_used_ms, now_ms));
        let sequence = producer.sequence;
        let Some(known) = self.known.get(producer.id.as_str()) else {
            if sequence > 0 {
                return Err(Error::rejected(Rejection::ProducerUnknown));
            }
            let may_leave = |known: &Known| now_ms - known.last_used_ms >= BUSY_MS;
            if self.known.len() >= policy.limit && !self.known.values().any(may_leave) {
                return Err(Error::Overloaded {
                    what: "the table of producers",
                    limit: policy.limit as u64,
                });
            }
            return Ok(None);
        };
        if producer.epoch < known.epoch {
            let current = known.epoch;
            return Err(Error::rejected(Rejection::ProducerFenced { current }));
        }
        let requests = match producer.epoch == known.epoch {
            true => &known.requests[..],
            false => &[],
        };
        let expected = requests.len() as u64;
        if sequence == expected {
            return Ok(None);
        }
        if sequence > expected {
            return Err(Error::rejected(Rejection::OutOfOrder {
                sequence,
                expected,
            }));
        }
        let (same, answer) = &requests[sequence as usize];
        if expected - sequence > RECENT as u64 {
            return Err(Error::rejected(Rejection::SequenceTooOld));
        }
        if same != records {
            return Err(Error::rejected(Rejection::SequenceReused { sequence }));
        }
        Ok(Some(Appended {
            duplicate: true,
            ..*answer
        }))
    }

    /// A request was applied.
    pub(super) fn applied(&mut self, append: &Append, appended: Appended, now_ms: i64) {
        let Some(producer) = append.producer() else {
            return;
        };
        let id = producer.id.as_str();
        let is_new = !self.known.contains_key(id);
        if is_new && self.known.len() >= self.policy.limit {
            let idle = self
                .known
                .iter()
                .min_by_key(|(id, known)| (known.last_used_ms, *id));
            if let Some(longest) = idle.map(|(id, _)| id.clone()) {
                self.known.remove(&longest);
            }
        }
        let known = self.known.entry(id.to_owned()).or_insert(Known {
            epoch: producer.epoch,
            last_used_ms: now_ms,
            requests: Vec::new(),
        });
        if known.epoch != producer.epoch {
            known.epoch = producer.epoch;
            known.requests.clear();
        }
        known.last_used_ms = now_ms;
        let records = append.batch().records().to_vec();
        known.requests.push((records, appended));
    }
}
