//! The parts that exist once for each log: its store, its followers, its readiness.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use log_adapters::http::Writer;
use log_adapters::objects::writes::FailingWrites;
use log_adapters::store::slate::{
    self, Caches, Claim, MergeSlots, ReadOnlyStore, ServedStore, SlateStore, WalStore,
};
use log_adapters::telemetry::{GaugeValues, Metrics, StoredValues};
use log_domain::cluster::{Partition, Partitions};
use log_domain::follow::Followers;
use log_domain::{Clock, CommitFeed, CursorsQuery, Error, LogService, Result, Retention, Stopped};
use tokio::sync::watch;

use crate::config::Config;
use crate::readiness::Readiness;
use crate::retention;
use crate::storage::Stores;
use crate::vital::VitalTasks;
use crate::write_health;
use crate::writer_following::WriterFollowing;

/// What a log takes from outside.
pub(crate) struct LogParts {
    /// Where it is kept.
    pub(crate) stores: Stores,
    /// Where timestamps come from.
    pub(crate) clock: Arc<dyn Clock>,
    /// See [`slate::StoreParts::seed`].
    pub(crate) seed: Option<u64>,
    /// The server that writes the log, if this one only reads it and knows that.
    pub(crate) writer: Option<Arc<dyn Writer>>,
    /// What read-only servers are told, if this one writes the log.
    pub(crate) feed: Option<Arc<CommitFeed>>,
    /// Which partition it is, if it is one of a cluster.
    pub(crate) partition: Option<PartitionParts>,
}

/// What makes a log a partition of a cluster.
pub(crate) struct PartitionParts {
    /// The partition.
    pub(crate) partition: Partition,
    /// All partitions.
    pub(crate) of: Partitions,
    /// Where it is kept.
    pub(crate) path: String,
    /// Whether this node has claimed it.
    pub(crate) claim: BoxFuture<'static, Result<Claim>>,
    /// The caches that the partitions of a node share.
    pub(crate) caches: Caches,
    /// The slots for merges that they share.
    pub(crate) merges: MergeSlots,
}

/// An open log.
pub(crate) struct Log {
    service: Arc<LogService<ServedStore>>,
    feed: Option<Arc<CommitFeed>>,
    readiness: Arc<Readiness>,
    writes: Arc<FailingWrites>,
    clock: Arc<dyn Clock>,
    /// Not ready any more.
    stopping: watch::Sender<bool>,
    tasks: VitalTasks,
}

impl Log {
    /// Opens a log, which counts in `metrics`.
    ///
    /// # Errors
    /// As [`SlateStore::open_claimed`] for a partition, [`SlateStore::open`] for another log that is written, or [`ReadOnlyStore::open`].
    pub(crate) async fn open(config: &Config, parts: LogParts, metrics: &Metrics) -> Result<Self> {
        let limits = config.limits();
        let rules = config
            .retention_rules()
            .map_err(|why| Error::invalid(why.to_string()))?;
        let followers = Arc::new(Followers::new(&limits));
        let writes = Arc::new(FailingWrites::default());
        let Stores { objects, wal } = parts.stores;
        let clock = parts.clock;
        let store = slate::StoreParts {
            objects: writes.watch(objects),
            clock: Arc::clone(&clock),
            listener: Arc::clone(&followers) as Arc<_>,
            telemetry: Arc::new(metrics.clone()),
            recorder: metrics.slatedb(),
            seed: parts.seed,
        };
        let feed = parts.feed.filter(|_| !config.read_only);
        let mut options = slate::Options {
            feed: feed.clone(),
            wal: wal.map(|wal| WalStore {
                objects: writes.watch(wal.objects),
                ..wal
            }),
            ..config.store()
        };
        let mut retention = config.retention();
        let partition = parts.partition;
        let partition = partition.map(|partition| partition.applied(&mut options, &mut retention));
        let (partition, claim) = partition.unzip();
        let tasks = VitalTasks::default();
        let (stopping, is_stopping) = watch::channel(false);
        let store = match config.read_only {
            true => {
                let opened = ReadOnlyStore::open(store, options, config.reader());
                let opened = opened.await?;
                if let Some(writer) = parts.writer {
                    let following = WriterFollowing {
                        writer,
                        token: config.reader.writer_token_file.clone(),
                    };
                    let progress = opened.writer_progress();
                    tasks.spawn(
                        "following the writer",
                        following.run(progress, is_stopping.clone()),
                    );
                }
                ServedStore::ReadOnly(Box::new(opened))
            }
            false => {
                let opened = match claim {
                    Some(claim) => SlateStore::open_claimed(store, options, claim).await,
                    None => SlateStore::open(store, options).await,
                };
                ServedStore::Writer(Box::new(opened?))
            }
        };
        let telemetry = Arc::new(metrics.clone());
        let service = LogService::new(store, followers, telemetry, limits);
        let service = Arc::new(match partition {
            Some((partition, of)) => service.as_partition(partition, of),
            None => service,
        });
        let readiness = Readiness::new(Arc::clone(&service), Arc::clone(&writes), is_stopping);
        let readiness = Arc::new(readiness);
        if partition.is_none() {
            // Of a node of a cluster nobody asks whether one partition is ready.
            readiness.keep_asking();
        }
        write_health::keep_telling(&writes);
        if !config.read_only {
            retention::keep_trimming(
                &service,
                (retention, rules),
                config.seal(),
                Arc::clone(&clock),
                &tasks,
            );
        }
        Ok(Self {
            service,
            feed,
            readiness,
            writes,
            clock,
            stopping,
            tasks,
        })
    }

    /// Shows it in `metrics`, as the only log of the process.
    pub(crate) fn count_in(self: &Arc<Self>, metrics: &Metrics) {
        metrics.watch(while_there(self, Self::gauges));
        metrics.watch_stored(while_there(self, Self::stored));
        metrics.watch_cursors(while_there(self, Self::cursor_lags));
    }

    /// Its state.
    pub(crate) fn gauges(&self) -> GaugeValues {
        let fail = self.writes.longest();
        GaugeValues {
            status: self.service.status(),
            floor: self.service.floor().get(),
            followers: self.service.followers() as u64,
            ready: self.readiness.is_ready(),
            writes_fail: fail.map_or(Duration::ZERO, |fail| fail.since),
        }
    }

    /// What is stored of it.
    pub(crate) fn stored(&self) -> StoredValues {
        let stored = self.service.stored();
        let age = |since_ms: i64| {
            let age_ms = self.clock.now_ms().saturating_sub(since_ms);
            Duration::from_millis(age_ms.max(0).cast_unsigned())
        };
        let oldest = stored.first();
        let has_records = self.service.floor() < self.service.watermarks().tip;
        let with_records = oldest.filter(|_| has_records);
        StoredValues {
            bytes: stored.iter().map(|segment| segment.bytes).sum(),
            oldest_segment: oldest
                .map_or(Duration::ZERO, |oldest| age(oldest.segment.start_time_ms)),
            oldest_record: with_records.map_or(Duration::ZERO, |oldest| age(oldest.oldest_ms)),
        }
    }

    /// Its cursors and their lags.
    pub(crate) fn cursor_lags(&self) -> Vec<(String, u64)> {
        let all = CursorsQuery {
            limit: usize::MAX,
            ..CursorsQuery::default()
        };
        // The store has them in memory, and answers at once.
        let page = self.service.cursors(&all).now_or_never();
        let cursors = page.and_then(Result::ok).map(|page| page.cursors);
        let cursors = cursors.unwrap_or_default().into_iter();
        let lags = cursors.map(|cursor| (cursor.name.to_string(), self.service.lag(&cursor)));
        lags.collect()
    }

    /// What it offers.
    pub(crate) fn service(&self) -> &Arc<LogService<ServedStore>> {
        &self.service
    }

    /// What read-only servers are told of it, if it is written here.
    pub(crate) fn feed(&self) -> Option<&Arc<CommitFeed>> {
        self.feed.as_ref()
    }

    /// Resolves when it can no longer be served: another server took over, or a part of this one failed.
    pub(crate) async fn broken(&self) -> Stopped {
        tokio::select! {
            why = self.service.stopped() => why,
            () = self.tasks.one_panicked() => Stopped::Failed,
        }
    }

    /// Whether it should be sent requests.
    pub(crate) fn readiness(&self) -> &Arc<Readiness> {
        &self.readiness
    }

    /// From now on it is not ready.
    pub(crate) fn stop_being_ready(&self) {
        self.stopping.send_replace(true);
    }
}

impl PartitionParts {
    /// Has `options` and `retention` be those of the partition. Answers which one it is, and whether this node has claimed it.
    fn applied(
        self,
        options: &mut slate::Options,
        retention: &mut Retention,
    ) -> ((Partition, Partitions), BoxFuture<'static, Result<Claim>>) {
        let number = u64::from(self.of.number());
        retention.max_bytes = retention.max_bytes.map(|bytes| (bytes / number).max(1));
        options.path = self.path;
        options.compactor_follows = true;
        // The cluster keeps who has it.
        options.instance = None;
        options.caches = Some(self.caches);
        options.merges = Some(self.merges);
        options.key_table_bytes /= number;
        ((self.partition, self.of), self.claim)
    }
}

/// What `log` shows for as long as it is there.
fn while_there<V: Default + 'static>(
    log: &Arc<Log>,
    value: fn(&Log) -> V,
) -> Arc<dyn Fn() -> V + Send + Sync> {
    let log = Arc::downgrade(log);
    Arc::new(move || log.upgrade().map(|log| value(&log)).unwrap_or_default())
}
