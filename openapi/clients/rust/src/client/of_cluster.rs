//! What is told of the cluster.

use super::LogClient;
use crate::cluster_status::{self, ClusterStatus};
use crate::error::Error;

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
}
