//! Clients of read-only servers.

use std::time::Duration;

use rand::RngExt;

use super::{Client, failed};
use crate::history::{Call, Outcome, ReplicaCall, ReplicaCount, key};
use crate::hosts::replica::REPLICAS;

/// How long it waits for new records.
const FOLLOW_MS: u64 = 2_500;

impl Client {
    /// Reads the log on, or again from the beginning, and now and then requires what it knows to be durable, waits for what is new, or
    /// counts the records of a key.
    pub(super) async fn read_replica(&mut self, replica: usize) {
        let mut connection = self.connection.clone().to(REPLICAS[replica]);
        let mut start = 0;
        for _ in 0..self.plan.operations {
            self.think().await;
            let known = connection.known_durable();
            if self.chance(15) {
                let key = key(self.random.random_range(0..self.plan.keys));
                let below = known;
                let count = Call::ReplicaCount(ReplicaCount { key, below });
                connection.ask(count).await;
                continue;
            }
            let at_least = self.chance(30).then_some(known);
            let follows = at_least.is_none() && self.chance(40);
            let call = Call::Replica(ReplicaCall {
                start,
                at_least,
                follow_ms: follows.then_some(FOLLOW_MS),
            });
            match connection.ask(call).await {
                Outcome::Named { values, next, .. } if !values.is_empty() => start = next,
                Outcome::Named { .. } if self.chance(20) => start = 0,
                outcome if failed(&outcome) => {
                    let pause = self.random.random_range(100..=600);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    connection = self.connection.clone().to(REPLICAS[replica]);
                }
                _ => {}
            }
        }
    }
}
