//! SlateDB's own settings, and which of them are rejected.

use slatedb::config::{CompactionWorkerOptions, CompactorOptions};
pub use slatedb::config::{PreloadLevel, Settings};

use super::Options;
use super::compaction::{self, SchedulerOptions};

const MIB: usize = 1 << 20;

/// SlateDB's defaults, but for what bounds its memory and what our scheduler of compactions needs.
///
/// By its own ones, four compactions in four parts each may hold 8 sources × 4 reads × 2 MiB of what they merge, and twice 80 MiB
/// of what they have merged and the object store has not taken yet: 3.5 GiB. By these, two compactions hold 24 × 1 × 1 MiB
/// and twice a data file of 64 MiB: 304 MiB. And two memtables are written at a time, not four.
///
/// More L0 files are allowed before flushes stop: a segment that is sealed within 24 of them is merged once, and there is room for what is
/// flushed while a merge waits and runs.
pub(super) fn bounded() -> Settings {
    let worker = CompactionWorkerOptions {
        max_concurrent_compactions: 2,
        max_subcompactions: 1,
        max_fetch_tasks: 1,
        bytes_to_fetch: MIB,
        max_sst_size: 64 * MIB,
        ..CompactionWorkerOptions::default()
    };
    Settings {
        max_unflushed_bytes: 256 * MIB,
        l0_max_ssts: 64,
        l0_max_ssts_per_key: 64,
        l0_flush_parallelism: 2,
        compactor_options: Some(CompactorOptions {
            max_concurrent_compactions: 2,
            worker: Some(worker),
            ..CompactorOptions::default()
        }),
        ..Settings::default()
    }
}

/// SlateDB's settings as this server starts it, with every setting written out: SlateDB leaves the options of the
/// compaction scheduler empty when they have their defaults.
pub fn defaults() -> Settings {
    let mut settings = Options::default().settings;
    if let Some(compactor) = &mut settings.compactor_options {
        compactor.scheduler_options = SchedulerOptions::default().into();
    }
    settings
}

/// How many merges of a log with these settings run at a time; 0 if they turn compaction off.
pub fn concurrent_merges(settings: &Settings) -> usize {
    compaction::max_concurrent(settings)
}

/// Rejects settings that SlateDB would reject or ignore, or that would harm the log.
///
/// # Errors
/// One line that names the setting as SlateDB does.
pub fn check(settings: &Settings) -> Result<(), String> {
    if settings.default_ttl_millis.is_some() {
        return Err(
            "default_ttl_millis must not be set: a log does not forget its records by itself"
                .into(),
        );
    }
    if let Some(compactor) = &settings.compactor_options {
        SchedulerOptions::parse(&compactor.scheduler_options)
            .map_err(|message| format!("compactor_options.scheduler_options.{message}"))?;
    }
    for (name, files) in [
        ("l0_max_ssts", settings.l0_max_ssts),
        ("l0_max_ssts_per_key", settings.l0_max_ssts_per_key),
    ] {
        // Merges start at fewer files than stop a flush.
        if files < 2 {
            return Err(format!("{name} must be at least 2, such as 64"));
        }
    }
    let cache = &settings.object_store_cache_options;
    if cache.part_size_bytes == 0 || !cache.part_size_bytes.is_multiple_of(1024) {
        return Err(
            "object_store_cache_options.part_size_bytes must be a multiple of 1 KiB".into(),
        );
    }
    settings.validate().map_err(|error| error.to_string())
}
