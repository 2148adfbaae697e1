//! Answers requests until the log is open.

use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use poem_openapi::payload::PlainText;
use tokio::sync::{Semaphore, SetOnce};
use tokio::time::timeout;

use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::route_table::STREAM;

/// Answers for the routes until they are there: that the server is alive, and to everything else that it is not ready.
///
/// Follow requests are held until then; otherwise each client would retry every second.
#[derive(Clone)]
pub(in crate::http) struct Gate(Arc<Inner>);

struct Inner {
    routes: SetOnce<BoxEndpoint<'static, Response>>,
    /// One for each request that may be held.
    places: Semaphore,
    max_wait: Duration,
}

impl Gate {
    /// A gate that holds so many requests, for so long at most.
    pub(in crate::http) fn new(places: usize, max_wait: Duration) -> Self {
        Self(Arc::new(Inner {
            routes: SetOnce::new(),
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            max_wait,
        }))
    }

    /// Passes requests to `routes`. Later calls have no effect.
    pub(in crate::http) fn open(&self, routes: impl Endpoint + 'static) {
        let routes = routes.map_to_response().boxed();
        let _already_open = self.0.routes.set(routes);
    }
}

impl Inner {
    async fn opened(&self) -> Result<&BoxEndpoint<'static, Response>, Failure> {
        let _place = self.places.try_acquire().map_err(|_| {
            Failure::new(
                Reason::Overloaded,
                "too many wait already until the log is open",
            )
        })?;
        timeout(self.max_wait, self.routes.wait())
            .await
            .map_err(|_| Failure::starting())
    }
}

impl Endpoint for Gate {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(routes) = self.0.routes.get() {
            return routes.call(request).await;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::POST, STREAM) => self.0.opened().await?.call(request).await,
            (_, "/-/healthy") => Ok(PlainText("OK").into_response()),
            _ => Err(Failure::starting().into()),
        }
    }
}
