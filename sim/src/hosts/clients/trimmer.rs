//! Clients that trim the log, and read what is left.

use rand::RngExt;

use super::Client;
use crate::history::{Call, Outcome, ScanCall};

/// In how many of a hundred rounds a client reads from the beginning, to be told what was trimmed.
const FROM_START_PERCENT: u32 = 40;

/// In how many of a hundred rounds that know the end of the log everything is trimmed; else an eighth of what is left.
const ALL_PERCENT: u32 = 15;

/// In how many of a hundred rounds a client lists the segments that are left.
const SEGMENTS_PERCENT: u32 = 60;

/// More records than a key has.
const TO_THE_END: u64 = 1_000;

impl Client {
    pub(super) async fn trim_all(&mut self) {
        let mut floor = 0;
        for _ in 0..self.plan.operations {
            self.think().await;
            if self.chance(SEGMENTS_PERCENT) {
                self.connection.ask(Call::Segments).await;
            }
            let limit = [1, 3, TO_THE_END][self.random.random_range(0..3)];
            let from_start = self.chance(FROM_START_PERCENT);
            let scan = ScanCall {
                key: self.some_key(),
                start: if from_start { 0 } else { floor },
                end: u64::MAX,
                limit,
                durable: false,
                newest: false,
                follow_ms: None,
            };
            let Outcome::Page { next, .. } = self.connection.scan(scan).await else {
                self.back_off().await;
                continue;
            };
            // A short page ends after a few records of what is left.
            let left = next.saturating_sub(floor);
            let before = match limit < TO_THE_END || self.chance(ALL_PERCENT) {
                true => next,
                false => floor + left / 8,
            };
            match self.connection.ask(Call::Trim { before }).await {
                Outcome::Trimmed { floor: now } => floor = now,
                _ => self.back_off().await,
            }
        }
    }
}
