//! The configuration: one documented struct, from file, environment and flags.
//!
//! Later wins: defaults < file < environment (`LOG_…`, sections parted by two underscores) < flags.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use log_adapters::http::HttpOptions;
use log_adapters::objects::Place;
use log_adapters::slate;
use log_domain::{Limits, SealPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod cache;
mod masked;
mod reference;
mod show;
mod slatedb;
mod sources;

pub use cache::{Cache, Preload};
pub use reference::reference;
pub use show::show;
pub use slatedb::SlateDb;
use sources::Sources;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on. Only this machine can reach the default.
    pub host: IpAddr,
    /// The port to listen on; 0 picks a free one.
    pub port: u16,
    /// What to log, as a filter of `tracing`, for example `info` or `debug,slatedb=info`.
    pub log: String,
    /// Where data lives.
    pub storage: Storage,
    /// The largest things clients may send or ask for.
    pub limits: LimitsSection,
    /// When segments are sealed.
    pub segments: Segments,
    /// When appends become durable.
    pub durability: Durability,
    /// How long anybody waits for anything.
    pub timeouts: Timeouts,
    /// How much memory the server keeps data in.
    pub memory: Memory,
    /// A cache of data files on a local disk.
    pub cache: Cache,
    /// Settings of the storage engine, SlateDB, under its own names.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub slatedb: SlateDb,
}

/// Where data lives: a folder (the default, `.data`), memory, or a bucket; one of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// A folder of this machine.
    pub data_dir: Option<PathBuf>,
    /// Keep everything in memory, for trying things out: it is gone when the server stops.
    pub in_memory: bool,
    /// An S3 bucket.
    pub s3: S3,
}

/// An S3 bucket. Endpoint and credentials come from the standard `AWS_*` variables.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    /// The bucket's name.
    pub bucket: Option<String>,
    /// Its region; `AWS_REGION` if not set.
    pub region: Option<String>,
    /// What the names of all objects begin with (`log` if not set). One bucket can hold several logs.
    pub prefix: Option<String>,
}

/// The largest things clients may send or ask for. Sizes are numbers of bytes or texts such as `16MiB`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// A request body.
    #[schemars(with = "String")]
    pub request_bytes: ByteSize,
    /// A key.
    #[schemars(with = "String")]
    pub key_bytes: ByteSize,
    /// A record's value.
    #[schemars(with = "String")]
    pub value_bytes: ByteSize,
    /// Records in one append.
    pub batch_records: usize,
    /// Records, or keys, in one page.
    pub page_records: usize,
    /// A page of a scan.
    #[schemars(with = "String")]
    pub page_bytes: ByteSize,
    /// Appends that wait or are being written at the same time.
    pub append_queue_requests: usize,
    /// Bytes of appends that are being received, wait, or are being written at the same time.
    #[schemars(with = "String")]
    pub append_queue_bytes: ByteSize,
    /// Requests that follow a key at the same time.
    pub followers: usize,
}

/// When segments are sealed. Both off by default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Segments {
    /// Seal a segment when it is this old, for example `1h`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub seal_interval: Option<Duration>,
    /// Seal a segment when this much is in it, for example `10GiB`.
    #[schemars(with = "Option<String>")]
    pub seal_bytes: Option<ByteSize>,
}

/// When appends become durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Durability {
    /// What nobody waits for is flushed at least this often.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub flush_interval: Duration,
    /// Flushes that somebody waits for start at least this far apart: higher costs latency, lower costs PUTs.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub flush_spacing: Duration,
}

/// How long anybody waits for anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// An append is answered within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub append: Duration,
    /// A read is answered within this time; a follower has its own `timeout_ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub read: Duration,
    /// A request's body has arrived within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub body: Duration,
    /// A stream that has nothing to say sends a comment this often.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub heartbeat: Duration,
    /// The object store answers a readiness check within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub check: Duration,
    /// The log is open within this time after the start.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub open: Duration,
    /// A stop ends within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub shutdown: Duration,
    /// A server that was fenced still says so to its clients for this long before it stops.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub fenced: Duration,
}

/// How much memory the server keeps data in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Blocks of data that were read.
    #[schemars(with = "String")]
    pub block_cache: ByteSize,
    /// Indexes and filters of data files.
    #[schemars(with = "String")]
    pub meta_cache: ByteSize,
    /// What the writer knows of the active segment's keys.
    #[schemars(with = "String")]
    pub key_table: ByteSize,
    /// Data that is not in data files yet. Appends wait when it is full.
    #[schemars(with = "String")]
    pub unflushed: ByteSize,
}

/// What is wrong with a configuration, in one line that names the setting.
#[derive(Debug)]
pub struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Default for Config {
    fn default() -> Self {
        let (limits, slate, http) = (
            Limits::default(),
            slate::Options::default(),
            HttpOptions::default(),
        );
        let bytes = |bytes: usize| ByteSize::b(bytes as u64);
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            log: "info,slatedb=warn,poem=warn".into(),
            storage: Storage::default(),
            limits: LimitsSection {
                request_bytes: bytes(limits.request_bytes),
                key_bytes: bytes(limits.key_bytes),
                value_bytes: bytes(limits.value_bytes),
                batch_records: limits.batch_records,
                page_records: limits.page_records,
                page_bytes: bytes(limits.page_bytes),
                append_queue_requests: limits.append_queue_requests,
                append_queue_bytes: bytes(limits.append_queue_bytes),
                followers: limits.followers,
            },
            segments: Segments::default(),
            durability: Durability {
                flush_interval: slate
                    .settings
                    .flush_interval
                    .unwrap_or(Duration::from_millis(100)),
                flush_spacing: slate.flush_spacing,
            },
            timeouts: Timeouts {
                append: slate.append_timeout,
                read: http.read_timeout,
                body: http.body_timeout,
                heartbeat: http.heartbeat,
                check: slate.check_timeout,
                open: slate.open_timeout,
                shutdown: Duration::from_secs(45),
                fenced: Duration::from_secs(2),
            },
            memory: Memory {
                block_cache: ByteSize::b(slate.block_cache_bytes),
                meta_cache: ByteSize::b(slate.meta_cache_bytes),
                key_table: ByteSize::b(slate.key_table_bytes),
                unflushed: bytes(slate.settings.max_unflushed_bytes),
            },
            cache: Cache::default(),
            slatedb: SlateDb::default(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Config::default().limits
    }
}

impl Default for Durability {
    fn default() -> Self {
        Config::default().durability
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Config::default().timeouts
    }
}

impl Default for Memory {
    fn default() -> Self {
        Config::default().memory
    }
}

impl Config {
    /// Reads the configuration: `file`, then the environment, then `flags` (a tree of only what was given).
    ///
    /// # Errors
    /// A [`Refusal`] for a file that cannot be read, an unknown setting, a value that does not parse, or settings
    /// that contradict each other.
    pub fn load(file: Option<&Path>, flags: impl Serialize) -> Result<Self, Refusal> {
        Self::from_sources(&Sources::read(file, flags)?)
    }

    fn from_sources(sources: &Sources) -> Result<Self, Refusal> {
        slatedb::refuse_unknown(sources)?;
        let mut config = sources.parsed()?;
        slatedb::settle(&mut config, sources)?;
        cache::check(&config, sources)?;
        config.validated()
    }

    /// The place of the data, and the path in it.
    pub fn place(&self) -> (Place, String) {
        let path = self
            .storage
            .s3
            .prefix
            .clone()
            .unwrap_or_else(|| slate::Options::default().path);
        let place = match (&self.storage.s3.bucket, self.storage.in_memory) {
            (Some(bucket), _) => Place::S3 {
                bucket: bucket.clone(),
                region: self.storage.s3.region.clone(),
            },
            (None, true) => Place::Memory,
            (None, false) => {
                let folder = self.storage.data_dir.clone();
                Place::Folder(folder.unwrap_or_else(|| PathBuf::from(".data")))
            }
        };
        (place, path)
    }

    /// The limits of the domain.
    pub fn limits(&self) -> Limits {
        let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        let limits = &self.limits;
        Limits {
            request_bytes: bytes(limits.request_bytes),
            key_bytes: bytes(limits.key_bytes),
            value_bytes: bytes(limits.value_bytes),
            batch_records: limits.batch_records,
            page_records: limits.page_records,
            page_bytes: bytes(limits.page_bytes),
            append_queue_requests: limits.append_queue_requests,
            append_queue_bytes: bytes(limits.append_queue_bytes),
            followers: limits.followers,
        }
    }

    /// The options of the store.
    pub fn store(&self) -> slate::Options {
        slate::Options {
            path: self.place().1,
            limits: self.limits(),
            seal: SealPolicy {
                interval: self.segments.seal_interval,
                bytes: self.segments.seal_bytes.map(|size| size.as_u64()),
            },
            flush_spacing: self.durability.flush_spacing,
            append_timeout: self.timeouts.append,
            close_timeout: self.timeouts.shutdown,
            check_timeout: self.timeouts.check,
            open_timeout: self.timeouts.open,
            key_table_bytes: self.memory.key_table.as_u64(),
            block_cache_bytes: self.memory.block_cache.as_u64(),
            meta_cache_bytes: self.memory.meta_cache.as_u64(),
            settings: self.settings(),
        }
    }

    /// The options of the HTTP side.
    pub fn http(&self) -> HttpOptions {
        HttpOptions {
            read_timeout: self.timeouts.read,
            body_timeout: self.timeouts.body,
            heartbeat: self.timeouts.heartbeat,
            ..HttpOptions::default()
        }
    }

    /// Names of the settings and sections at the top.
    fn sections() -> Vec<String> {
        let tree = figment::value::Value::serialize(Self::default());
        let dict = tree.ok().and_then(figment::value::Value::into_dict);
        dict.map_or_else(Vec::new, |dict| dict.into_keys().collect())
    }

    fn validated(self) -> Result<Self, Refusal> {
        let refuse = |message: &str| Err(Refusal(message.to_owned()));
        let storage = &self.storage;
        let places = [
            (storage.data_dir.is_some(), "storage.data_dir (--data-dir)"),
            (storage.in_memory, "storage.in_memory (--in-memory)"),
            (
                storage.s3.bucket.is_some(),
                "storage.s3.bucket (--s3-bucket)",
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
        if storage.s3.bucket.is_none() {
            for (set, name) in [
                (
                    storage.s3.region.is_some(),
                    "storage.s3.region (--s3-region)",
                ),
                (
                    storage.s3.prefix.is_some(),
                    "storage.s3.prefix (--s3-prefix)",
                ),
            ] {
                if set {
                    return refuse(&format!(
                        "{name} is set, but storage.s3.bucket (--s3-bucket) is not"
                    ));
                }
            }
        }
        if storage.s3.bucket.as_deref() == Some("") {
            return refuse("storage.s3.bucket (--s3-bucket) is empty");
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
                self.durability.flush_interval.is_zero(),
                "durability.flush_interval",
            ),
            (self.timeouts.append.is_zero(), "timeouts.append"),
            (self.timeouts.read.is_zero(), "timeouts.read"),
        ] {
            if zero {
                return refuse(&format!("{name} must be more than 0"));
            }
        }
        if self.limits.append_queue_bytes < self.limits.request_bytes {
            return refuse("limits.append_queue_bytes must not be less than limits.request_bytes");
        }
        tracing_subscriber::EnvFilter::try_new(&self.log)
            .map_err(|error| Refusal(format!("log: {error}")))?;
        slate::settings::check(&self.settings()).map_err(|error| slatedb::refusal(&error))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
