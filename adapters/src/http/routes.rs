//! The one table of routes: what metrics are labelled with and what `Allow` says.

/// A route of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// Its path; no route has a variable part.
    pub(super) path: &'static str,
    /// The methods it takes, as in the header `Allow`.
    pub(super) allow: &'static str,
}

/// Every route, those outside the OpenAPI document last.
pub(super) const ROUTES: [Route; 12] = [
    post("/api/v1/log/append"),
    get("/api/v1/log/scan"),
    get("/api/v1/log/keys"),
    get("/api/v1/log/segments"),
    get("/api/v1/log/count"),
    get("/api/v1/log/stream"),
    get("/metrics"),
    get("/-/healthy"),
    get("/-/ready"),
    get("/openapi.json"),
    get("/openapi.yaml"),
    get("/docs"),
];

const fn get(path: &'static str) -> Route {
    Route {
        path,
        allow: "GET, HEAD",
    }
}

const fn post(path: &'static str) -> Route {
    Route {
        path,
        allow: "POST",
    }
}

/// The route that a request's path belongs to.
pub(super) fn find(path: &str) -> Option<Route> {
    ROUTES.into_iter().find(|route| route.path == path)
}
