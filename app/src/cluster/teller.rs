//! Tells other nodes what this one has done, so that they need not wait for their next heartbeat.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_adapters::http::{WAKE, Writer};
use log_adapters::small_file::SmallFile;
use log_domain::cluster::Partition;
use poem::http::{HeaderValue, Method, Request, Uri, header};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::table::Table;
use crate::config::Cluster;
use crate::token_file;

/// Tells other nodes. One that does not hear it looks by itself, a little later.
pub(super) struct Teller {
    table: Arc<Table>,
    /// Locked while it is read: a file is not read twice at the same time.
    token: Option<Mutex<SmallFile>>,
    /// How long it tries.
    within: Duration,
}

impl Teller {
    pub(super) fn new(settings: &Cluster, table: Arc<Table>) -> Self {
        Self {
            table,
            token: settings
                .token_file
                .as_deref()
                .map(SmallFile::new)
                .map(Mutex::new),
            within: settings.heartbeat,
        }
    }

    /// Tells all nodes that this one has written something new.
    pub(super) async fn has_written(&self) {
        let path = format!("{WAKE}?node={}", self.table.node());
        self.send(self.table.others(), &path).await;
    }

    /// Tells the node on which `partition` is placed that this one gives it up.
    pub(super) async fn gives_up(&self, partition: Partition) {
        let (node, number) = (self.table.node(), partition.number());
        let path = format!("{WAKE}?node={node}&partition={number}");
        self.send(self.table.next(partition), &path).await;
    }

    async fn send(&self, to: impl IntoIterator<Item = Arc<dyn Writer>>, path: &str) {
        let Ok(uri) = path.parse::<Uri>() else {
            return;
        };
        let token = match self.token().await {
            Ok(token) => token,
            Err(why) => {
                tracing::warn!(why, "other nodes cannot be told that a partition has moved");
                return;
            }
        };
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

    /// The token that this node sends, if it is to send one.
    async fn token(&self) -> Result<Option<HeaderValue>, String> {
        let Some(file) = &self.token else {
            return Ok(None);
        };
        let token = token_file::read(&*file.lock().await, "cluster.token_file").await?;
        let token = HeaderValue::from_str(&format!("Bearer {token}"));
        token
            .map(Some)
            .map_err(|error| format!("cluster.token_file: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write as _;

    use futures::future::{BoxFuture, join_all, pending};
    use log_adapters::cluster::NodeState;
    use log_adapters::http::{Lost, PartitionMap as _, Streamed};
    use log_domain::cluster::{Mark, Membership, NodeName, Partitions, Placement, Seen};
    use poem::http::Response;
    use tokio::sync::mpsc;

    use super::super::Connect;
    use super::super::view::View;
    use super::*;

    /// What another node is sent.
    struct Sent(mpsc::UnboundedSender<Request<Bytes>>);

    impl Writer for Sent {
        fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Lost>> {
            self.0.send(request).expect("the test listens");
            Box::pin(pending())
        }

        fn stream(
            &self,
            _request: Request<Bytes>,
        ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
            Box::pin(pending())
        }

        fn exchange(
            &self,
            _request: Request<Streamed>,
        ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
            Box::pin(pending())
        }
    }

    /// One that knows of another node, on which all partitions are placed.
    fn told(settings: &Cluster) -> (Teller, mpsc::UnboundedReceiver<Request<Bytes>>) {
        let (sent, received) = mpsc::unbounded_channel();
        let [own, other] = ["a", "b"].map(|name| NodeName::parse(name).expect("a name"));
        let partitions = Partitions::new(8).expect("in range");
        let connect: Connect = Arc::new(move |_| Ok(Arc::new(Sent(sent.clone())) as Arc<_>));
        let table = Table::new(own, "http://a".into(), partitions, connect);
        let state = NodeState {
            incarnation: 1,
            url: "http://b".into(),
            zone: None,
            release: String::new(),
            dead_after: Duration::ZERO,
            leaving: false,
            serving: Default::default(),
        };
        let mut membership = Membership::new(settings.rules());
        let seen = Seen {
            mark: Mark(String::new()),
            dead_after: Duration::ZERO,
        };
        membership.listed(Duration::ZERO, BTreeMap::from([(other.clone(), seen)]));
        let placement = Placement::of(partitions, std::slice::from_ref(&other));
        let nodes = BTreeMap::from([(other, state)]);
        table.knows(View::new(nodes, &membership, placement));
        (Teller::new(settings, Arc::new(table)), received)
    }

    #[tokio::test]
    async fn what_is_told_at_the_same_time_has_the_token_each() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"secret\n").expect("written");
        let settings = Cluster {
            token_file: Some(file.path().to_owned()),
            ..Cluster::default()
        };
        let (teller, mut received) = told(&settings);
        let partitions: Vec<_> = teller.table.partitions().all().collect();
        join_all(
            partitions
                .iter()
                .map(|partition| teller.gives_up(*partition)),
        )
        .await;
        teller.has_written().await;
        let mut paths = Vec::new();
        for _ in 0..=partitions.len() {
            let request = received.recv().await.expect("sent");
            assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer secret");
            paths.push(request.uri().to_string());
        }
        paths.sort();
        let of = |number: u32| format!("{WAKE}?node=a&partition={number}");
        let wanted: Vec<_> = (0..8).map(of).collect();
        assert_eq!(paths[1..], wanted);
        assert_eq!(paths[0], format!("{WAKE}?node=a"));
    }

    #[tokio::test]
    async fn without_the_token_that_it_needs_nothing_is_told() {
        let settings = Cluster {
            token_file: Some("/nowhere/token".into()),
            ..Cluster::default()
        };
        let (teller, mut received) = told(&settings);
        teller.has_written().await;
        drop(teller);
        assert!(received.recv().await.is_none());
    }
}
