//! The limits of the scheduler, from SlateDB's settings.

use std::collections::HashMap;

use slatedb::config::{CompactorOptions, Settings};

/// What `slatedb.compactor_options.scheduler_options` say. The names are those of SlateDB's own scheduler; what they do is
/// described in the operations manual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SchedulerOptions {
    /// `min_compaction_sources`: L0 files in the active segment that start a merge.
    pub(crate) l0_trigger: usize,
    /// `max_compaction_sources`: L0 files and sorted runs in one merge.
    pub(crate) max_sources: usize,
    /// `sorted_run_consolidation_threshold`: sorted runs in the active segment above which some are merged. 0: unlimited.
    pub(crate) max_runs: usize,
    /// `include_size_threshold`: the older run of the system segment joins a merge that is at least 1/n of its size.
    pub(crate) size_ratio: f32,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            l0_trigger: 24,
            max_sources: 24,
            max_runs: 24,
            size_ratio: 4.0,
        }
    }
}

const L0_TRIGGER: &str = "min_compaction_sources";
const MAX_SOURCES: &str = "max_compaction_sources";
const MAX_RUNS: &str = "sorted_run_consolidation_threshold";
const SIZE_RATIO: &str = "include_size_threshold";

impl SchedulerOptions {
    /// As in the settings, with defaults for what is missing.
    ///
    /// # Errors
    /// The name of an option that does not exist or cannot have its value, and what is accepted.
    pub(crate) fn parse(options: &HashMap<String, String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        for (name, value) in options {
            let count = |least: usize, also_zero: bool| match value.parse::<usize>() {
                Ok(number) if number >= least || also_zero && number == 0 => Ok(number),
                Ok(_) if also_zero => Err(format!("{name} must be 0 (off) or at least {least}")),
                Ok(_) => Err(format!("{name} must be at least {least}")),
                Err(_) => Err(format!("{name} is not a number: {value:?}")),
            };
            match name.as_str() {
                L0_TRIGGER => parsed.l0_trigger = count(1, false)?,
                MAX_SOURCES => parsed.max_sources = count(2, false)?,
                MAX_RUNS => parsed.max_runs = count(2, true)?,
                SIZE_RATIO => {
                    parsed.size_ratio = match value.parse() {
                        Ok(ratio) if f32::is_finite(ratio) && ratio >= 0.0 => ratio,
                        Ok(_) => return Err(format!("{name} must be 0 or more, such as 4")),
                        Err(_) => return Err(format!("{name} is not a number: {value:?}")),
                    }
                }
                _ => return Err(format!("{name} does not exist")),
            }
        }
        Ok(parsed)
    }
}

impl From<SchedulerOptions> for HashMap<String, String> {
    fn from(options: SchedulerOptions) -> Self {
        HashMap::from([
            (L0_TRIGGER.into(), options.l0_trigger.to_string()),
            (MAX_SOURCES.into(), options.max_sources.to_string()),
            (MAX_RUNS.into(), options.max_runs.to_string()),
            (SIZE_RATIO.into(), options.size_ratio.to_string()),
        ])
    }
}

/// The limits that a plan keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    /// L0 files in the active segment that start a merge: fewer than stop a flush.
    pub l0_trigger: usize,
    /// L0 files and sorted runs in one merge.
    pub max_sources: usize,
    /// Sorted runs in the active segment above which some are merged. 0: unlimited.
    pub max_runs: usize,
    /// The older run of the system segment joins a merge that is at least 1/n of its size.
    pub size_ratio: f32,
    /// Merges at a time.
    pub max_concurrent: usize,
}

impl Bounds {
    /// The `compactor` options may lack what [`SchedulerOptions::parse`] has rejected; then the defaults hold.
    pub(super) fn of(settings: &Settings, compactor: &CompactorOptions) -> Self {
        let options = SchedulerOptions::parse(&compactor.scheduler_options).unwrap_or_default();
        // A memtable is not flushed while a segment that it has rows of has so many L0 files. A trigger that is not
        // reached before that would stop appends until a restart. Half of it leaves room for the files that arrive during a merge.
        let stall = settings.l0_max_ssts.min(settings.l0_max_ssts_per_key);
        let worker = compactor.worker.as_ref();
        let workers = worker.map_or(usize::MAX, |worker| worker.max_concurrent_compactions);
        Self {
            l0_trigger: options.l0_trigger.min(stall / 2).max(1),
            max_sources: options.max_sources,
            max_runs: options.max_runs,
            size_ratio: options.size_ratio,
            max_concurrent: compactor.max_concurrent_compactions.min(workers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, value: &str) -> Result<SchedulerOptions, String> {
        SchedulerOptions::parse(&HashMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn options_are_written_as_they_are_read() {
        let options = SchedulerOptions::default();
        assert_eq!(SchedulerOptions::parse(&options.into()), Ok(options));
        assert_eq!(SchedulerOptions::parse(&HashMap::new()), Ok(options));
    }

    #[test]
    fn an_option_that_cannot_be_is_named_with_what_is_accepted() {
        for (name, value, message) in [
            (L0_TRIGGER, "0", "min_compaction_sources must be at least 1"),
            (
                MAX_SOURCES,
                "1",
                "max_compaction_sources must be at least 2",
            ),
            (
                MAX_RUNS,
                "1",
                "sorted_run_consolidation_threshold must be 0 (off) or at least 2",
            ),
            (
                SIZE_RATIO,
                "x",
                "include_size_threshold is not a number: \"x\"",
            ),
            (
                SIZE_RATIO,
                "NaN",
                "include_size_threshold must be 0 or more, such as 4",
            ),
            (
                MAX_SOURCES,
                "-1",
                "max_compaction_sources is not a number: \"-1\"",
            ),
            ("min_sources", "1", "min_sources does not exist"),
        ] {
            assert_eq!(parsed(name, value), Err(message.to_owned()));
        }
        assert_eq!(parsed(MAX_RUNS, "0").map(|options| options.max_runs), Ok(0));
    }

    #[test]
    fn a_merge_starts_before_the_number_of_l0_files_stops_flushes() {
        for (max, per_key) in [(2, 64), (64, 2), (3, 3), (8, 8), (64, 64), (1_000, 1_000)] {
            let settings = Settings {
                l0_max_ssts: max,
                l0_max_ssts_per_key: per_key,
                ..Settings::default()
            };
            let mut compactor = CompactorOptions::default();
            for trigger in [1, 24, 1_000] {
                let option = (L0_TRIGGER.to_owned(), trigger.to_string());
                compactor.scheduler_options.extend([option]);
                let bounds = Bounds::of(&settings, &compactor);
                assert!(bounds.l0_trigger >= 1 && bounds.l0_trigger < max.min(per_key));
                assert!(bounds.l0_trigger <= trigger);
            }
        }
    }

    #[test]
    fn as_many_merges_run_as_both_the_compactor_and_its_worker_allow() {
        let mut compactor = CompactorOptions {
            max_concurrent_compactions: 3,
            ..CompactorOptions::default()
        };
        if let Some(worker) = &mut compactor.worker {
            worker.max_concurrent_compactions = 2;
        }
        let of = |compactor: &CompactorOptions| Bounds::of(&Settings::default(), compactor);
        assert_eq!(of(&compactor).max_concurrent, 2);
        compactor.worker = None;
        assert_eq!(of(&compactor).max_concurrent, 3);
    }
}
