//! The section `slatedb`: every setting of SlateDB under its own name.

use figment::value::{Dict, Value};
use log_adapters::store::slate::settings::{self, Settings};
use serde::{Deserialize, Serialize};

use super::sources::Sources;
use super::{Cache, Config, Preload, Refusal};

/// SlateDB's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlateDb(
    /// As SlateDB takes them.
    pub Settings,
);

impl Default for SlateDb {
    fn default() -> Self {
        Self(settings::defaults())
    }
}

impl PartialEq for SlateDb {
    fn eq(&self, other: &Self) -> bool {
        let tree = |settings: &Self| Value::serialize(settings).ok();
        tree(self) == tree(other)
    }
}

/// A setting of SlateDB that has a name in a section of ours too. Given under both names, it must have one value.
pub(super) struct Alias {
    /// The name in our section.
    pub(super) ours: &'static str,
    /// The name in the section `slatedb`.
    pub(super) theirs: &'static str,
    agree: fn(&Config, &Settings) -> bool,
    /// Takes SlateDB's value for ours; `None` when ours cannot have it.
    adopt: fn(&mut Config, &Settings) -> Option<()>,
}

macro_rules! cached {
    ($ours:literal, $theirs:literal, $field:ident) => {
        Alias {
            ours: concat!("cache.", $ours),
            theirs: concat!("slatedb.object_store_cache_options.", $theirs),
            agree: |config, theirs| config.cache.$field == Cache::of(theirs).$field,
            adopt: |config, theirs| {
                config.cache.$field = Cache::of(theirs).$field;
                Some(())
            },
        }
    };
}

/// All of them.
pub(super) const ALIASES: [Alias; 8] = [
    Alias {
        ours: "durability.flush_interval",
        theirs: "slatedb.flush_interval",
        agree: |config, theirs| Some(config.durability.flush_interval) == theirs.flush_interval,
        adopt: |config, theirs| {
            config.durability.flush_interval = theirs.flush_interval?;
            Some(())
        },
    },
    Alias {
        ours: "memory.unflushed",
        theirs: "slatedb.max_unflushed_bytes",
        agree: |config, theirs| {
            config.memory.unflushed.as_u64() == theirs.max_unflushed_bytes as u64
        },
        adopt: |config, theirs| {
            config.memory.unflushed = bytesize::ByteSize::b(theirs.max_unflushed_bytes as u64);
            Some(())
        },
    },
    cached!("dir", "root_folder", dir),
    cached!("max_bytes", "max_cache_size_bytes", max_bytes),
    cached!("part_bytes", "part_size_bytes", part_bytes),
    cached!("on_flush", "cache_on_flush", on_flush),
    cached!("on_compaction", "cache_on_compaction", on_compaction),
    cached!("preload", "preload_disk_cache_on_startup", preload),
];

/// Refuses names that SlateDB does not have. Its settings ignore them.
pub(super) fn refuse_unknown(sources: &Sources) -> Result<(), Refusal> {
    let tree = sources.tree()?;
    let known = Value::serialize(SlateDb::default()).map(Value::into_dict);
    if let (Some(Value::Dict(_, given)), Ok(Some(known))) = (tree.get("slatedb"), known)
        && let Some(path) = unknown("slatedb", given, &known)
    {
        return Err(Refusal(format!(
            "unknown setting {path} (in {})",
            sources.of(&path)
        )));
    }
    Ok(())
}

/// Gives what has two names one value.
pub(super) fn settle(config: &mut Config, sources: &Sources) -> Result<(), Refusal> {
    let theirs = config.slatedb.0.clone();
    for alias in ALIASES {
        if !sources.given(alias.theirs) {
            continue;
        }
        if !sources.given(alias.ours) {
            (alias.adopt)(config, &theirs)
                .ok_or_else(|| Refusal(format!("{} must be set to a value", alias.theirs)))?;
        } else if !(alias.agree)(config, &theirs) {
            return Err(Refusal(format!(
                "{} (in {}) and {} (in {}) contradict each other: they are one setting",
                alias.ours,
                sources.of(alias.ours),
                alias.theirs,
                sources.of(alias.theirs)
            )));
        }
    }
    config.slatedb = SlateDb(config.settings());
    Ok(())
}

/// SlateDB's message about a setting, with the name that it has here too.
pub(super) fn refusal(message: &str) -> Refusal {
    let mut message = format!("slatedb: {message}");
    for Alias { ours, theirs, .. } in ALIASES {
        let name = theirs.trim_start_matches("slatedb.");
        if message.contains(name) {
            message = format!("{ours}: {message}");
            break;
        }
    }
    Refusal(message)
}

/// The path of the first name in `given` that is not in `known`.
fn unknown(path: &str, given: &Dict, known: &Dict) -> Option<String> {
    given.iter().find_map(|(name, value)| {
        let path = format!("{path}.{name}");
        match (known.get(name), value) {
            (None, _) => Some(path),
            (Some(Value::Dict(_, known)), Value::Dict(_, given)) => unknown(&path, given, known),
            _ => None,
        }
    })
}

impl Config {
    /// SlateDB's settings, with what our own sections say of them.
    pub(super) fn settings(&self) -> Settings {
        let bytes =
            |bytes: bytesize::ByteSize| usize::try_from(bytes.as_u64()).unwrap_or(usize::MAX);
        let mut settings = self.slatedb.0.clone();
        settings.flush_interval = Some(self.durability.flush_interval);
        settings.max_unflushed_bytes = bytes(self.memory.unflushed);
        let cache = &mut settings.object_store_cache_options;
        cache.root_folder = self.cache_folder();
        cache.max_cache_size_bytes = self.cache.max_bytes.map(bytes);
        cache.part_size_bytes = bytes(self.cache.part_bytes);
        cache.cache_on_flush = self.cache.on_flush;
        cache.cache_on_compaction = self.cache.on_compaction;
        cache.preload_disk_cache_on_startup = self.cache.preload.map(Preload::level);
        settings
    }
}
