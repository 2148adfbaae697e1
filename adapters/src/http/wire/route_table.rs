//! The one table of routes: what metrics are labelled with, what `Allow` says, who may ask, and on which listener.

use log_domain::Right::{self, Admin, Append, Read};
use poem::http::Method;

/// A route of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Route {
    /// Its path. Only the last segment can be variable: it is `{name}` then.
    pub(in crate::http) path: &'static str,
    /// The methods it takes, as in the header `Allow`.
    pub(in crate::http) allow: &'static str,
    /// What a token must be good for; nothing is needed where there is none, nor on the listener for operators.
    pub(in crate::http) needs: Option<Right>,
    /// The same for methods that change something, if that differs.
    pub(in crate::http) needs_to_change: Option<Right>,
    /// Whether it moves to the listener for operators if there is one.
    pub(in crate::http) for_operators: bool,
}

/// Which listener a request came in at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The only one: it serves everything.
    Only,
    /// The public one of two.
    Public,
    /// The operators' one of two: it asks for no token, since none is worth giving to a probe or a scraper.
    Operators,
}

impl Side {
    /// Whether `route` is served here; of what is no route, the router says so, but for the operators' listener.
    pub(in crate::http) fn serves(self, route: Option<Route>) -> bool {
        let for_operators = route.is_some_and(|route| route.for_operators);
        match self {
            Self::Only => true,
            Self::Public => !for_operators,
            Self::Operators => for_operators,
        }
    }
}

/// The paths of operations.
pub(in crate::http) const APPEND: &str = "/api/v1/log/append";
pub(in crate::http) const SCAN: &str = "/api/v1/log/scan";
pub(in crate::http) const KEYS: &str = "/api/v1/log/keys";
pub(in crate::http) const SEGMENTS: &str = "/api/v1/log/segments";
pub(in crate::http) const COUNT: &str = "/api/v1/log/count";
pub(in crate::http) const CURSORS: &str = "/api/v1/log/cursors";

/// The path of sessions.
pub(in crate::http) const SESSION: &str = "/api/v1/log/session";

/// The path of trims.
pub(in crate::http) const TRIM: &str = "/api/v1/log/trim";

/// The path of deletions.
pub(in crate::http) const KEY: &str = "/api/v1/log/key";

/// The path of one cursor.
pub(in crate::http) const CURSOR: &str = "/api/v1/log/cursors/{name}";

/// The path of the stream of events.
pub(in crate::http) const STREAM: &str = "/api/v1/log/stream";

/// The query parameter that names a partition.
pub(in crate::http) const PARTITION: &str = "partition";

/// The path of what read-only servers follow. It is no part of the document.
pub(in crate::http) const COMMITS: &str = "/-/commits";

/// The path of what a server knows of partitions and nodes.
pub(in crate::http) const CLUSTER: &str = "/api/v1/cluster";

/// The path at which a node is told that another one has news.
pub const WAKE: &str = "/-/cluster/wake";

/// The path at which a node is passed appends by another one. It is no part of the document.
pub(in crate::http) const NODE_APPENDS: &str = "/-/cluster/appends";

/// The path of what the token of a request may do.
pub(in crate::http) const ACCESS: &str = "/-/access";

/// The path of the configuration in force.
pub(in crate::http) const CONFIG: &str = "/-/config";

/// The path of the metrics for the console, also where `/metrics` is on the listener for operators.
pub(in crate::http) const CONSOLE_METRICS: &str = "/-/metrics";

/// The paths of the console's files.
pub(in crate::http) const CONSOLE: &str = "/console/{name}";
pub(in crate::http) const CONSOLE_VIEWS: &str = "/console/views/{name}";
pub(in crate::http) const CONSOLE_LIBRARIES: &str = "/console/libraries/{name}";

/// A segment that can be anything.
const VARIABLE: &str = "{name}";

/// Every route, those outside the OpenAPI document last.
#[rustfmt::skip]
pub(in crate::http) const ROUTES: [Route; 35] = [
    post(APPEND).needs(Append),
    post(SESSION).needs(Append),
    post(TRIM).needs(Admin),
    delete(KEY).needs(Admin),
    get_or_post(SCAN).needs(Read),
    get(KEYS).needs(Read),
    get(SEGMENTS).needs(Read),
    get(COUNT).needs(Read),
    get_or_post(STREAM).needs(Read),
    get(CURSORS).needs(Read),
    get(CURSOR).allows("GET, HEAD, PUT, DELETE").needs(Read).needs_to_change(Append),
    get(CLUSTER).needs(Read),
    get("/metrics").needs(Read).for_operators(),
    get("/-/healthy").for_operators(),
    get("/-/ready").for_operators(),
    get(COMMITS).needs(Read),
    post(WAKE).needs(Read),
    post(NODE_APPENDS).needs(Append),
    get(ACCESS),
    get(CONFIG).needs(Admin),
    get(CONSOLE_METRICS).needs(Read),
    get("/openapi.json"),
    get("/openapi.yaml"),
    get("/docs"),
    get("/docs/"),
    get("/docs/swagger-ui-bundle.js"),
    get("/docs/swagger-ui.css"),
    get("/docs/start.js"),
    get("/docs/favicon-32x32.png"),
    get("/console"),
    get("/console/"),
    get(CONSOLE),
    get(CONSOLE_VIEWS),
    get(CONSOLE_LIBRARIES),
    get("/"),
];

const fn get(path: &'static str) -> Route {
    Route {
        path,
        allow: "GET, HEAD",
        needs: None,
        needs_to_change: None,
        for_operators: false,
    }
}

/// A read whose request may be too long for a URL.
const fn get_or_post(path: &'static str) -> Route {
    Route {
        allow: "GET, HEAD, POST",
        ..get(path)
    }
}

const fn post(path: &'static str) -> Route {
    Route {
        allow: "POST",
        ..get(path)
    }
}

const fn delete(path: &'static str) -> Route {
    Route {
        allow: "DELETE",
        ..get(path)
    }
}

impl Route {
    const fn needs(self, right: Right) -> Self {
        Self {
            needs: Some(right),
            ..self
        }
    }

    const fn needs_to_change(self, right: Right) -> Self {
        Self {
            needs_to_change: Some(right),
            ..self
        }
    }

    const fn allows(self, allow: &'static str) -> Self {
        Self { allow, ..self }
    }

    /// What a token must be good for to use `method`.
    pub(in crate::http) fn right(self, method: &Method) -> Option<Right> {
        match *method {
            Method::GET | Method::HEAD => self.needs,
            _ => self.needs_to_change.or(self.needs),
        }
    }

    /// Whether it takes `method`.
    pub(in crate::http) fn takes(self, method: &Method) -> bool {
        self.allow.split(", ").any(|taken| taken == method.as_str())
    }

    /// Whether a request with `method` changes the log.
    pub(in crate::http) fn changes(self, method: &Method) -> bool {
        let is_taken = self.takes(method);
        let reads = matches!(*method, Method::GET | Method::HEAD);
        is_taken && !reads && matches!(self.right(method), Some(Append | Admin))
    }

    /// Whether its requests have no end, so that they cannot be received whole and forwarded.
    pub(in crate::http) fn is_session(self) -> bool {
        matches!(self.path, SESSION | NODE_APPENDS)
    }

    /// Whether its requests can name the partition that they are about: they name no key that would tell it.
    pub(in crate::http) fn takes_partition(self) -> bool {
        matches!(
            self.path,
            SESSION | TRIM | SCAN | KEYS | SEGMENTS | STREAM | CURSORS
        )
    }

    fn is_at(self, path: &str) -> bool {
        match self.path.strip_suffix(VARIABLE) {
            None => path == self.path,
            Some(before) => path
                .strip_prefix(before)
                .is_some_and(|last| !last.is_empty() && !last.contains('/')),
        }
    }

    const fn for_operators(self) -> Self {
        Self {
            for_operators: true,
            ..self
        }
    }
}

/// Whether `path` is one of health and metrics, for which there should be room when there is none for others.
pub fn is_for_operators(path: &str) -> bool {
    find(path).is_some_and(|route| route.for_operators)
}

/// The route that a request's path belongs to.
pub(in crate::http) fn find(path: &str) -> Option<Route> {
    ROUTES.iter().find(|route| route.is_at(path)).copied()
}
