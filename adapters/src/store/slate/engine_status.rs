//! Watches the status of SlateDB: the durable watermark, and whether the engine has stopped.

use std::sync::Arc;
use std::time::Duration;

use log_domain::CommitFeed;
use log_domain::sequencer::EngineNumber;
use slatedb::Db;

use super::shared::{Shared, Vital};
use super::vanished::Presence;
use super::writer::why;

/// How often to look for the log where that is done after each flush: a flush that fails says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reports SlateDB's durable watermark while the log exists, also to `feed`, and the reason if SlateDB stops by itself.
pub(super) async fn watch(
    db: Db,
    shared: Arc<Shared>,
    presence: Arc<Presence>,
    feed: Arc<CommitFeed>,
) {
    let _vital = Vital(Arc::clone(&shared));
    feed.is_of(presence.identity());
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
            shared.advance_durable(EngineNumber::new(durable));
            feed.durable(shared.durable().watermark());
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
