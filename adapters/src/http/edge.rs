//! What every request passes: its id, its metrics, and answers for what went wrong inside.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use log_domain::Error;
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use super::failure::Failure;
use super::format::Format;
use super::request_id::{self, RequestIds};
use super::request_metrics::RequestMetrics;
use super::routes;

/// Wraps the routes. It answers everything itself: nothing is left to the server around it.
pub(super) struct Edge<E> {
    pub(super) inner: E,
    pub(super) request_ids: RequestIds,
    pub(super) metrics: RequestMetrics,
}

impl<E: Endpoint> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = self.request_ids.of(request.headers());
        let format = Format::accepted(request.headers());
        let path = request.uri().path().to_owned();
        let observed = self.metrics.begin(request.method(), routes::find(&path));
        request.set_data(id.clone());

        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let mut response = match answer.await {
            Ok(Ok(output)) => output.into_response(),
            Ok(Err(error)) => Failure::from(error).respond(format, &path, &id),
            Err(panic) => {
                let error = Error::internal(format!("a handler panicked: {}", said(&*panic)));
                Failure::from(error).respond(format, &path, &id)
            }
        };
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, id.header_value());
        observed.answered(response.status());
        Ok(response)
    }
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
