//! Durability: starts flushes on demand and reports the durable watermark.

use std::sync::Arc;
use std::time::Duration;

use log_domain::sequencer::EngineNumber;
use slatedb::Db;
use slatedb::config::{FlushOptions, FlushType};
use tokio::time::Instant;

use super::presence::Presence;
use super::shared::{Shared, Vital};
use super::writer::why;

/// Flushes as soon as an append waits for durability: one flush at a time, with starts at least `spacing` apart. Appends
/// that arrive during a flush share the next one. SlateDB's own interval flushes appends without a waiter.
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

/// Reports SlateDB's durable watermark while the log exists, and the reason if SlateDB stops by itself.
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
