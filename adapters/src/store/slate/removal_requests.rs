//! What removals have the writer do.

use std::sync::Arc;

use log_domain::{Error, Result};
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot};

use super::queue::{Message, PendingRemoval};
use super::shared::Shared;

/// Requests of removals to the writer of a store.
#[derive(Clone)]
pub(super) struct Requests {
    shared: Arc<Shared>,
    writer: mpsc::WeakUnboundedSender<Message>,
    watching: Arc<Mutex<()>>,
}

impl Requests {
    /// Requests to `writer`, which they do not keep running.
    pub(super) fn new(shared: Arc<Shared>, writer: mpsc::WeakUnboundedSender<Message>) -> Self {
        Self {
            shared,
            writer,
            watching: Arc::default(),
        }
    }

    /// Waits until nobody else has the writer watch keys: it watches those of one request only. Hold it while it does.
    pub(super) async fn watch(&self) -> MutexGuard<'_, ()> {
        self.watching.lock().await
    }

    /// Has the writer do something, and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T>>) -> PendingRemoval,
    ) -> Result<T> {
        let refusal = || {
            self.shared.stopped().map_or_else(
                || Error::unavailable("the writer has ended"),
                |why| why.error(),
            )
        };
        let (reply, answer) = oneshot::channel();
        let writer = self.writer.upgrade().ok_or_else(refusal)?;
        let sent = writer.send(Message::Remove(request(reply)));
        drop(writer);
        sent.map_err(|_| refusal())?;
        answer.await.map_err(|_| refusal())?
    }
}
