//! How much of the log stays: the section `retention:`, and how it seals segments.

use std::time::Duration;

use bytesize::ByteSize;
use log_domain::{Retention, SealPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sources::Sources;
use super::{Config, Refusal};

/// For how long the compactor keeps the files that it replaced, for reads that began before. One that takes longer begins again.
const CHECKPOINT: Duration = Duration::from_secs(10);
/// How often data files are looked for that nothing needs any more. Their least age stays SlateDB's (5 min): a second
/// guard, after the order of their ids, of files that are written and not in the manifest yet.
const COLLECT_EVERY: Duration = Duration::from_secs(10);
/// A log is cut into at least so many segments, so that its oldest data goes in small steps.
const STEPS_OF_AGE: u32 = 24;
const STEPS_OF_SIZE: u64 = 20;
/// No segment is sealed sooner than this unless the operator says so.
const SEAL_AT_LEAST: Duration = Duration::from_mins(10);

/// How much of the log stays. By default all of it does. Data goes by whole segments, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// Delete records that are older than this, for example `30d`: a segment is deleted once its newest record is
    /// older. Without `segments.seal_interval`, segments are sealed at a 24th of it, at least every 10 minutes.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub max_age: Option<Duration>,
    /// Delete the oldest segments until the data files of the others have at most this size, for example `500GiB`. The
    /// active segment is never deleted. Without `segments.seal_bytes`, segments are sealed at a 20th of it.
    #[schemars(with = "Option<String>")]
    pub max_bytes: Option<ByteSize>,
}

impl Config {
    /// How much of the log stays.
    pub fn retention(&self) -> Retention {
        Retention {
            max_age: self.retention.max_age,
            max_bytes: self.retention.max_bytes.map(|size| size.as_u64()),
        }
    }

    /// When segments are sealed: as `segments` says, and where it says nothing, so often that retention can work.
    pub fn seal(&self) -> SealPolicy {
        let of_age = |age: Duration| (age / STEPS_OF_AGE).max(SEAL_AT_LEAST).min(age);
        let of_size = |size: ByteSize| (size.as_u64() / STEPS_OF_SIZE).max(1);
        let bytes = self.segments.seal_bytes.map(|size| size.as_u64());
        SealPolicy {
            interval: self
                .segments
                .seal_interval
                .or_else(|| self.retention.max_age.map(of_age)),
            bytes: bytes.or_else(|| self.retention.max_bytes.map(of_size)),
        }
    }
}

/// With retention, lets the space of deleted data be free within seconds once it is old enough, and not after 25 minutes, unless the
/// settings of SlateDB say otherwise.
pub(super) fn collect_soon(config: &mut Config, sources: &Sources) {
    if config.retention().is_off() {
        return;
    }
    let given = |name: &str| sources.given(&format!("slatedb.{name}"));
    let settings = &mut config.slatedb.0;
    if let Some(compactor) = &mut settings.compactor_options
        && !given("compactor_options.checkpoint_lifetime")
    {
        compactor.checkpoint_lifetime = CHECKPOINT;
    }
    if let Some(collector) = &mut settings.garbage_collector_options
        && let Some(files) = &mut collector.compacted_options
        && !given("garbage_collector_options.compacted_options.interval")
    {
        files.interval = Some(COLLECT_EVERY);
    }
}

/// # Errors
/// Settings that contradict each other, and what is accepted.
pub(super) fn validate(config: &Config) -> Result<(), Refusal> {
    let RetentionSection { max_age, max_bytes } = config.retention;
    if let (Some(age), Some(interval)) = (max_age, config.segments.seal_interval)
        && interval > age
    {
        return Err(Refusal(
            "segments.seal_interval must be at most retention.max_age: a segment is deleted as a whole, so records would \
             stay for longer"
                .to_owned(),
        ));
    }
    if let (Some(most), Some(bytes)) = (max_bytes, config.segments.seal_bytes)
        && bytes.as_u64() > most.as_u64() / 2
    {
        return Err(Refusal(
            "segments.seal_bytes must be at most half of retention.max_bytes: the active segment is never deleted"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Segments;

    fn config(
        (max_age, max_bytes): (Option<u64>, Option<u64>),
        (seal_interval, seal_bytes): (Option<u64>, Option<u64>),
    ) -> Config {
        Config {
            retention: RetentionSection {
                max_age: max_age.map(Duration::from_secs),
                max_bytes: max_bytes.map(ByteSize::b),
            },
            segments: Segments {
                seal_interval: seal_interval.map(Duration::from_secs),
                seal_bytes: seal_bytes.map(ByteSize::b),
            },
            ..Config::default()
        }
    }

    #[test]
    fn segments_are_sealed_so_often_that_retention_works_unless_the_operator_says_how() {
        for (retention, segments, interval, bytes) in [
            ((None, None), (None, None), None, None),
            ((None, None), (Some(5), Some(6)), Some(5), Some(6)),
            ((Some(86_400), None), (None, None), Some(3_600), None),
            // Not sooner than ten minutes, and not later than the age itself.
            ((Some(3_600), None), (None, None), Some(600), None),
            ((Some(60), None), (None, None), Some(60), None),
            ((Some(60), None), (Some(60), None), Some(60), None),
            ((None, Some(2_000)), (None, None), None, Some(100)),
            ((None, Some(2_000)), (None, Some(1_000)), None, Some(1_000)),
            ((None, Some(1)), (None, None), None, Some(1)),
            ((Some(60), Some(2_000)), (Some(1), None), Some(1), Some(100)),
        ] {
            let config = config(retention, segments);
            assert!(validate(&config).is_ok(), "{retention:?} {segments:?}");
            let seal = config.seal();
            let expected = (interval.map(Duration::from_secs), bytes);
            assert_eq!(
                (seal.interval, seal.bytes),
                expected,
                "{retention:?} {segments:?}"
            );
        }
    }

    #[test]
    fn a_seal_that_contradicts_the_retention_is_refused() {
        for (retention, segments, setting) in [
            ((Some(60), None), (Some(61), None), "segments.seal_interval"),
            ((None, Some(100)), (None, Some(51)), "segments.seal_bytes"),
        ] {
            let Refusal(why) = validate(&config(retention, segments)).expect_err("refused");
            assert!(why.starts_with(setting), "{why}");
        }
    }
}
