//! The host `clients`: the users of the log, over HTTP.

mod appender;
mod ask;
mod audit;
mod consumer;
mod deleter;
mod producer;
mod projection;
mod readers;
mod register;
mod replica_reader;
mod session;
mod trimmer;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use ask::Connection;
pub use audit::{Audit, audit};

pub use crate::history::key;
use crate::history::{Outcome, Recorder};
use crate::hosts::replica::REPLICAS;
use crate::plan::{ClientKind, PlannedClient};
use crate::planted::Face;

/// Its name on the network.
pub const HOST: &str = "clients";

/// Which server clients find under the name of the log.
#[derive(Clone)]
pub struct Current(Arc<Mutex<&'static str>>);

impl Current {
    /// This one.
    pub fn new(node: &'static str) -> Self {
        Self(Arc::new(Mutex::new(node)))
    }

    /// From now on that one.
    pub fn set(&self, node: &'static str) {
        *self.0.lock() = node;
    }

    /// Its name.
    pub fn get(&self) -> &'static str {
        *self.0.lock()
    }
}

/// What all clients of a run share.
#[derive(Clone)]
pub struct Surroundings {
    /// Where everything is written down.
    pub recorder: Recorder,
    /// Which server is found.
    pub current: Current,
    /// How long clients wait for an answer.
    pub patience: Duration,
    /// What stands between them and the servers.
    pub face: Face,
    /// Whether every other client sends what changes the log to a read-only server, which forwards it.
    pub forwarded: bool,
}

/// A client at work.
struct Client {
    connection: Connection,
    random: StdRng,
    plan: PlannedClient,
}

/// Does all that a client is planned to do.
pub async fn work(plan: PlannedClient, surroundings: Surroundings) {
    let name = match plan.kind {
        ClientKind::Appender { .. } => format!("appender-{}", plan.number),
        ClientKind::Producer { .. } => format!("producer-{}", plan.number),
        ClientKind::Register => format!("register-{}", plan.number),
        ClientKind::Consumer { .. } => format!("consumer-{}", plan.number),
        ClientKind::Scanner => format!("scanner-{}", plan.number),
        ClientKind::Follower { .. } => format!("follower-{}", plan.number),
        ClientKind::Counter => format!("counter-{}", plan.number),
        ClientKind::Trimmer => format!("trimmer-{}", plan.number),
        ClientKind::Deleter => format!("deleter-{}", plan.number),
        ClientKind::Projection { .. } => format!("projection-{}", plan.number),
        ClientKind::ReplicaReader { .. } => format!("replica-reader-{}", plan.number),
    };
    let forwards = surroundings.forwarded && plan.number % 2 == 1;
    let connection = Connection::new(name, surroundings);
    let connection = match forwards {
        true => connection.changing_at(REPLICAS[plan.number / 2 % REPLICAS.len()]),
        false => connection,
    };
    let mut client = Client {
        connection,
        random: StdRng::seed_from_u64(plan.seed),
        plan,
    };
    match client.plan.kind {
        ClientKind::Appender {
            durable_percent,
            records,
            value_bytes,
        } => {
            client
                .append_all(durable_percent, records, value_bytes)
                .await;
        }
        ClientKind::Producer {
            durable_percent,
            idle_ms,
        } => client.produce_all(durable_percent, idle_ms).await,
        ClientKind::Register => client.register_all().await,
        ClientKind::Consumer {
            appends,
            durable_percent,
        } => client.consume_all(appends, durable_percent).await,
        ClientKind::Scanner => client.scan_all().await,
        ClientKind::Follower { durable } => client.follow_all(durable).await,
        ClientKind::Counter => client.count_all().await,
        ClientKind::Trimmer => client.trim_all().await,
        ClientKind::Deleter => client.delete_all().await,
        ClientKind::Projection { durable } => client.project_all(durable).await,
        ClientKind::ReplicaReader { replica } => client.read_replica(replica).await,
    }
}

impl Client {
    async fn think(&mut self) {
        let pause = self.random.random_range(0..=self.plan.think_ms);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// What a careful user does after a failure: waits a moment, and looks up where the log is now.
    async fn back_off(&mut self) {
        let pause = self.random.random_range(100..=600);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.connection.look_up();
    }

    /// With this probability, in percent.
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn some_key(&mut self) -> String {
        key(self.random.random_range(0..self.plan.keys))
    }
}

/// Whether there is no point in asking the same server the same again.
fn failed(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused { .. } | Outcome::NotSent | Outcome::Broken | Outcome::Late
    )
}
