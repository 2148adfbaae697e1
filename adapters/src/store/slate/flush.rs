//! Flushes: what makes appends durable that wait for it, and what removals need.

use std::sync::Arc;
use std::time::Duration;

use log_domain::Result;
use slatedb::Db;
use slatedb::config::{FlushOptions, FlushType};
use tokio::time::Instant;

use super::error;
use super::shared::{Shared, Vital};

/// Makes everything that was written durable, with the WAL or in data files.
pub(super) async fn flush(db: &Db, flush_type: FlushType) -> Result<()> {
    let flushed = db.flush_with_options(FlushOptions { flush_type }).await;
    flushed.map_err(error::read)
}

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
        if let Err(error) = flush(&db, FlushType::Wal).await {
            tracing::debug!(%error, "a flush failed; the engine's status says what follows from it");
        }
    }
}
