//! The section `cache`: SlateDB's cache of data files on a local disk.

use std::path::PathBuf;

use bytesize::ByteSize;
use log_adapters::objects::Place;
use log_adapters::store::slate::settings::{self, PreloadLevel, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sources::Sources;
use super::{Config, Refusal};

/// A cache of data files on a local disk. Off unless `dir` is set. Losing or damaging it never affects the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// The parent folder of the cache. The server creates the subfolder `opendata-log-cache` in it, which must
    /// not be shared with another server.
    pub dir: Option<PathBuf>,
    /// The maximum size of the cache. Files that are being written take a little more.
    #[schemars(with = "Option<String>")]
    pub max_bytes: Option<ByteSize>,
    /// The size of the parts in which files are cached and fetched from the object store. A multiple of 1 KiB.
    #[schemars(with = "String")]
    pub part_bytes: ByteSize,
    /// Add new data files to the cache when they are written, so that recent data is not read from the object store.
    pub on_flush: bool,
    /// Add the data files that a compaction writes to the cache.
    pub on_compaction: bool,
    /// The data files to load at startup, within `timeouts.open` and up to `max_bytes`: `l0` (files that are not
    /// compacted yet) or `all`.
    pub preload: Option<Preload>,
}

/// What is loaded into the cache at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preload {
    /// Files that were not compacted yet.
    L0,
    /// All files.
    All,
}

impl Preload {
    pub(super) fn level(self) -> PreloadLevel {
        match self {
            Self::L0 => PreloadLevel::L0Sst,
            Self::All => PreloadLevel::AllSst,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::of(&settings::defaults())
    }
}

impl Cache {
    /// What SlateDB's settings say of the cache.
    pub(super) fn of(settings: &Settings) -> Self {
        let options = &settings.object_store_cache_options;
        let bytes = |bytes| ByteSize::b(bytes as u64);
        Self {
            dir: options.root_folder.clone(),
            max_bytes: options.max_cache_size_bytes.map(bytes),
            part_bytes: bytes(options.part_size_bytes),
            on_flush: options.cache_on_flush,
            on_compaction: options.cache_on_compaction,
            preload: options
                .preload_disk_cache_on_startup
                .map(|level| match level {
                    PreloadLevel::L0Sst => Preload::L0,
                    PreloadLevel::AllSst => Preload::All,
                }),
        }
    }
}

/// The folder in `cache.dir` that the cache is kept in. SlateDB deletes whatever it finds there, when it needs room: so
/// nothing else may ever be in it.
const FOLDER: &str = "opendata-log-cache";

impl Config {
    /// The folder that is the disk cache's alone, if there is a cache.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        self.cache.dir.as_ref().map(|dir| dir.join(FOLDER))
    }
}

/// Settings of a cache that is off, and a cache in the way of the data.
pub(super) fn check(config: &Config, sources: &Sources) -> Result<(), Refusal> {
    let Some(dir) = &config.cache.dir else {
        let names = [
            "max_bytes",
            "part_bytes",
            "on_flush",
            "on_compaction",
            "preload",
        ];
        let given = names.map(|name| format!("cache.{name}"));
        return match given.iter().find(|path| sources.given(path)) {
            Some(path) => Err(Refusal(format!("{path} is set, but cache.dir is not"))),
            None => Ok(()),
        };
    };
    if dir.as_os_str().is_empty() {
        return Err(Refusal("cache.dir is empty".into()));
    }
    if config
        .cache
        .max_bytes
        .is_some_and(|bytes| bytes < config.cache.part_bytes)
    {
        return Err(Refusal(
            "cache.max_bytes must not be less than cache.part_bytes".into(),
        ));
    }
    if let (Place::Folder(folder), _) = config.place()
        && (dir.starts_with(&folder.path) || folder.path.starts_with(dir))
    {
        return Err(Refusal(
            "cache.dir and storage.data_dir (--data-dir) contradict each other: one lies in the other".into(),
        ));
    }
    Ok(())
}
