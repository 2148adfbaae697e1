//! Where appends are answered: one alone, or those of a session together.

use std::sync::Arc;

use log_domain::budget::Permit;
use log_domain::{Appended, Result};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Where an append is answered.
pub(super) enum Reply {
    /// By itself.
    Alone(oneshot::Sender<Result<Appended>>),
    /// As the one at this place of a session's.
    InSession(Arc<SessionReply>, usize),
}

impl Reply {
    /// Answers it.
    pub(super) fn send(self, outcome: Result<Appended>) {
        match self {
            // A client that is gone does not need its answer.
            Self::Alone(reply) => drop(reply.send(outcome)),
            Self::InSession(reply, place) => reply.outcomes.set(place, outcome),
        }
    }
}

/// The outcomes of the appends of a session, as far as they are known.
#[derive(Clone)]
pub(super) struct Outcomes(Arc<Mutex<Vec<Option<Result<Appended>>>>>);

impl Outcomes {
    /// None of so many is known.
    pub(super) fn unknown(count: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![None; count])))
    }

    fn set(&self, place: usize, outcome: Result<Appended>) {
        if let Some(slot) = self.0.lock().get_mut(place) {
            *slot = Some(outcome);
        }
    }

    /// All of them; `otherwise` for those that are not known.
    pub(super) fn take(&self, otherwise: impl Fn() -> Result<Appended>) -> Vec<Result<Appended>> {
        let outcomes = std::mem::take(&mut *self.0.lock());
        let known = outcomes.into_iter();
        known
            .map(|outcome| outcome.unwrap_or_else(&otherwise))
            .collect()
    }
}

/// Where the appends of a session are answered. All are once this is dropped.
pub(super) struct SessionReply {
    outcomes: Outcomes,
    /// Their place in the queue, given back before who waits is told.
    _permits: [Permit; 2],
    /// Dropped to tell who waits.
    _done: oneshot::Sender<()>,
}

impl SessionReply {
    /// Where `outcomes` are set. `done` is dropped with it, after `permits`.
    pub(super) fn new(outcomes: Outcomes, permits: [Permit; 2], done: oneshot::Sender<()>) -> Self {
        Self {
            outcomes,
            _permits: permits,
            _done: done,
        }
    }
}
