//! In a cluster: passes each request to the partition that it is about, on this node or on another one.
//!
//! A request is forwarded once at most. Where the node that was asked does not serve the partition any more, it says so and has done
//! nothing; the request is then sent to the next one, until its time is over. One that was sent and not answered is sent again only if that
//! changes nothing: a read, or an append of a producer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use log_domain::budget::Budget;
use log_domain::cluster::{NodeName, Partition};
use log_domain::{Error, Limits};
use opentelemetry::metrics::Meter;
use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::error::MethodNotAllowedError;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result};
use tokio::time::{Instant, timeout, timeout_at};

use super::remote::writer::{Lost, Streamed, Writer};
use super::remote::{self, MOVED};
use super::routes::message_body::Incoming;
use super::wire::failure::Failure;
use super::wire::param::{Param, Text};
use super::wire::request_id::RequestId;
use super::wire::route_table::{self, CURSORS, KEYS, NODE_APPENDS, SESSION, WAKE};
use append_streams::{AppendOf, AppendStreams};
use asked::{About, Asked, Whole};
use forwarded::Forwarded;
use map::{PartitionMap, PartitionRoutes, Place};

mod append_streams;
mod asked;
mod derived;
mod forwarded;
mod listings;
pub(super) mod map;
mod page;
mod parts;
mod passed_appends;
mod session;
mod unordered;

/// How long a forwarded request waits for a partition that is on its way to this node: its sender knows of a later owner sooner.
const ARRIVING: Duration = Duration::from_secs(1);

/// The pause before a request is sent again, the first and at most: each is twice as long as the one before. It ends when another node is known.
const AGAIN: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// Passes requests on.
pub(super) struct Cluster {
    map: Arc<dyn PartitionMap>,
    of_node: BoxEndpoint<'static, Response>,
    limits: PassLimits,
    forwarded: Forwarded,
    streams: AppendStreams,
    /// Bytes of answers that were not written out yet.
    answers: Budget,
    /// Bytes of bodies that are being received to find out what they are about, or forwarded.
    bodies: Budget,
}

/// Limits of requests that are passed on.
#[derive(Clone, Copy)]
pub(super) struct PassLimits {
    /// Limits of what they are about.
    pub(super) of_log: Limits,
    /// Bytes of all bodies that are being received or forwarded.
    pub(super) all_bytes: u64,
    /// How long a body may take.
    pub(super) body_timeout: Duration,
    /// An answer to a change is there within this time.
    pub(super) change_timeout: Duration,
    /// An answer to a read, which may follow, begins within this time.
    pub(super) read_timeout: Duration,
}

/// How a request is passed to another node.
enum Sent {
    /// On a stream, with others.
    Append(AppendOf),
    /// By itself.
    Request(poem::http::Request<Bytes>),
}

impl Cluster {
    /// Passes requests to where `map` says, and what is not about a partition to `of_node`. Counts in `meter`.
    pub(super) fn new(
        map: Arc<dyn PartitionMap>,
        of_node: impl Endpoint + 'static,
        limits: PassLimits,
        answers: Budget,
        meter: &Meter,
    ) -> Self {
        Self {
            map,
            of_node: of_node.map_to_response().boxed(),
            bodies: Budget::new(
                "the number of bytes in requests that are being passed to the node that serves their partition",
                limits.all_bytes,
            ),
            answers,
            forwarded: Forwarded::new(meter),
            streams: AppendStreams::new(limits.change_timeout),
            limits,
        }
    }

    /// Passes a request to `partition`, wherever that is.
    async fn to(
        &self,
        partition: Partition,
        asked: Asked,
        mut request: Request,
    ) -> Result<Response> {
        if let Place::Here(routes) = self.map.place(partition) {
            return answered(&routes, request).await;
        }
        if remote::was_forwarded(request.headers()) {
            return arriving(&*self.map, partition, request).await;
        }
        let received;
        let body = if let Some(whole) = request.data::<Arc<Whole>>() {
            whole.body.clone()
        } else {
            let (limit, within) = (self.limits.of_log.request_bytes, self.limits.body_timeout);
            let incoming = Incoming::as_sent(&mut request);
            received = incoming.receive(limit, &self.bodies, within).await?;
            received.0.clone()
        };
        let mut sent = match append_streams::passed(partition, &request, &body) {
            Some(append) => Sent::Append(append),
            None => Sent::Request(remote::forwarded(&request, body.clone())?),
        };
        let deadline = Instant::now() + self.limits.change_timeout;
        let mut pause = AGAIN;
        let mut changes = self.map.changes();
        loop {
            changes.mark_unchanged();
            let failed = match self.map.place(partition) {
                Place::Here(routes) => {
                    request.set_body(body);
                    return answered(&routes, request).await;
                }
                Place::There { url, node } => {
                    let to = (url.as_str(), &node);
                    match self.exchange(to, &sent, asked).await {
                        Ok(None) => {
                            sent = Sent::Request(remote::forwarded(&request, body.clone())?);
                            continue;
                        }
                        Ok(Some(answer)) if answer.status() == StatusCode::MISDIRECTED_REQUEST => {
                            learn(&*self.map, partition, &url, answer.headers());
                            None
                        }
                        Ok(Some(answer)) => return Ok(passed_back(answer, &url)),
                        Err(lost @ Lost::Unknown(_)) if !asked.is_repeatable => {
                            return Err(told(&lost, &url, asked, &request).into());
                        }
                        Err(lost) => {
                            self.map.moved(partition, &url, None);
                            Some(lost)
                        }
                    }
                }
                Place::Nowhere => None,
            };
            if Instant::now() >= deadline {
                return Err(unserved(partition, failed.as_ref(), &request).into());
            }
            // A change of the map is looked at at once; a node that may answer something else by itself is asked again.
            let _changed_or_not = timeout(pause, changes.changed()).await;
            pause = MAX_PAUSE.min(2 * pause);
        }
    }

    /// The head of what the node with this URL answers, with the rest to come; `None` if it takes no streams of appends.
    async fn exchange(
        &self,
        (url, node): (&str, &Arc<dyn Writer>),
        sent: &Sent,
        asked: Asked,
    ) -> Result<Option<poem::http::Response<Body>>, Lost> {
        let within = match asked.changes {
            true => self.limits.change_timeout,
            false => self.limits.read_timeout,
        };
        let answer = async {
            match sent {
                Sent::Append(append) => {
                    let answer = self.streams.pass((url, node), append.clone()).await?;
                    Ok(answer.map(|answer| answer.map(Body::from_bytes)))
                }
                Sent::Request(request) => {
                    let answer = node.stream(request.clone()).await?;
                    let body =
                        |parts: Streamed| Body::from_bytes_stream(parts.map_err(io::Error::other));
                    Ok(Some(answer.map(body)))
                }
            }
        };
        let status = |answer: &Option<poem::http::Response<Body>>| Some(answer.as_ref()?.status());
        self.forwarded.within(within, answer, status).await
    }
}

impl Endpoint for Cluster {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match (request.method(), request.uri().path()) {
            (&Method::POST, WAKE) => {
                let query = request.uri().query().unwrap_or_default();
                let node = Param::<Text>::from_query(query, "node", None)?.0.0;
                let node = NodeName::parse(&String::from_utf8_lossy(&node));
                let node = node.map_err(Failure::from)?;
                match asked::given_partition(&request, self.map.partitions())? {
                    Some(partition) => self.map.gives_up(partition),
                    None => self.map.has_written(node),
                }
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            (&Method::POST, SESSION) => return self.session(request).await,
            (&Method::POST, NODE_APPENDS) => return self.passed_appends(request),
            (&Method::GET | &Method::HEAD, KEYS | CURSORS)
                if asked::given_partition(&request, self.map.partitions())?.is_none() =>
            {
                return self.listing(request).await;
            }
            _ => {}
        }
        let route = route_table::find(request.uri().path());
        if route.is_some_and(|route| !route.takes(request.method())) {
            return Err(MethodNotAllowedError.into());
        }
        let mut request = request;
        match self.about(&mut request).await? {
            About::Partition(partition, asked) => self.to(partition, asked, request).await,
            About::Parts(split) => self.parts(request, split).await,
            About::All(scan) => self.unordered(request, *scan).await,
            About::Node => self.of_node.call(request).await,
        }
    }
}

/// The answer of a partition that is here.
async fn answered(routes: &PartitionRoutes, mut request: Request) -> Result<Response> {
    asked::without_partition(&mut request);
    routes.answer(request).await
}

/// The answer to a request that another node forwarded, once the partition is here.
async fn arriving(
    map: &dyn PartitionMap,
    partition: Partition,
    request: Request,
) -> Result<Response> {
    let deadline = Instant::now() + ARRIVING;
    let mut changes = map.changes();
    loop {
        changes.mark_unchanged();
        match map.place(partition) {
            Place::Here(routes) => return answered(&routes, request).await,
            Place::There { url, .. } => return Ok(misdirected(Some(&url))),
            Place::Nowhere => {}
        }
        if timeout_at(deadline, changes.changed()).await.is_err() {
            return Ok(misdirected(None));
        }
    }
}

/// The answer of the node at `url`, for its client.
fn passed_back(answer: poem::http::Response<Body>, url: &str) -> Response {
    let mut response = remote::passed_back(answer);
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(MOVED, url);
    }
    response
}

/// What a node answers that does not serve the partition: it did nothing, and perhaps knows who does.
fn misdirected(url: Option<&str>) -> Response {
    let mut response = StatusCode::MISDIRECTED_REQUEST.into_response();
    if let Some(url) = url.and_then(|url| HeaderValue::from_str(url).ok()) {
        response.headers_mut().insert(MOVED, url);
    }
    response
}

/// Takes from the headers of an answer that the node at `url` does not serve `partition`, and perhaps who does.
fn learn(map: &dyn PartitionMap, partition: Partition, url: &str, headers: &HeaderMap) {
    let next = headers.get(MOVED).and_then(|next| next.to_str().ok());
    map.moved(partition, url, next);
}

/// What a client is told of a request that was sent to the node at `url` and not answered.
fn told(lost: &Lost, url: &str, asked: Asked, request: &Request) -> Failure {
    let path = request.uri().path();
    tracing::warn!(request_id = id_of(request), %lost, path, node = url, "a request was not answered by the node that serves its partition");
    let why = "the node that serves the partition was sent the request and gave no answer";
    let route = route_table::find(path).filter(|_| asked.changes);
    let error = route.map(|route| remote::unknown(route, why));
    error.unwrap_or_else(|| Error::unavailable(why)).into()
}

/// What a client is told when its time is over.
fn unserved(partition: Partition, lost: Option<&Lost>, request: &Request) -> Failure {
    let path = request.uri().path();
    let lost = lost.map(ToString::to_string).unwrap_or_default();
    tracing::warn!(request_id = id_of(request), lost, path, %partition, "no node served the partition of a request");
    Error::unavailable(format!(
        "no node serves partition {partition} at the moment; nothing was applied"
    ))
    .into()
}

fn id_of(request: &Request) -> String {
    let id = request.data::<RequestId>();
    id.map(ToString::to_string).unwrap_or_default()
}
