//! The compactor of a log that is open already.
//!
//! A database that SlateDB opens with a compactor is open when the compactor has claimed the manifest and the list of compactions, 12 requests
//! later. This one starts beside a database that is open. It belongs to the writer: one that another compactor has fenced claims again as long as
//! its database is not fenced. So a writer before that is slow to notice that it is fenced takes the compactor of its successor for a moment at
//! most, and never takes it back, because each claims only what it found while it was the writer.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Error, Stopped};
use object_store::ObjectStore;
use slatedb::compactor as engine;
use slatedb::config::Settings;
use slatedb::{CloseReason, Db, ErrorKind};
use slatedb_common::clock::SystemClock;
use slatedb_common::metrics::MetricsRecorder;
use tokio::sync::watch;

use super::compaction::{self, Removed};
use super::compactor_clock::CompactorClock;
use super::engine_clock::EngineClock;
use super::filters::filters;
use super::merge_slots::{LogSlots, Merges};
use super::shared::{Shared, Vital};
use super::{error, used_timestamps};

/// How soon after one that could not go on the next compactor starts.
const AGAIN: Duration = Duration::from_secs(1);

/// What a compactor is made of.
pub(super) struct CompactorParts {
    pub(super) db: Db,
    pub(super) shared: Arc<Shared>,
    /// The store of the data.
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) path: String,
    /// The settings that the database would have with a compactor.
    pub(super) settings: Settings,
    pub(super) clock: Arc<EngineClock>,
    pub(super) recorder: Arc<dyn MetricsRecorder>,
    /// See [`StoreParts::seed`](super::StoreParts::seed).
    pub(super) seed: Option<u64>,
    pub(super) removed: Removed,
    /// The slots for its merges, if it shares some.
    pub(super) slots: Option<Arc<LogSlots>>,
}

/// A compactor that runs until it is stopped, or its log stops.
pub(super) struct Compactor {
    /// Whether it stops. Its task has the only receiver.
    stops: watch::Sender<bool>,
}

impl Compactor {
    /// Starts it.
    pub(super) fn start(parts: CompactorParts) -> Self {
        let (stops, stopping) = watch::channel(false);
        tokio::spawn(parts.run(stopping));
        Self { stops }
    }

    /// It begins no merge any more, and gives up those that run.
    pub(super) fn stop(&self) {
        self.stops.send_replace(true);
    }

    /// Resolves when it has stopped: it makes no request any more.
    pub(super) async fn stopped(&self) {
        self.stops.closed().await;
    }
}

impl CompactorParts {
    async fn run(self, mut stopping: watch::Receiver<bool>) {
        let _vital = Vital(Arc::clone(&self.shared));
        let mut starts = 0;
        loop {
            let Some(compactor) = self.compactor(starts) else {
                break;
            };
            starts += 1;
            tokio::select! {
                biased;
                () = self.is_stopped(&mut stopping) => {
                    if let Err(error) = compactor.stop().await {
                        tracing::debug!(%error, "the compactor did not stop cleanly");
                    }
                    break;
                }
                why = self.merge(&compactor) => if let Some(why) = why {
                    self.shared.stop(why);
                }
            }
        }
        if let Some(slots) = &self.slots {
            slots.leave();
        }
        drop(stopping);
        // The log takes this task with it, and not the other way round.
        self.shared.until_stopped().await;
    }

    async fn is_stopped(&self, stopping: &mut watch::Receiver<bool>) {
        tokio::select! {
            // Without its sender, nobody has the log any more.
            _ = stopping.wait_for(|stops| *stops) => {}
            _ = self.shared.until_stopped() => {}
        }
    }

    /// One that claims what nobody has claimed since the newest manifest that the database knows.
    fn compactor(&self, starts: u64) -> Option<engine::Compactor> {
        let known = self.db.status().current_manifest;
        let (settings, slots) = (&self.settings, self.slots.as_ref());
        let builder =
            compaction::builder(&self.path, &self.objects, settings, &self.removed, slots)?;
        let mut builder = builder
            .with_expected_epoch(known.compactor_epoch())
            .with_system_clock(self.clock())
            .with_metrics_recorder(Arc::clone(&self.recorder))
            .with_filter_policies(filters());
        if let Some(seed) = self.seed {
            builder = builder.with_seed(of_compactor(seed, starts));
        }
        Some(builder.build())
    }

    fn clock(&self) -> Arc<dyn SystemClock> {
        let clock = Arc::clone(&self.clock);
        match (&self.slots, &self.settings.compactor_options) {
            (Some(slots), Some(options)) => {
                Arc::new(CompactorClock::new(clock, Arc::clone(slots), options))
            }
            _ => clock,
        }
    }

    /// Merges files until the compactor ends. Says why the log has to stop, if it has to.
    async fn merge(&self, compactor: &engine::Compactor) -> Option<Stopped> {
        let why = match self.run_compactor(compactor).await {
            Ok(()) => Error::internal("the compactor ended"),
            Err(why) => why,
        };
        // Its worker has stopped with it. The next compactor resumes the merges that are not finished, and counts them.
        if let Some(slots) = &self.slots {
            slots.hold(Merges::default());
        }
        if !matches!(why, Error::Fenced | Error::Unavailable { .. }) {
            tracing::error!(error = %why, "the compactor failed; the log stops");
            return Some(Stopped::Failed);
        }
        tokio::time::sleep(AGAIN).await;
        match self.db.refresh_manifest().await.map_err(error::read) {
            Err(Error::Fenced) => Some(Stopped::Fenced),
            _ => {
                tracing::info!(error = %why, "the compactor starts again");
                None
            }
        }
    }

    async fn run_compactor(&self, compactor: &engine::Compactor) -> Result<(), Error> {
        // A writer before that was still there may have named files since the log was opened. SlateDB refuses names that are before others.
        let latest_ms = used_timestamps::latest_ms(&self.objects, &self.path).await?;
        self.clock.never_before(latest_ms);
        compactor.run().await.map_err(failure)
    }
}

/// What a failure of a compactor means for the log.
fn failure(error: slatedb::Error) -> Error {
    match error.kind() {
        ErrorKind::Closed(CloseReason::Fenced) => Error::Fenced,
        ErrorKind::Unavailable => error::read(error),
        _ => Error::internal(error.to_string()),
    }
}

/// The seed of a compactor that starts for the time `starts`: neither that of the database nor that of another start or opening.
fn of_compactor(seed: u64, starts: u64) -> u64 {
    let spread = seed.rotate_left(32).wrapping_add(starts);
    spread.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
