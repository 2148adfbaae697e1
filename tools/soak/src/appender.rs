//! A client that appends. It never sends a batch twice, so each must be there once or not at all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::batch::{self, BatchId, Batches};
use crate::client::{Outcome, back_off};
use crate::history::{Attempt, History};
use crate::server::Current;

/// One in so many acknowledged batches is read back by who wrote it.
const READ_BACK_EVERY: u32 = 20;

/// One client.
pub(crate) struct Appender {
    pub(crate) number: u32,
    pub(crate) batches: Batches,
    /// The least time between two appends.
    pub(crate) between: Duration,
    pub(crate) current: watch::Receiver<Current>,
    pub(crate) history: Arc<History>,
}

impl Appender {
    /// Appends until it is told to stop, every other batch durably.
    pub(crate) async fn run(self, stopping: watch::Receiver<bool>) {
        let mut next = Instant::now();
        for number in 0.. {
            sleep_until(next).await;
            next = Instant::now() + self.between;
            if *stopping.borrow() {
                return;
            }
            let id = BatchId {
                appender: self.number,
                number,
            };
            let records = self.batches.of(id);
            let durable = number % 2 == 0;
            let server = self.current.borrow().clone();
            let outcome = server.client.append(&records, durable).await;
            self.history.attempted(
                id,
                Attempt {
                    server: server.number,
                    durable,
                    records: u32::try_from(records.len()).expect("a small batch"),
                    outcome: outcome.clone(),
                },
            );
            match outcome {
                Outcome::Acknowledged(start) if number % READ_BACK_EVERY == 0 => {
                    self.read_back(&server, start, &records[0]).await;
                }
                Outcome::Acknowledged(_) => {}
                Outcome::Refused | Outcome::Unknown => back_off().await,
            }
        }
    }

    /// What was acknowledged is visible to who reads next from the same server.
    async fn read_back(&self, server: &Current, start: u64, first: &(u32, Vec<u8>)) {
        let key = batch::key(first.0);
        let Some((values, _)) = server.client.scan(&key, start, "&limit=1").await else {
            return;
        };
        if values.first() != Some(&(start, first.1.clone())) {
            self.history.violation(format!(
                "appender {} was told that sequence {start} is its record of {key}, and does not read it there",
                self.number
            ));
        }
    }
}
