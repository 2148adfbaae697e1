//! Has partitions write data files in time, so that what a node keeps in memory of all its partitions is bounded, and the next node opens each soon.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use log_domain::cluster::backlog;
use tokio::time::timeout;

use super::table::Table;

/// How often to look at the partitions.
const EVERY: Duration = Duration::from_millis(500);

/// A partition that has not written its files by then is left to itself: its own bound holds.
const WITHIN: Duration = Duration::from_secs(30);

/// Keeps what the partitions of `table` have in memory near `bytes` in all. `at_once` of them write data files at the same time.
pub(super) async fn keep_small(table: Arc<Table>, bytes: u64, at_once: usize) {
    loop {
        tokio::time::sleep(EVERY).await;
        let served = table.served();
        let of_each = served
            .iter()
            .map(|(partition, log)| (*partition, log.service().backlog()));
        let due = backlog::due(&of_each.collect::<Vec<_>>(), bytes);
        let due = served
            .into_iter()
            .filter(|(partition, _)| due.contains(partition));
        let written =
            stream::iter(due).for_each_concurrent(at_once, async |(partition, log)| match timeout(
                WITHIN,
                log.service().prepare_close(),
            )
            .await
            {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    tracing::debug!(%partition, %why, "a partition has not written data files")
                }
                Err(_) => {
                    tracing::debug!(%partition, "a partition has not written data files in time")
                }
            });
        written.await;
    }
}
