//! Compaction for data that is only appended.
//!
//! `plan` decides from a plain description of the files what is merged next, `bounds` derives its limits from the settings, and
//! `scheduler` connects it with SlateDB.
//! `drains` drops the segments that are below the floor.

mod bounds;
mod drains;
mod plan;
mod scheduler;

use std::sync::Arc;

use object_store::ObjectStore;
use slatedb::CompactorBuilder;
use slatedb::config::Settings;

use bounds::Bounds;
use scheduler::Supplier;

pub(super) use bounds::SchedulerOptions;
pub(super) use drains::Dead;

/// SlateDB's compactor with our scheduler; `None` if the settings turn compaction off.
///
/// `objects` must be the store that the database is built with: SlateDB shares its disk cache with a compactor of the same store.
pub(super) fn builder<'a>(
    path: &'a str,
    objects: &Arc<dyn ObjectStore>,
    settings: &Settings,
    dead: &Arc<Dead>,
) -> Option<CompactorBuilder<&'a str>> {
    // A builder's own options take precedence over those in the settings.
    let mut options = settings.compactor_options.clone()?;
    let supplier = drains::Supplier {
        inner: Supplier(Bounds::of(settings, &options)),
        dead: Arc::clone(dead),
    };
    // SlateDB begins no more at a poll than may run at the same time. Drains end within the poll, so they get room of their
    // own; the scheduler keeps merges to the limit, and so does the worker.
    options.max_concurrent_compactions = options
        .max_concurrent_compactions
        .saturating_add(drains::AT_A_POLL);
    let builder = CompactorBuilder::new(path, Arc::clone(objects));
    Some(
        builder
            .with_options(options)
            .with_scheduler_supplier(Arc::new(supplier)),
    )
}
