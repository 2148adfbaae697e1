//! Shows each newer state of the log when the engine has found it.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{CommitListener, Stopped};
use slatedb::{CloseReason, DbReader};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::polls::Polls;
use super::view::Views;

/// The engine reports what its reads see a moment later. They are tried again after this time, and each time twice as long.
const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(200);

/// Until the engine is closed.
pub(super) async fn run(
    db: Arc<DbReader>,
    views: Arc<Views>,
    polls: Arc<Polls>,
    listener: Arc<dyn CommitListener>,
    stopped: watch::Sender<Option<Stopped>>,
) {
    let mut status = db.subscribe();
    let mut pause = SOON;
    loop {
        let (found, closed) = {
            let status = status.borrow_and_update();
            (status.durable_seq, status.close_reason)
        };
        if let Some(reason) = closed {
            let why = match reason {
                CloseReason::Clean => Stopped::Closing,
                _ => Stopped::Failed,
            };
            if why == Stopped::Failed {
                tracing::error!("the storage engine failed; the read-only server stops");
            }
            stopped.send_if_modified(|stopped| {
                let first = stopped.is_none();
                *stopped = stopped.or(Some(why));
                first
            });
            listener.stopped(why);
            return;
        }
        let began = Instant::now();
        let loaded = views.load(&db).await;
        polls.took(began.elapsed());
        if let Err(error) = &loaded {
            tracing::debug!(%error, "what the log says of itself was not read");
        }
        let is_behind = loaded.is_err() || found > views.now().number.get();
        views.is_behind(is_behind);
        if is_behind {
            tokio::select! {
                () = sleep(pause) => pause = LATE.min(2 * pause),
                _ = status.changed() => {}
            }
        } else {
            pause = SOON;
            if status.changed().await.is_err() {
                return;
            }
        }
    }
}
