//! Tells other nodes what this one has done, so that they need not wait for their next heartbeat.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_adapters::http::{WAKE, Writer};
use log_adapters::small_file::SmallFile;
use log_domain::cluster::Partition;
use poem::http::{HeaderValue, Method, Request, Uri, header};
use tokio::time::timeout;

use super::table::Table;
use crate::config::Cluster;
use crate::token_file;

/// Tells other nodes. One that does not hear it looks by itself, a little later.
pub(super) struct Teller {
    table: Arc<Table>,
    token: Option<SmallFile>,
    /// How long it tries.
    within: Duration,
}

impl Teller {
    pub(super) fn new(settings: &Cluster, table: Arc<Table>) -> Self {
        Self {
            table,
            token: settings.token_file.as_deref().map(SmallFile::new),
            within: settings.heartbeat,
        }
    }

    /// Tells all nodes that this one has written something new.
    pub(super) async fn has_written(&self) {
        let path = format!("{WAKE}?node={}", self.table.node());
        self.send(self.table.others(), &path).await;
    }

    /// Tells the node on which `partition` is placed that this one has closed it.
    pub(super) async fn has_closed(&self, partition: Partition) {
        let (node, number) = (self.table.node(), partition.number());
        let path = format!("{WAKE}?node={node}&partition={number}");
        self.send(self.table.next(partition), &path).await;
    }

    async fn send(&self, to: impl IntoIterator<Item = Arc<dyn Writer>>, path: &str) {
        let Ok(uri) = path.parse::<Uri>() else {
            return;
        };
        let token = self.token().await;
        for node in to {
            let mut request = Request::new(Bytes::new());
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            if let Some(token) = token.clone() {
                request.headers_mut().insert(header::AUTHORIZATION, token);
            }
            let within = self.within;
            tokio::spawn(async move {
                let _told_or_not = timeout(within, node.send(request)).await;
            });
        }
    }

    async fn token(&self) -> Option<HeaderValue> {
        let file = self.token.as_ref()?;
        let token = token_file::read(file, "cluster.token_file").await;
        let token = token.unwrap_or_else(|why| {
            tracing::warn!(why, "other nodes cannot be told that a partition has moved");
            String::new()
        });
        HeaderValue::from_str(&format!("Bearer {token}")).ok()
    }
}
