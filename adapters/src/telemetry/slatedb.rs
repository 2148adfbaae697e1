//! SlateDB's metrics in a Prometheus registry.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry};
use slatedb_common::metrics::{
    CounterFn, GaugeFn, HistogramFn, MetricsRecorder, NoopMetricsRecorder, UpDownCounterFn,
};

/// Takes SlateDB's metrics, named `slatedb_...` with underscores for dots, and as Prometheus has it: counters end in
/// `_total`, nothing else in `_count` (`sst_count` becomes `ssts`), and units are written out.
///
/// Each handle that it gives out is a plain atomic, bound once: handles sit on hot paths. Registering the same name and
/// labels again gives the same handle. Metrics of one name may differ in their label names. A name that is
/// registered as two different kinds is exported as the first of them; the other is logged and counts nowhere.
pub struct SlateDbMetrics {
    families: Arc<Families>,
}

impl SlateDbMetrics {
    /// A recorder whose metrics are scraped with `registry`.
    ///
    /// # Errors
    /// When there is one in `registry` already.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let families = Arc::new(Families {
            by_name: RwLock::default(),
            desc: Desc::new(
                "slatedb".to_owned(),
                "Metrics of SlateDB.".to_owned(),
                Vec::new(),
                HashMap::new(),
            )?,
        });
        registry.register(Box::new(Scraped(Arc::clone(&families))))?;
        Ok(Self { families })
    }

    /// The metric of this name and these labels, made by `make` if it is new. `None` if that is not possible.
    fn bind<M: Bound>(
        &self,
        name: &str,
        suffix: &str,
        description: &str,
        labels: &[(&str, &str)],
        make: impl FnOnce(Opts) -> prometheus::Result<M>,
    ) -> Option<M> {
        let name = exported_name(name, suffix);
        let labels: Labels = labels
            .iter()
            .map(|(label, value)| (sanitized(label), (*value).to_owned()))
            .collect();
        let mut by_name = self.families.by_name.write();
        let family = by_name.entry(name.clone()).or_default();
        if let Some(known) = family.get(&labels) {
            return M::of(known).or_else(|| refused(&name, "it is of another kind"));
        }
        if family
            .values()
            .next()
            .is_some_and(|other| M::of(other).is_none())
        {
            return refused(&name, "it is of another kind");
        }
        let help = if description.is_empty() {
            name.as_str()
        } else {
            description
        };
        let opts = Opts::new(&name, help).const_labels(labels.clone().into_iter().collect());
        match make(opts) {
            Ok(metric) => {
                family.insert(labels, metric.clone().into());
                Some(metric)
            }
            Err(error) => refused(&name, &error.to_string()),
        }
    }
}

fn refused<M>(name: &str, why: &str) -> Option<M> {
    tracing::warn!(name, why, "a metric of SlateDB is not exported");
    None
}

type Labels = BTreeMap<String, String>;

struct Families {
    by_name: RwLock<BTreeMap<String, BTreeMap<Labels, Metric>>>,
    /// What the registry knows the collector by.
    desc: Desc,
}

#[derive(Clone)]
enum Metric {
    Counter(IntCounter),
    Gauge(IntGauge),
    Histogram(Histogram),
}

/// A kind of metric.
trait Bound: Clone + Into<Metric> {
    /// The metric, if it is of this kind.
    fn of(metric: &Metric) -> Option<Self>;
}

macro_rules! bound {
    ($kind:ident, $type:ty) => {
        impl From<$type> for Metric {
            fn from(metric: $type) -> Self {
                Self::$kind(metric)
            }
        }

        impl Bound for $type {
            fn of(metric: &Metric) -> Option<Self> {
                match metric {
                    Metric::$kind(metric) => Some(metric.clone()),
                    _ => None,
                }
            }
        }
    };
}

bound!(Counter, IntCounter);
bound!(Gauge, IntGauge);
bound!(Histogram, Histogram);

/// What the registry holds: it reads the same families that SlateDB writes to.
struct Scraped(Arc<Families>);

impl Collector for Scraped {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let by_name = self.0.by_name.read();
        by_name.values().filter_map(collect_family).collect()
    }
}

/// One family with the metrics of all label sets.
fn collect_family(metrics: &BTreeMap<Labels, Metric>) -> Option<MetricFamily> {
    let collected = metrics.values().flat_map(|metric| match metric {
        Metric::Counter(metric) => metric.collect(),
        Metric::Gauge(metric) => metric.collect(),
        Metric::Histogram(metric) => metric.collect(),
    });
    collected.reduce(|mut family, mut other| {
        family.mut_metric().append(&mut other.take_metric());
        family
    })
}

fn exported_name(name: &str, suffix: &str) -> String {
    let mut exported = sanitized(name);
    if !exported.starts_with("slatedb_") {
        exported.insert_str(0, "slatedb_");
    }
    if exported.ends_with("_sec") {
        exported.push_str("onds");
    }
    if suffix.is_empty()
        && let Some(counted) = exported.strip_suffix("_count")
    {
        exported = format!("{counted}s");
    }
    if !exported.ends_with(suffix) {
        exported.push_str(suffix);
    }
    exported
}

fn sanitized(name: &str) -> String {
    let valid = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(valid).collect()
}

struct Counter(IntCounter);

impl CounterFn for Counter {
    fn increment(&self, value: u64) {
        self.0.inc_by(value);
    }
}

struct Gauge(IntGauge);

impl GaugeFn for Gauge {
    fn set(&self, value: i64) {
        self.0.set(value);
    }
}

impl UpDownCounterFn for Gauge {
    fn increment(&self, value: i64) {
        self.0.add(value);
    }
}

struct Observations(Histogram);

impl HistogramFn for Observations {
    fn record(&self, value: f64) {
        self.0.observe(value);
    }
}

impl MetricsRecorder for SlateDbMetrics {
    fn register_counter(
        &self,
        name: &str,
        description: &str,
        labels: &[(&str, &str)],
    ) -> Arc<dyn CounterFn> {
        match self.bind(name, "_total", description, labels, IntCounter::with_opts) {
            Some(counter) => Arc::new(Counter(counter)),
            None => NoopMetricsRecorder.register_counter(name, description, labels),
        }
    }

    fn register_gauge(
        &self,
        name: &str,
        description: &str,
        labels: &[(&str, &str)],
    ) -> Arc<dyn GaugeFn> {
        match self.bind(name, "", description, labels, IntGauge::with_opts) {
            Some(gauge) => Arc::new(Gauge(gauge)),
            None => NoopMetricsRecorder.register_gauge(name, description, labels),
        }
    }

    fn register_up_down_counter(
        &self,
        name: &str,
        description: &str,
        labels: &[(&str, &str)],
    ) -> Arc<dyn UpDownCounterFn> {
        match self.bind(name, "", description, labels, IntGauge::with_opts) {
            Some(gauge) => Arc::new(Gauge(gauge)),
            None => NoopMetricsRecorder.register_up_down_counter(name, description, labels),
        }
    }

    fn register_histogram(
        &self,
        name: &str,
        description: &str,
        labels: &[(&str, &str)],
        boundaries: &[f64],
    ) -> Arc<dyn HistogramFn> {
        let make = |opts: Opts| {
            let opts = HistogramOpts::from(opts).buckets(boundaries.to_vec());
            Histogram::with_opts(opts)
        };
        match self.bind(name, "", description, labels, make) {
            Some(histogram) => Arc::new(Observations(histogram)),
            None => NoopMetricsRecorder.register_histogram(name, description, labels, boundaries),
        }
    }
}
