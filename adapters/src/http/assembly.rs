//! Puts the routes of servers, nodes and partitions together. All logs of a process share memory for requests and answers.

use std::sync::Arc;

use log_domain::budget::Budget;
use log_domain::{CommitFeed, Limits, LogService, LogStore};
use poem::{Endpoint, Route, get};

use super::document;
use super::options::HttpOptions;
use super::routes::access::{AccessRoute, Changes};
use super::routes::append::body_sizes::BodySizes;
use super::routes::cluster::{self, ClusterRoute};
use super::routes::health::{Health, Readiness};
use super::routes::metrics_text::{MetricsRoute, MetricsText};
use super::routes::read_limit::ReadLimit;
use super::routes::settings::SettingsRoute;
use super::routes::shortcuts::Shortcuts;
use super::routes::shown::Shown;
use super::routes::welcome::Welcome;
use super::routes::{
    Api, append, commits, console, count, cursor, cursors, delete_key, keys, openapi, scan,
    segments, session, stream, swagger_ui, trim,
};
use super::wire::route_table::{ACCESS, COMMITS, CONFIG, CONSOLE_METRICS};

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

/// What is answered besides what is in the log.
#[derive(Clone)]
pub(super) struct Besides {
    pub(super) cluster: ClusterRoute,
    pub(super) health: Health,
}

/// Puts routes together that share what is in here.
#[derive(Clone)]
pub(super) struct Assembly {
    options: HttpOptions,
    sizes: BodySizes,
    /// Bytes of answers that were not written out yet.
    answers: Budget,
    /// Bytes of appends that are being received or are not answered yet.
    appends: Budget,
    /// Bytes of streams that were not written out yet.
    streams: Budget,
    /// Bytes of other bodies that are being received, or are not answered yet.
    reads: Budget,
    trims: Budget,
    moves: Budget,
    read_limit: ReadLimit,
}

impl Assembly {
    pub(super) fn new(
        options: HttpOptions,
        limits: &Limits,
        answers: Budget,
        sizes: BodySizes,
    ) -> Self {
        Self {
            appends: Budget::new(
                "the number of bytes in appends that are being received or written",
                limits.append_queue_bytes as u64,
            ),
            streams: Budget::new(
                "the number of bytes in streams that were not read yet",
                options.stream_bytes,
            ),
            reads: Budget::new(scan::BODIES, scan::ALL_BODIES_BYTES),
            trims: Budget::new(trim::BODIES, trim::ALL_BODIES_BYTES),
            moves: Budget::new(cursor::BODIES, cursor::ALL_BODIES_BYTES),
            read_limit: ReadLimit::new(options.answer_bytes, limits.page_bytes),
            options,
            sizes,
            answers,
        }
    }

    /// The routes of a server of one log.
    pub(super) fn routes_of_server<S: LogStore>(
        &self,
        parts: HttpParts<S>,
    ) -> impl Endpoint + 'static {
        let HttpParts {
            service,
            readiness,
            render_metrics,
            feed,
        } = parts;
        let of_log = Arc::clone(&service);
        let besides = Besides {
            cluster: ClusterRoute(Arc::new(move || cluster::not_clustered(&of_log))),
            health: self.health(readiness, render_metrics),
        };
        let commits = commits::CommitsRoute {
            service: Arc::clone(&service),
            feed,
            room: self.streams.clone(),
        };
        let routes = self.around::<S>(&besides.health.metrics);
        let routes = routes.at(COMMITS, get(commits));
        let reads_directly = (self.scan(&service), self.count(&service));
        let api = document::describe(self.api(&service, besides));
        let routes = Welcome {
            console: self.options.console,
            others: Shown {
                routes: Shortcuts::new(reads_directly, routes.nest("/", api)),
                service: Arc::clone(&service),
            },
        };
        Shortcuts::new(self.append(&service), routes)
    }

    /// The routes of a partition.
    pub(super) fn routes_of_partition<S: LogStore>(
        &self,
        service: Arc<LogService<S>>,
        besides: Besides,
    ) -> impl Endpoint + 'static {
        let reads_directly = (self.scan(&service), self.count(&service));
        let api = document::describe(self.api(&service, besides));
        let routes = Shown {
            routes: Shortcuts::new(reads_directly, Route::new().nest("/", api)),
            service: Arc::clone(&service),
        };
        Shortcuts::new(self.append(&service), routes)
    }

    /// What a node of a cluster answers besides.
    pub(super) fn routes_of_node<S: LogStore>(&self, besides: Besides) -> impl Endpoint + 'static {
        let routes = self.around::<S>(&besides.health.metrics);
        let of_node = document::describe((besides.cluster, besides.health));
        Welcome {
            console: self.options.console,
            others: routes.nest("/", of_node),
        }
    }

    /// What operators ask.
    pub(super) fn health(
        &self,
        readiness: Arc<dyn Readiness>,
        render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    ) -> Health {
        Health {
            readiness,
            metrics: Arc::new(MetricsText::new(render_metrics, self.answers.clone())),
            timeout: self.options.read_timeout,
        }
    }

    /// The document, and pages for people.
    fn around<S: LogStore>(&self, metrics: &Arc<MetricsText>) -> Route {
        let routes = swagger_ui::serve(openapi::serve::<S>(Route::new()));
        match self.options.console {
            true => for_console(console::serve(routes), &self.options, Arc::clone(metrics)),
            false => routes,
        }
    }

    /// The operations of a log.
    fn api<S: LogStore>(&self, service: &Arc<LogService<S>>, besides: Besides) -> Api<S> {
        let read_timeout = self.options.read_timeout;
        let body_timeout = self.options.body_timeout;
        (
            self.append(service),
            session::SessionRoute {
                service: Arc::clone(service),
                budget: self.appends.clone(),
                frame_timeout: body_timeout,
            },
            self.scan(service),
            keys::Keys {
                service: Arc::clone(service),
                read_timeout,
                answers: self.answers.clone(),
                read_limit: self.read_limit.clone(),
            },
            segments::Segments {
                service: Arc::clone(service),
                read_timeout,
            },
            self.count(service),
            trim::TrimRoute {
                service: Arc::clone(service),
                budget: self.trims.clone(),
                body_timeout,
            },
            delete_key::DeleteKey {
                service: Arc::clone(service),
            },
            stream::StreamRoute {
                service: Arc::clone(service),
                bodies: self.reads.clone(),
                body_timeout,
                read_timeout,
                heartbeat: self.options.heartbeat,
                room: self.streams.clone(),
            },
            cursors::Cursors {
                service: Arc::clone(service),
                read_timeout,
                answers: self.answers.clone(),
                read_limit: self.read_limit.clone(),
            },
            cursor::CursorRoute {
                service: Arc::clone(service),
                budget: self.moves.clone(),
                body_timeout,
                read_timeout,
            },
            besides.cluster,
            besides.health,
        )
    }

    fn append<S>(&self, service: &Arc<LogService<S>>) -> append::Append<S> {
        append::Append {
            service: Arc::clone(service),
            budget: self.appends.clone(),
            body_timeout: self.options.body_timeout,
            sizes: self.sizes.clone(),
        }
    }

    fn scan<S>(&self, service: &Arc<LogService<S>>) -> scan::ScanRoute<S> {
        scan::ScanRoute {
            service: Arc::clone(service),
            read_timeout: self.options.read_timeout,
            answers: self.answers.clone(),
            read_limit: self.read_limit.clone(),
            max_follow_timeout: self.options.max_follow_timeout,
            bodies: self.reads.clone(),
            body_timeout: self.options.body_timeout,
        }
    }

    fn count<S>(&self, service: &Arc<LogService<S>>) -> count::Count<S> {
        count::Count {
            service: Arc::clone(service),
            read_timeout: self.options.read_timeout,
        }
    }
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
