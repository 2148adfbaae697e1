//! Processing of every request: its id, its metrics, and responses for panics and unhandled errors.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use http_body_util::BodyExt;
use log_domain::Error;
use poem::error::ResponseError;
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use super::wire::coding::Coding;
use super::wire::durable_sequence::DurableSequence;
use super::wire::failure::{Failure, Reason};
use super::wire::format::Format;
use super::wire::request_id;
use super::wire::route_table::{self, ACCESS, Route, Side};
use access::Access;
use compress::Compression;
use cors::Marks;
use forward::Forward;
use hosts::AllowedHosts;
use origins::AllowedOrigins;
use refused::Refused;
use request_ids::RequestIds;
use request_metrics::RequestMetrics;
use response_headers::Security;
use sending::Sending;

pub(super) mod access;
pub(super) mod compress;
mod cors;
mod events_only;
pub(super) mod forward;
pub(super) mod framing;
pub(super) mod gate;
pub(super) mod hosts;
pub(super) mod origins;
pub(super) mod refused;
pub(super) mod request_ids;
pub(super) mod request_metrics;
mod response_headers;
mod sending;

/// Wraps the routes. It answers everything itself: nothing is left to the server around it.
pub(super) struct Edge<E> {
    pub(super) inner: Arc<E>,
    pub(super) request_ids: RequestIds,
    pub(super) metrics: RequestMetrics,
    pub(super) access: Access,
    pub(super) compression: Compression,
    pub(super) side: Side,
    /// Whether requests that change the log are refused, unless they are forwarded.
    pub(super) read_only: bool,
    /// Forwards them.
    pub(super) forward: Option<Arc<Forward>>,
    pub(super) hosts: AllowedHosts,
    pub(super) origins: AllowedOrigins,
}

impl<E> Edge<E> {
    /// The same server for another listener, which accepts these names.
    pub(super) fn on(&self, side: Side, hosts: AllowedHosts) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            request_ids: self.request_ids.clone(),
            metrics: self.metrics.clone(),
            access: self.access.clone(),
            compression: self.compression.clone(),
            side,
            read_only: self.read_only,
            forward: self.forward.clone(),
            hosts,
            origins: self.origins.clone(),
        }
    }
}

impl<E: Endpoint> Edge<E> {
    /// Checks framing, host, origin and token of a request, then passes it to the routes, or to the server that writes the log.
    async fn admitted(&self, route: Option<Route>, mut request: Request) -> Result<Response> {
        framing::check(&request)?;
        self.hosts.check(&request)?;
        self.origins.check(&request)?;
        if let Some(answer) = cors::preflight(&request, route) {
            return Ok(answer);
        }
        if let Some(refused) = request.data::<Refused>() {
            return Err(Failure::from(Error::from(*refused)).into());
        }
        if !self.side.serves(route) {
            return Err(Failure::new(Reason::NotFound, "there is no such path").into());
        }
        if self.side != Side::Operators {
            let needs = route.and_then(|route| route.right(request.method()));
            self.access.check(request.headers(), needs)?;
        }
        if route.is_some_and(|route| route.path == ACCESS) {
            let granted = self.access.granted(request.headers());
            request.set_data(granted);
        }
        let changed = route.filter(|route| self.read_only && route.changes(request.method()));
        if let Some(route) = changed {
            forward::refuse_forwarded(request.headers())?;
            return match self.forward.as_ref().filter(|_| !route.is_session()) {
                Some(forward) => Ok(forward.pass(route, request).await?),
                None => Err(Failure::from(Error::NotWriter).into()),
            };
        }
        let output = self.inner.call(request).await?;
        Ok(output.into_response())
    }
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = self.request_ids.of(request.headers());
        let format = Format::accepted(request.headers());
        let coding = Coding::accepted(request.headers());
        let path = request.uri().path().to_owned();
        let route = route_table::find(&path);
        let events_only = events_only::accepted(route, request.headers());
        let observed = self.metrics.begin(id.clone(), request.method(), route);
        let marks = Marks::of(&self.origins, request.headers());
        let security = Security::of(&request);
        request.set_data(id.clone());

        let answer = AssertUnwindSafe(self.admitted(route, request)).catch_unwind();
        let mut shown = None;
        let (status, mut response) = match answer.await {
            Ok(Ok(response)) => (response.status(), response),
            Ok(Err(error)) => {
                shown = error.data::<DurableSequence>().copied();
                let failure = Failure::from(error);
                let event = events_only.then(|| events_only::refusal(&failure, &id));
                let response = event.flatten();
                let response = response.unwrap_or_else(|| failure.respond(format, &path, &id));
                // What it is counted as, also when a client is told otherwise.
                (failure.status(), response)
            }
            Err(panic) => {
                let error = Error::internal(format!("a handler panicked: {}", said(&*panic)));
                let response = Failure::from(error).respond(format, &path, &id);
                (response.status(), response)
            }
        };
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, id.header_value());
        if let Some(shown) = shown {
            shown.put_on(headers);
        }
        marks.put_on(headers);
        security.put_on(headers);
        let in_flight = observed.answered(status);
        let (mut head, body) = response.into_parts();
        let body = self.compression.of(coding, &mut head, body.into());
        let body = Sending::new(body, in_flight).boxed();
        Ok(Response::from_parts(head, body.into()))
    }
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
