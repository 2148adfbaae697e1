//! Headers of every response for browsers and caches.

use poem::Request;
use poem::http::uri::Scheme;
use poem::http::{HeaderMap, HeaderValue, header};

use super::hosts;

/// A year, as browsers ask for at least.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The headers that depend on how a request came.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Security {
    strict_transport: bool,
}

impl Security {
    /// For the answer to `request`. A browser keeps to TLS for all ports of a name, so `localhost`, whose other ports belong to
    /// others, is not promised.
    pub(in crate::http) fn of(request: &Request) -> Self {
        Self {
            strict_transport: *request.scheme() == Scheme::HTTPS && !hosts::names_loopback(request),
        }
    }

    /// Adds the headers. A `Cache-Control` set by a handler is kept; otherwise the response is not cached.
    pub(in crate::http) fn put_on(self, headers: &mut HeaderMap) {
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        if self.strict_transport {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}
