//! The HTTP API over any [`LogStore`]: routes, formats, errors, and request metrics.
//!
//! Four layers; each imports only the layers listed after it:
//!
//! - [`edge`]: processing of every request (request id, metrics, origins, authorization, compression);
//! - [`routes`]: one file for each operation, which turns the request into domain types, calls the [`LogService`] and answers;
//! - `document`: parts of the OpenAPI document;
//! - [`wire`]: formats, parameters, errors, and the table of routes. The table in `wire/failure.rs` maps
//!   domain errors to responses.

use std::sync::Arc;
use std::time::Duration;

use log_domain::budget::Budget;
use log_domain::{Authorizer, CommitFeed, Limits, LogService, LogStore};
use opentelemetry::metrics::Meter;
use poem::{Endpoint, Response, Route, get};

use edge::access::Access;
use edge::compress::Compression;
use edge::forward::Forward;
use edge::gate::Gate;
use edge::request_ids::RequestIds;
use edge::request_metrics::RequestMetrics;
use routes::access::{AccessRoute, Changes};
use routes::append::body_sizes::BodySizes;
use routes::metrics_text::{MetricsRoute, MetricsText};
use routes::read_limit::ReadLimit;
use routes::settings::SettingsRoute;
use routes::shortcuts::Shortcuts;
use routes::shown::Shown;
use routes::welcome::Welcome;
use routes::{
    append, commits, console, count, cursor, cursors, delete_key, health, keys, openapi, scan,
    segments, session, stream, swagger_ui, trim,
};
use wire::reply;
use wire::route_table::{ACCESS, COMMITS, CONFIG, CONSOLE_METRICS};

mod document;
mod edge;
mod routes;
#[cfg(test)]
mod tests;
mod wire;

pub use document::DocumentFormat;
pub use edge::forward::commits::CommitStream;
pub use edge::forward::http_writer::{HttpWriter, WriterUrl};
pub use edge::forward::writer::{Lost, Streamed, Writer};
pub use edge::forward::{FORWARDED_AT_ONCE, ForwardLimits};
pub use edge::framing::Malformed;
pub use edge::hosts::AllowedHosts;
pub use edge::origins::AllowedOrigins;
pub use edge::refused::Refused;
#[cfg(feature = "test-util")]
pub use routes::codecs::Codec;
pub use routes::health::Readiness;
pub use routes::openapi::document;
pub use routes::peer::Peer;
pub use routes::settings::Setting;
pub use wire::proto;
pub use wire::route_table::{Side, is_for_operators};

/// The dependencies of the routes.
pub struct HttpParts<S> {
    /// The log.
    pub service: Arc<LogService<S>>,
    /// What `/-/ready` answers.
    pub readiness: Arc<dyn Readiness>,
    /// What `/metrics` answers, in the text format of Prometheus.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// What read-only servers of the log are told, if this one writes it.
    pub feed: Option<Arc<CommitFeed>>,
}

/// Timeouts and limits of the HTTP API.
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
    /// Whether the server only reads: what would change the log is refused before its body is read, or forwarded
    /// ([`HttpApi::forwarding_to`]).
    pub read_only: bool,
    /// Limits of requests that are forwarded.
    pub forward: ForwardLimits,
    /// Whether the console is served, and what only it asks for.
    pub console: bool,
    /// The URL of the server that writes the log, if this one only reads it and knows it.
    pub writer_url: Option<String>,
    /// The configuration in force, without secrets. Tokens with the right `admin` may read it.
    pub settings: Vec<Setting>,
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
            answer_bytes: reply::ANSWER_BYTES,
            held_streams: 10_000,
            open_timeout: Duration::from_secs(60),
            origins: AllowedOrigins::default(),
            hosts: AllowedHosts::default(),
            operators_hosts: AllowedHosts::default(),
            stream_bytes: Limits::default().follower_bytes as u64,
            read_only: false,
            forward: ForwardLimits::default(),
            console: true,
            writer_url: None,
            settings: Vec::new(),
            request_id_seed: 0,
        }
    }
}

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
            body_sizes: BodySizes::new(meter, "POST", "/api/v1/log/append"),
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
        let routes = routes_of(parts, &self.options, &self.answers, &self.body_sizes);
        self.edge.inner.open(routes);
    }
}

fn routes_of<S: LogStore>(
    parts: HttpParts<S>,
    options: &HttpOptions,
    answers: &Budget,
    sizes: &BodySizes,
) -> Shortcuts<Welcome<Shown<Shortcuts<Route>, S>>> {
    let HttpParts {
        service,
        readiness,
        render_metrics,
        feed,
    } = parts;
    let shown = Arc::clone(&service);
    let room = Budget::new(
        "the number of bytes in streams that were not read yet",
        options.stream_bytes,
    );
    let commits = commits::CommitsRoute {
        service: Arc::clone(&service),
        feed,
        room: room.clone(),
    };
    let read_timeout = options.read_timeout;
    let limits = service.limits();
    let read_limit = ReadLimit::new(options.answer_bytes, limits.page_bytes);
    let read_bodies = Budget::new(scan::BODIES, scan::ALL_BODIES_BYTES);
    let metrics = Arc::new(MetricsText::new(render_metrics, answers.clone()));
    let appends = Budget::new(
        "the number of bytes in appends that are being received or written",
        limits.append_queue_bytes as u64,
    );
    let append = append::Append {
        budget: appends.clone(),
        body_timeout: options.body_timeout,
        sizes: sizes.clone(),
        service: Arc::clone(&service),
    };
    let scan = scan::ScanRoute {
        service: Arc::clone(&service),
        read_timeout,
        answers: answers.clone(),
        read_limit: read_limit.clone(),
        max_follow_timeout: options.max_follow_timeout,
        bodies: read_bodies.clone(),
        body_timeout: options.body_timeout,
    };
    let count = count::Count {
        service: Arc::clone(&service),
        read_timeout,
    };
    let appends_directly = append.clone();
    let reads_directly = (scan.clone(), count.clone());
    let api: routes::Api<S> = (
        append,
        session::SessionRoute {
            service: Arc::clone(&service),
            budget: appends,
            frame_timeout: options.body_timeout,
        },
        scan,
        keys::Keys {
            service: Arc::clone(&service),
            read_timeout,
            answers: answers.clone(),
            read_limit: read_limit.clone(),
        },
        segments::Segments {
            service: Arc::clone(&service),
            read_timeout,
        },
        count,
        trim::TrimRoute {
            service: Arc::clone(&service),
            budget: Budget::new(trim::BODIES, trim::ALL_BODIES_BYTES),
            body_timeout: options.body_timeout,
        },
        delete_key::DeleteKey {
            service: Arc::clone(&service),
        },
        stream::StreamRoute {
            service: Arc::clone(&service),
            bodies: read_bodies,
            body_timeout: options.body_timeout,
            read_timeout,
            heartbeat: options.heartbeat,
            room,
        },
        cursors::Cursors {
            service: Arc::clone(&service),
            read_timeout,
            answers: answers.clone(),
            read_limit,
        },
        cursor::CursorRoute {
            service,
            budget: Budget::new(cursor::BODIES, cursor::ALL_BODIES_BYTES),
            body_timeout: options.body_timeout,
            read_timeout,
        },
        health::Health {
            readiness,
            metrics: Arc::clone(&metrics),
            timeout: read_timeout,
        },
    );
    let api = document::describe(api);
    let routes = swagger_ui::serve(openapi::serve::<S>(Route::new()));
    let routes = routes.at(COMMITS, get(commits));
    let routes = match options.console {
        true => for_console(console::serve(routes), options, metrics),
        false => routes,
    };
    let routes = Welcome {
        console: options.console,
        others: Shown {
            routes: Shortcuts::new(reads_directly, routes.nest("/", api)),
            service: shown,
        },
    };
    Shortcuts::new(appends_directly, routes)
}

/// Adds what only the console asks for.
fn for_console(routes: Route, options: &HttpOptions, metrics: Arc<MetricsText>) -> Route {
    let access = AccessRoute {
        changes: match (options.read_only, &options.writer_url) {
            (false, _) => Changes::Applied,
            (true, Some(_)) => Changes::Forwarded,
            (true, None) => Changes::Refused,
        },
        writer: options.writer_url.clone(),
    };
    routes
        .at(ACCESS, get(access))
        .at(CONFIG, get(SettingsRoute(options.settings.clone())))
        .at(CONSOLE_METRICS, get(MetricsRoute(metrics)))
}
