//! CORS headers, which let pages of allowed origins use the server (Fetch standard, section 3.2).
//!
//! `poem::middleware::Cors` does not fit: it refuses reads of pages that are not listed, the server's own among them, and it
//! puts no headers on what is answered by the layers around the routes, errors above all.

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

use super::origins::{AllowedOrigins, Sole, sole_origin};
use crate::http::wire::route_table::Route;

/// The headers of requests that pages may set.
const REQUEST_HEADERS: &str =
    "accept, authorization, content-encoding, content-type, last-event-id, x-request-id";

/// The headers of answers that pages may read.
const ANSWER_HEADERS: &str =
    "allow, log-durable-sequence, retry-after, www-authenticate, x-request-id";

/// Seconds for which a browser caches a preflight response.
const MAX_AGE: &str = "600";

/// The response to a preflight request, if this is one and it is allowed.
pub(in crate::http) fn preflight(request: &Request, route: Option<Route>) -> Option<Response> {
    let asks = *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let methods = route.map_or("GET, HEAD, POST, PUT, DELETE", |route| route.allow);
        Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE)
            .finish()
    })
}

/// What every answer says to the page that asked.
#[derive(Debug, Clone)]
pub(in crate::http) struct Marks {
    /// The origin that may read the answer.
    allowed: Option<HeaderValue>,
    /// Whether the answer differs by origin.
    varies: bool,
}

impl Marks {
    /// For the answer to a request with these headers.
    pub(in crate::http) fn of(origins: &AllowedOrigins, headers: &HeaderMap) -> Self {
        match (origins, sole_origin(headers)) {
            (AllowedOrigins::Any, _) => Self {
                allowed: Some(HeaderValue::from_static("*")),
                varies: false,
            },
            (AllowedOrigins::Listed(listed), sent) => Self {
                allowed: match sent {
                    Sole::One(origin) if origins.allows(origin) => Some(origin.clone()),
                    _ => None,
                },
                varies: !listed.is_empty(),
            },
        }
    }

    /// Adds them to the headers of the answer.
    pub(in crate::http) fn put_on(self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.allowed {
            let mut say = |name: HeaderName, value| headers.insert(name, value);
            say(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            say(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(ANSWER_HEADERS),
            );
        }
    }
}
