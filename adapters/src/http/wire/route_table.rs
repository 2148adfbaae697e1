//! The one table of routes: what metrics are labelled with, what `Allow` says, who may ask, and on which listener.

use log_domain::Right::{self, Admin, Append, Read};

/// A route of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Route {
    /// Its path; no route has a variable part.
    pub(in crate::http) path: &'static str,
    /// The methods it takes, as in the header `Allow`.
    pub(in crate::http) allow: &'static str,
    /// What a token must be good for; nothing is needed where there is none, nor on the listener for operators.
    pub(in crate::http) needs: Option<Right>,
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

/// The path of the stream of events.
pub(in crate::http) const STREAM: &str = "/api/v1/log/stream";

/// Every route, those outside the OpenAPI document last.
#[rustfmt::skip]
pub(in crate::http) const ROUTES: [Route; 20] = [
    post("/api/v1/log/append").needs(Append),
    post("/api/v1/log/trim").needs(Admin),
    delete("/api/v1/log/key").needs(Admin),
    get("/api/v1/log/scan").needs(Read),
    get("/api/v1/log/keys").needs(Read),
    get("/api/v1/log/segments").needs(Read),
    get("/api/v1/log/count").needs(Read),
    get(STREAM).needs(Read),
    get("/metrics").needs(Read).for_operators(),
    get("/-/healthy").for_operators(),
    get("/-/ready").for_operators(),
    get("/openapi.json"),
    get("/openapi.yaml"),
    get("/docs"),
    get("/docs/"),
    get("/docs/swagger-ui-bundle.js"),
    get("/docs/swagger-ui.css"),
    get("/docs/start.js"),
    get("/docs/favicon-32x32.png"),
    get("/"),
];

const fn get(path: &'static str) -> Route {
    Route {
        path,
        allow: "GET, HEAD",
        needs: None,
        for_operators: false,
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
    ROUTES.into_iter().find(|route| route.path == path)
}
