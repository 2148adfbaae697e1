//! How large the bodies of appends are.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

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

/// Where the sizes of bodies are counted.
#[derive(Debug, Clone)]
pub(in crate::http) struct BodySizes {
    size: Histogram<u64>,
    labels: [KeyValue; 2],
}

impl BodySizes {
    /// The sizes of the bodies that are sent to `route` with `method`.
    pub(in crate::http) fn new(meter: &Meter, method: &'static str, route: &'static str) -> Self {
        Self {
            size: meter
                .u64_histogram("http_request_size_bytes")
                .with_description("Bytes of the bodies of appends that arrived whole.")
                .with_boundaries(SIZE_BUCKETS.into())
                .build(),
            labels: [
                KeyValue::new("method", method),
                KeyValue::new("endpoint", route),
            ],
        }
    }

    /// A whole body of so many bytes arrived.
    pub(super) fn received(&self, bytes: u64) {
        self.size.record(bytes, &self.labels);
    }
}
