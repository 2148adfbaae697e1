//! What is counted and logged about requests. No label comes from a client, and nothing of what was sent is logged.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use poem::http::{Method, StatusCode};
use tokio::time::Instant;

use super::request_id::RequestId;
use super::routes::Route;

/// Upper bounds of the buckets of request durations, in seconds.
const DURATION_BUCKETS: [f64; 15] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Upper bounds of the buckets of request sizes, in bytes.
const SIZE_BUCKETS: [f64; 8] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    16_777_216.0,
];

/// What lines about requests are logged under, so that they can be asked for: `requests=debug`.
const LOGGED_UNDER: &str = "requests";

/// The status that a request is counted with when its client went away before the answer began.
const CLIENT_GONE: u16 = 499;

/// The instruments.
#[derive(Debug, Clone)]
pub(super) struct RequestMetrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
    size: Histogram<u64>,
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
                .with_description(
                    "Requests being served, until the last byte of the answer is sent.",
                )
                .build(),
            size: meter
                .u64_histogram("http_request_size_bytes")
                .with_description("Bytes of the bodies of appends that arrived whole.")
                .with_boundaries(SIZE_BUCKETS.into())
                .build(),
        }
    }

    /// Where the bodies sent to `route` with `method` are counted.
    pub(super) fn body_sizes(&self, method: &'static str, route: &'static str) -> BodySizes {
        BodySizes {
            size: self.size.clone(),
            labels: [
                KeyValue::new("method", method),
                KeyValue::new("endpoint", route),
            ],
        }
    }

    /// Counts a request in.
    pub(super) fn begin(
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

/// Where the sizes of bodies are counted.
#[derive(Debug, Clone)]
pub(super) struct BodySizes {
    size: Histogram<u64>,
    labels: [KeyValue; 2],
}

impl BodySizes {
    /// A whole body of so many bytes arrived.
    pub(super) fn received(&self, bytes: u64) {
        self.size.record(bytes, &self.labels);
    }
}

/// A request that is being served, until it is dropped.
pub(super) struct InFlight(UpDownCounter<i64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

/// A request whose answer has not begun.
pub(super) struct Observed<'a> {
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
    pub(super) fn answered(mut self, status: StatusCode) -> Option<InFlight> {
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
