//! What a client knows to be in the log, so that its later reads show that much, whichever server answers them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::cluster::Cluster;
use crate::partition::About;

/// A read that does not wait for new records is given so long by the server to show what the client knows.
pub(crate) const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// Up to where a client knows the log: what it appended and read, as far as no crash can undo it. In a cluster, each partition.
///
/// Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
#[derive(Debug)]
pub(crate) struct Seen {
    cluster: Arc<Cluster>,
    known: Mutex<Known>,
    is_passed: bool,
}

#[derive(Debug, Default)]
struct Known {
    below: u64,
    /// What that was seen of, while it is not known whether the log is clustered.
    about: About,
    of_partitions: HashMap<u32, u64>,
}

impl Seen {
    pub(crate) fn new(is_passed: bool, cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            known: Mutex::default(),
            is_passed,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is whole, also if another thread panicked.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything below this sequence is in the log. In a cluster, there is no such sequence: 0.
    pub(crate) fn below(&self) -> u64 {
        match self.cluster.has_partitions() {
            true => 0,
            false => self.known().below,
        }
    }

    /// Everything below this sequence is in the log.
    pub(crate) fn advance(&self, below: u64, about: &About) {
        let partition = self.cluster.partition(about);
        let mut known = self.known();
        if let Some(partition) = partition {
            let of_partition = known.of_partitions.entry(partition).or_default();
            *of_partition = below.max(*of_partition);
        } else if below > known.below {
            known.below = below;
            known.about = about.clone();
        }
    }

    /// What is below this sequence was read, in an answer with these headers, which say what of it is durable.
    pub(crate) fn read(&self, below: u64, headers: &HeaderMap, about: &About) {
        let durable = headers.get("log-durable-sequence");
        let durable = durable.and_then(|durable| durable.to_str().ok()?.parse().ok());
        // A server that does not say it may know no `at_least`, either.
        self.advance(below.min(durable.unwrap_or(0)), about);
    }

    /// What a read must be shown, for which the caller asked for this.
    pub(crate) fn at_least(&self, asked: Option<u64>, about: &About) -> Option<u64> {
        let known = || match self.cluster.partition(about) {
            Some(partition) => self.known().of_partitions.get(&partition).copied(),
            None => Some(self.below()),
        };
        let known = || known().filter(|_| self.is_passed);
        asked.or_else(known).filter(|below| *below > 0)
    }

    /// The parameter that says it.
    pub(crate) fn parameter(
        &self,
        asked: Option<u64>,
        about: &About,
    ) -> Option<(&'static str, String)> {
        Some(("at_least", self.at_least(asked, about)?.to_string()))
    }

    /// Whether what the client remembers may be of another partition than what a read is about: only a cluster would tell.
    pub(crate) fn may_be_elsewhere(&self, asked: Option<u64>, about: &About) -> bool {
        let known = self.known();
        asked.is_none() && !self.cluster.is_known() && known.below > 0 && known.about != *about
    }
}
