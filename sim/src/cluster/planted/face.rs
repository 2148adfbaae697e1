//! A proxy between nodes and their clients that falsifies.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use log_domain::Key;
use log_domain::cluster::{Partition, Partitions};
use parking_lot::Mutex;
use serde_json::Value;

use super::Planted;
use crate::time::now_ms;

/// How long a node goes on with a partition that it has handed over.
const ON_MS: u64 = 2_000;

/// A face of all nodes of a run. Without a bug it is their own. Clones are of the same nodes.
#[derive(Clone)]
pub(in crate::cluster) struct Face {
    bug: Option<Planted>,
    partitions: Partitions,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// Partitions that a node has served itself: the sequence behind what it acknowledged last.
    served: HashMap<(&'static str, Partition), u64>,
    /// Until when it goes on with those that it has handed over.
    goes_on: HashMap<(&'static str, Partition), u64>,
    started: HashSet<&'static str>,
    started_again: HashSet<&'static str>,
}

impl Face {
    pub(in crate::cluster) fn of(bug: Option<Planted>, partitions: Partitions) -> Self {
        Self {
            bug,
            partitions,
            memory: Arc::default(),
        }
    }

    /// A node is started.
    pub(in crate::cluster) fn starts(&self, node: &'static str) {
        let mut memory = self.memory.lock();
        if !memory.started.insert(node) {
            memory.started_again.insert(node);
        }
    }

    /// The key that a node makes of `key`.
    pub(in crate::cluster) fn heard(&self, node: &'static str, key: &str) -> String {
        let files_anew = self.bug == Some(Planted::HashAnew);
        match files_anew && self.memory.lock().started_again.contains(node) {
            true => format!("{{anew}}{key}"),
            false => key.to_owned(),
        }
    }

    /// The sequence with which a node acknowledges an append of `count` records to `key` that it does not apply.
    pub(in crate::cluster) fn acknowledges(
        &self,
        node: &'static str,
        key: &str,
        count: u64,
    ) -> Option<u64> {
        let place = (node, self.partition(key));
        let memory = &mut *self.memory.lock();
        if self.bug != Some(Planted::ServeOn) || *memory.goes_on.get(&place)? < now_ms() {
            return None;
        }
        let next = memory.served.get_mut(&place)?;
        let start = *next;
        *next += count;
        Some(start)
    }

    /// A node answered an append of `count` records to `key` with this sequence, by itself or with what another one said.
    pub(in crate::cluster) fn acknowledged(
        &self,
        node: &'static str,
        key: &str,
        (start, count): (u64, u64),
        by_itself: bool,
    ) {
        let place = (node, self.partition(key));
        let memory = &mut *self.memory.lock();
        if by_itself {
            memory.served.insert(place, start + count);
            memory.goes_on.remove(&place);
        } else if memory.served.contains_key(&place) {
            memory.goes_on.entry(place).or_insert(now_ms() + ON_MS);
        }
    }

    /// The positions that a node answers.
    pub(in crate::cluster) fn told(&self, positions: &mut Value) {
        if self.bug != Some(Planted::FallBack) {
            return;
        }
        for position in positions.as_array_mut().into_iter().flatten() {
            let next = &mut position["nextSequence"];
            *next = next.as_u64().unwrap_or_default().saturating_sub(1).into();
        }
    }

    /// Whether a node sends a part of an append again that was answered.
    pub(in crate::cluster) fn splits_again(&self) -> bool {
        self.bug == Some(Planted::SplitAgain)
    }

    /// The partition of a key.
    pub(in crate::cluster) fn partition(&self, key: &str) -> Partition {
        let key = Key::stored(Bytes::copy_from_slice(key.as_bytes()));
        self.partitions.of_key(&key)
    }
}
