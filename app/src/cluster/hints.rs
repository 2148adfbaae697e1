//! What other nodes tell this one, so that it looks before its next heartbeat. All of it may be lost, late or wrong: what is in the bucket counts.

use std::collections::BTreeSet;

use log_domain::cluster::{NodeName, Partition};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Nodes that have news at the same time, at most. The news of others are found with the next heartbeat.
const MAX_WRITERS: usize = 1_000;

/// What there is to look at.
#[derive(Default)]
pub(super) struct Hints {
    /// There is something to do.
    news: Notify,
    /// Nodes that have written something new.
    writers: Mutex<BTreeSet<NodeName>>,
    /// Partitions that their nodes give up.
    free: Mutex<BTreeSet<Partition>>,
    freed: Notify,
}

impl Hints {
    /// There is something to do before the next heartbeat.
    pub(super) fn has_news(&self) {
        self.news.notify_one();
    }

    /// Resolves when there is something to do.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// `node` has written something new.
    pub(super) fn has_written(&self, node: NodeName) {
        let mut writers = self.writers.lock();
        // Names of nodes that do not exist take no memory: a look finds all that do.
        if writers.len() <= MAX_WRITERS {
            writers.insert(node);
        }
        drop(writers);
        self.has_news();
    }

    /// The nodes that have written something new since the last call.
    pub(super) fn writers(&self) -> BTreeSet<NodeName> {
        std::mem::take(&mut *self.writers.lock())
    }

    /// The node that has `partition` gives it up.
    pub(super) fn gives_up(&self, partition: Partition) {
        self.free.lock().insert(partition);
        self.freed.notify_one();
    }

    /// Resolves when there is a partition to look at since the last call.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// The partitions that their nodes give up, and that this node has not tried to open since.
    pub(super) fn free(&self) -> BTreeSet<Partition> {
        self.free.lock().clone()
    }

    /// Whether the node that has `partition` gives it up, and this node has not tried to open it since. It is trying now.
    pub(super) fn take_free(&self, partition: Partition) -> bool {
        self.free.lock().remove(&partition)
    }

    /// This node has failed to open `partition`. If there is news of it since, it is looked at again.
    pub(super) fn look_again(&self, partition: Partition) {
        if self.free.lock().contains(&partition) {
            self.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use log_domain::cluster::Partitions;

    use super::*;

    #[test]
    fn what_was_told_of_a_partition_is_heeded_once() {
        let hints = Hints::default();
        let partition = Partitions::new(2).expect("in range").all().next();
        let partition = partition.expect("a partition");
        assert!(!hints.take_free(partition));
        assert_eq!(hints.freed().now_or_never(), None);
        hints.look_again(partition);
        assert_eq!(hints.freed().now_or_never(), None);
        hints.gives_up(partition);
        assert_eq!(hints.freed().now_or_never(), Some(()));
        hints.look_again(partition);
        assert_eq!(hints.freed().now_or_never(), Some(()));
        assert_eq!(hints.free(), BTreeSet::from([partition]));
        assert!(hints.take_free(partition));
        assert!(!hints.take_free(partition) && hints.free().is_empty());
        assert_eq!(hints.news().now_or_never(), None);
    }

    #[test]
    fn the_names_of_many_nodes_take_little_memory() {
        let hints = Hints::default();
        for number in 0..2 * MAX_WRITERS {
            hints.has_written(NodeName::parse(&format!("n{number}")).expect("a name"));
        }
        assert_eq!(hints.news().now_or_never(), Some(()));
        assert!(hints.writers().len() <= MAX_WRITERS + 1);
        assert!(hints.writers().is_empty());
    }
}
