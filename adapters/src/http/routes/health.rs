//! What operators ask: `/-/healthy`, `/-/ready` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use poem::http::HeaderMap;
use poem::{IntoResponse, Response};
use poem_openapi::payload::PlainText;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, OpenApi};

use super::metrics_text::MetricsText;
use crate::http::document::Tag;
use crate::http::wire::failure::{Failure, Reason};

/// Whether the server should be sent requests.
pub trait Readiness: Send + Sync + 'static {
    /// Resolves to the reason why not, in words for an operator, if it should not.
    fn check(&self) -> BoxFuture<'_, Result<(), String>>;
}

#[derive(Clone)]
pub(in crate::http) struct Health {
    pub(in crate::http) readiness: Arc<dyn Readiness>,
    pub(in crate::http) metrics: Arc<MetricsText>,
    pub(in crate::http) timeout: Duration,
}

#[OpenApi]
impl Health {
    /// Liveness
    ///
    /// Returns 200 while the process runs.
    #[oai(
        path = "/-/healthy",
        method = "get",
        operation_id = "healthy",
        tag = "Tag::Operations"
    )]
    async fn healthy(&self) -> PlainText<&'static str> {
        PlainText("OK")
    }

    /// Readiness
    ///
    /// Returns 200 if the server accepts requests, or 503 with the reason.
    #[oai(
        path = "/-/ready",
        method = "get",
        operation_id = "ready",
        tag = "Tag::Operations"
    )]
    async fn ready(&self) -> Result<PlainText<&'static str>, Failure> {
        let checked = tokio::time::timeout(self.timeout, self.readiness.check()).await;
        match checked {
            Ok(Ok(())) => Ok(PlainText("OK")),
            Ok(Err(reason)) => Err(Failure::new(Reason::Unavailable, reason)),
            Err(_) => Err(Failure::new(
                Reason::Unavailable,
                format!("no answer within {} ms", self.timeout.as_millis()),
            )),
        }
    }

    /// Metrics
    ///
    /// In the text format of Prometheus.
    #[oai(
        path = "/metrics",
        method = "get",
        operation_id = "metrics",
        tag = "Tag::Operations"
    )]
    async fn metrics(&self, headers: &HeaderMap) -> Metrics {
        Metrics(self.metrics.text().answer(headers))
    }
}

struct Metrics(Response);

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Metrics {
    fn meta() -> MetaResponses {
        PlainText::<String>::meta()
    }

    fn register(registry: &mut Registry) {
        PlainText::<String>::register(registry);
    }
}
