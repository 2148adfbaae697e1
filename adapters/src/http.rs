//! The HTTP API over any [`LogStore`]: routes, formats, errors, and request metrics.
//!
//! Seven layers; each imports only the layers listed after it:
//!
//! - [`edge`]: processing of every request (request id, metrics, origins, authorization, compression);
//! - `cluster`: in a cluster, passes each request to the node that serves its partition;
//! - `assembly`: puts the routes of a log together;
//! - [`routes`]: one file for each operation, which turns the request into domain types, calls the [`LogService`] and answers;
//! - `document`: parts of the OpenAPI document;
//! - `remote`: requests to other servers;
//! - [`wire`]: formats, parameters, errors, and the table of routes. The table in `wire/failure.rs` maps
//!   domain errors to responses.

use std::sync::Arc;

use log_domain::budget::Budget;
use log_domain::{Authorizer, Limits, LogService, LogStore};
use opentelemetry::metrics::Meter;
use poem::{Endpoint, Response};

use assembly::{Assembly, Besides};
use cluster::{Cluster, PassLimits};
use edge::access::Access;
use edge::compress::Compression;
use edge::forward::Forward;
use edge::gate::Gate;
use edge::request_ids::RequestIds;
use edge::request_metrics::RequestMetrics;
use routes::append::body_sizes::BodySizes;
use routes::cluster::ClusterRoute;
use wire::reply;
use wire::route_table::APPEND;

mod assembly;
mod cluster;
mod document;
mod edge;
mod options;
mod remote;
mod routes;
#[cfg(test)]
mod tests;
mod wire;

pub use assembly::HttpParts;
pub use cluster::map::{PartitionMap, PartitionRoutes, Place};
pub use document::DocumentFormat;
pub use edge::forward::ForwardLimits;
pub use edge::framing::Malformed;
pub use edge::hosts::AllowedHosts;
pub use edge::origins::AllowedOrigins;
pub use edge::refused::Refused;
pub use options::HttpOptions;
pub use remote::FORWARDED_AT_ONCE;
pub use remote::commits::CommitStream;
pub use remote::http_writer::{HttpWriter, WriterUrl};
pub use remote::writer::{Lost, Streamed, Writer};
pub use routes::cluster::{ClusterStatus, NodeStatus, PartitionState, PartitionStatus};
#[cfg(feature = "test-util")]
pub use routes::codecs::Codec;
pub use routes::health::Readiness;
pub use routes::openapi::document;
pub use routes::peer::Peer;
pub use routes::settings::Setting;
pub use wire::proto;
pub use wire::route_table::{Side, WAKE, is_for_operators};

/// The whole API, which can be served on any listener, also before the log is open.
///
/// It answers everything itself, errors and panics included. It stops following when the service dismisses its
/// followers; nothing else of it needs to be stopped.
pub struct HttpApi {
    edge: edge::Edge<Gate>,
    /// Bytes of answers that were not written out yet.
    answers: Budget,
    body_sizes: BodySizes,
    options: HttpOptions,
}

impl HttpApi {
    /// An API that answers that the log is being opened. `authorizer` authorizes requests; without one, all are
    /// allowed. Requests are counted in `meter`.
    pub fn starting(
        meter: &Meter,
        authorizer: Option<Arc<dyn Authorizer>>,
        options: HttpOptions,
    ) -> Self {
        let gate = Gate::new(options.held_streams, options.open_timeout);
        let answers = Budget::new(reply::ANSWERS, options.answer_bytes);
        Self {
            edge: edge::Edge {
                inner: Arc::new(gate),
                request_ids: RequestIds::new(options.request_id_seed),
                metrics: RequestMetrics::new(meter),
                access: Access(authorizer),
                compression: Compression(answers.clone()),
                side: Side::Only,
                read_only: options.read_only,
                forward: None,
                hosts: options.hosts.clone(),
                origins: options.origins.clone(),
            },
            answers,
            body_sizes: BodySizes::new(meter, "POST", APPEND),
            options,
        }
    }

    /// The same, and if it only reads, it forwards requests that change the log to `writer`, for endpoints that are made from now on.
    pub fn forwarding_to(mut self, writer: Arc<dyn Writer>) -> Self {
        let limits = self.options.forward.clone();
        let forward = Forward::new(writer, limits, self.options.body_timeout);
        self.edge.forward = Some(Arc::new(forward));
        self
    }

    /// What a listener of this side serves, now and after the log is open.
    pub fn endpoint(&self, side: Side) -> impl Endpoint<Output = Response> + 'static {
        let hosts = match side {
            Side::Only | Side::Public => &self.options.hosts,
            Side::Operators => &self.options.operators_hosts,
        };
        self.edge.on(side, hosts.clone())
    }

    /// Starts to serve the log. Later calls have no effect.
    pub fn open<S: LogStore>(&self, parts: HttpParts<S>) {
        let assembly = self.assembly(parts.service.limits());
        self.edge.inner.open(assembly.routes_of_server(parts));
    }

    /// Starts to serve a node of a cluster: requests go to where `map` says. Later calls have no effect. The answer makes the routes of
    /// partitions that the node serves itself.
    pub fn open_cluster<S: LogStore>(&self, limits: &Limits, parts: NodeParts) -> PartitionApi {
        let assembly = self.assembly(limits);
        let NodeParts {
            map,
            readiness,
            render_metrics,
            meter,
        } = parts;
        let known = Arc::clone(&map);
        let besides = Besides {
            cluster: ClusterRoute(Arc::new(move || known.status())),
            health: assembly.health(readiness, render_metrics),
        };
        let of_node = assembly.routes_of_node::<S>(besides.clone());
        let options = &self.options;
        let limits = PassLimits {
            of_log: *limits,
            all_bytes: options.forward.all_bytes,
            body_timeout: options.body_timeout,
            change_timeout: options.forward.timeout,
            read_timeout: options.max_follow_timeout + options.forward.timeout,
        };
        let cluster = Cluster::new(map, of_node, limits, self.answers.clone(), &meter);
        self.edge.inner.open(cluster);
        PartitionApi { assembly, besides }
    }

    fn assembly(&self, limits: &Limits) -> Assembly {
        Assembly::new(
            self.options.clone(),
            limits,
            self.answers.clone(),
            self.body_sizes.clone(),
        )
    }
}

/// What a node of a cluster needs besides its partitions.
pub struct NodeParts {
    /// Where partitions are.
    pub map: Arc<dyn PartitionMap>,
    /// What `/-/ready` answers.
    pub readiness: Arc<dyn Readiness>,
    /// What `/metrics` answers, in the text format of Prometheus.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Where the requests are counted that go to other nodes.
    pub meter: Meter,
}

/// Makes the routes of partitions, which share the memory for requests and answers.
pub struct PartitionApi {
    assembly: Assembly,
    besides: Besides,
}

impl PartitionApi {
    /// The routes of a partition.
    pub fn routes<S: LogStore>(&self, service: Arc<LogService<S>>) -> PartitionRoutes {
        let besides = self.besides.clone();
        PartitionRoutes::new(self.assembly.routes_of_partition(service, besides))
    }
}
