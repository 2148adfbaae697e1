//! Clients that delete keys, and read what is left of them.

use rand::RngExt;

use super::Client;
use crate::history::{Call, Outcome, ScanCall};

/// In how many of a hundred rounds all that a key has is deleted; else what was read, or half of it.
const ALL_PERCENT: u32 = 40;

/// In how many of a hundred rounds each kind of read follows, which must know of the deletion.
const READ_PERCENT: u32 = 50;

/// More keys than there are.
const ALL_KEYS: u64 = 1_000;

impl Client {
    pub(super) async fn delete_all(&mut self) {
        for _ in 0..self.plan.operations {
            self.think().await;
            let key = self.some_key();
            let limit = [1, 3, 1_000][self.random.random_range(0..3)];
            let Some((values, next)) = self.read_from_start(&key, limit).await else {
                self.back_off().await;
                continue;
            };
            let middle = values.get(values.len() / 2).copied();
            let before = match (self.chance(ALL_PERCENT), self.random.random()) {
                (true, _) => None,
                (false, true) => Some(next),
                (false, false) => Some(middle.unwrap_or(next)),
            };
            let deletion = Call::Delete {
                key: key.clone(),
                before,
            };
            if !matches!(self.connection.ask(deletion).await, Outcome::Deleted { .. }) {
                self.back_off().await;
                continue;
            }
            if self.chance(READ_PERCENT) {
                self.read_from_start(&key, limit).await;
            }
            if self.chance(READ_PERCENT) {
                let (start, end) = (0, u64::MAX);
                let count = Call::Count { key, start, end };
                self.connection.ask(count).await;
            }
            if self.chance(READ_PERCENT) {
                let keys = Call::Keys {
                    start_segment: 0,
                    end_segment: u32::MAX,
                    start_after: None,
                    limit: ALL_KEYS,
                };
                self.connection.ask(keys).await;
            }
        }
    }

    /// The sequences of a first page, and where it ends.
    async fn read_from_start(&mut self, key: &str, limit: u64) -> Option<(Vec<u64>, u64)> {
        let scan = ScanCall {
            key: key.to_owned(),
            start: 0,
            end: u64::MAX,
            limit,
            durable: false,
            newest: false,
            follow_ms: None,
        };
        match self.connection.scan(scan).await {
            Outcome::Page { values, next, .. } => {
                let sequences = values.iter().map(|seen| seen.sequence);
                Some((sequences.collect(), next))
            }
            _ => None,
        }
    }
}
