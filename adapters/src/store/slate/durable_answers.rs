//! Answers to durable appends: each waits until what it rests on is durable.

use std::collections::VecDeque;

use log_domain::budget::Permit;
use log_domain::sequencer::EngineNumber;
use log_domain::{Appended, Error, Result};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// An append whose answer is known, and is given once what it rests on is durable.
pub(super) struct Waiter {
    /// Every write up to this one must be durable.
    pub(super) rests_on: EngineNumber,
    /// What it will be answered.
    pub(super) outcome: Result<Appended>,
    /// Where to answer.
    pub(super) reply: oneshot::Sender<Result<Appended>>,
    /// Its place in the queue.
    pub(super) permits: [Permit; 2],
}

/// What waiting appends are told once it can no longer be known whether they become durable.
pub(super) struct Lost {
    /// An append that was applied.
    pub(super) applied: Error,
    /// An append that was rejected: what it was rejected for is not certain, but nothing of it was applied.
    pub(super) rejected: Error,
}

/// The appends that wait, in the order in which they were decided: one that rests on an older write than those before it is
/// answered with them. The bounds of the queue bound them.
#[derive(Default)]
pub(super) struct DurableAnswers(Mutex<VecDeque<Waiter>>);

impl DurableAnswers {
    /// Has `waiter` answered by [`DurableAnswers::settle`].
    pub(super) fn wait(&self, waiter: Waiter) {
        self.0.lock().push_back(waiter);
    }

    /// Answers every append that rests on no write after `durable`; the others too, if that is `lost`.
    pub(super) fn settle(&self, durable: EngineNumber, lost: Option<&Lost>) {
        let mut waiters = self.0.lock();
        while let Some(first) = waiters.front() {
            let is_durable = first.rests_on <= durable;
            if !is_durable && lost.is_none() {
                break;
            }
            let Some(waiter) = waiters.pop_front() else {
                break;
            };
            let outcome = match (waiter.outcome, lost) {
                (Ok(_), Some(lost)) if !is_durable => Err(lost.applied.clone()),
                (Err(_), Some(lost)) if !is_durable => Err(lost.rejected.clone()),
                (outcome, _) => outcome,
            };
            drop(waiter.permits);
            // The client may be gone.
            let _ = waiter.reply.send(outcome);
        }
    }
}
