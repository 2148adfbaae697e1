//! The auditor: comes when all faults are over, sees that the log works again, has it restarted, and reads all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::{Connection, key};
use crate::checks::{AUDITOR, FinalLog};
use crate::history::{
    CONSUMED, Call, Outcome, Safety, ScanCall, Seen, Selected, Sent, SeveralCall, cursor_of,
};

/// Within this time after the last fault, a durable append succeeds.
const PROGRESS: Duration = Duration::from_secs(90);

/// An answer of a healthy server that does not come within so many attempts never comes.
const ATTEMPTS: u32 = 20;

/// Questions about the final log, for each kind of question and key.
const QUESTIONS: u32 = 6;

/// A key that no client knows, which is deleted by none: readers of it are told the floor of the log.
const NOBODYS: &str = "nobody's";

/// The auditor at work.
pub struct Audit {
    connection: Connection,
    random: StdRng,
    keys: Vec<String>,
}

/// The auditor of a run in which clients know so many keys.
pub fn audit(connection: Connection, seed: u64, keys: usize) -> Audit {
    assert_eq!(
        connection.client(),
        AUDITOR,
        "its questions are known by its name"
    );
    Audit {
        connection,
        random: StdRng::seed_from_u64(seed),
        keys: (0..keys).map(key).collect(),
    }
}

impl Audit {
    /// Whether a durable append succeeds in time.
    pub async fn progresses(&mut self) -> bool {
        let deadline = Instant::now() + PROGRESS;
        for attempt in 0.. {
            self.connection.look_up();
            let records = vec![Sent {
                key: key(0),
                value: format!("{AUDITOR}.{attempt}"),
            }];
            let append = Call::Append {
                records,
                durable: true,
                safety: Safety::default(),
            };
            match self.connection.ask(append).await {
                Outcome::Appended { .. } => return true,
                _ if Instant::now() > deadline => return false,
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
        false
    }

    /// Reads everything, and asks some questions whose answers follow from it.
    pub async fn read(&mut self) -> Option<FinalLog> {
        self.connection.look_up();
        let mut records = BTreeMap::new();
        let mut key_floors = BTreeMap::new();
        let (_, mut tip, floor) = self.read_key(NOBODYS).await?;
        for key in self.keys.clone() {
            let (values, next, trimmed) = self.read_key(&key).await?;
            tip = tip.max(next);
            if trimmed > floor {
                key_floors.insert(key.clone(), trimmed);
            }
            records.insert(key, values);
        }
        let Outcome::Segments(segments) = self.surely(Call::Segments).await? else {
            return None;
        };
        let mut cursors = BTreeMap::new();
        for (number, appends) in (0..CONSUMED).flat_map(|number| [(number, true), (number, false)])
        {
            let name = cursor_of(number, appends);
            let call = Call::GetCursor { name: name.clone() };
            let Outcome::Cursor { position } = self.surely(call).await? else {
                return None;
            };
            cursors.extend(position.map(|position| (name, position)));
        }
        let log = FinalLog {
            records,
            segments,
            tip,
            floor,
            key_floors,
            cursors,
        };
        self.question(&log).await?;
        Some(log)
    }

    /// The records of a key, where they end, and the floor.
    async fn read_key(&mut self, key: &str) -> Option<(Vec<Seen>, u64, u64)> {
        let mut all = Vec::new();
        let mut start = 0;
        let mut floor = 0;
        loop {
            let call = self.page(key, start, u64::MAX);
            let Outcome::Page {
                values,
                next,
                trimmed,
                more,
                durable: _,
            } = self.surely(call).await?
            else {
                return None;
            };
            floor = floor.max(trimmed.unwrap_or(0));
            // A server that sends a reader back is reported by the checkers, not by reading without end.
            if values.is_empty() && !more || next <= start {
                return Some((all, next, floor));
            }
            all.extend(values);
            start = next;
        }
    }

    fn page(&mut self, key: &str, start: u64, end: u64) -> Call {
        Call::Scan(ScanCall {
            key: key.to_owned(),
            start,
            end,
            limit: [1, 2, 7, 100, 10_000][self.random.random_range(0..5)],
            durable: self.random.random(),
            newest: false,
            follow_ms: None,
        })
    }

    async fn question(&mut self, log: &FinalLog) -> Option<()> {
        let edges = log.edges();
        for key in self.keys.clone() {
            for _ in 0..QUESTIONS {
                let mut edge = || edges[self.random.random_range(0..edges.len())];
                let (one, other) = (edge(), edge());
                let (start, end) = (one.min(other), one.max(other));
                let call = Call::Count {
                    key: key.clone(),
                    start,
                    end,
                };
                self.surely(call).await?;
                let call = self.page(&key, start, end);
                self.surely(call).await?;
                let Call::Scan(page) = self.page(&key, 0, end) else {
                    continue;
                };
                let newest = true;
                let call = Call::Scan(ScanCall { newest, ..page });
                self.surely(call).await?;
            }
        }
        let segments = log.segments.len() as u32 + 2;
        for _ in 0..QUESTIONS {
            let (one, other) = (
                self.random.random_range(0..=segments),
                self.random.random_range(0..=segments),
            );
            let after = self.keys[self.random.random_range(0..self.keys.len())].clone();
            let call = Call::Keys {
                start_segment: one.min(other),
                end_segment: one.max(other),
                start_after: self.random.random::<bool>().then_some(after),
                limit: self.random.random_range(1..=5),
            };
            self.surely(call).await?;
        }
        for _ in 0..QUESTIONS {
            let mut edge = || edges[self.random.random_range(0..edges.len())];
            let (one, other) = (edge(), edge());
            let some: Vec<String> = self.keys.iter().take(3).cloned().collect();
            let call = Call::Several(SeveralCall {
                keys: match self.random.random_range(0..3) {
                    0 => Selected::Keys(some),
                    1 => Selected::Prefix("a".into()),
                    _ => Selected::Prefix(String::new()),
                },
                start: one.min(other),
                end: one.max(other),
                limit: [1, 2, 7, 100, 10_000][self.random.random_range(0..5)],
                durable: self.random.random(),
                follow_ms: None,
            });
            self.surely(call).await?;
        }
        Some(())
    }

    /// The answer, after as many attempts as a healthy server needs; nothing if there is none.
    async fn surely(&mut self, call: Call) -> Option<Outcome> {
        for _ in 0..ATTEMPTS {
            let outcome = self.connection.ask(call.clone()).await;
            if !super::failed(&outcome) {
                return Some(outcome);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.connection.look_up();
        }
        None
    }
}
