//! Requests to other servers: what is forwarded of a request, and what is passed back of an answer.

use log_domain::Error;
use poem::Response;
use poem::http::{self, HeaderMap, HeaderName, HeaderValue, header, uri};

use super::wire::failure::Failure;
use super::wire::request_id::{self, RequestId};
use super::wire::route_table::{CURSOR, KEY, Route, TRIM};

pub(super) mod commits;
pub(super) mod http_writer;
pub(super) mod writer;

/// The header of requests that were forwarded. They are not forwarded again.
const FORWARDED_BY: HeaderName = HeaderName::from_static("log-forwarded-by");

/// What it says: who forwarded, by product and version.
const PRODUCT: HeaderValue =
    HeaderValue::from_static(concat!("opendata-log/", env!("CARGO_PKG_VERSION")));

/// The header of answers that names the server to ask next time: its URL.
pub(super) const MOVED: HeaderName = HeaderName::from_static("log-moved");

/// Requests that are on their way to another server at the same time, each on a connection. Further ones wait.
pub const FORWARDED_AT_ONCE: usize = 128;

/// What of a request is forwarded, in addition to its method, path, query and body. Everything else is between the client and this server.
const FORWARDED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::ACCEPT,
    HeaderName::from_static("last-event-id"),
];

/// What of an answer is passed back, in addition to its status and body, and to the headers of this API.
const PASSED_BACK: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::RETRY_AFTER,
    header::ALLOW,
    header::ACCEPT_ENCODING,
    header::WWW_AUTHENTICATE,
];

/// What the names of the headers of this API begin with.
const OWN: &str = "log-";

/// What is sent of a request with the head of `sent`.
///
/// # Errors
/// [`Failure::invalid`] for a path that another server could take for another one.
pub(super) fn forwarded<B>(sent: &poem::Request, body: B) -> Result<http::Request<B>, Failure> {
    let mut forwarded = http::Request::new(body);
    *forwarded.method_mut() = sent.method().clone();
    *forwarded.uri_mut() = target(sent.uri())?;
    *forwarded.headers_mut() = headers(sent.headers(), sent.data::<RequestId>());
    Ok(forwarded)
}

/// Whether another server forwarded a request with these headers.
pub(super) fn was_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_BY)
}

/// Marks a request as one of another server.
pub(super) fn mark_forwarded(headers: &mut HeaderMap) {
    headers.insert(FORWARDED_BY, PRODUCT);
}

/// What is passed back of an answer.
pub(super) fn passed_back<B: Into<poem::Body>>(answer: http::Response<B>) -> Response {
    let (head, body) = answer.into_parts();
    let mut response = Response::builder().status(head.status).body(body);
    for (name, value) in &head.headers {
        if PASSED_BACK.contains(name) || name.as_str().starts_with(OWN) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// What is told of a change at `route` that was sent and not answered, for the reason `why`.
pub(super) fn unknown(route: Route, why: &str) -> Error {
    match route.path {
        TRIM => Error::TrimUnknown(why.to_owned()),
        KEY => Error::DeletionUnknown(why.to_owned()),
        CURSOR => Error::CursorUnknown(why.to_owned()),
        _ => Error::outcome_unknown(why),
    }
}

/// Where a request goes, as it came: path and query, so that no client of HTTP takes another path for the same.
fn target(uri: &uri::Uri) -> Result<uri::Uri, Failure> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    if matches!(
        last.to_ascii_lowercase().replace("%2e", ".").as_str(),
        "." | ".."
    ) {
        return Err(Failure::invalid(
            "the name of a cursor must not be . or .., which are not names in a URL",
        ));
    }
    // Some take this character for a slash.
    let mut target = uri.path().replace('\\', "%5C");
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    target
        .parse()
        .map_err(|error| Failure::invalid(format!("the path is not one of a URL: {error}")))
}

fn headers(sent: &HeaderMap, id: Option<&RequestId>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in &FORWARDED {
        for value in sent.get_all(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    if let Some(id) = id {
        headers.insert(request_id::HEADER, id.header_value());
    }
    mark_forwarded(&mut headers);
    headers
}
