//! Clients that compare and append: they read a key to its end, and append to it if nothing came in between.

use rand::RngExt;

use super::{Client, failed};
use crate::history::{Call, Condition, Outcome, Safety, ScanCall, Sent};

/// A key has fewer pages.
const PAGES: u32 = 1_000;

impl Client {
    pub(super) async fn register_all(&mut self) {
        for round in 0..self.plan.operations {
            self.think().await;
            let key = self.some_key();
            let Some(since) = self.read_to_the_end(&key).await else {
                self.back_off().await;
                continue;
            };
            let name = format!("{}.{round}", self.plan.number);
            let records = (0..self.random.random_range(1..=2)).map(|index| Sent {
                key: key.clone(),
                value: format!("{name}.{index}:"),
            });
            let call = Call::Append {
                records: records.collect(),
                durable: true,
                safety: Safety {
                    conditions: vec![Condition {
                        key: key.clone(),
                        since,
                    }],
                    numbered: None,
                },
            };
            if failed(&self.connection.ask(call).await) {
                self.back_off().await;
            }
        }
    }

    /// The `nextSequence` of a reader that has seen all of the key.
    async fn read_to_the_end(&mut self, key: &str) -> Option<u64> {
        let mut start = 0;
        for _ in 0..PAGES {
            let scan = ScanCall {
                key: key.to_owned(),
                start,
                end: u64::MAX,
                limit: 1_000,
                durable: false,
                follow_ms: None,
            };
            match self.connection.scan(scan).await {
                Outcome::Page { values, next } if values.is_empty() => return Some(next),
                Outcome::Page { next, .. } => start = next,
                _ => return None,
            }
        }
        None
    }
}
