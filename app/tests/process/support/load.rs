//! Appenders and readers that record everything they were told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Client, Outcome, Record};
use super::history::{Attempt, History};
use super::server::Server;

const KEYS: usize = 8;
const DURABLE_WRITERS: usize = 4;
const OTHER_WRITERS: usize = 2;

/// A history that many tasks write to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<History>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, History> {
        // A checker that failed in one task has said why; the others need not fail over the lock.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Load on one server, from its start until the server is gone or [`Load::stop`].
pub(crate) struct Load {
    tasks: JoinSet<()>,
    stopping: Arc<AtomicBool>,
}

impl Load {
    /// Writers that await durability and writers that do not, and readers of both visibilities.
    pub(crate) fn start(server: &Server, round: usize, history: &Shared) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for writer in 0..DURABLE_WRITERS + OTHER_WRITERS {
            let writer = Writer {
                client: Client::new(server),
                history: history.clone(),
                stopping: Arc::clone(&stopping),
                round,
                writer,
                durable: writer < DURABLE_WRITERS,
            };
            tasks.spawn(writer.run());
        }
        for visibility in ["memory", "durable"] {
            let client = Client::new(server);
            tasks.spawn(read(
                client,
                history.clone(),
                Arc::clone(&stopping),
                visibility,
            ));
        }
        Self { tasks, stopping }
    }

    /// Waits for all of it to end, as it does by itself when the server goes away. A check that failed in it fails
    /// the test.
    pub(crate) async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

struct Writer {
    client: Client,
    history: Shared,
    stopping: Arc<AtomicBool>,
    round: usize,
    writer: usize,
    durable: bool,
}

impl Writer {
    async fn run(self) {
        for batch in 0.. {
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            let records = self.records(batch);
            let outcome = self.client.append(&records, self.durable).await;
            // An unknown outcome here means that the server is gone or going, and a refusal that it is stopping:
            // further requests only fill the history. A full queue is worth a pause.
            let (over, pause) = match &outcome {
                Outcome::Acknowledged(_) => (false, if self.durable { 0 } else { 2 }),
                Outcome::Refused { status: 429, .. } => (false, 20),
                Outcome::Refused { status: 503, .. } | Outcome::Unknown(_) => (true, 0),
                Outcome::Refused { .. } => panic!("a good append was refused: {outcome:?}"),
            };
            self.history.lock().attempted(Attempt {
                round: self.round,
                records,
                durable: self.durable,
                outcome,
            });
            if over {
                return;
            }
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Mostly small batches, now and then a large one; every value is unique and says where it comes from.
    fn records(&self, batch: usize) -> Vec<Record> {
        let count = if batch % 40 == 39 { 300 } else { 1 + batch % 7 };
        (0..count)
            .map(|i| {
                let key = format!("key-{}", (self.writer + batch + i) % KEYS);
                let value = format!("r{}-w{}-b{batch}-{i}/{count}", self.round, self.writer);
                (key.into_bytes(), value.into_bytes())
            })
            .collect()
    }
}

/// Reads on and on, every key from where it stopped.
async fn read(client: Client, history: Shared, stopping: Arc<AtomicBool>, visibility: &str) {
    let more = format!("&limit=500&visibility={visibility}");
    let mut cursors = [0; KEYS];
    while !stopping.load(Ordering::Relaxed) {
        for (i, cursor) in cursors.iter_mut().enumerate() {
            let key = format!("key-{i}").into_bytes();
            let Ok(page) = client.scan(&key, *cursor, &more).await else {
                return;
            };
            *cursor = page.next_sequence;
            history
                .lock()
                .read(&key, &page.values, visibility == "durable");
        }
        sleep(Duration::from_millis(5)).await;
    }
}
