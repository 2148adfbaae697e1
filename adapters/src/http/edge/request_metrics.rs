//! Metrics and log lines of requests. No label comes from a client, and no content of requests is logged.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use poem::http::{Method, StatusCode};
use tokio::time::Instant;

use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::Route;

/// Upper bounds of the buckets of request durations, in seconds.
const DURATION_BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What lines about requests are logged under, so that they can be asked for: `requests=debug`.
const LOGGED_UNDER: &str = "requests";

/// The status that a request is counted with when its client went away before the answer began.
const CLIENT_GONE: u16 = 499;

/// The instruments.
#[derive(Debug, Clone)]
pub(in crate::http) struct RequestMetrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
}

impl RequestMetrics {
    pub(in crate::http) fn new(meter: &Meter) -> Self {
        Self {
            requests: meter
                .u64_counter("http_requests_total")
                .with_description(
                    "Requests whose answer has begun (status 499: whose client left before).",
                )
                .build(),
            duration: meter
                .f64_histogram("http_request_duration_seconds")
                .with_description("Time from the head of a request to the head of its answer.")
                .with_boundaries(DURATION_BUCKETS.into())
                .build(),
            in_flight: meter
                .i64_up_down_counter("http_requests_in_flight")
                .with_description(
                    "Requests being served, until the last byte of the answer is sent.",
                )
                .build(),
        }
    }

    /// Counts a request in.
    pub(in crate::http) fn begin(
        &self,
        id: RequestId,
        method: &Method,
        route: Option<Route>,
    ) -> Observed<'_> {
        self.in_flight.add(1, &[]);
        Observed {
            metrics: self,
            in_flight: Some(InFlight(self.in_flight.clone())),
            id,
            method: method_label(method),
            endpoint: route.map_or("unmatched", |route| route.path),
            began: Instant::now(),
            status: CLIENT_GONE,
        }
    }
}

/// A request that is being served, until it is dropped.
pub(in crate::http) struct InFlight(UpDownCounter<i64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

/// A request whose answer has not begun.
pub(in crate::http) struct Observed<'a> {
    metrics: &'a RequestMetrics,
    in_flight: Option<InFlight>,
    id: RequestId,
    method: &'static str,
    endpoint: &'static str,
    began: Instant,
    status: u16,
}

impl Observed<'_> {
    /// The head of the answer is there. The request is in flight for as long as what this returns is kept.
    pub(in crate::http) fn answered(mut self, status: StatusCode) -> Option<InFlight> {
        self.status = status.as_u16();
        self.in_flight.take()
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        let labels = [
            KeyValue::new("method", self.method),
            KeyValue::new("endpoint", self.endpoint),
            KeyValue::new("status", i64::from(self.status)),
        ];
        let [method, endpoint, _] = &labels;
        let took = self.began.elapsed().as_secs_f64();
        self.metrics.requests.add(1, &labels);
        self.metrics
            .duration
            .record(took, &[method.clone(), endpoint.clone()]);
        // A server error is worth a line in any case; lines about the rest are asked for.
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: LOGGED_UNDER,
                    request_id = %self.id,
                    method = self.method,
                    route = self.endpoint,
                    status = self.status,
                    duration_ms = took * 1e3,
                    "request"
                )
            };
        }
        if self.status >= 500 {
            log!(warn);
        } else {
            log!(debug);
        }
    }
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        _ => "OTHER",
    }
}
