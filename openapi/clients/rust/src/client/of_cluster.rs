//! What is told of the cluster, and reads of all partitions.

use std::sync::Arc;

use bytes::Bytes;

use super::LogClient;
use crate::cluster_status::{self, ClusterStatus};
use crate::error::Error;
use crate::reading::ReadOptions;
use crate::selection::Selection;
use crate::unordered::{Position, Unordered, UnorderedRecords};

impl LogClient {
    /// The partitions of the log and the nodes that serve them, as the server that is asked knows them. A log that is not clustered has one partition, and
    /// no nodes. Needs the right `read`.
    ///
    /// # Errors
    /// What the last attempt ended in.
    pub async fn cluster(&self) -> Result<ClusterStatus, Error> {
        cluster_status::ask(&self.http, &self.retry).await
    }

    /// As [`LogClient::cluster`], and each node that can be reached within some seconds is asked for the ends of the partitions that it serves.
    ///
    /// # Errors
    /// As for [`LogClient::cluster`]. A node that cannot be reached is none: the ends of its partitions are missing.
    pub async fn cluster_with_ends(&self) -> Result<ClusterStatus, Error> {
        let mut known = self.cluster().await?;
        cluster_status::add_ends(&self.http, &mut known).await;
        Ok(known)
    }

    /// The records of all keys that begin with `prefix`, of all partitions of a cluster, read page by page to the end of each: those of a partition in their
    /// order, and in no order between partitions. It begins at these positions, and at the start of the partitions that have none:
    /// [`UnorderedRecords::positions`] of an earlier scan, to read what came since. A client that goes on there sees each record once, across restarts, and while partitions move.
    ///
    /// A prefix with a whole tag, and a client [of a partition](LogClient::of_partition), read that partition alone. A log that is not clustered has partition 0
    /// alone. [`ReadOptions::at_least`] has no effect, and it does not wait for what this client remembers: a node shows all that it acknowledged, a read-only server may not.
    ///
    /// ```no_run
    /// # use opendata_log::{LogClient, ReadOptions, Result};
    /// # async fn example(log: LogClient) -> Result<()> {
    /// let mut records = log.scan_unordered("orders/", [], ReadOptions::new());
    /// while let Some(record) = records.next().await {
    ///     println!("{:?}", record?.value);
    /// }
    /// let positions = records.positions().to_vec();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stream ends after an error.
    pub fn scan_unordered(
        &self,
        prefix: impl Into<Bytes>,
        positions: impl IntoIterator<Item = Position>,
        options: ReadOptions,
    ) -> UnorderedRecords {
        let (prefix, positions): (Bytes, Vec<Position>) =
            (prefix.into(), positions.into_iter().collect());
        let about = Selection::prefix(prefix.clone()).about(self.partition);
        let connection = (Arc::clone(&self.http), self.retry.clone());
        match Unordered::new(connection, (prefix, about), &positions, &options) {
            Ok(reader) => UnorderedRecords::new(positions, reader.pages()),
            Err(error) => UnorderedRecords::new(positions, futures::stream::iter([Err(error)])),
        }
    }
}
