//! The lag of each cursor, read when it is scraped.
//!
//! Not an instrument of OpenTelemetry: that keeps 2,000 sets of labels. Here there are as many as there are cursors, which
//! `limits.cursors` bounds, and those of deleted cursors are gone.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts};

use super::Metrics;

/// The names of the cursors and their lags, in sequences.
type Lags = Arc<dyn Fn() -> Vec<(String, u64)> + Send + Sync>;

impl Metrics {
    /// Shows the lags that `source` gives, with every scrape.
    pub fn watch_cursors(&self, source: Lags) {
        let registered = gauges().and_then(|gauges| {
            let desc = gauges.desc().into_iter().cloned().collect();
            self.registry
                .register(Box::new(CursorLags { desc, source }))
        });
        if let Err(error) = registered {
            tracing::error!(%error, "the lags of cursors are not among the metrics");
        }
    }
}

fn gauges() -> prometheus::Result<IntGaugeVec> {
    let opts = Opts::new(
        "log_cursor_lag",
        "Sequences between the position of a cursor and the end of the log.",
    );
    IntGaugeVec::new(opts, &["cursor"])
}

struct CursorLags {
    desc: Vec<Desc>,
    source: Lags,
}

impl Collector for CursorLags {
    fn desc(&self) -> Vec<&Desc> {
        self.desc.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(gauges) = gauges() else {
            return Vec::new();
        };
        let lags = (self.source)();
        if lags.is_empty() {
            // A family without metrics cannot be encoded.
            return Vec::new();
        }
        for (cursor, lag) in lags {
            let lag = i64::try_from(lag).unwrap_or(i64::MAX);
            gauges.with_label_values(&[&cursor]).set(lag);
        }
        gauges.collect()
    }
}
