//! Durable appends to any node, and what became of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::client::{Client, Outcome};
use crate::support::server::Server;

const WRITERS: usize = 4;
const KEYS: usize = 8;

/// The nodes that are asked, all of them in turn.
type Asked = Arc<Mutex<Vec<Client>>>;

/// What was acknowledged of each key: sequences and values.
type Acknowledged = HashMap<Vec<u8>, Vec<(u64, Vec<u8>)>>;

/// Writers that append to keys of their own, one record at a time.
pub(super) struct Load {
    asked: Asked,
    stopping: Arc<AtomicBool>,
    writers: JoinSet<Acknowledged>,
}

/// What was acknowledged in all.
pub(super) struct Record(Acknowledged);

impl Load {
    /// Starts, and asks these nodes.
    pub(super) fn start(nodes: &[&Server]) -> Self {
        let asked = Asked::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write(writer, Arc::clone(&asked), Arc::clone(&stopping)));
        }
        let load = Self {
            asked,
            stopping,
            writers,
        };
        load.asks(nodes);
        load
    }

    /// Asks these nodes from now on.
    pub(super) fn asks(&self, nodes: &[&Server]) {
        let clients = nodes.iter().map(|node| Client::new(node));
        *self.asked.lock().expect("no panic under this lock") = clients.collect();
    }

    /// Ends.
    pub(super) async fn stop(mut self) -> Record {
        self.stopping.store(true, Ordering::Relaxed);
        let mut all = Acknowledged::new();
        while let Some(ended) = self.writers.join_next().await {
            all.extend(ended.expect("no writer panics"));
        }
        Record(all)
    }
}

async fn write(writer: usize, asked: Asked, stopping: Arc<AtomicBool>) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let mut number = 0;
    while !stopping.load(Ordering::Relaxed) {
        let client = {
            let asked = asked.lock().expect("no panic under this lock");
            asked.get(number % asked.len().max(1)).cloned()
        };
        let Some(client) = client else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let key = format!("w{writer}-{}", number % KEYS).into_bytes();
        let value = format!("{writer}-{number}").into_bytes();
        number += 1;
        match client.append(&[(key.clone(), value.clone())], true).await {
            Outcome::Acknowledged(sequence) => {
                acknowledged.entry(key).or_default().push((sequence, value));
            }
            // The node was killed or stops, or the one that it asked was.
            Outcome::Unknown(_) | Outcome::Refused { status: 503, .. } => {
                sleep(Duration::from_millis(20)).await;
            }
            Outcome::Refused { .. } => panic!("a good append was refused"),
        }
    }
    acknowledged
}

impl Record {
    /// Checks that all of it is there, in order, whichever of `nodes` is asked.
    pub(super) async fn check(&self, nodes: &[&Server]) {
        assert_eq!(self.0.len(), WRITERS * KEYS, "some keys tested nothing");
        for client in nodes.iter().map(|node| Client::new(node)) {
            for (key, acknowledged) in &self.0 {
                assert!(
                    acknowledged.windows(2).all(|two| two[0].0 < two[1].0),
                    "{acknowledged:?}"
                );
                let found: HashMap<u64, Vec<u8>> =
                    client.scan_all(key, 1_000).await.into_iter().collect();
                for (sequence, value) in acknowledged {
                    assert_eq!(found.get(sequence), Some(value), "lost in {key:?}");
                }
            }
        }
    }
}
