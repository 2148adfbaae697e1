//! Forwards requests that change the log from a read-only server to the server that writes it, and passes its answers back.
//!
//! A request is received whole before anything of it is sent. What is told of a request without an answer is what its client has to know:
//! whether the writer may have got it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log_domain::Error;
use log_domain::budget::Budget;
use poem::http::HeaderMap;
use poem::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::http::remote::writer::{Lost, Writer};
use crate::http::remote::{self, FORWARDED_AT_ONCE};
use crate::http::routes::message_body::Incoming;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::Route;

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
        mut request: Request,
    ) -> Result<Response, Failure> {
        let path = request.uri().path().to_owned();
        let id = request.data::<RequestId>().cloned();
        let mut forwarded = remote::forwarded(&request, Bytes::new())?;
        let incoming = Incoming::as_sent(&mut request);
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
            Ok(Ok(answer)) => return Ok(remote::passed_back(answer)),
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
    match remote::was_forwarded(headers) {
        false => Ok(()),
        true => Err(Failure::new(
            Reason::NotWriter,
            "a read-only server forwarded this request to another read-only server: nothing was changed. Its reader.writer_url must be the URL of \
             the server that writes this log",
        )),
    }
}

/// What a client is told of a request to `route` without an answer. The details are for the log of this server.
fn told(lost: &Lost, route: Route) -> Failure {
    let error = match lost {
        Lost::NotSent(_) => Error::unavailable(
            "the server that writes this log cannot be reached from this read-only server; nothing was applied",
        ),
        Lost::Unknown(_) => remote::unknown(
            route,
            "the server that writes this log was sent the request and gave no answer",
        ),
    };
    error.into()
}
