//! Clients that compare and append: they read one or two keys to their ends, and append if nothing came in between.

use std::collections::BTreeMap;

use rand::RngExt;

use super::{Client, failed};
use crate::history::{Call, Condition, Outcome, Safety, ScanCall, Sent};

/// A key has fewer pages.
const PAGES: u32 = 1_000;
/// In how many of a hundred rounds a client reads the key from the beginning, instead of from where it was.
const FROM_START_PERCENT: u32 = 4;

/// In how many of a hundred rounds an append has preconditions on two keys.
const TWO_KEYS_PERCENT: u32 = 30;

/// The `nextSequence` that a client has for each key that it read to the end. It stays valid across servers: a sequence
/// that was seen is never used again.
type Positions = BTreeMap<String, u64>;

impl Client {
    pub(super) async fn register_all(&mut self) {
        let mut positions = Positions::new();
        for round in 0..self.plan.operations {
            self.think().await;
            let mut keys = vec![self.some_key()];
            if self.chance(TWO_KEYS_PERCENT) {
                keys.push(self.some_key());
                keys.dedup();
            }
            let Some(conditions) = self.read_all(&keys, &mut positions).await else {
                self.back_off().await;
                continue;
            };
            let name = format!("{}.{round}", self.plan.number);
            let records = (0..self.random.random_range(1..=2)).map(|index| Sent {
                key: keys[index % keys.len()].clone(),
                value: format!("{name}.{index}:"),
            });
            let call = Call::Append {
                records: records.collect(),
                durable: true,
                safety: Safety {
                    conditions,
                    ..Safety::default()
                },
            };
            if failed(&self.connection.ask(call).await) {
                self.back_off().await;
            }
        }
    }

    /// That none of the keys has a record that was not read.
    async fn read_all(
        &mut self,
        keys: &[String],
        positions: &mut Positions,
    ) -> Option<Vec<Condition>> {
        let mut conditions = Vec::new();
        for key in keys {
            let since = self.read_to_the_end(key, positions).await?;
            let key = key.clone();
            conditions.push(Condition { key, since });
        }
        Some(conditions)
    }

    /// The `nextSequence` of a reader that has seen all of the key.
    async fn read_to_the_end(&mut self, key: &str, positions: &mut Positions) -> Option<u64> {
        let from_start = self.chance(FROM_START_PERCENT);
        let known = positions.get(key).filter(|_| !from_start);
        let mut start = known.copied().unwrap_or(0);
        for _ in 0..PAGES {
            let scan = ScanCall {
                key: key.to_owned(),
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
                } if values.is_empty() && !more => {
                    positions.insert(key.to_owned(), next);
                    return Some(next);
                }
                Outcome::Page { next, .. } => start = next,
                _ => return None,
            }
        }
        None
    }
}
