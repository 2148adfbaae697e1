//! The way into the writer: a queue with a bound in requests and in bytes, and a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use log_domain::budget::{Budget, Permit};
use log_domain::{Appended, Batch, Durability, Error, Limits, Result};
use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;

/// What the writer is told.
pub(super) enum Message {
    /// Append this.
    Append(Pending),
    /// Finish what came before, leave the log as a clean close does, and answer.
    Close(oneshot::Sender<Result<()>>),
}

/// An append on its way.
pub(super) struct Pending {
    /// The records.
    pub(super) batch: Batch,
    /// When to answer.
    pub(super) durability: Durability,
    /// Where to answer.
    pub(super) reply: oneshot::Sender<Result<Appended>>,
    /// Its place in the queue, given back once it is answered.
    pub(super) permits: [Permit; 2],
    turn: Arc<Turn>,
}

impl Pending {
    /// Starts to apply it, unless the client was already told that it did not get its turn.
    pub(super) fn take(&self) -> bool {
        self.turn.decide(TAKEN)
    }
}

/// The sending side of the queue.
pub(super) struct Queue {
    requests: Budget,
    bytes: Budget,
    sender: mpsc::UnboundedSender<Message>,
    timeout: Duration,
}

impl Queue {
    /// A queue with the bounds of `limits`, whose appends are answered within `timeout`.
    pub(super) fn new(
        limits: &Limits,
        timeout: Duration,
    ) -> (Self, mpsc::UnboundedReceiver<Message>) {
        // Unbounded as a channel: the two budgets are the bound, and they refuse instead of making clients wait.
        let (sender, receiver) = mpsc::unbounded_channel();
        let queue = Self {
            requests: Budget::new(
                "the append queue, in requests,",
                limits.append_queue_requests as u64,
            ),
            bytes: Budget::new(
                "the append queue, in bytes,",
                limits.append_queue_bytes as u64,
            ),
            sender,
            timeout,
        };
        (queue, receiver)
    }

    /// Appends `batch` and waits for the answer, but not for ever.
    pub(super) async fn append(
        &self,
        batch: Batch,
        durability: Durability,
        shared: &Shared,
    ) -> Result<Appended> {
        if shared.stopped().is_some() {
            return Err(shared.refusal());
        }
        let permits = [self.requests.take(1)?, self.bytes.take(batch.bytes())?];
        let (reply, answer) = oneshot::channel();
        let turn = Arc::new(Turn(AtomicU8::new(WAITING)));
        let pending = Pending {
            batch,
            durability,
            reply,
            permits,
            turn: Arc::clone(&turn),
        };
        if self.sender.send(Message::Append(pending)).is_err() {
            return Err(shared.refusal());
        }
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if turn.decide(GIVEN_UP) => Err(shared.refusal()),
            Ok(Err(_)) => Err(shared.unknown()),
            Err(_) if turn.decide(GIVEN_UP) => Err(Error::unavailable(format!(
                "the append did not get its turn within {} ms and was not applied",
                self.timeout.as_millis()
            ))),
            Err(_) => Err(Error::outcome_unknown(format!(
                "the append was not acknowledged within {} ms",
                self.timeout.as_millis()
            ))),
        }
    }

    /// Asks the writer to close, and waits until it has.
    ///
    /// # Errors
    /// What the writer says; none when it had ended before.
    pub(super) async fn close(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        match self.sender.send(Message::Close(reply)) {
            Ok(()) => answer.await.unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Whether the writer or the client's deadline came first. Decided once, so that *not applied* is never a guess.
struct Turn(AtomicU8);

impl Turn {
    fn decide(&self, decision: u8) -> bool {
        let decided =
            self.0
                .compare_exchange(WAITING, decision, Ordering::AcqRel, Ordering::Acquire);
        decided.is_ok()
    }
}
