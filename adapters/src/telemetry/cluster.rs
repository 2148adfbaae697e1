//! What a node of a cluster shows of the cluster and of its partitions.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts};

use super::Metrics;

/// What a node of a cluster shows.
#[derive(Debug, Clone, Default)]
pub struct ClusterValues {
    /// Nodes that are alive, as this one sees it.
    pub nodes: u64,
    /// Partitions that this node opens.
    pub opening: u64,
    /// Partitions that it serves.
    pub serving: u64,
    /// Partitions that it hands over.
    pub closing: u64,
    /// Partitions that no node serves, as this one knows it.
    pub unserved: u64,
    /// How long ago the last heartbeat began that succeeded; none before the first.
    pub heartbeat_age: Option<Duration>,
    /// Merges of its partitions that run.
    pub merges_running: u64,
    /// Merges of its partitions that wait for others of the node to end.
    pub merges_waiting: u64,
}

/// What a node shows of a partition that it serves.
#[derive(Debug, Clone, Copy)]
pub struct PartitionValues {
    /// Its number.
    pub partition: u32,
    /// The sequence that its next record gets.
    pub tip: u64,
    /// Everything below this sequence is on object storage.
    pub durable: u64,
    /// Bytes of its data files.
    pub bytes: u64,
}

/// Counts what becomes of partitions on a node.
#[derive(Debug, Clone)]
pub struct MoveCounter(Counter<u64>);

const MOVES: &str = "log_cluster_moves_total";
const OPENED: &str = "opened";
const HANDED_OVER: &str = "handed_over";
const TAKEN_OVER: &str = "taken_over";
const LOST: &str = "lost";

impl MoveCounter {
    /// A partition was opened that its last node had handed over, or that nobody had.
    pub fn opened(&self) {
        self.count(OPENED, 1);
    }

    /// A partition was closed for another node.
    pub fn handed_over(&self) {
        self.count(HANDED_OVER, 1);
    }

    /// A partition was opened whose last node is dead.
    pub fn taken_over(&self) {
        self.count(TAKEN_OVER, 1);
    }

    /// Another node has taken a partition over from this one, or its log failed.
    pub fn lost(&self) {
        self.count(LOST, 1);
    }

    fn count(&self, direction: &'static str, moves: u64) {
        self.0.add(moves, &[KeyValue::new("direction", direction)]);
    }
}

impl Metrics {
    /// Counts what becomes of the partitions of this node, from 0.
    pub fn moves(&self) -> MoveCounter {
        let counter = self
            .meter()
            .u64_counter(MOVES)
            .with_description(
                "Partitions that this node opened, handed over, took over from a node that is dead, or lost to one that took them over.",
            )
            .build();
        let counter = MoveCounter(counter);
        for direction in [OPENED, HANDED_OVER, TAKEN_OVER, LOST] {
            counter.count(direction, 0);
        }
        counter
    }

    /// Shows what `source` says of the cluster, with every scrape.
    pub fn watch_cluster(&self, source: Arc<dyn Fn() -> ClusterValues + Send + Sync>) {
        let meter = self.meter();
        let of_node = Arc::clone(&source);
        let _registered = meter
            .u64_observable_gauge("log_cluster_partitions")
            .with_description("Partitions that this node opens, serves and hands over.")
            .with_callback(move |observer| {
                let values = of_node();
                for (state, partitions) in [
                    ("opening", values.opening),
                    ("serving", values.serving),
                    ("closing", values.closing),
                ] {
                    observer.observe(partitions, &[KeyValue::new("state", state)]);
                }
            })
            .build();
        let nodes = Arc::clone(&source);
        let _registered = meter
            .u64_observable_gauge("log_cluster_nodes")
            .with_description("Nodes that are alive, as this one sees it.")
            .with_callback(move |observer| observer.observe(nodes().nodes, &[]))
            .build();
        let unserved = Arc::clone(&source);
        let _registered = meter
            .u64_observable_gauge("log_cluster_partitions_unserved")
            .with_description("Partitions that no node serves, as this one knows it.")
            .with_callback(move |observer| observer.observe(unserved().unserved, &[]))
            .build();
        let merges = Arc::clone(&source);
        let _registered = meter
            .u64_observable_gauge("log_cluster_merges")
            .with_description(
                "Merges of the partitions of this node that run, and that wait for others to end.",
            )
            .with_callback(move |observer| {
                let values = merges();
                for (state, merges) in [
                    ("running", values.merges_running),
                    ("waiting", values.merges_waiting),
                ] {
                    observer.observe(merges, &[KeyValue::new("state", state)]);
                }
            })
            .build();
        let _registered = meter
            .f64_observable_gauge("log_cluster_heartbeat_age_seconds")
            .with_description(
                "How long ago the last heartbeat of this node began that reached the bucket. Missing before the first.",
            )
            .with_callback(move |observer| {
                if let Some(age) = source().heartbeat_age {
                    observer.observe(age.as_secs_f64(), &[]);
                }
            })
            .build();
    }

    /// Shows what `source` says of the partitions that this node serves, with every scrape.
    pub fn watch_partitions(&self, source: Source) {
        let registered = gauges().and_then(|gauges| {
            let desc = gauges
                .iter()
                .flat_map(|gauge| gauge.desc().into_iter().cloned());
            let desc = desc.collect();
            self.registry
                .register(Box::new(Partitions { desc, source }))
        });
        if let Err(error) = registered {
            tracing::error!(%error, "the partitions are not among the metrics");
        }
    }
}

type Source = Arc<dyn Fn() -> Vec<PartitionValues> + Send + Sync>;

/// Not an instrument of OpenTelemetry, which goes on to show partitions that this node does not serve any more.
struct Partitions {
    desc: Vec<Desc>,
    source: Source,
}

fn gauges() -> prometheus::Result<[IntGaugeVec; 3]> {
    let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["partition"]);
    Ok([
        gauge(
            "log_partition_tip_sequence",
            "Of a partition that this node serves: the sequence that the next record gets.",
        )?,
        gauge(
            "log_partition_durable_sequence",
            "Of a partition that this node serves: everything below this sequence is on object storage.",
        )?,
        gauge(
            "log_partition_stored_bytes",
            "Of a partition that this node serves: bytes of the data files of all segments that have records at or above the floor.",
        )?,
    ])
}

impl Collector for Partitions {
    fn desc(&self) -> Vec<&Desc> {
        self.desc.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let all = (self.source)();
        let (Ok(gauges), false) = (gauges(), all.is_empty()) else {
            // A family without metrics cannot be encoded.
            return Vec::new();
        };
        for values in all {
            let partition = values.partition.to_string();
            let shown = [values.tip, values.durable, values.bytes];
            for (gauge, value) in gauges.iter().zip(shown) {
                let value = i64::try_from(value).unwrap_or(i64::MAX);
                gauge.with_label_values(&[&partition]).set(value);
            }
        }
        gauges.iter().flat_map(Collector::collect).collect()
    }
}
