//! Settings that cannot be, alone or together.

use bytesize::ByteSize;
use log_adapters::store::slate;

use super::{Config, Refusal, azure, cluster, gcs, reader, retention, s3, security, slatedb, wal};
use crate::logging::filter;

impl Config {
    /// The configuration, if it can be.
    pub(super) fn validated(self) -> Result<Self, Refusal> {
        let refuse = |message: &str| Err(Refusal(message.to_owned()));
        let storage = &self.storage;
        let places = [
            (storage.data_dir.is_some(), "storage.data_dir (--data-dir)"),
            (storage.in_memory, "storage.in_memory (--in-memory)"),
            (
                storage.s3.bucket.is_some(),
                "storage.s3.bucket (--s3-bucket)",
            ),
            (
                storage.gcs.bucket.is_some(),
                "storage.gcs.bucket (--gcs-bucket)",
            ),
            (
                storage.azure.container.is_some(),
                "storage.azure.container (--azure-container)",
            ),
        ];
        let given: Vec<&str> = places
            .iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| *name)
            .collect();
        if given.len() > 1 {
            return refuse(&format!(
                "{} contradict each other: data lives in one place",
                given.join(" and ")
            ));
        }
        s3::validate(storage)?;
        gcs::validate(storage)?;
        azure::validate(storage)?;
        wal::validate(storage)?;
        if storage.instance.as_deref() == Some("") {
            return refuse("storage.instance is empty");
        }
        for (zero, name) in [
            (
                self.limits.request_bytes.as_u64() == 0,
                "limits.request_bytes",
            ),
            (self.limits.key_bytes.as_u64() == 0, "limits.key_bytes"),
            (self.limits.batch_records == 0, "limits.batch_records"),
            (self.limits.page_records == 0, "limits.page_records"),
            (
                self.limits.append_queue_requests == 0,
                "limits.append_queue_requests",
            ),
            (
                self.segments
                    .seal_bytes
                    .is_some_and(|size| size.as_u64() == 0),
                "segments.seal_bytes",
            ),
            (
                self.segments
                    .seal_interval
                    .is_some_and(|time| time.is_zero()),
                "segments.seal_interval",
            ),
            (
                self.retention.max_age.is_some_and(|age| age.is_zero()),
                "retention.max_age",
            ),
            (
                self.retention
                    .max_bytes
                    .is_some_and(|size| size.as_u64() == 0),
                "retention.max_bytes",
            ),
            (
                self.durability.flush_interval.is_zero(),
                "durability.flush_interval",
            ),
            (self.limits.value_bytes.as_u64() == 0, "limits.value_bytes"),
            (self.limits.page_bytes.as_u64() == 0, "limits.page_bytes"),
            (self.limits.followers == 0, "limits.followers"),
            (self.limits.producers == 0, "limits.producers"),
            (
                self.producers.expire_after.is_zero(),
                "producers.expire_after",
            ),
            (self.timeouts.check.is_zero(), "timeouts.check"),
            (self.timeouts.open.is_zero(), "timeouts.open"),
            (self.timeouts.body.is_zero(), "timeouts.body"),
            (self.timeouts.heartbeat.is_zero(), "timeouts.heartbeat"),
            (self.timeouts.append.is_zero(), "timeouts.append"),
            (self.timeouts.read.is_zero(), "timeouts.read"),
        ] {
            if zero {
                return refuse(&format!("{name} must be more than 0"));
            }
        }
        retention::validate(&self)?;
        reader::validate(&self)?;
        cluster::validate(&self)?;
        security::validate(&self).map_err(Refusal)?;
        self.allowed().map_err(Refusal)?;
        if self.lame_duck() >= self.shutdown.timeout {
            return refuse("shutdown.lame_duck must be less than shutdown.timeout");
        }
        if self.shutdown.fenced >= self.shutdown.timeout {
            return refuse("shutdown.fenced must be less than shutdown.timeout");
        }
        if self.limits.append_queue_bytes.as_u64() / 2 < self.limits.request_bytes.as_u64() {
            return refuse("limits.append_queue_bytes must be at least twice limits.request_bytes");
        }
        if self.limits.page_bytes > ByteSize::mib(256) {
            return refuse("limits.page_bytes must be at most 256 MiB");
        }
        filter::parse(&self.log).map_err(Refusal)?;
        if self.memory.answers.as_u64() / 2 < self.limits.page_bytes.as_u64() {
            return refuse("memory.answers must be at least twice limits.page_bytes");
        }
        if self.memory.streams < ByteSize::mib(1) {
            return refuse("memory.streams must be at least 1 MiB");
        }
        slate::settings::check(&self.settings()).map_err(|error| slatedb::refusal(&error))?;
        Ok(self)
    }
}
