//! Forwards requests that change the log from a read-only server to the server that writes it, and passes its answers back.
//!
//! A request is received whole before anything of it is sent. What is told of a request without an answer is what its client has to know:
//! whether the writer may have got it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::Error;
use log_domain::budget::Budget;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header, uri};
use poem::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::writer::{Lost, Writer};
use crate::http::routes::message_body::Incoming;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::request_id::{self, RequestId};
use crate::http::wire::route_table::{self, Route};

pub(in crate::http) mod commits;
pub(in crate::http) mod http_writer;
pub(in crate::http) mod writer;

/// The header of requests that were forwarded. They are not forwarded again.
const FORWARDED_BY: HeaderName = HeaderName::from_static("log-forwarded-by");

/// What it says: who forwarded, by product and version.
const PRODUCT: HeaderValue =
    HeaderValue::from_static(concat!("opendata-log/", env!("CARGO_PKG_VERSION")));

/// Requests that are on their way to the writer at the same time, each on a connection. Further ones wait.
pub const FORWARDED_AT_ONCE: usize = 128;

/// What of a request is forwarded, in addition to its method, path, query and body. Everything else is between the client and this server.
const FORWARDED: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::ACCEPT,
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

/// Limits of requests that are forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardLimits {
    /// Bytes of one body.
    pub request_bytes: usize,
    /// Bytes of all bodies that are being received or forwarded.
    pub all_bytes: u64,
    /// How long an answer of the writer may take, and how long a request waits for its turn. Longer than what the writer gives
    /// a request, so that its answer is the one that counts.
    pub timeout: Duration,
}

impl Default for ForwardLimits {
    fn default() -> Self {
        Self {
            request_bytes: 16 << 20,
            all_bytes: 64 << 20,
            timeout: Duration::from_secs(35),
        }
    }
}

/// Passes requests on to the writer.
pub(in crate::http) struct Forward {
    writer: Arc<dyn Writer>,
    limits: ForwardLimits,
    body_timeout: Duration,
    bodies: Budget,
    places: Semaphore,
}

impl Forward {
    pub(in crate::http) fn new(
        writer: Arc<dyn Writer>,
        limits: ForwardLimits,
        body_timeout: Duration,
    ) -> Self {
        Self {
            writer,
            body_timeout,
            bodies: Budget::new(
                "the number of bytes in requests that are being forwarded to the server that writes this log",
                limits.all_bytes,
            ),
            places: Semaphore::new(FORWARDED_AT_ONCE),
            limits,
        }
    }

    /// The answer of the writer to `request`, which is one to `route`, whatever it is.
    ///
    /// # Errors
    /// Those of a body that does not arrive or is too large; [`Reason::Overloaded`] and [`Reason::Unavailable`] when nothing was sent,
    /// and [`Reason::DeadlineExceeded`] when the writer may have got the request.
    pub(in crate::http) async fn pass(
        &self,
        route: Route,
        request: Request,
    ) -> Result<Response, Failure> {
        let target = target(request.uri())?;
        let path = request.uri().path().to_owned();
        let mut forwarded = poem::http::Request::new(Bytes::new());
        *forwarded.method_mut() = request.method().clone();
        *forwarded.uri_mut() = target;
        let id = request.data::<RequestId>().cloned();
        *forwarded.headers_mut() = headers(request.headers(), id.as_ref());
        let incoming = Incoming::as_sent(request);
        let received = incoming.receive(self.limits.request_bytes, &self.bodies, self.body_timeout);
        let (body, _permit) = received.await?;
        *forwarded.body_mut() = body;

        let place = timeout(self.limits.timeout, self.places.acquire()).await;
        let _place = place.ok().and_then(Result::ok).ok_or(Error::Overloaded {
            what: "the number of requests that are being forwarded to the server that writes this log",
            limit: FORWARDED_AT_ONCE as u64,
        })?;
        let answer = timeout(self.limits.timeout, self.writer.send(forwarded)).await;
        let lost = match answer {
            Ok(Ok(answer)) => return Ok(passed_back(answer)),
            Ok(Err(lost)) => lost,
            Err(_) => Lost::Unknown(format!(
                "no answer within {} ms",
                self.limits.timeout.as_millis()
            )),
        };
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        tracing::warn!(request_id = id, %lost, path, "a request was not answered by the server that writes this log");
        Err(told(&lost, route))
    }
}

/// Refuses a request that another read-only server forwarded to this one.
///
/// # Errors
/// [`Reason::NotWriter`].
pub(in crate::http) fn refuse_forwarded(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.contains_key(FORWARDED_BY) {
        false => Ok(()),
        true => Err(Failure::new(
            Reason::NotWriter,
            "a read-only server forwarded this request to another read-only server: nothing was changed. Its reader.writer_url must be the URL of \
             the server that writes this log",
        )),
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
    headers.insert(FORWARDED_BY, PRODUCT);
    headers
}

fn passed_back(answer: poem::http::Response<Bytes>) -> Response {
    let (head, body) = answer.into_parts();
    let mut response = Response::builder().status(head.status).body(body);
    for (name, value) in &head.headers {
        if PASSED_BACK.contains(name) || name.as_str().starts_with(OWN) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// What a client is told of a request to `route` without an answer. The details are for the log of this server.
fn told(lost: &Lost, route: Route) -> Failure {
    let why =
        || "the server that writes this log was sent the request and gave no answer".to_owned();
    let error = match (lost, route.path) {
        (Lost::NotSent(_), _) => Error::unavailable(
            "the server that writes this log cannot be reached from this read-only server; nothing was applied",
        ),
        (Lost::Unknown(_), route_table::TRIM) => Error::TrimUnknown(why()),
        (Lost::Unknown(_), route_table::KEY) => Error::DeletionUnknown(why()),
        (Lost::Unknown(_), route_table::CURSOR) => Error::CursorUnknown(why()),
        (Lost::Unknown(_), _) => Error::outcome_unknown(why()),
    };
    error.into()
}
