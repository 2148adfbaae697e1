//! Who uses the log in a run, and how.

use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;

use super::{Scenario, WEEK_MS};
use crate::history::CONSUMED;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ClientKind {
    /// Appends batches.
    Appender {
        /// In how many of a hundred it waits until they are durable.
        durable_percent: u32,
        /// Of at most so many records.
        records: usize,
        /// Each of at most so many bytes.
        value_bytes: usize,
    },
    /// Appends as a producer, and sends each request until it knows what became of it.
    Producer {
        /// In how many of a hundred it waits until they are durable.
        durable_percent: u32,
        /// Now and then it sends nothing, for so long at most.
        idle_ms: u64,
    },
    /// Reads one or two keys to their ends, and appends to them if nothing came in between.
    Register,
    /// Processes the records of a key from where a cursor is, and moves the cursor.
    Consumer {
        /// Appends what it makes of the records together with the move.
        appends: bool,
        /// In how many of a hundred it waits until that is durable. Moves alone always are.
        durable_percent: u32,
    },
    /// Reads keys from the beginning, page by page.
    Scanner,
    /// Follows a key with long polls.
    Follower {
        /// And sees only what is durable.
        durable: bool,
    },
    /// Counts, and lists keys and segments.
    Counter,
    /// Trims the log, and reads what is left.
    Trimmer,
    /// Deletes keys, and reads what is left of them.
    Deleter,
    /// Reads the whole log from a read-only server, page by page.
    ReplicaReader {
        /// Which.
        replica: usize,
    },
    /// Reads several keys in one order from the beginning on, and follows them.
    Projection {
        /// And sees only what is durable.
        durable: bool,
    },
}

/// One client.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedClient {
    /// Its number among the clients of the seed.
    pub number: usize,
    /// What its choices are drawn from.
    pub seed: u64,
    /// What it does.
    pub kind: ClientKind,
    /// How often.
    pub operations: u32,
    /// At most so long a pause in between.
    pub think_ms: u64,
    /// How many keys it knows.
    pub keys: usize,
}

/// Draws all clients. Those whose appends are safe have a stream of their own, and those that trim, delete or read several keys have
/// others, so that the rest of a seed stays as it was.
pub(super) fn draw(
    scenario: Scenario,
    producer_expiry_ms: u64,
    random: &mut StdRng,
    safe: &mut StdRng,
    trims: &mut StdRng,
    deletions: &mut StdRng,
    projections: &mut StdRng,
) -> Vec<PlannedClient> {
    let mut clients = match scenario {
        Scenario::ExactlyOnce | Scenario::Registers => Vec::new(),
        _ => unconditional(scenario, random),
    };
    let (producers, registers) = match scenario {
        Scenario::ExactlyOnce => (safe.random_range(2..=4), 0),
        Scenario::Registers => (0, safe.random_range(3..=6)),
        Scenario::Swarm => (safe.random_range(0..=2), safe.random_range(0..=2)),
        _ => (0, 0),
    };
    let keys = match (scenario, clients.first()) {
        (Scenario::Registers, _) => safe.random_range(1..=3),
        (_, Some(other)) => other.keys,
        _ => safe.random_range(1..=6),
    };
    for place in 0..producers + registers {
        let kind = if place < producers {
            let durable_percent = [30, 100, 100][safe.random_range(0..3)];
            ClientKind::Producer {
                durable_percent,
                // Long enough for it to expire, if it can within a run.
                idle_ms: match producer_expiry_ms {
                    WEEK_MS => 0,
                    expiry => expiry * 2,
                },
            }
        } else {
            ClientKind::Register
        };
        clients.push(PlannedClient {
            number: clients.len(),
            seed: safe.random(),
            kind,
            operations: safe.random_range(10..=40),
            think_ms: safe.random_range(20..=300),
            keys,
        });
    }
    if scenario == Scenario::Cursors {
        // What is made of records goes to a key that nobody else appends to.
        let keys = safe.random_range(1..=CONSUMED);
        for client in &mut clients {
            client.keys = keys;
        }
        for _ in 0..safe.random_range(2..=5) {
            clients.push(PlannedClient {
                number: clients.len(),
                seed: safe.random(),
                kind: ClientKind::Consumer {
                    appends: safe.random_range(0..4) > 0,
                    durable_percent: [30, 100, 100][safe.random_range(0..3)],
                },
                operations: safe.random_range(20..=60),
                think_ms: safe.random_range(20..=300),
                keys,
            });
        }
    }
    // Each of these scenarios has a reader now and then, which sees what is lost later.
    if matches!(scenario, Scenario::ExactlyOnce | Scenario::Registers) && safe.random() {
        clients.push(PlannedClient {
            number: clients.len(),
            seed: safe.random(),
            kind: ClientKind::Scanner,
            operations: 20,
            think_ms: 300,
            keys,
        });
    }
    if matches!(
        scenario,
        Scenario::Crash | Scenario::Swarm | Scenario::Replicas
    ) && trims.random()
    {
        clients.push(PlannedClient {
            number: clients.len(),
            seed: trims.random(),
            kind: ClientKind::Trimmer,
            operations: trims.random_range(4..=20),
            think_ms: trims.random_range(100..=900),
            keys,
        });
    }
    // What is known of producers is checked by the records that are left of them: without gaps.
    let deletes = matches!(
        scenario,
        Scenario::Crash | Scenario::Fencing | Scenario::Swarm | Scenario::Replicas
    );
    if deletes && producers == 0 && deletions.random() {
        clients.push(PlannedClient {
            number: clients.len(),
            seed: deletions.random(),
            kind: ClientKind::Deleter,
            operations: deletions.random_range(4..=20),
            think_ms: deletions.random_range(100..=900),
            keys,
        });
    }
    if !matches!(scenario, Scenario::ExactlyOnce | Scenario::Registers) && projections.random() {
        clients.push(PlannedClient {
            number: clients.len(),
            seed: projections.random(),
            kind: ClientKind::Projection {
                durable: projections.random(),
            },
            operations: projections.random_range(8..=24),
            think_ms: projections.random_range(20..=200),
            keys,
        });
    }
    if scenario == Scenario::Replicas {
        for place in 0..4 {
            clients.push(PlannedClient {
                number: clients.len(),
                seed: safe.random(),
                kind: ClientKind::ReplicaReader { replica: place % 2 },
                operations: safe.random_range(30..=80),
                think_ms: safe.random_range(20..=300),
                keys,
            });
        }
    }
    clients
}

fn unconditional(scenario: Scenario, random: &mut StdRng) -> Vec<PlannedClient> {
    let keys = random.random_range(1..=6);
    let appenders = random.random_range(1..=6);
    let readers = match scenario {
        Scenario::Readers => random.random_range(3..=6),
        Scenario::Smoke | Scenario::Swarm => random.random_range(1..=4),
        _ => random.random_range(0..=2),
    };
    let mut clients = Vec::new();
    for number in 0..appenders + readers {
        let kind = if number < appenders {
            ClientKind::Appender {
                durable_percent: [0, 30, 70, 100][random.random_range(0..4)],
                records: [1, 3, 10, 40][random.random_range(0..4)],
                value_bytes: [0, 20, 200, 2_000][random.random_range(0..4)],
            }
        } else {
            match random.random_range(0..5) {
                0 | 1 => ClientKind::Follower {
                    durable: random.random(),
                },
                2 => ClientKind::Counter,
                _ => ClientKind::Scanner,
            }
        };
        let (operations, think_ms) = match scenario {
            Scenario::Smoke => (random.random_range(5..=25), 150),
            _ => (random.random_range(10..=50), random.random_range(20..=500)),
        };
        clients.push(PlannedClient {
            number,
            seed: random.random(),
            kind,
            operations,
            think_ms,
            keys,
        });
    }
    clients
}
