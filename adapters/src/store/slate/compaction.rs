//! Compaction for data that is only appended.
//!
//! `plan` decides from a plain description of the files what is merged next, `bounds` derives its limits from the settings, and
//! `scheduler` connects it with SlateDB.
//! `drains` drops the segments that are below the floor. `purging` leaves out records of deleted keys, and `rewrites` merges files only
//! for that. `slots` lets merges begin when the node has slots for them.

mod bounds;
mod drains;
mod plan;
mod purging;
mod rewrites;
mod scheduler;
mod slots;

use std::sync::Arc;

use object_store::ObjectStore;
use slatedb::CompactorBuilder;
use slatedb::compactor::CompactionSchedulerSupplier;
use slatedb::config::Settings;

use bounds::Bounds;
use scheduler::{Scheduler, Supplier};

use super::merge_slots::LogSlots;

pub(super) use bounds::SchedulerOptions;
pub(super) use drains::Dead;
pub(super) use purging::DeletedKeys;
pub(super) use rewrites::Rewrites;

/// What compactions remove.
#[derive(Debug, Clone, Default)]
pub(super) struct Removed {
    /// The segments that are dropped.
    pub(super) dead: Arc<Dead>,
    /// The keys with deleted records that merges leave out.
    pub(super) deleted: Arc<DeletedKeys>,
    /// The segments that are rewritten for that.
    pub(super) rewrites: Arc<Rewrites>,
}

/// How many merges of a log with these settings run at a time; 0 if the settings turn compaction off.
pub(super) fn max_concurrent(settings: &Settings) -> usize {
    let options = settings.compactor_options.as_ref();
    options.map_or(0, |options| Bounds::of(settings, options).max_concurrent)
}

/// SlateDB's compactor with our scheduler; `None` if the settings turn compaction off.
///
/// `objects` must be the store that the database is built with: SlateDB shares its disk cache with a compactor of the same store. With
/// `slots`, merges begin when there are some for them.
pub(super) fn builder<'a>(
    path: &'a str,
    objects: &Arc<dyn ObjectStore>,
    settings: &Settings,
    removed: &Removed,
    slots: Option<&Arc<LogSlots>>,
) -> Option<CompactorBuilder<&'a str>> {
    // A builder's own options take precedence over those in the settings.
    let mut options = settings.compactor_options.clone()?;
    // It would keep the deleted records of files that are merged only to leave them out.
    options.enable_trivial_move = false;
    let bounds = Bounds::of(settings, &options);
    let (rewrites, dead) = (Arc::clone(&removed.rewrites), Arc::clone(&removed.dead));
    let scheduler = move || drains::Scheduler {
        inner: rewrites::Scheduler::new(Scheduler(bounds), bounds, Arc::clone(&rewrites)),
        dead: Arc::clone(&dead),
    };
    let l0_limit = settings.l0_max_ssts.min(settings.l0_max_ssts_per_key);
    let supplier: Arc<dyn CompactionSchedulerSupplier> = match slots.cloned() {
        Some(slots) => Arc::new(Supplier(move || slots::Scheduler {
            inner: scheduler(),
            slots: Arc::clone(&slots),
            l0_limit,
        })),
        None => Arc::new(Supplier(scheduler)),
    };
    // A compactor that the engine starts has these from the settings of the engine, and any other from its own.
    options.metric_level = options.metric_level.or(Some(settings.metric_level));
    let retries = options.object_store_max_retries;
    options.object_store_max_retries = retries.or(settings.object_store_max_retries);
    if let Some(worker) = &mut options.worker {
        worker.min_filter_keys = settings.min_filter_keys;
        worker.compression_codec = settings.compression_codec;
    }
    // SlateDB begins no more at a poll than may run at the same time. Drains end within the poll, so they get room of their
    // own; the scheduler keeps merges to the limit, and so does the worker.
    options.max_concurrent_compactions = options
        .max_concurrent_compactions
        .saturating_add(drains::AT_A_POLL);
    let builder = CompactorBuilder::new(path, Arc::clone(objects));
    Some(
        builder
            .with_options(options)
            .with_scheduler_supplier(supplier)
            .with_compaction_filter_supplier(Arc::clone(&removed.deleted) as Arc<_>),
    )
}
