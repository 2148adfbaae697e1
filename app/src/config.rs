//! The configuration: one documented struct, from file, environment and flags.
//!
//! Later wins: defaults < file < environment (`LOG_…`, sections separated by two underscores) < flags.

mod azure;
mod cache;
mod checks;
mod cluster;
mod defaults;
pub mod environment_check;
mod file;
mod folder;
mod gcs;
mod http;
mod kinds;
mod limits;
pub mod location;
pub mod masked;
mod memory;
mod names;
mod near_misses;
mod numbers;
mod reader;
mod reference;
mod retention;
mod s3;
pub mod security;
mod setting_variables;
mod show;
mod slatedb;
mod sources;
#[cfg(test)]
mod tests;
mod timeouts;
mod tree;
mod wal;
mod yaml;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use clap::ValueEnum;
use log_adapters::http::{ForwardLimits, HttpOptions};
use log_adapters::objects::Place;
use log_adapters::store::slate;
use log_domain::{Limits, ProducerPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use azure::Azure;
pub use cache::{Cache, Preload};
pub use cluster::Cluster;
pub use gcs::Gcs;
pub use http::{Cors, Http};
pub use limits::LimitsSection;
pub use memory::Memory;
pub use reader::Reader;
pub use reference::reference;
pub use retention::{RetentionRule, RetentionSection};
pub use s3::{Encryption, S3};
pub use show::{load_shown, show};
pub use slatedb::SlateDb;
use sources::Sources;
pub use timeouts::{Shutdown, Timeouts};
pub use wal::{Wal, WalBucket, WalContainer, WalGcs};

/// How long it takes until nothing is routed to a pod that is not ready any more.
const LAME_DUCK_IN_KUBERNETES: Duration = Duration::from_secs(5);

/// A variable that is there in every pod.
const IN_KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

/// What a server of a log in a folder is called.
const IN_A_FOLDER: &str = "folder";

/// A forwarded request has so much more time than `timeouts.append`, which the writer gives it.
const FORWARDED: Duration = Duration::from_secs(5);

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on; `localhost` means 127.0.0.1. The default accepts connections from this machine only.
    #[serde(deserialize_with = "security::address")]
    pub host: IpAddr,
    /// The port to listen on. 0 selects a free port.
    pub port: u16,
    /// The log filter: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), and `target=level` for single
    /// components. Examples: `info`, `debug,slatedb=info`.
    pub log: String,
    /// The format of log lines: `text`, `json` (one object per line), or `auto`, which is text on a terminal and JSON
    /// otherwise.
    pub log_format: LogFormat,
    /// TLS for the main listener (`host` and `port`). Off unless both files are set.
    pub tls: security::Tls,
    /// Authentication and authorization. Without tokens, every client can read, append and delete.
    pub auth: security::Auth,
    /// A separate listener for metrics and health, without TLS and tokens. Off unless a port is set.
    pub admin: security::Admin,
    /// Access from browsers, and the host names that the server accepts.
    pub http: Http,
    /// Where data is stored: exactly one of a folder (the default, `.data`), memory, an S3 bucket, a Google Cloud
    /// Storage bucket, or an Azure Blob Storage container.
    pub storage: Storage,
    /// Only read the log, which another server writes. Appends, trims, deletions and moves of cursors are refused, or forwarded
    /// (`reader.writer_url`), nothing is written to the object store, and settings of writing have no effect.
    pub read_only: bool,
    /// How a read-only server follows the log. Only used with `read_only`.
    pub reader: Reader,
    /// Sharing the log with other nodes.
    pub cluster: Cluster,
    /// Limits on requests, records, pages and connections.
    pub limits: LimitsSection,
    /// When segments are sealed. Both settings are off by default. If both are set, the first limit that is reached
    /// seals the segment.
    pub segments: Segments,
    /// How much of the log stays. By default all of it does.
    pub retention: RetentionSection,
    /// How long the state of producers is kept.
    pub producers: Producers,
    /// When appends become durable.
    pub durability: Durability,
    /// Timeouts of requests, connections and the object store.
    pub timeouts: Timeouts,
    /// Shutdown.
    pub shutdown: Shutdown,
    /// Memory for caches, requests in flight and responses.
    pub memory: Memory,
    /// A cache of data files on a local disk. Off unless `cache.dir` is set. Losing or damaging it never affects the
    /// log.
    pub cache: Cache,
    /// Settings of the storage engine, SlateDB, under its own names.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub slatedb: SlateDb,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text if stderr is a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Text,
    /// An object on each line.
    Json,
}

/// Where data is stored: exactly one of a folder (the default, `.data`), memory, an S3 bucket, a Google Cloud Storage
/// bucket, or an Azure Blob Storage container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// A local folder.
    pub data_dir: Option<PathBuf>,
    /// Whether files in the local folder are synced to disk before a write counts as durable. With `false`, a power loss or a crash of the
    /// machine's kernel can lose records that were acknowledged as durable, and leave the log unusable; a crash of the server
    /// does not. For development and tests. It can be set for a local folder only.
    pub sync: bool,
    /// Keep all data in memory, for trials. It is lost when the server stops.
    pub in_memory: bool,
    /// An S3 bucket.
    pub s3: S3,
    /// A Google Cloud Storage bucket.
    pub gcs: Gcs,
    /// An Azure Blob Storage container.
    pub azure: Azure,
    /// Where the write-ahead log is stored. By default it is stored with the data.
    pub wal: Wal,
    /// The name that identifies this server among the servers of this log. It must stay the same over restarts and
    /// differ between servers. Default: `folder` for a log in a folder, otherwise the name of the machine or pod.
    pub instance: Option<String>,
    /// Take over the log even if the server that fenced this one has not released it, and take over a folder even if
    /// another server is still running on it.
    pub take_over: bool,
    /// Whether to create the log if it does not exist: `if_missing` or `never`. With `never`, the server does not start
    /// on an unmounted disk or in an emptied bucket. Set `never` once the log exists.
    pub create: Create,
}

/// Whether a log is begun where there is none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Create {
    /// Refuse to start.
    Never,
    /// Begin one.
    #[default]
    IfMissing,
}

/// When segments are sealed. Both off by default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Segments {
    /// Seal a segment when it reaches this age, for example `1h`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub seal_interval: Option<Duration>,
    /// Seal a segment when it reaches this size, for example `10GiB`.
    #[schemars(with = "Option<String>")]
    pub seal_bytes: Option<ByteSize>,
}

/// How long producers are known. How many are known at most is `limits.producers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Producers {
    /// The state of a producer is deleted after it has sent nothing for this long. Until then, requests that it sends
    /// again are applied only once.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub expire_after: Duration,
}

/// When appends become durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Durability {
    /// Appends that do not request durability are flushed at least this often.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub flush_interval: Duration,
    /// The minimum interval between the starts of flushes for appends that request durability. A higher value increases
    /// latency, a lower value increases the number of PUTs.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub flush_spacing: Duration,
}

/// What is wrong with a configuration, in one line that names the setting.
#[derive(Debug)]
pub struct Refusal(String);

impl Refusal {
    /// A line that names what is wrong.
    pub(crate) fn new(line: String) -> Self {
        Self(line)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Of an argument or a value that is quoted whole.
        const SHOWN: usize = 2_000;
        let line = masked::in_one_line(&self.0);
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &line[..end]),
            None => f.write_str(&line),
        }
    }
}

impl std::error::Error for Refusal {}

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
        cluster::poll_rarely(&mut config, sources);
        retention::collect_soon(&mut config, sources);
        cache::check(&config, sources)?;
        folder::check(&config, sources)?;
        config.validated()
    }

    /// The place of the data, and the path in it.
    pub fn place(&self) -> (Place, String) {
        let Storage { s3, gcs, azure, .. } = &self.storage;
        let (place, prefix) = if let Some(bucket) = &s3.bucket {
            (s3::place(s3, bucket, s3.region.as_ref()), &s3.prefix)
        } else if let Some(bucket) = &gcs.bucket {
            (gcs::place(gcs, bucket), &gcs.prefix)
        } else if let Some(container) = &azure.container {
            let account = azure.account.as_ref();
            (azure::place(azure, account, container), &azure.prefix)
        } else if self.storage.in_memory {
            (Place::Memory, &None)
        } else {
            (folder::place(&self.storage), &None)
        };
        let path = prefix.clone();
        (
            place,
            path.unwrap_or_else(|| slate::Options::default().path),
        )
    }

    /// The limits of the domain.
    pub fn limits(&self) -> Limits {
        let bytes = |size: ByteSize| usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        let limits = &self.limits;
        Limits {
            request_bytes: bytes(limits.request_bytes),
            key_bytes: bytes(limits.key_bytes),
            value_bytes: bytes(limits.value_bytes),
            record_headers: limits.record_headers,
            record_header_bytes: bytes(limits.record_header_bytes),
            batch_records: limits.batch_records,
            page_records: limits.page_records,
            page_bytes: bytes(limits.page_bytes),
            page_time: self.timeouts.read / 2,
            append_queue_requests: limits.append_queue_requests,
            append_queue_bytes: bytes(limits.append_queue_bytes),
            followers: limits.followers,
            follower_bytes: bytes(self.memory.streams),
            cursors: limits.cursors,
        }
    }

    /// The options of the store.
    pub fn store(&self) -> slate::Options {
        let (place, path) = self.place();
        slate::Options {
            path,
            create: self.storage.create == Create::IfMissing,
            verify_each_flush: matches!(place, Place::Folder(_)),
            instance: Some(slate::Instance {
                name: self.instance(),
                take_over: self.storage.take_over,
            }),
            limits: self.limits(),
            seal: self.seal(),
            producers: ProducerPolicy {
                expire_after: self.producers.expire_after,
                limit: self.limits.producers,
            },
            flush_spacing: self.durability.flush_spacing,
            append_timeout: self.timeouts.append,
            check_timeout: self.timeouts.check,
            open_timeout: self.timeouts.open,
            purge_within: self.retention.purge_within,
            key_table_bytes: self.memory.key_table.as_u64(),
            block_cache_bytes: self.memory.block_cache.as_u64(),
            meta_cache_bytes: self.memory.meta_cache.as_u64(),
            read_ahead_bytes: usize::try_from(self.memory.answers.as_u64() / 2)
                .unwrap_or(usize::MAX),
            settings: self.settings(),
            ..slate::Options::default()
        }
    }

    /// What this server is called among those of its log.
    pub fn instance(&self) -> String {
        match (&self.storage.instance, self.place().0) {
            (Some(given), _) => given.clone(),
            // One server at a time, whatever its machine is called today.
            (None, Place::Folder(_)) => IN_A_FOLDER.to_owned(),
            (None, _) => gethostname::gethostname().to_string_lossy().into_owned(),
        }
    }

    /// The options of the HTTP side.
    pub fn http(&self) -> HttpOptions {
        let options = HttpOptions {
            read_timeout: self.timeouts.read,
            body_timeout: self.timeouts.body,
            heartbeat: self.timeouts.heartbeat,
            held_streams: self.limits.followers,
            open_timeout: self.timeouts.open,
            answer_bytes: self.memory.answers.as_u64(),
            stream_bytes: self.memory.streams.as_u64(),
            read_only: self.read_only,
            console: self.http.console,
            writer_url: self.reader.writer_url.clone(),
            forward: ForwardLimits {
                request_bytes: usize::try_from(self.limits.request_bytes.as_u64())
                    .unwrap_or(usize::MAX),
                all_bytes: self.limits.append_queue_bytes.as_u64(),
                timeout: self.timeouts.append + FORWARDED,
            },
            ..HttpOptions::default()
        };
        match self.allowed() {
            Ok(allowed) => HttpOptions {
                origins: allowed.origins,
                hosts: allowed.hosts,
                operators_hosts: allowed.operators_hosts,
                ..options
            },
            // A configuration that was not loaded, and whose lists nobody checked.
            Err(_) => options,
        }
    }

    /// For how long a server that was told to stop goes on listening.
    pub fn lame_duck(&self) -> Duration {
        let in_kubernetes = std::env::var_os(IN_KUBERNETES).is_some();
        let default = if in_kubernetes {
            LAME_DUCK_IN_KUBERNETES
        } else {
            Duration::ZERO
        };
        self.shutdown.lame_duck.unwrap_or(default)
    }
}
