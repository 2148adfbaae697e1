//! What a store is opened with.

use std::sync::Arc;
use std::time::Duration;

use log_domain::ports::Telemetry;
use log_domain::{Clock, CommitFeed, CommitListener, Limits, ProducerPolicy, SealPolicy};
use object_store::ObjectStore;
use slatedb::config::Settings;
use slatedb_common::metrics::MetricsRecorder;

use super::caches::Caches;
use super::merge_slots::MergeSlots;
use super::owner::Instance;
use super::settings;
use super::wal_place::WalStore;

/// Options of a store. Every duration bounds a wait.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where in the object store the log lies.
    pub path: String,
    /// A store for the WAL alone; with the data if not given. It cannot be changed once the log has begun.
    pub wal: Option<WalStore>,
    /// Whether a log is begun where there is none.
    pub create: bool,
    /// Whether the compactor starts when the log is open, and not as a part of opening it: that opens with a third fewer requests that wait for
    /// each other. Such a compactor does not use the cache on disk, and what it writes is not in the caches before it is read.
    pub compactor_follows: bool,
    /// Whether each flush is followed by a look at whether the log is still there, before it counts as durable. Checks
    /// look in any case. For stores where that costs next to nothing.
    pub verify_each_flush: bool,
    /// What this server is called, if it should not take the log back from one that took it over.
    pub instance: Option<Instance>,
    /// Bounds of the append queue, and of the number of cursors.
    pub limits: Limits,
    /// When segments are sealed.
    pub seal: SealPolicy,
    /// How long producers are known, and how many.
    pub producers: ProducerPolicy,
    /// Minimum interval between the starts of two flushes for durable appends: trades the cost of PUTs against the
    /// latency of durable appends.
    pub flush_spacing: Duration,
    /// An append is answered within this time.
    pub append_timeout: Duration,
    /// A check ends within this time.
    pub check_timeout: Duration,
    /// Opening ends within this time.
    pub open_timeout: Duration,
    /// How often to look whether segments have fallen below the floor, whose rows and files can then be removed.
    pub remove_every: Duration,
    /// Nothing of a deleted key is to be stored after this time.
    pub purge_within: Duration,
    /// Memory for the writer's key table, in bytes.
    pub key_table_bytes: u64,
    /// Caches that several logs of the process share; of its own without them.
    pub caches: Option<Caches>,
    /// Slots for merges that several logs of the process share, if the compactor [follows](Self::compactor_follows); without them, the settings of SlateDB
    /// limit the merges of the log.
    pub merges: Option<MergeSlots>,
    /// Memory for blocks of data, in bytes.
    pub block_cache_bytes: u64,
    /// Memory for indexes and filters, in bytes.
    pub meta_cache_bytes: u64,
    /// Bytes that reads of many keys fetch ahead of the pages that they are asked for, all together.
    pub read_ahead_bytes: usize,
    /// Where durable commits are offered to read-only servers, if they are.
    pub feed: Option<Arc<CommitFeed>>,
    /// SlateDB's own settings.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            path: "log".into(),
            wal: None,
            create: true,
            compactor_follows: false,
            verify_each_flush: false,
            instance: None,
            limits: Limits::default(),
            seal: SealPolicy::default(),
            producers: ProducerPolicy::default(),
            flush_spacing: Duration::ZERO,
            append_timeout: Duration::from_secs(30),
            check_timeout: Duration::from_secs(2),
            open_timeout: Duration::from_secs(60),
            // A look costs nothing, and what a trim left behind may wait that long.
            remove_every: Duration::from_secs(1),
            purge_within: Duration::from_secs(24 * 60 * 60),
            key_table_bytes: 128 * MIB,
            caches: None,
            merges: None,
            block_cache_bytes: 128 * MIB,
            meta_cache_bytes: 64 * MIB,
            read_ahead_bytes: 256 * MIB as usize,
            feed: None,
            settings: settings::bounded(),
        }
    }
}

/// That a log may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim {
    /// Whether the writer before is known to have stopped: its clock names no more files, and what was read a moment ago is still so.
    pub writer_has_closed: bool,
}

/// What a store is made of.
pub struct StoreParts {
    /// Where the log is kept.
    pub objects: Arc<dyn ObjectStore>,
    /// Where timestamps come from.
    pub clock: Arc<dyn Clock>,
    /// Who hears of commits.
    pub listener: Arc<dyn CommitListener>,
    /// Who hears of group commits.
    pub telemetry: Arc<dyn Telemetry>,
    /// Where SlateDB counts.
    pub recorder: Arc<dyn MetricsRecorder>,
    /// For a simulation only: SlateDB's source of randomness. Two servers with the same seed break fencing.
    pub seed: Option<u64>,
}
