//! The configuration: one documented struct, from file, environment and flags.
//!
//! Later wins: defaults < file < environment (`LOG_…`, sections parted by two underscores) < flags.

mod azure;
mod cache;
mod checks;
mod defaults;
pub mod environment_check;
mod file;
mod gcs;
mod http;
mod kinds;
mod limits;
pub mod masked;
mod names;
mod near_misses;
mod numbers;
mod reference;
mod s3;
pub mod security;
mod setting_variables;
mod show;
mod slatedb;
mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod wal;
mod yaml;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use clap::ValueEnum;
use log_adapters::http::HttpOptions;
use log_adapters::objects::{Folder, Place};
use log_adapters::store::slate;
use log_domain::{Limits, ProducerPolicy, SealPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use azure::Azure;
pub use cache::{Cache, Preload};
pub use gcs::Gcs;
pub use http::{Cors, Http};
pub use limits::LimitsSection;
pub use reference::reference;
pub use s3::{Encryption, S3};
pub use show::show;
pub use slatedb::SlateDb;
use sources::Sources;
pub use wal::{Wal, WalBucket, WalContainer, WalGcs};

/// How long it takes until nothing is routed to a pod that is not ready any more.
const LAME_DUCK_IN_KUBERNETES: Duration = Duration::from_secs(5);

/// A variable that is there in every pod.
const IN_KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

/// What a server of a log in a folder is called.
const IN_A_FOLDER: &str = "folder";

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on, or `localhost` for 127.0.0.1. Only this machine can reach the default.
    #[serde(deserialize_with = "security::address")]
    pub host: IpAddr,
    /// The port to listen on; 0 picks a free one.
    pub port: u16,
    /// What to log, a level (`off`, `error`, `warn`, `info`, `debug`, `trace`) and `target=level` for parts, for example `info` or
    /// `debug,slatedb=info`.
    pub log: String,
    /// How lines of the log are written: `text` for people, `json` for programs, or `auto`: text on a terminal, else JSON.
    pub log_format: LogFormat,
    /// TLS for the address above. Off unless both files are given.
    pub tls: security::Tls,
    /// Who may do what. Without tokens everybody may do everything.
    pub auth: security::Auth,
    /// A listener of their own for metrics and health, without TLS and tokens. Off unless a port is given.
    pub admin: security::Admin,
    /// What browsers may do, and the names that the server answers to.
    pub http: Http,
    /// Where data lives: a folder (the default, `.data`), memory, an S3 bucket, a bucket of Google Cloud Storage, or a container
    /// of Azure Blob Storage; one of them.
    pub storage: Storage,
    /// The largest things clients may send or ask for.
    pub limits: LimitsSection,
    /// When segments are sealed. Both off by default; with both, whichever comes first.
    pub segments: Segments,
    /// How long producers are known.
    pub producers: Producers,
    /// When appends become durable.
    pub durability: Durability,
    /// How long anybody waits for anything.
    pub timeouts: Timeouts,
    /// How the server stops.
    pub shutdown: Shutdown,
    /// How much memory the server keeps data in.
    pub memory: Memory,
    /// A cache of data files on a local disk, off unless `cache.dir` is set. It may be lost or damaged at any time.
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

/// Where data lives: a folder (the default, `.data`), memory, an S3 bucket, a bucket of Google Cloud Storage, or a
/// container of Azure Blob Storage; one of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// A folder of this machine.
    pub data_dir: Option<PathBuf>,
    /// Keep everything in memory, for trying things out: it is gone when the server stops.
    pub in_memory: bool,
    /// An S3 bucket.
    pub s3: S3,
    /// A bucket of Google Cloud Storage.
    pub gcs: Gcs,
    /// A container of Azure Blob Storage.
    pub azure: Azure,
    /// Where the write-ahead log lives; with the data, if nothing is said.
    pub wal: Wal,
    /// What this server is called among those that serve this log, one after the other: the same after a restart, and
    /// another for any other server. If not set: `folder` for a log in a folder, else the name of the machine or pod.
    pub instance: Option<String>,
    /// Take the log over even from a server that took it over from this one and has not let go of it, and a folder
    /// from a server that is still running on it.
    pub take_over: bool,
    /// Whether a log is begun where there is none: `if_missing`, or `never`, which refuses to start on a disk that is
    /// not mounted or in a bucket that was emptied. Set `never` once the log exists.
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
    /// Seal a segment when it is this old, for example `1h`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub seal_interval: Option<Duration>,
    /// Seal a segment when this much is in it, for example `10GiB`.
    #[schemars(with = "Option<String>")]
    pub seal_bytes: Option<ByteSize>,
}

/// How long producers are known. How many are known at most is `limits.producers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Producers {
    /// A producer that sends nothing for this long is forgotten. Until then its requests can be sent again, and are applied once.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub expire_after: Duration,
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
    /// A TLS handshake, and the head of a request, have arrived within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub headers: Duration,
    /// A request's body has arrived within this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub body: Duration,
    /// A connection without a request, or that takes nothing of its answer, is closed after this time.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub idle: Duration,
    /// When a request is answered before all of it has arrived, the rest is read and discarded for at most this time, so that the
    /// client can send it and then read the answer (and 64 MiB, and until nothing comes for 5 s). `0s`: not at all.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub linger: Duration,
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
}

/// How the server stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// A stop ends within this time. Keep it below the grace period of whatever stops the server.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// For how long the server is not ready but still serves, so that load balancers notice, before it stops
    /// listening. `5s` in Kubernetes, `0s` elsewhere, unless set.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub lame_duck: Option<Duration>,
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
    /// Heads of requests in flight, and 8 KiB for each; more requests are answered 429. At least 8 times `limits.header_bytes`.
    #[schemars(with = "String")]
    pub requests: ByteSize,
    /// Pages of records and keys that were not written out to their clients yet; more is answered 429, and one connection takes no
    /// more than a quarter. As many pages as fit into it are read at the same time, which takes as much again.
    #[schemars(with = "String")]
    pub answers: ByteSize,
    /// Events of streams that were not written out to their clients yet; streams wait 10 s for room, then they end, and one
    /// connection takes no more than a quarter. As much again for records that wait for followers, who otherwise read them from
    /// the store.
    #[schemars(with = "String")]
    pub streams: ByteSize,
    /// Data that is not in data files yet. Appends wait when it is full.
    #[schemars(with = "String")]
    pub unflushed: ByteSize,
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
        cache::check(&config, sources)?;
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
            let path = self.storage.data_dir.clone();
            let folder = Folder {
                path: path.unwrap_or_else(|| PathBuf::from(".data")),
                create: self.storage.create == Create::IfMissing,
                take_over: self.storage.take_over,
            };
            (Place::Folder(folder), &None)
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
            append_queue_requests: limits.append_queue_requests,
            append_queue_bytes: bytes(limits.append_queue_bytes),
            followers: limits.followers,
            follower_bytes: bytes(self.memory.streams),
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
            seal: SealPolicy {
                interval: self.segments.seal_interval,
                bytes: self.segments.seal_bytes.map(|size| size.as_u64()),
            },
            producers: ProducerPolicy {
                expire_after: self.producers.expire_after,
                limit: self.limits.producers,
            },
            flush_spacing: self.durability.flush_spacing,
            append_timeout: self.timeouts.append,
            check_timeout: self.timeouts.check,
            open_timeout: self.timeouts.open,
            key_table_bytes: self.memory.key_table.as_u64(),
            block_cache_bytes: self.memory.block_cache.as_u64(),
            meta_cache_bytes: self.memory.meta_cache.as_u64(),
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
