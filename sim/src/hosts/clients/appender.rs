//! Clients that append.

use rand::RngExt;

use super::{Client, failed};
use crate::history::{Call, Outcome, Safety, ScanCall, Sent};

/// How often the same is sent when the server says that it was not applied.
const ATTEMPTS: u32 = 4;

impl Client {
    pub(super) async fn append_all(
        &mut self,
        durable_percent: u32,
        most: usize,
        value_bytes: usize,
    ) {
        for round in 0..self.plan.operations {
            self.think().await;
            let durable = self.random.random_range(0..100) < durable_percent;
            let lengths: Vec<(String, usize)> = (0..self.random.random_range(1..=most))
                .map(|_| (self.some_key(), self.random.random_range(0..=value_bytes)))
                .collect();
            self.append(round, &lengths, durable).await;
        }
    }

    async fn append(&mut self, round: u32, lengths: &[(String, usize)], durable: bool) {
        for attempt in 0..ATTEMPTS {
            // Each attempt has values of its own, so that the log shows which of them were applied.
            let name = format!("{}.{round}.{attempt}", self.plan.number);
            let records: Vec<Sent> = lengths
                .iter()
                .enumerate()
                .map(|(index, (key, length))| Sent {
                    key: key.clone(),
                    value: format!("{name}.{index}:{}", "v".repeat(*length)),
                })
                .collect();
            let first = records[0].key.clone();
            let append = Call::Append {
                records,
                durable,
                safety: Safety::default(),
            };
            let outcome = self.connection.ask(append).await;
            match outcome {
                Outcome::Refused { status, .. } if status != 504 => self.back_off().await,
                Outcome::NotSent => self.back_off().await,
                outcome if failed(&outcome) => {
                    self.back_off().await;
                    self.find_out(first).await;
                    return;
                }
                _ => return,
            }
        }
    }

    /// What a careful user does when the outcome is unknown: reads the key. It is told by the history; what it would
    /// do next is to send again what is not there.
    async fn find_out(&mut self, key: String) {
        let mut start = 0;
        for _ in 0..3 {
            let scan = ScanCall {
                key: key.clone(),
                start,
                end: u64::MAX,
                limit: 1_000,
                durable: false,
                newest: false,
                follow_ms: None,
            };
            match self.connection.scan(scan).await {
                Outcome::Page {
                    values, next, more, ..
                } if more || !values.is_empty() => start = next,
                outcome if failed(&outcome) => self.back_off().await,
                _ => return,
            }
        }
    }
}
