//! Gauges of the server's state, read when they are scraped.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Status, Stopped};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use tokio::runtime::Handle;

use super::Metrics;

/// What the gauges show.
#[derive(Debug, Clone, Copy, Default)]
pub struct GaugeValues {
    /// Of the store.
    pub status: Status,
    /// Requests that follow a key.
    pub followers: u64,
    /// Whether the last readiness check passed.
    pub ready: bool,
    /// For how long the object store has refused every write; zero when it takes them.
    pub writes_fail: Duration,
    /// The floor of the log.
    pub floor: u64,
}

/// What the gauges show that need a walk through the list of data files.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoredValues {
    /// Bytes of the data files of the segments that are left.
    pub bytes: u64,
    /// How long ago the oldest of them began.
    pub oldest_segment: Duration,
    /// How long ago the oldest record was appended; zero if there is none.
    pub oldest_record: Duration,
}

type Read<V> = Arc<dyn Fn() -> V + Send + Sync>;

impl Metrics {
    /// Shows what `source` says, with every scrape.
    pub fn watch(&self, source: Read<GaugeValues>) {
        let meter = self.meter();
        let gauge = |name, description, value: fn(&GaugeValues) -> u64| {
            whole(&meter, &source, name, description, value);
        };
        gauge(
            "log_tip_sequence",
            "The sequence that the next record gets.",
            |values| values.status.watermarks.tip.get(),
        );
        gauge(
            "log_durable_sequence",
            "Everything below this sequence is on object storage.",
            |values| values.status.watermarks.durable.get(),
        );
        gauge(
            "log_floor_sequence",
            "Everything below this sequence was deleted, by a trim or by retention.",
            |values| values.floor,
        );
        gauge(
            "log_active_segment",
            "The segment that is appended to; 0 before the first append.",
            |values| u64::from(values.status.active_segment),
        );
        gauge(
            "log_fenced",
            "1 when another server has taken over this log.",
            |values| u64::from(values.status.stopped == Some(Stopped::Fenced)),
        );
        seconds(
            &meter,
            &source,
            "log_reader_lag_seconds",
            "Of a read-only server: how old what it shows is. 0 on the server that writes the log.",
            |values| values.status.lag.unwrap_or_default(),
        );
        let lag = Arc::clone(&source);
        let _registered = meter
            .u64_observable_gauge("log_reader_lag_sequences")
            .with_description(
                "Of a read-only server: how many sequences are durable that it does not show yet. Missing while the server that writes the log does not \
                 tell. 0 on that server.",
            )
            .with_callback(move |observer| {
                if let Some(sequences) = lag().status.lag_sequences {
                    observer.observe(sequences, &[]);
                }
            })
            .build();
        self.watch_totals(source);
    }

    /// Shows what is also said of several logs together.
    pub fn watch_totals(&self, source: Read<GaugeValues>) {
        let meter = self.meter();
        let gauge = |name, description, value: fn(&GaugeValues) -> u64| {
            whole(&meter, &source, name, description, value);
        };
        gauge(
            "log_append_queue_requests",
            "Appends that wait or are being written.",
            |values| values.status.queued_requests,
        );
        gauge(
            "log_append_queue_bytes",
            "Bytes of keys, values and headers of appends that wait or are being written.",
            |values| values.status.queued_bytes,
        );
        gauge(
            "log_durable_lag_records",
            "Sequences between what is on object storage and what can be read.",
            |values| {
                let watermarks = values.status.watermarks;
                watermarks.tip.get() - watermarks.durable.get()
            },
        );
        gauge(
            "log_followers",
            "Requests that follow a key, long polls and streams.",
            |values| values.followers,
        );
        gauge("log_segments", "Segments of the log.", |values| {
            values.status.segments
        });
        gauge(
            "log_dead_segments",
            "Segments below the floor of the log that have not been removed yet.",
            |values| values.status.dead_segments,
        );
        gauge(
            "log_purges",
            "Deleted keys whose bytes are still stored.",
            |values| values.status.purges,
        );
        gauge("log_cursors", "Cursors of the log.", |values| {
            values.status.cursors
        });
        gauge(
            "log_ready",
            "1 when the last readiness check passed.",
            |values| u64::from(values.ready),
        );
        let _registered = meter
            .u64_observable_gauge("log_runtime_tasks")
            .with_description("Tasks of the server's runtime that have not ended.")
            .with_callback(|observer| {
                if let Ok(runtime) = Handle::try_current() {
                    observer.observe(runtime.metrics().num_alive_tasks() as u64, &[]);
                }
            })
            .build();
        let gauge = |name, description, value: fn(&GaugeValues) -> Duration| {
            seconds(&meter, &source, name, description, value);
        };
        gauge(
            "log_durable_lag_seconds",
            "For how long the oldest record that is not on object storage has been waiting.",
            |values| values.status.durable_lag,
        );
        gauge(
            "log_oldest_purge_seconds",
            "How long ago the first of the keys was deleted whose bytes are still stored; 0 if there are none.",
            |values| values.status.oldest_purge,
        );
        gauge(
            "log_write_failure_seconds",
            "For how long the object store has refused every write; 0 when it takes them.",
            |values| values.writes_fail,
        );
    }

    /// Shows what `source` says is stored. With every scrape it is asked once for each of these gauges, so they are apart from the others.
    pub fn watch_stored(&self, source: Read<StoredValues>) {
        let meter = self.meter();
        whole(
            &meter,
            &source,
            "log_stored_bytes",
            "Bytes of the data files of all segments that have records at or above the floor.",
            |values| values.bytes,
        );
        seconds(
            &meter,
            &source,
            "log_oldest_segment_age_seconds",
            "How long ago the oldest segment began that has records at or above the floor.",
            |values| values.oldest_segment,
        );
        seconds(
            &meter,
            &source,
            "log_oldest_record_age_seconds",
            "How long ago the oldest record was appended that is at or above the floor, at most; 0 if there is none.",
            |values| values.oldest_record,
        );
    }

    /// Counts the log lines that `source` says were lost, by reason, with every scrape.
    pub fn watch_lost_log_lines<const N: usize>(
        &self,
        source: Arc<dyn Fn() -> [(&'static str, u64); N] + Send + Sync>,
    ) {
        let _registered = self
            .meter()
            .u64_observable_counter("log_stderr_lines_lost_total")
            .with_description("Log lines that are not on standard error, by reason.")
            .with_callback(move |observer| {
                for (reason, lines) in source() {
                    observer.observe(lines, &[KeyValue::new("reason", reason)]);
                }
            })
            .build();
    }
}

fn seconds<V: 'static>(
    meter: &Meter,
    source: &Read<V>,
    name: &'static str,
    description: &'static str,
    value: fn(&V) -> Duration,
) {
    let source = Arc::clone(source);
    let _registered = meter
        .f64_observable_gauge(name)
        .with_description(description)
        .with_callback(move |observer| {
            observer.observe(value(&source()).as_secs_f64(), &[]);
        })
        .build();
}

fn whole<V: 'static>(
    meter: &Meter,
    source: &Read<V>,
    name: &'static str,
    description: &'static str,
    value: fn(&V) -> u64,
) {
    let source = Arc::clone(source);
    let _registered = meter
        .u64_observable_gauge(name)
        .with_description(description)
        .with_callback(move |observer| observer.observe(value(&source()), &[]))
        .build();
}
