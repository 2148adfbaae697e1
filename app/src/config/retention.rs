//! How much of the log stays: the section `retention:`, and how it seals segments.

use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use log_adapters::quoted::cut;
use log_domain::{PrefixRule, PrefixRules, Retention, SealPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sources::{LONGEST, Sources};
use super::{Config, Refusal};

/// For how long the compactor keeps the files that it replaced, for reads that began before. One that takes longer begins again.
const CHECKPOINT: Duration = Duration::from_secs(10);
/// How often data files and files of the WAL are looked for that nothing needs any more.
const COLLECT_EVERY: Duration = Duration::from_secs(5);
/// How old they are at least. It guards nothing: files that are written and not in the manifest yet are told by their names
/// (ADR 25), those of the WAL by their numbers. It is the time in which a backup must copy what its checkpoint does not hold of the WAL.
const COLLECT_FROM: Duration = Duration::from_secs(10);
/// A log is cut into at least so many segments, so that its oldest data goes in small steps.
const STEPS_OF_AGE: u32 = 24;
const STEPS_OF_SIZE: u64 = 20;
/// With an age only. Records that were appended while the clock was ahead have one time, and no interval seals between them.
const SEAL_AT: u64 = 1 << 30;
/// No segment is sealed sooner than this unless the operator says so.
const SEAL_AT_LEAST: Duration = Duration::from_mins(10);

/// By default, when the bytes of deleted keys are to be gone.
const PURGE_WITHIN: Duration = Duration::from_hours(24);
const PURGE_AT_LEAST: Duration = Duration::from_secs(1);
/// A purge takes so many steps that wait for something.
const STEPS_OF_PURGE: u32 = 8;

/// How much of the log stays. By default all of it does. Data goes by whole segments, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// Delete records that are older than this, for example `30d`: a segment is deleted once its newest record is
    /// older. Without `segments.seal_interval`, segments are sealed at a 24th of it, but not sooner than after 10 minutes;
    /// without `segments.seal_bytes`, also at 1 GiB.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub max_age: Option<Duration>,
    /// Delete the oldest segments so that the data files of the others have at most this size, for example `500GiB`, also with
    /// what arrives until the next check, in five seconds: up to a tenth is kept free for that. The active segment is never
    /// deleted. Without `segments.seal_bytes`, segments are sealed at a 20th of it.
    #[schemars(with = "Option<String>")]
    pub max_bytes: Option<ByteSize>,
    /// Keep the records of keys with a prefix for less time: a list of at most 256 rules, for example
    /// `[{prefix: session/, max_age: 7d}]`, also in the environment. Of several rules for a key, and `retention.max_age`, the
    /// shortest age wins. A prefix is a text of at least one character. Records go from every read by whole segments, as with
    /// `retention.max_age`, and segments are sealed as for the shortest age of all. The bytes go when files are merged next, so do not
    /// use rules to erase personal data.
    pub rules: Vec<RetentionRule>,
    /// When the records of a deleted key are to be gone from the object store, too: at least `1s`. No read shows them once the
    /// deletion is answered. After half of this time, the files that hold them are rewritten; the shorter it is, the more is
    /// written, and files that nothing needs are collected sooner. A backup, or a compaction that takes longer, delays it.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub purge_within: Duration,
}

/// For how long the records of keys with a prefix stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// What the keys begin with.
    pub prefix: String,
    /// Records that are older are deleted.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub max_age: Duration,
}

impl Default for RetentionSection {
    fn default() -> Self {
        Self {
            max_age: None,
            max_bytes: None,
            rules: Vec::new(),
            purge_within: PURGE_WITHIN,
        }
    }
}

impl Config {
    /// How much of the log stays.
    pub fn retention(&self) -> Retention {
        Retention {
            max_age: self.retention.max_age,
            max_bytes: self.retention.max_bytes.map(|size| size.as_u64()),
        }
    }

    /// For how long the records of keys with a prefix stay.
    ///
    /// # Errors
    /// Rules that contradict each other or can have no effect, and what is accepted.
    pub fn retention_rules(&self) -> Result<PrefixRules, Refusal> {
        let rules = self.retention.rules.iter().map(|rule| PrefixRule {
            prefix: Bytes::copy_from_slice(rule.prefix.as_bytes()),
            max_age: rule.max_age,
        });
        PrefixRules::new(rules.collect(), &self.limits())
            .map_err(|why| Refusal(format!("retention.rules: {why}")))
    }

    /// The shortest age of all limits.
    fn shortest_age(&self) -> Option<Duration> {
        let rules = self.retention.rules.iter().map(|rule| rule.max_age);
        rules.chain(self.retention.max_age).min()
    }

    /// When segments are sealed: as `segments` says, and where it says nothing, so often that retention can work.
    pub fn seal(&self) -> SealPolicy {
        let of_age = |age: Duration| (age / STEPS_OF_AGE).max(SEAL_AT_LEAST).min(age);
        let of_size = |size: ByteSize| (size.as_u64() / STEPS_OF_SIZE).max(1);
        let bytes = self.segments.seal_bytes.map(|size| size.as_u64());
        let age = self.shortest_age();
        SealPolicy {
            interval: self.segments.seal_interval.or_else(|| age.map(of_age)),
            bytes: bytes
                .or_else(|| self.retention.max_bytes.map(of_size))
                .or_else(|| age.map(|_| SEAL_AT)),
        }
    }
}

/// With retention, lets the space of deleted data be free within 20 seconds, and not after 25 minutes. With less time for purges than a
/// day, lets each of their steps take only a part of it. Unless the settings of SlateDB say otherwise.
pub(super) fn collect_soon(config: &mut Config, sources: &Sources) {
    let within = config.retention.purge_within;
    let purges_soon = within < PURGE_WITHIN;
    let is_off = config.retention().is_off() && config.retention.rules.is_empty();
    if is_off && !purges_soon {
        return;
    }
    let step = match purges_soon {
        true => within / STEPS_OF_PURGE,
        false => Duration::MAX,
    };
    let given = |name: &str| sources.given(&format!("slatedb.{name}"));
    let settings = &mut config.slatedb.0;
    if let Some(compactor) = &mut settings.compactor_options {
        if !given("compactor_options.checkpoint_lifetime") {
            compactor.checkpoint_lifetime = CHECKPOINT.min(step).max(PURGE_AT_LEAST);
        }
        if !given("compactor_options.poll_interval") {
            compactor.poll_interval = compactor.poll_interval.min(step);
        }
        if let Some(worker) = &mut compactor.worker
            && !given("compactor_options.worker.compactions_poll_interval")
        {
            worker.compactions_poll_interval = worker.compactions_poll_interval.min(step);
        }
    }
    let Some(collector) = &mut settings.garbage_collector_options else {
        return;
    };
    for (name, files) in [
        ("compacted_options", &mut collector.compacted_options),
        ("wal_options", &mut collector.wal_options),
    ] {
        let given = |setting| given(&format!("garbage_collector_options.{name}.{setting}"));
        let Some(files) = files else {
            continue;
        };
        if !given("interval") {
            files.interval = Some(COLLECT_EVERY.min(step).max(PURGE_AT_LEAST));
        }
        if !given("min_age") {
            files.min_age = COLLECT_FROM.min(step).max(PURGE_AT_LEAST);
        }
    }
}

/// # Errors
/// Settings that contradict each other, and what is accepted.
pub(super) fn validate(config: &Config) -> Result<(), Refusal> {
    let RetentionSection {
        max_age,
        max_bytes,
        ref rules,
        purge_within,
    } = config.retention;
    config.retention_rules()?;
    let named = |rule: &RetentionRule| {
        let prefix = cut(&rule.prefix.escape_debug().to_string());
        format!("the max_age of the rule for \"{prefix}\" in retention.rules")
    };
    if let Some(rule) = rules.iter().find(|rule| rule.max_age > LONGEST) {
        let named = named(rule);
        return Err(Refusal(format!("{named} must be at most 100 years")));
    }
    if purge_within < PURGE_AT_LEAST {
        return Err(Refusal(
            "retention.purge_within must be at least 1s, such as 24h".to_owned(),
        ));
    }
    if let (Some(age), Some(interval)) = (max_age, config.segments.seal_interval)
        && interval > age
    {
        return Err(Refusal(
            "segments.seal_interval must be at most retention.max_age: a segment is deleted as a whole, so records would \
             stay for longer"
                .to_owned(),
        ));
    }
    let shorter = |interval| rules.iter().find(|rule| interval > rule.max_age);
    if let Some(rule) = config.segments.seal_interval.and_then(shorter) {
        return Err(Refusal(format!(
            "segments.seal_interval must be at most {}: records are deleted by whole segments, so they would stay for longer",
            named(rule)
        )));
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
                ..RetentionSection::default()
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
        const GIB: Option<u64> = Some(1 << 30);
        for (retention, segments, interval, bytes) in [
            ((None, None), (None, None), None, None),
            ((None, None), (Some(5), Some(6)), Some(5), Some(6)),
            ((Some(86_400), None), (None, None), Some(3_600), GIB),
            // Not sooner than ten minutes, and not later than the age itself.
            ((Some(3_600), None), (None, None), Some(600), GIB),
            ((Some(60), None), (None, None), Some(60), GIB),
            ((Some(60), None), (Some(60), Some(7)), Some(60), Some(7)),
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

    fn with_rules(rules: &[(&str, u64)], mut config: Config) -> Config {
        let rules = rules.iter().map(|(prefix, seconds)| RetentionRule {
            prefix: (*prefix).to_owned(),
            max_age: Duration::from_secs(*seconds),
        });
        config.retention.rules = rules.collect();
        config
    }

    #[test]
    fn segments_are_sealed_for_the_shortest_age_of_all() {
        for (max_age, rules, interval) in [
            (None, &[("a", 864_000), ("b", 86_400)][..], 3_600),
            (Some(172_800), &[("a", 86_400)], 3_600),
            (Some(86_400), &[("a", 864_000)], 3_600),
            (None, &[("a", 60)], 60),
        ] {
            let config = with_rules(rules, config((max_age, None), (None, None)));
            assert!(validate(&config).is_ok(), "{rules:?}");
            let seal = config.seal();
            let expected = Some(Duration::from_secs(interval));
            assert_eq!(
                (seal.interval, seal.bytes),
                (expected, Some(SEAL_AT)),
                "{rules:?}"
            );
        }
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused_and_named() {
        let sealed = |interval| config((None, None), (interval, None));
        for (rules, seal, says) in [
            (
                &[("", 60)][..],
                None,
                "retention.rules: a rule must have a prefix, for example",
            ),
            (
                &[("a", 0)],
                None,
                "retention.rules: the max_age of the rule for \"a\" must be more than 0",
            ),
            (
                &[("a", 60), ("a", 61)],
                None,
                "retention.rules: there are two rules for \"a\"",
            ),
            (
                &[("a", 80), ("b", 60)],
                Some(61),
                "segments.seal_interval must be at most the max_age of the rule for \"b\"",
            ),
            (
                &[("a", u64::MAX / 1_000)],
                None,
                "the max_age of the rule for \"a\" in retention.rules must be at most 100 years",
            ),
        ] {
            let refused = validate(&with_rules(rules, sealed(seal))).expect_err("refused");
            assert!(refused.0.starts_with(says), "{}", refused.0);
        }
        assert!(validate(&with_rules(&[("a", 60)], sealed(Some(60)))).is_ok());
    }

    #[test]
    fn a_purge_without_time_is_refused() {
        for (millis, is_valid) in [(0, false), (999, false), (1_000, true)] {
            let mut config = Config::default();
            config.retention.purge_within = Duration::from_millis(millis);
            assert_eq!(validate(&config).is_ok(), is_valid, "{millis}");
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
