//! Metrics: a Prometheus registry that belongs to one server, filled by OpenTelemetry and by SlateDB.

use std::sync::Arc;

use log_domain::ports::{CommitStats, Telemetry};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, TextEncoder};

mod cluster;
mod cursor_lags;
mod gauges;
mod slatedb;

pub use cluster::{ClusterValues, MoveCounter, PartitionValues};
pub use gauges::{GaugeValues, StoredValues};
pub use slatedb::SlateDbMetrics;

/// Upper bounds of the buckets of how much is in a group commit.
const SIZE_BUCKETS: [f64; 9] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0,
];

/// Upper bounds of the buckets of how long an append waits for its turn, in seconds.
const WAIT_BUCKETS: [f64; 9] = [0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0];

/// The metrics of one server.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
    slatedb: Arc<SlateDbMetrics>,
    records_appended: Counter<u64>,
    bytes_appended: Counter<u64>,
    records_scanned: Counter<u64>,
    bytes_scanned: Counter<u64>,
    segments_dropped: Counter<u64>,
    bytes_dropped: Counter<u64>,
    commit_appends: Histogram<u64>,
    commit_records: Histogram<u64>,
    queue_wait: Histogram<f64>,
}

impl Metrics {
    /// An own registry with the counters of [`Telemetry`] in it, at 0.
    ///
    /// # Errors
    /// When a collector cannot be registered; with a new registry that is a bug.
    pub fn new() -> Result<Self, OTelSdkError> {
        let registry = Registry::new();
        // It reads what only Linux has.
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(ProcessCollector::for_self()))
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        // Instruments are named exactly as on the scrape: nothing is added to their names or labels.
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let slatedb = SlateDbMetrics::register(&registry)
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        let meter = provider.meter("log");
        let counter = |name: &'static str, description: &'static str| {
            let counter = meter
                .u64_counter(name)
                .with_description(description)
                .build();
            counter.add(0, &[]);
            counter
        };
        let sizes = |name: &'static str, description: &'static str| {
            let histogram = meter.u64_histogram(name).with_description(description);
            histogram.with_boundaries(SIZE_BUCKETS.into()).build()
        };
        let wait = meter
            .f64_histogram("log_append_queue_wait_seconds")
            .with_description(
                "How long the first append of a group commit had waited for its turn.",
            )
            .with_boundaries(WAIT_BUCKETS.into());
        meter
            .u64_gauge("log_build_info")
            .with_description("1, labelled with the version of this server.")
            .build()
            .record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
        Ok(Self {
            queue_wait: wait.build(),
            commit_appends: sizes(
                "log_commit_appends",
                "Appends that were merged into one group commit.",
            ),
            commit_records: sizes("log_commit_records", "Records in one group commit."),
            records_appended: counter(
                "log_append_records_total",
                "Records that were appended and acknowledged.",
            ),
            bytes_appended: counter(
                "log_append_bytes_total",
                "Bytes of keys, values and headers that were appended and acknowledged.",
            ),
            records_scanned: counter(
                "log_records_scanned_total",
                "Records that were handed to readers.",
            ),
            bytes_scanned: counter(
                "log_bytes_scanned_total",
                "Bytes of records, as encoded, that were handed to readers.",
            ),
            segments_dropped: counter(
                "log_dropped_segments_total",
                "Segments below the floor whose data files were dropped.",
            ),
            bytes_dropped: counter(
                "log_dropped_bytes_total",
                "Bytes of the data files of segments below the floor that were dropped.",
            ),
            registry,
            provider,
            slatedb: Arc::new(slatedb),
        })
    }

    /// What other instruments are made with.
    pub fn meter(&self) -> Meter {
        self.provider.meter("log")
    }

    /// What SlateDB reports its metrics to.
    pub fn slatedb(&self) -> Arc<SlateDbMetrics> {
        Arc::clone(&self.slatedb)
    }

    /// Where everything is registered.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be encoded");
        }
        text
    }
}

/// Counters without labels: the SDK adds to them without looking anything up.
impl Telemetry for Metrics {
    fn appended(&self, records: u64, bytes: u64) {
        self.records_appended.add(records, &[]);
        self.bytes_appended.add(bytes, &[]);
    }

    fn scanned(&self, records: u64, bytes: u64) {
        self.records_scanned.add(records, &[]);
        self.bytes_scanned.add(bytes, &[]);
    }

    fn committed(&self, commit: CommitStats) {
        self.commit_appends.record(commit.appends, &[]);
        self.commit_records.record(commit.records, &[]);
        self.queue_wait.record(commit.waited.as_secs_f64(), &[]);
    }

    fn dropped(&self, segments: u64, bytes: u64) {
        self.segments_dropped.add(segments, &[]);
        self.bytes_dropped.add(bytes, &[]);
    }
}

#[cfg(test)]
mod tests;
