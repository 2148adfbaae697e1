//! The compactor of a partition that goes on when the partition is handed over.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use slatedb::CompactorBuilder;
use slatedb::config::CompactorOptions;
use tokio::time::{Instant, sleep};

/// How soon it claims the partition again that another compactor has claimed.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts it, until its process ends. It claims what it finds, and merges nothing.
pub(super) fn goes_on(objects: Arc<dyn ObjectStore>, partition: String) {
    tokio::spawn(async move {
        loop {
            let options = CompactorOptions {
                worker: None,
                ..CompactorOptions::default()
            };
            let compactor = CompactorBuilder::new(partition.as_str(), Arc::clone(&objects))
                .with_options(options)
                .with_seed(seed(&partition))
                .build();
            // It ends when it is fenced, or S3 is in trouble.
            drop(compactor.run().await);
            sleep(AGAIN).await;
        }
    });
}

/// Differs for each start.
fn seed(partition: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (partition, Instant::now()).hash(&mut hasher);
    hasher.finish()
}
