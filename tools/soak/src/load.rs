//! The clients that run through all failures.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::appender::Appender;
use crate::arguments::Arguments;
use crate::batch::{self, BatchId, Batches, FILLER};
use crate::client::Outcome;
use crate::history::{Attempt, History};
use crate::readers;
use crate::server::{Current, Servers};

/// What the clients share.
pub(crate) struct Load {
    arguments: Arguments,
    batches: Batches,
    current: watch::Receiver<Current>,
    history: Arc<History>,
    stopping: watch::Receiver<bool>,
}

/// The clients at work.
pub(crate) struct Running(JoinSet<()>);

impl Load {
    pub(crate) fn new(
        arguments: &Arguments,
        servers: &Servers,
        history: &Arc<History>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            arguments: arguments.clone(),
            batches: Batches {
                seed: arguments.seed,
                keys: arguments.keys,
            },
            current: servers.subscribe(),
            history: Arc::clone(history),
            stopping,
        }
    }

    /// Appends one record to each key, durably. Nothing fails meanwhile.
    pub(crate) async fn fill(&self) -> Result<(), String> {
        let server = self.current.borrow().clone();
        for number in 0..self.batches.of_filler_count() {
            let id = BatchId {
                appender: FILLER,
                number,
            };
            let records = self.batches.of(id);
            let outcome = server.client.append(&records, true).await;
            let acknowledged = matches!(outcome, Outcome::Acknowledged(_));
            self.history.attempted(
                id,
                Attempt {
                    server: server.number,
                    durable: true,
                    records: u32::try_from(records.len()).expect("a batch is small"),
                    outcome,
                },
            );
            if !acknowledged {
                return Err("a batch of the first pass was not acknowledged".to_owned());
            }
        }
        Ok(())
    }

    /// What the batches hold.
    pub(crate) fn batches(&self) -> Batches {
        self.batches
    }

    /// Starts all clients.
    pub(crate) fn start(&self) -> Running {
        let mut clients = JoinSet::new();
        for number in 0..self.arguments.appenders {
            let appender = Appender {
                number,
                batches: self.batches,
                between: Duration::from_secs(1) / self.arguments.rate.max(1),
                current: self.current.clone(),
                history: Arc::clone(&self.history),
            };
            clients.spawn(appender.run(self.stopping.clone()));
        }
        for number in 0..self.arguments.followers {
            // Busy keys, so that there is something to follow.
            let reader = self.reader(number);
            if number % 2 == 0 {
                clients.spawn(reader.long_polls(batch::key(number / 2)));
            } else {
                clients.spawn(reader.streams(batch::key(number / 2)));
            }
        }
        for number in 0..self.arguments.scanners {
            clients.spawn(self.reader(number).scans(self.arguments.keys));
        }
        Running(clients)
    }

    fn reader(&self, number: u32) -> readers::Reader {
        readers::Reader {
            number,
            seed: self.arguments.seed,
            current: self.current.clone(),
            history: Arc::clone(&self.history),
            stopping: self.stopping.clone(),
        }
    }
}

impl Running {
    /// Waits for the clients, which were told to stop.
    pub(crate) async fn join(self) {
        self.0.join_all().await;
    }
}
