//! Clients that read.

use rand::RngExt;

use super::{Client, failed};
use crate::history::{Call, Outcome, ScanCall};

/// Pages that a scanner reads before it begins anew.
const PAGES: u32 = 6;
/// Of so many times that it begins, it asks once for the newest records.
const NEWEST_EVERY: u32 = 3;

impl Client {
    pub(super) async fn scan_all(&mut self) {
        for round in 0..self.plan.operations.div_ceil(PAGES) {
            self.think().await;
            let mut scan = ScanCall {
                key: self.some_key(),
                start: 0,
                end: u64::MAX,
                limit: [1, 3, 20, 1_000][self.random.random_range(0..4)],
                durable: self.random.random(),
                newest: false,
                follow_ms: None,
            };
            if round % NEWEST_EVERY == 1 {
                scan.newest = true;
                if failed(&self.connection.scan(scan.clone()).await) {
                    self.back_off().await;
                }
                continue;
            }
            for _ in 0..PAGES {
                match self.connection.scan(scan.clone()).await {
                    Outcome::Page {
                        values, next, more, ..
                    } if more || !values.is_empty() => scan.start = next,
                    outcome if failed(&outcome) => self.back_off().await,
                    _ => break,
                }
            }
        }
    }

    pub(super) async fn follow_all(&mut self, durable: bool) {
        let mut scan = ScanCall {
            key: self.some_key(),
            start: 0,
            end: u64::MAX,
            limit: [1, 5, 1_000][self.random.random_range(0..3)],
            durable,
            newest: false,
            follow_ms: None,
        };
        for _ in 0..self.plan.operations {
            scan.follow_ms = Some([200, 1_000, 3_000][self.random.random_range(0..3)]);
            match self.connection.scan(scan.clone()).await {
                Outcome::Page { next, .. } => scan.start = next,
                _ => self.back_off().await,
            }
        }
    }

    pub(super) async fn count_all(&mut self) {
        let mut reached = 0;
        for _ in 0..self.plan.operations {
            self.think().await;
            let (from, to) = (
                self.random.random_range(0..=reached + 2),
                self.random.random_range(0..=reached + 20),
            );
            let key = self.some_key();
            let call = match self.random.random_range(0..5) {
                0 => Call::Segments,
                1 => Call::Keys {
                    start_segment: self.random.random_range(0..3),
                    end_segment: [2, 3, u32::MAX][self.random.random_range(0..3)],
                    start_after: self.random.random::<bool>().then_some(key),
                    limit: self.random.random_range(1..=4),
                },
                2 => {
                    let newest = to % 2 == 1;
                    Call::Scan(ScanCall {
                        key,
                        start: if newest { 0 } else { from.min(to) },
                        end: from.max(to),
                        limit: self.random.random_range(1..=50),
                        durable: false,
                        newest,
                        follow_ms: None,
                    })
                }
                _ => Call::Count {
                    key,
                    start: from.min(to),
                    end: [from.max(to), u64::MAX][self.random.random_range(0..2)],
                },
            };
            match self.connection.ask(call).await {
                Outcome::Page { next, .. } => reached = reached.max(next),
                outcome if failed(&outcome) => self.back_off().await,
                _ => {}
            }
        }
    }
}
