//! SlateDB's own settings, and which of them are rejected.

use slatedb::config::{CompactionWorkerOptions, CompactorOptions};
pub use slatedb::config::{PreloadLevel, Settings, SizeTieredCompactionSchedulerOptions};

use super::Options;

const MIB: usize = 1 << 20;

/// SlateDB's defaults, but for what bounds its memory.
///
/// By its own ones, four compactions in four parts each may hold 8 sources × 4 reads × 2 MiB of what they merge, and twice 80 MiB
/// of what they have merged and the object store has not taken yet: 3.5 GiB. By these, two compactions hold 8 × 2 × 1 MiB
/// and twice a data file of 64 MiB: 288 MiB. And two memtables are written at a time, not four.
pub(super) fn bounded() -> Settings {
    let worker = CompactionWorkerOptions {
        max_concurrent_compactions: 2,
        max_subcompactions: 1,
        max_fetch_tasks: 2,
        bytes_to_fetch: MIB,
        max_sst_size: 64 * MIB,
        ..CompactionWorkerOptions::default()
    };
    Settings {
        max_unflushed_bytes: 256 * MIB,
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
        compactor.scheduler_options = SizeTieredCompactionSchedulerOptions::default().into();
    }
    settings
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
    let scheduler = settings
        .compactor_options
        .iter()
        .flat_map(|compactor| &compactor.scheduler_options);
    for (name, value) in scheduler {
        // SlateDB would use its default and log a warning.
        let parses = match name.as_str() {
            "include_size_threshold" => value.parse::<f32>().is_ok(),
            _ => value.parse::<usize>().is_ok(),
        };
        if !parses {
            return Err(format!(
                "compactor_options.scheduler_options.{name} is not a number: {value:?}"
            ));
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
