//! The durable side: starting flushes when somebody waits for one, and telling how far they got.

use std::sync::Arc;
use std::time::Duration;

use log_domain::sequencer::EngineNumber;
use slatedb::Db;
use slatedb::config::{FlushOptions, FlushType};
use tokio::time::Instant;

use super::presence::Presence;
use super::shared::{Shared, Vital};
use super::writer::why;

/// Flushes as soon as somebody waits, one flush at a time, their starts at least `spacing` apart. What comes while
/// one is under way shares the next. Those who do not wait are flushed by SlateDB's own interval.
pub(super) async fn flush_on_demand(db: Db, shared: Arc<Shared>, spacing: Duration) {
    let _vital = Vital(Arc::clone(&shared));
    let mut earliest = Instant::now();
    loop {
        tokio::select! {
            biased;
            _ = shared.until_stopped() => return,
            _ = shared.flush_wanted.notified() => {}
        }
        tokio::time::sleep_until(earliest).await;
        earliest = Instant::now() + spacing;
        let options = FlushOptions {
            flush_type: FlushType::Wal,
        };
        if let Err(error) = db.flush_with_options(options).await {
            tracing::debug!(%error, "a flush failed; the engine's status says what follows from it");
        }
    }
}

/// How often to look for the log where that is done after each flush: a flush that fails says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Passes on how far SlateDB is durable, while the log is there; and why it stopped if it does so by itself.
pub(super) async fn watch_status(db: Db, shared: Arc<Shared>, presence: Arc<Presence>) {
    let _vital = Vital(Arc::clone(&shared));
    let mut status = db.subscribe();
    loop {
        let (durable, manifest, closed) = {
            let status = status.borrow_and_update();
            let manifest = status.current_manifest.clone();
            (status.durable_seq, manifest, status.close_reason)
        };
        let is_there = match presence.looks_after_each_flush() {
            true => shared.note(presence.verify(&manifest).await).is_ok(),
            false => shared.is_there(),
        };
        if is_there {
            shared.advance_durable(EngineNumber::new(durable).watermark());
        }
        if let Some(reason) = closed {
            shared.stop(why(reason));
            return;
        }
        tokio::select! {
            changed = status.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = shared.log_is_back.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY), if presence.looks_after_each_flush() => {}
        }
    }
}
