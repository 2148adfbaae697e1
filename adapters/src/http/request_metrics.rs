//! What is counted about requests. No label comes from a client.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use poem::http::{Method, StatusCode};
use tokio::time::Instant;

use super::routes::Route;

/// Upper bounds of the buckets of request durations, in seconds.
const DURATION_BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The status that a request is counted with when its client went away before the answer began.
const CLIENT_GONE: u16 = 499;

/// The instruments.
#[derive(Debug, Clone)]
pub(super) struct RequestMetrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
}

impl RequestMetrics {
    pub(super) fn new(meter: &Meter) -> Self {
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
                .with_description("Requests whose answer has not begun.")
                .build(),
        }
    }

    /// Counts a request in. It is counted out when what this returns is finished or dropped.
    pub(super) fn begin(&self, method: &Method, route: Option<Route>) -> Observed<'_> {
        self.in_flight.add(1, &[]);
        Observed {
            metrics: self,
            method: method_label(method),
            endpoint: route.map_or("unmatched", |route| route.path),
            began: Instant::now(),
            status: CLIENT_GONE,
        }
    }
}

/// A request that is in flight.
pub(super) struct Observed<'a> {
    metrics: &'a RequestMetrics,
    method: &'static str,
    endpoint: &'static str,
    began: Instant,
    status: u16,
}

impl Observed<'_> {
    /// The head of the answer is there.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.status = status.as_u16();
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
        self.metrics.in_flight.add(-1, &[]);
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
