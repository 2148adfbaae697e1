//! Opening a log: fencing the writer before, and finding out where it stopped.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use log_domain::sequencer::{EngineNumber, Policy, Recovered, Sequencer};
use log_domain::{Error, Result};
use slatedb::config::{CloseOptions, FlushType};
use slatedb::{CloseReason, Db};
use slatedb_common::clock::SystemClock as _;
use tokio::sync::OnceCell;

use crate::object_prefix::check_prefix;

use super::background_lookups::BackgroundLookups;
use super::before::{self, Found};
use super::caches;
use super::compaction::Removed;
use super::compactor::{Compactor, CompactorParts};
use super::cursors::Cursors;
use super::engine_clock::EngineClock;
use super::filters::filters;
use super::key_floors::FloorsOfKeys;
use super::layout::prefix::BySegment;
use super::opening_reads::OpeningReads;
use super::options::{Claim, Options, StoreParts};
use super::prefix_removal::PrefixRemoval;
use super::purge::{self, Purge};
use super::queue::Queue;
use super::read_ahead::ReadAhead;
use super::removal::Removal;
use super::removal_requests::Requests;
use super::rounds;
use super::shared::Shared;
use super::stored_state::{self, StoredState};
use super::stored_watermark::{self, StoredWatermark};
use super::unlisting::Unlisting;
use super::wal_files::WalFiles;
use super::writer::Writer;
use super::{SlateStore, compaction, engine_status, error, flush, used_timestamps};

/// How often a changed durable watermark is stored: in a bucket, where each PUT is billed, and in stores where it is
/// nearly free.
const WATERMARK_EVERY: Duration = Duration::from_secs(60);
const WATERMARK_EVERY_CHEAP: Duration = Duration::from_secs(1);

impl SlateStore {
    /// Opens the log at `options.path`, or begins it if that is allowed. The writer before, if it still runs, is fenced.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another server took the log over from this one (see [`Instance`]), or does at this moment.
    /// [`Error::Unavailable`] when the object store does not answer in time; [`Error::Corrupt`] when what is there
    /// is not a log of this version; [`Error::Invalid`] for settings that SlateDB refuses, another place of the
    /// WAL than the log began with, a path that not all objects would lie below, and where there is no log and none is
    /// to be begun.
    pub async fn open(parts: StoreParts, options: Options) -> Result<Self> {
        open_in_time(parts, options, &[], ready(Ok(Claim::default()))).await
    }

    /// As [`open`](Self::open), once `claim` says that it may. What changes nothing is done meanwhile.
    ///
    /// # Errors
    /// That of `claim`, or as [`open`](Self::open).
    pub async fn open_claimed(
        mut parts: StoreParts,
        mut options: Options,
        claim: impl Future<Output = Result<Claim>> + Send,
    ) -> Result<Self> {
        let reads = opening_reads(&mut parts, &mut options);
        let opened = open_in_time(parts, options, &reads, claim).await;
        reads.iter().for_each(|reads| reads.end());
        opened
    }
}

/// Has the opening read from stores that know what it reads.
fn opening_reads(parts: &mut StoreParts, options: &mut Options) -> Vec<Arc<OpeningReads>> {
    let wal = options.wal.as_mut().map(|wal| &mut wal.objects);
    let stores = std::iter::once(&mut parts.objects).chain(wal);
    let reads = stores.map(|objects| {
        let reads = Arc::new(OpeningReads::of(Arc::clone(objects)));
        *objects = Arc::clone(&reads) as Arc<_>;
        reads
    });
    reads.collect()
}

async fn open_in_time(
    parts: StoreParts,
    options: Options,
    reads: &[Arc<OpeningReads>],
    claim: impl Future<Output = Result<Claim>> + Send,
) -> Result<SlateStore> {
    let limit = options.open_timeout;
    match tokio::time::timeout(limit, open(parts, options, reads, claim).boxed()).await {
        Ok(opened) => opened,
        Err(_) => Err(Error::unavailable(format!(
            "the object store did not answer within {} ms",
            limit.as_millis()
        ))),
    }
}

async fn open(
    parts: StoreParts,
    options: Options,
    reads: &[Arc<OpeningReads>],
    claim: impl Future<Output = Result<Claim>> + Send,
) -> Result<SlateStore> {
    check_prefix(&options.path).map_err(Error::invalid)?;
    let wal_files = WalFiles::offered_to(options.feed.clone(), &options.path);
    let Found {
        claim,
        found,
        ownership,
        recorded,
        latest_ms,
    } = before::look(&parts, &options, &wal_files, claim).await?;
    for reads in reads {
        match claim.writer_has_closed {
            true => reads.repeat(),
            false => reads.forget(),
        }
    }
    let clock = Arc::new(EngineClock::new(&*parts.clock));
    let removed = Removed::default();
    let engine = Opening {
        parts: &parts,
        options: &options,
        claim,
        clock: &clock,
        wal_files: &wal_files,
        removed: &removed,
    };
    let (db, stored) = engine.open(latest_ms).await?;
    let StoredState {
        mut state,
        segments: known,
        producers,
        cursors,
        floors,
        ..
    } = stored;
    let last_number = EngineNumber::new(db.status().durable_seq);
    match recorded.floor(last_number.watermark()) {
        Ok(floor) => state.bound = state.bound.max(floor),
        Err(refusal) => {
            close_as_it_is(db).await;
            return Err(refusal);
        }
    }
    if recorded.accepts_loss() {
        // So that no later start reads what is damaged: it has to be accepted once.
        flush::flush(&db, FlushType::MemTable).await?;
    }
    let recovered = Recovered {
        state,
        active: known.last().copied(),
        last_number,
        producers,
        purges: floors.purges.clone(),
        has_key_floors: floors.of_keys,
        prefix_floors: floors.prefixes.clone(),
        cursors: cursors.clone(),
    };
    let policy = Policy {
        seal: options.seal,
        key_table_bytes: options.key_table_bytes,
        producers: options.producers,
        cursors: options.limits.cursors,
    };
    let sequencer = Sequencer::recover(recovered, policy)?;
    let presence = found.identified(&*parts.clock, &options, Arc::clone(&wal_files));
    let presence = Arc::new(presence.await?);
    let tip = sequencer.tip();
    let watermark = Arc::new(StoredWatermark::new(
        Arc::clone(&parts.objects),
        recorded,
        tip,
        last_number.watermark(),
    ));
    let found = (
        sequencer.floor(),
        FloorsOfKeys::found(floors),
        Cursors::found(cursors),
    );
    let shared = Arc::new(Shared::new(tip, found, known, parts.listener));
    let compacts = options.settings.compactor_options.is_some();
    let compactor = CompactorParts {
        db: db.clone(),
        shared: Arc::clone(&shared),
        objects: parts.objects,
        path: options.path,
        settings: options.settings,
        clock,
        recorder: parts.recorder,
        seed: parts.seed,
        removed: removed.clone(),
        slots: options.merges.map(|merges| Arc::new(merges.join())),
    };
    // Last, so that a failed open records no owner; the log is open without it.
    if let Some(ownership) = &ownership
        && let Err(error) = ownership.take().await
    {
        tracing::warn!(%error, "could not store the owner of the log");
    }
    let (queue, receiver) = Queue::new(&options.limits, options.append_timeout);
    let requests = Requests::new(Arc::clone(&shared), queue.writer());
    let removal = Removal {
        db: db.clone(),
        shared: Arc::clone(&shared),
        requests: requests.clone(),
        dead: removed.dead,
        telemetry: Arc::clone(&parts.telemetry),
    };
    let every = options.remove_every;
    tokio::spawn(rounds::run(removal, every, every));
    let unlisting = || Unlisting {
        db: db.clone(),
        shared: Arc::clone(&shared),
        requests: requests.clone(),
    };
    let pause = purge::pause(options.purge_within, every);
    let purge = Purge {
        db: db.clone(),
        shared: Arc::clone(&shared),
        clock: Arc::clone(&parts.clock),
        unlisting: unlisting(),
        requests: requests.clone(),
        deleted: Arc::clone(&removed.deleted),
        rewrites: compacts.then_some(removed.rewrites),
        within: options.purge_within,
        pause,
    };
    tokio::spawn(rounds::run(purge, pause, pause * purge::AFTER_FAILURE));
    let of_prefixes = PrefixRemoval {
        unlisting: unlisting(),
        deleted: removed.deleted,
    };
    tokio::spawn(rounds::run(of_prefixes, every, every));
    let writer = Writer {
        status: db.subscribe(),
        db: db.clone(),
        shared: Arc::clone(&shared),
        clock: Arc::clone(&parts.clock),
        telemetry: parts.telemetry,
        sequencer,
        lookups: BackgroundLookups::new(db.clone(), shared.key_floors.clone()),
        dirty: false,
    };
    tokio::spawn(writer.run(receiver));
    tokio::spawn(flush::flush_on_demand(
        db.clone(),
        Arc::clone(&shared),
        options.flush_spacing,
    ));
    tokio::spawn(engine_status::watch(
        db.clone(),
        Arc::clone(&shared),
        Arc::clone(&presence),
        options.feed.unwrap_or_default(),
    ));
    let every = match options.verify_each_flush {
        true => WATERMARK_EVERY_CHEAP,
        false => WATERMARK_EVERY,
    };
    let (kept, of) = (Arc::clone(&watermark), Arc::clone(&shared));
    tokio::spawn(stored_watermark::keep(kept, of, every));
    Ok(SlateStore {
        db,
        shared,
        read_ahead: ReadAhead::new(options.read_ahead_bytes),
        clock: parts.clock,
        presence,
        wal_files,
        queue,
        check_timeout: options.check_timeout,
        ownership,
        watermark,
        compactor: (compacts && options.compactor_follows).then(|| Compactor::start(compactor)),
        flushed: OnceCell::new(),
        quiesced: OnceCell::new(),
        closed: OnceCell::new(),
    })
}

/// What the engine is opened with.
struct Opening<'a> {
    parts: &'a StoreParts,
    options: &'a Options,
    claim: Claim,
    clock: &'a Arc<EngineClock>,
    wal_files: &'a Arc<WalFiles>,
    removed: &'a Removed,
}

impl Opening<'_> {
    /// Opens the engine under a clock that is behind nothing that the writer before has named.
    ///
    /// That writer continues until it is fenced, and a clock that is ahead of this one names files later than ours. SlateDB would
    /// refuse the names of the files that it writes while it opens, and stop. Once it is fenced it names no more, so an engine
    /// that has stopped is opened once more, even if this clock has passed those names meanwhile. One that stops before all
    /// is read fails the reading too.
    async fn open(&self, mut known: i64) -> Result<(Db, StoredState)> {
        let mut opened_again = false;
        loop {
            self.clock.never_before(known);
            let found = self.find().await;
            if matches!(found, Err(Error::Fenced)) {
                return found;
            }
            let latest = match self.claim.writer_has_closed {
                true => Ok(known),
                false => used_timestamps::latest_ms(&self.parts.objects, &self.options.path).await,
            };
            match latest {
                Ok(latest)
                    if latest > self.clock.now().timestamp_millis()
                        || !opened_again
                            && found
                                .as_ref()
                                .map_or(latest > known, |(db, _)| has_stopped(db)) =>
                {
                    opened_again = true;
                    known = latest;
                    tracing::info!(
                        "the previous writer was still writing, with a clock ahead of this one: opening again"
                    );
                    if let Ok((db, _)) = found {
                        close_as_it_is(db).await;
                    }
                }
                Ok(_) => {
                    let (db, stored) = found?;
                    // Every commit writes the state, so this is when the last one was made.
                    self.clock.never_before(stored.last_write_ms);
                    return Ok((db, stored));
                }
                Err(failure) => return found.and(Err(failure)),
            }
        }
    }

    async fn find(&self) -> Result<(Db, StoredState)> {
        let db = self.build().await?;
        let stored = stored_state::read(&db).await?;
        Ok((db, stored))
    }

    async fn build(&self) -> Result<Db> {
        let (parts, options) = (self.parts, self.options);
        let objects = match &options.wal {
            Some(_) => Arc::clone(&parts.objects),
            None => self.wal_files.watch(Arc::clone(&parts.objects)),
        };
        let mut settings = options.settings.clone();
        let compactor = match options.compactor_follows {
            true => None,
            false => compaction::builder(
                &options.path,
                &objects,
                &options.settings,
                self.removed,
                None,
            ),
        };
        if options.compactor_follows {
            settings.compactor_options = None;
        }
        let (caches, number) = caches::of(options);
        let mut builder = Db::builder(options.path.as_str(), objects)
            .with_settings(settings)
            .with_system_clock(Arc::clone(self.clock) as Arc<_>)
            .with_segment_extractor(Arc::new(BySegment))
            .with_filter_policies(filters())
            .with_db_cache(caches, number)
            .with_metrics_recorder(Arc::clone(&parts.recorder));
        if let Some(compactor) = compactor {
            builder = builder.with_compactor_builder(compactor);
        }
        if let Some(wal) = &options.wal {
            let wal = self.wal_files.watch(Arc::clone(&wal.objects));
            builder = builder.with_wal_object_store(wal);
        }
        if let Some(seed) = parts.seed {
            builder = builder.with_seed(seed);
        }
        builder.build().await.map_err(|error| match error.kind() {
            slatedb::ErrorKind::Invalid => Error::invalid(error.to_string()),
            _ => error::read(error),
        })
    }
}

/// Whether the engine has failed already.
fn has_stopped(db: &Db) -> bool {
    let reason = db.status().close_reason;
    reason.is_some_and(|reason| reason != CloseReason::Fenced)
}

/// Closes an engine that nothing was written with.
async fn close_as_it_is(db: Db) {
    let nothing = CloseOptions::default().with_flush_type(None);
    // Whatever it says, it is fenced by the next one.
    let _ = db.close_with_options(nothing).await;
}
