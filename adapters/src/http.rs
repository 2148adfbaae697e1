//! The HTTP API over any [`LogStore`]: routes, formats, errors, and what is counted about requests.
//!
//! A request passes [`edge`] (request id, metrics, errors, who may ask from where), then the router, then the handler of its
//! route: one file each, which turns the request into domain types, calls the [`LogService`] and writes the answer. What the domain
//! says went wrong becomes an answer in one table, in `failure.rs`.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{Authorizer, Limits, LogService, LogStore};
use opentelemetry::metrics::Meter;
use poem::{Endpoint, Response, Route};

mod access;
mod append;
mod base64_in;
mod coding;
mod compress;
mod cors;
mod count;
mod deadline;
mod docs;
mod edge;
mod events_only;
mod failure;
mod format;
mod framing;
mod gate;
mod health;
mod hosts;
mod json;
mod keys;
mod links;
mod names;
mod origins;
mod page;
mod param;
mod peer;
pub mod proto;
mod published;
mod refined;
mod reply;
mod request_id;
mod request_metrics;
mod response_headers;
mod routes;
mod scan;
mod schema;
mod segments;
mod selection;
mod stream;
mod strict;
mod swagger_ui;
#[cfg(test)]
mod tests;
mod turns;
mod welcome;

pub use docs::{DocumentFormat, document};
pub use framing::Malformed;
pub use health::Readiness;
pub use hosts::AllowedHosts;
pub use origins::AllowedOrigins;
pub use peer::{Peer, Refused};
pub use routes::{Side, is_for_operators};

/// The handlers, each with its part of the OpenAPI document.
type Api<S> = (
    append::Append<S>,
    scan::ScanRoute<S>,
    keys::Keys<S>,
    segments::Segments<S>,
    count::Count<S>,
    stream::StreamRoute<S>,
    health::Health,
);

/// What the routes are made of.
pub struct HttpParts<S> {
    /// The log.
    pub service: Arc<LogService<S>>,
    /// What `/-/ready` answers.
    pub readiness: Arc<dyn Readiness>,
    /// What `/metrics` answers, in the text format of Prometheus.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// What the HTTP API waits for how long, and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// A read that takes longer ends as `deadline_exceeded`. (Appends have a deadline of the store's own.)
    pub read_timeout: Duration,
    /// A request body that takes longer to arrive ends the append as `deadline_exceeded`, not applied.
    pub body_timeout: Duration,
    /// How long an event stream is silent before it sends a comment.
    pub heartbeat: Duration,
    /// The longest `timeout_ms` of a long poll; longer ones are shortened to it.
    pub max_follow_timeout: Duration,
    /// Bytes of pages of records and keys that were not written out to their clients yet; more is refused as
    /// `overloaded`. At least as large as the largest page. As many whole pages as fit into it are read at the same time;
    /// further readers wait for their turn.
    pub answer_bytes: u64,
    /// Requests to follow that wait at the same time while the log is opened; more are refused as `overloaded`.
    pub held_streams: usize,
    /// How long such a request waits.
    pub open_timeout: Duration,
    /// Whose web pages may use the API.
    pub origins: AllowedOrigins,
    /// The names that the server answers to.
    pub hosts: AllowedHosts,
    /// The names that the listener for operators answers to.
    pub operators_hosts: AllowedHosts,
    /// Bytes of events that were not written out to their clients yet. Streams wait for room a while, and end without.
    pub stream_bytes: u64,
    /// Where generated request ids begin. Give each process a random one.
    pub request_id_seed: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            max_follow_timeout: Duration::from_secs(300),
            answer_bytes: 512 << 20,
            held_streams: 10_000,
            open_timeout: Duration::from_secs(60),
            origins: AllowedOrigins::default(),
            hosts: AllowedHosts::default(),
            operators_hosts: AllowedHosts::default(),
            stream_bytes: Limits::default().follower_bytes as u64,
            request_id_seed: 0,
        }
    }
}

/// The whole API, which can be served on any listener, also before the log is open.
///
/// It answers everything itself, errors and panics included. It stops following when the service dismisses its
/// followers; nothing else of it needs to be stopped.
pub struct HttpApi {
    edge: edge::Edge<gate::Gate>,
    /// Bytes of answers that were not written out yet.
    answers: Budget,
    options: HttpOptions,
}

impl HttpApi {
    /// An API that answers that the log is being opened. `authorizer` says who may ask for what; everybody may ask for
    /// everything if there is none. Requests are counted in `meter`.
    pub fn starting(
        meter: &Meter,
        authorizer: Option<Arc<dyn Authorizer>>,
        options: HttpOptions,
    ) -> Self {
        let gate = gate::Gate::new(options.held_streams, options.open_timeout);
        let answers = Budget::new(
            "the number of bytes in answers that were not read yet",
            options.answer_bytes,
        );
        Self {
            edge: edge::Edge {
                inner: Arc::new(gate),
                request_ids: request_id::RequestIds::new(options.request_id_seed),
                metrics: request_metrics::RequestMetrics::new(meter),
                access: access::Access(authorizer),
                compression: compress::Compression(answers.clone()),
                side: Side::Only,
                hosts: options.hosts.clone(),
                origins: options.origins.clone(),
            },
            answers,
            options,
        }
    }

    /// What a listener of this side serves, now and after the log is open.
    pub fn endpoint(&self, side: Side) -> impl Endpoint<Output = Response> + 'static {
        let hosts = match side {
            Side::Only | Side::Public => &self.options.hosts,
            Side::Operators => &self.options.operators_hosts,
        };
        self.edge.on(side, hosts.clone())
    }

    /// Serves the log from now on. Only the first call counts.
    pub fn open<S: LogStore>(&self, parts: HttpParts<S>) {
        let routes = routes_of(parts, &self.options, &self.answers, &self.edge.metrics);
        self.edge.inner.open(routes);
    }
}

fn routes_of<S: LogStore>(
    parts: HttpParts<S>,
    options: &HttpOptions,
    answers: &Budget,
    metrics: &request_metrics::RequestMetrics,
) -> welcome::Welcome<Route> {
    let HttpParts {
        service,
        readiness,
        render_metrics,
    } = parts;
    let read_timeout = options.read_timeout;
    let limits = service.limits();
    let turns = turns::Turns::new(options.answer_bytes, limits.page_bytes);
    let api: Api<S> = (
        append::Append {
            budget: Budget::new(
                "the number of bytes in appends that are being received or written",
                limits.append_queue_bytes as u64,
            ),
            body_timeout: options.body_timeout,
            sizes: metrics.body_sizes("POST", "/api/v1/log/append"),
            service: Arc::clone(&service),
        },
        scan::ScanRoute {
            service: Arc::clone(&service),
            read_timeout,
            answers: answers.clone(),
            turns: turns.clone(),
            max_follow_timeout: options.max_follow_timeout,
        },
        keys::Keys {
            service: Arc::clone(&service),
            read_timeout,
            answers: answers.clone(),
            turns,
        },
        segments::Segments {
            service: Arc::clone(&service),
            read_timeout,
        },
        count::Count {
            service: Arc::clone(&service),
            read_timeout,
        },
        stream::StreamRoute {
            service,
            heartbeat: options.heartbeat,
            room: Budget::new(
                "the number of bytes in streams that were not read yet",
                options.stream_bytes,
            ),
        },
        health::Health {
            readiness,
            render_metrics,
            timeout: read_timeout,
        },
    );
    let api = docs::describe(api);
    welcome::Welcome(docs::serve(Route::new()).nest("/", api))
}
