//! How the servers of a run are configured.

use log_app::config::Config;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::{Value, json};

use super::Scenario;
use crate::hosts::s3;

/// The settings that differ from run to run. Times are milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedSettings {
    /// `durability.flush_interval`.
    pub flush_interval_ms: u64,
    /// `durability.flush_spacing`.
    pub flush_spacing_ms: u64,
    /// `segments.seal_bytes`.
    pub seal_bytes: Option<u64>,
    /// `segments.seal_interval`.
    pub seal_interval_ms: Option<u64>,
    /// `limits.page_records`.
    pub page_records: u64,
    /// `limits.page_bytes`.
    pub page_bytes: u64,
    /// `limits.append_queue_requests`.
    pub queue_requests: u64,
    /// `timeouts.append` and `timeouts.read`.
    pub timeout_ms: u64,
    /// `shutdown.timeout`.
    pub shutdown_ms: u64,
    /// `shutdown.fenced`.
    pub fenced_ms: u64,
    /// `AWS_TIMEOUT`.
    pub s3_timeout_ms: u64,
    /// `slatedb.l0_sst_size_bytes`: small ones bring flushes and compactions.
    pub l0_bytes: u64,
    /// `memory.unflushed`, on top of the above.
    pub unflushed_bytes: u64,
    /// `slatedb.manifest_poll_interval` and those of the compactor and the garbage collector.
    pub poll_ms: u64,
    /// How old an object is before the garbage collector may take it.
    pub min_age_ms: u64,
    /// `memory.key_table`: small ones forget keys.
    pub key_table_bytes: u64,
    /// `producers.expire_after`.
    pub producer_expiry_ms: u64,
    /// `retention.max_age`.
    pub max_age_ms: Option<u64>,
    /// `retention.max_bytes`.
    pub max_bytes: Option<u64>,
    /// `retention.rules`: one at most, but for planted bugs.
    pub rules: Vec<PlannedRule>,
}

/// A retention rule.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PlannedRule {
    /// What the keys begin with.
    pub prefix: &'static str,
    /// For how long their records stay.
    pub max_age_ms: u64,
}

/// Longer than any run.
pub const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

impl PlannedSettings {
    /// Draws them. Those of producers and of retention have streams of their own, so that the others of a seed stay as they were.
    pub(super) fn draw(
        scenario: Scenario,
        random: &mut StdRng,
        producers: &mut StdRng,
        retention: &mut StdRng,
    ) -> Self {
        let mut one_of = |choices: &[u64]| choices[random.random_range(0..choices.len())];
        let optional = |value: u64| (value > 0).then_some(value);
        let mut drawn = Self {
            flush_interval_ms: one_of(&[20, 50, 100, 300]),
            flush_spacing_ms: one_of(&[0, 0, 5, 40]),
            seal_bytes: optional(one_of(&[0, 0, 100, 600, 3_000])),
            seal_interval_ms: optional(one_of(&[0, 0, 400, 3_000])),
            page_records: one_of(&[2, 5, 20, 1_000]),
            page_bytes: one_of(&[150, 1_000, 1 << 20]),
            queue_requests: one_of(&[2, 8, 1_000]),
            timeout_ms: one_of(&[2_000, 5_000, 10_000]),
            shutdown_ms: one_of(&[4_000, 10_000, 20_000]),
            fenced_ms: one_of(&[0, 500, 2_000]),
            s3_timeout_ms: one_of(&[1_000, 3_000, 6_000]),
            l0_bytes: one_of(&[600, 4_000, 64 << 20]),
            unflushed_bytes: one_of(&[4_000, 100_000, 64 << 20]),
            poll_ms: one_of(&[300, 1_000]),
            min_age_ms: one_of(&[15_000, 60_000]),
            key_table_bytes: one_of(&[1, 400, 1 << 20]),
            producer_expiry_ms: [1_500, 4_000, WEEK_MS, WEEK_MS][producers.random_range(0..4)],
            max_age_ms: None,
            max_bytes: None,
            rules: Vec::new(),
        };
        drawn.draw_retention(scenario, retention);
        if scenario == Scenario::Smoke {
            // Nothing goes wrong, so nothing may be refused either.
            drawn.queue_requests = 1_000;
            drawn.timeout_ms = 10_000;
            drawn.shutdown_ms = 20_000;
            drawn.s3_timeout_ms = 6_000;
        }
        drawn
    }

    /// In half of the runs of some scenarios, by age or by size or both. What a segment holds must be less.
    fn draw_retention(&mut self, scenario: Scenario, random: &mut StdRng) {
        let age = [1_500, 4_000, 9_000][random.random_range(0..3)];
        let bytes = [6_000, 40_000, 4_000_000][random.random_range(0..3)];
        let (by_age, by_size) = match random.random_range(0..6) {
            0 => (true, false),
            1 => (false, true),
            2 => (true, true),
            _ => return,
        };
        if matches!(
            scenario,
            Scenario::Crash | Scenario::Fencing | Scenario::Swarm
        ) {
            self.max_age_ms = by_age.then(|| age.max(self.seal_interval_ms.unwrap_or(0)));
            self.max_bytes = by_size.then_some(bytes);
        }
    }

    /// In a third of the runs of the same scenarios, a rule for some of the keys.
    pub(super) fn draw_rule(&mut self, scenario: Scenario, random: &mut StdRng) {
        let due = random.random_range(0..3) == 0;
        let prefix = ["a", "a", "ab", "k"][random.random_range(0..4)];
        let age: u64 = [1_500, 4_000, 9_000][random.random_range(0..3)];
        let is_drawn = matches!(
            scenario,
            Scenario::Crash | Scenario::Fencing | Scenario::Swarm
        );
        if due && is_drawn {
            self.rules.push(PlannedRule {
                prefix,
                max_age_ms: age.max(self.seal_interval_ms.unwrap_or(0)),
            });
        }
    }

    /// As the server of this name takes them.
    ///
    /// # Errors
    /// When the server refuses them, which is a mistake in the simulation.
    pub fn config(&self, instance: &str) -> Result<Config, String> {
        let ms = |ms: u64| format!("{ms}ms");
        let directory = json!({ "interval": ms(self.poll_ms * 3), "min_age": ms(self.min_age_ms) });
        let mut segments = serde_json::Map::new();
        if let Some(bytes) = self.seal_bytes {
            segments.insert("seal_bytes".into(), json!(bytes));
        }
        if let Some(interval) = self.seal_interval_ms {
            segments.insert("seal_interval".into(), json!(ms(interval)));
        }
        let mut retention = serde_json::Map::new();
        if let Some(age) = self.max_age_ms {
            retention.insert("max_age".into(), json!(ms(age)));
        }
        if let Some(bytes) = self.max_bytes {
            retention.insert("max_bytes".into(), json!(bytes));
        }
        let rules = self.rules.iter().map(|rule| {
            let PlannedRule { prefix, max_age_ms } = rule;
            json!({ "prefix": prefix, "max_age": ms(*max_age_ms) })
        });
        retention.insert("rules".into(), rules.collect());
        let settings = json!({
            "storage": { "s3": { "bucket": s3::BUCKET }, "instance": instance },
            "durability": {
                "flush_interval": ms(self.flush_interval_ms),
                "flush_spacing": ms(self.flush_spacing_ms),
            },
            "segments": Value::Object(segments),
            "retention": Value::Object(retention),
            "producers": { "expire_after": ms(self.producer_expiry_ms) },
            // Its clients call it by the names of simulated hosts.
            "host": "0.0.0.0",
            "limits": {
                "page_records": self.page_records,
                "page_bytes": self.page_bytes,
                "append_queue_requests": self.queue_requests,
                "request_bytes": 256 << 10,
                "append_queue_bytes": 1 << 20,
            },
            "timeouts": {
                "append": ms(self.timeout_ms),
                "read": ms(self.timeout_ms),
                "open": "25s",
                "check": "1s",
            },
            "shutdown": {
                "timeout": ms(self.shutdown_ms),
                "lame_duck": "0s",
                "fenced": ms(self.fenced_ms),
            },
            "memory": {
                "unflushed": self.l0_bytes + self.unflushed_bytes,
                "block_cache": 1 << 20,
                "meta_cache": 1 << 20,
                "key_table": self.key_table_bytes,
            },
            "slatedb": {
                "l0_sst_size_bytes": self.l0_bytes,
                // Files are small, and are to have filters.
                "min_filter_keys": 4,
                "manifest_poll_interval": ms(self.poll_ms),
                "compactor_options": {
                    "poll_interval": ms(self.poll_ms),
                    // A run has few files; by default most would not be merged.
                    "scheduler_options": {
                        "min_compaction_sources": "3",
                        "max_compaction_sources": "5",
                        "sorted_run_consolidation_threshold": "3",
                    },
                    "worker": { "compactions_poll_interval": ms(self.poll_ms), "min_filter_keys": 4 },
                },
                "garbage_collector_options": {
                    "manifest_options": directory,
                    "wal_options": directory,
                    "wal_fence_options": directory,
                    "compacted_options": directory,
                    "compactions_options": directory,
                },
            },
        });
        Config::load(None, settings).map_err(|refusal| refusal.to_string())
    }
}
