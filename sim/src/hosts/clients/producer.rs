//! Clients that are producers: they send each request until they know what became of it.

use std::time::Duration;

use futures::future::join_all;
use log_domain::producer::RECENT;
use rand::RngExt;

use super::Client;
use crate::history::{Call, Numbered, Outcome, Safety, Sent};

/// How often the same request is sent. No fault lasts so long.
const ATTEMPTS: u32 = 100;
/// Records of a request.
const RECORDS: usize = 4;
/// Requests that are sent without waiting for the answers of those before. A server keeps the answers of more.
const PIPELINED: [usize; 4] = [1, 1, 2, 4];
/// In how many of a hundred rounds a second instance of the client takes over.
const TAKE_OVER_PERCENT: u32 = 15;
/// In how many of a hundred rounds an instance from before, which does not know yet, sends its next request.
const ZOMBIE_PERCENT: u32 = 25;
/// In how many of a hundred rounds a number is sent that was used before.
const EARLIER_PERCENT: u32 = 15;
/// In how many of a hundred rounds the client is idle before.
const IDLE_PERCENT: u32 = 6;

/// One instance of a producer.
#[derive(Clone, Default)]
struct Instance {
    epoch: u64,
    /// Its requests that it knows to be applied.
    applied: Vec<Vec<Sent>>,
}

impl Instance {
    /// A later instance, or the same after it noticed that something undurable was lost, or that it expired.
    fn next_epoch(&self) -> Self {
        Self {
            epoch: self.epoch + 1,
            applied: Vec::new(),
        }
    }

    /// The number of its next request.
    fn next(&self) -> u64 {
        self.applied.len() as u64
    }
}

impl Client {
    pub(super) async fn produce_all(&mut self, durable_percent: u32, idle_ms: u64) {
        let mut instance = Instance::default();
        let mut zombie = None;
        for round in 0..self.plan.operations {
            self.think().await;
            if idle_ms > 0 && self.chance(IDLE_PERCENT) {
                let idle = self.random.random_range(0..=idle_ms);
                tokio::time::sleep(Duration::from_millis(idle)).await;
            }
            let durable = self.chance(durable_percent);
            if self.chance(TAKE_OVER_PERCENT) {
                let later = instance.next_epoch();
                zombie = Some(std::mem::replace(&mut instance, later));
            }
            if !self.send_until_known(&mut instance, round, durable).await {
                return;
            }
            if self.chance(EARLIER_PERCENT) {
                self.send_earlier(&instance, round, durable).await;
            }
            if self.chance(ZOMBIE_PERCENT)
                && let Some(earlier) = zombie.take()
            {
                let records = self.request(round, "z");
                let call = self.numbered(&earlier, earlier.next(), records, durable);
                self.connection.ask(call).await;
            }
        }
    }

    /// Sends one or more requests until each is answered. Whether they were.
    async fn send_until_known(
        &mut self,
        instance: &mut Instance,
        round: u32,
        durable: bool,
    ) -> bool {
        let count = PIPELINED[self.random.random_range(0..PIPELINED.len())];
        let mut requests = self.requests(round, count, "");
        for _ in 0..ATTEMPTS {
            let first = instance.next();
            let calls = (first..).zip(&requests);
            let calls = calls.map(|(sequence, records)| {
                self.numbered(instance, sequence, records.clone(), durable)
            });
            let in_session = round.is_multiple_of(2) && count > 1 && self.connection.has_sessions();
            let outcomes = match in_session {
                true => self.connection.ask_all(calls.collect()).await,
                false => join_all(calls.map(|call| self.connection.ask(call))).await,
            };
            let known = outcomes.iter().map(is_known).take_while(|known| *known);
            let known = known.count();
            instance.applied.extend(requests.drain(..known));
            let rest = &outcomes[known..];
            if rest.is_empty() {
                return true;
            }
            if rest.iter().any(|outcome| is_lost(outcome, first)) {
                // In the new epoch these are other requests, with values of their own, so that the log shows which of
                // them were applied.
                *instance = instance.next_epoch();
                let mark = format!("e{}", instance.epoch);
                requests = self.requests(round, requests.len(), &mark);
            } else if rest.iter().any(is_final) {
                // It would be a bug: it is in the history.
                return false;
            } else if rest.iter().any(is_unknown) {
                self.back_off().await;
            }
        }
        false
    }

    /// Sends a number again that was used before, with its records or, by mistake, with others.
    async fn send_earlier(&mut self, instance: &Instance, round: u32, durable: bool) {
        let Some(newest) = instance.applied.len().checked_sub(1) else {
            return;
        };
        let at = newest.saturating_sub(self.random.random_range(0..=2 * RECENT));
        let records = match self.random.random() {
            true => instance.applied[at].clone(),
            false => self.request(round, "r"),
        };
        let call = self.numbered(instance, at as u64, records, durable);
        self.connection.ask(call).await;
    }

    fn requests(&mut self, round: u32, count: usize, mark: &str) -> Vec<Vec<Sent>> {
        let numbers = 0..count;
        numbers
            .map(|number| self.request(round, &format!("-{number}{mark}")))
            .collect()
    }

    fn request(&mut self, round: u32, mark: &str) -> Vec<Sent> {
        let name = format!("{}.{round}{mark}", self.plan.number);
        (0..self.random.random_range(1..=RECORDS))
            .map(|index| Sent {
                key: self.some_key(),
                value: format!("{name}.{index}:"),
            })
            .collect()
    }

    fn numbered(
        &self,
        instance: &Instance,
        sequence: u64,
        records: Vec<Sent>,
        durable: bool,
    ) -> Call {
        let numbered = Numbered {
            id: format!("producer-{}", self.plan.number),
            epoch: instance.epoch,
            sequence,
        };
        let safety = Safety {
            numbered: Some(numbered),
            ..Safety::default()
        };
        Call::Append {
            records,
            durable,
            safety,
        }
    }
}

/// Whether the request is known to be applied.
fn is_known(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Appended { .. } | Outcome::Duplicate { .. } => true,
        Outcome::Rejected { code, .. } => code == "producer_sequence_too_old",
        _ => false,
    }
}

/// Whether a request is lost that was known to be applied: those from `first` on were sent now, and some of them may have
/// arrived before those before them.
fn is_lost(outcome: &Outcome, first: u64) -> bool {
    match outcome {
        Outcome::Rejected { code, .. } if code == "producer_unknown" => first > 0,
        Outcome::Rejected { code, sequence, .. } if code == "producer_out_of_order" => {
            sequence.is_some_and(|expected| expected < first)
        }
        _ => false,
    }
}

/// Whether it is rejected, and not because it arrived before another one.
fn is_final(outcome: &Outcome) -> bool {
    let early = ["producer_unknown", "producer_out_of_order"];
    matches!(outcome, Outcome::Rejected { code, .. } if !early.contains(&code.as_str()))
}

/// Whether it is not known what became of the request.
fn is_unknown(outcome: &Outcome) -> bool {
    !is_known(outcome) && !matches!(outcome, Outcome::Rejected { .. })
}
