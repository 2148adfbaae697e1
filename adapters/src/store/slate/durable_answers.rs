//! Answers to durable appends, to trims, to deletions and about cursors: each waits until what it rests on is durable.

use std::collections::VecDeque;

use log_domain::budget::Permit;
use log_domain::sequencer::EngineNumber;
use log_domain::{Appended, Cursor, Error, PrefixFloor, Result, Sequence};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::append_reply::Reply;

/// A command whose answer is known, and is given once what it rests on is durable.
pub(super) struct Waiter {
    /// Every write up to this one must be durable.
    pub(super) rests_on: EngineNumber,
    /// What it will be answered, and where.
    pub(super) answer: Answer,
    /// Its place in the queue; with its session if it is of one.
    pub(super) permits: Option<[Permit; 2]>,
}

/// An answer that waits.
pub(super) enum Answer {
    /// Of an append.
    Appended(Result<Appended>, Reply),
    /// Of a trim or a deletion: the floor.
    Raised(Sequence, FloorKind, oneshot::Sender<Result<Sequence>>),
    /// Of retention rules: the floors of prefixes.
    OfPrefixes(Vec<PrefixFloor>, oneshot::Sender<Result<Vec<PrefixFloor>>>),
    /// Of a command about a cursor.
    OfCursor(
        Result<Option<Cursor>>,
        oneshot::Sender<Result<Option<Cursor>>>,
    ),
}

/// What a floor is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum FloorKind {
    /// The log: it was trimmed.
    Log,
    /// A key: records of it were deleted.
    Key,
}

/// What those that wait are told once it can no longer be known whether they become durable.
pub(super) struct Lost {
    /// An append that was applied.
    pub(super) applied: Error,
    /// An append that was rejected: what it was rejected for is not certain, but nothing of it was applied.
    pub(super) rejected: Error,
    /// A trim.
    pub(super) trimmed: Error,
    /// A deletion.
    pub(super) deleted: Error,
    /// A change of a cursor.
    pub(super) of_cursor: Error,
    /// A change of a cursor that was refused.
    pub(super) refused_of_cursor: Error,
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
            drop(waiter.permits);
            waiter.answer.give(lost.filter(|_| !is_durable));
        }
    }
}

impl Answer {
    /// Gives the answer, or what is told if it is lost.
    fn give(self, lost: Option<&Lost>) {
        // The client may be gone, and does not need it then.
        match self {
            Self::Appended(outcome, reply) => {
                let outcome = match (outcome, lost) {
                    (Ok(_), Some(lost)) => Err(lost.applied.clone()),
                    (Err(_), Some(lost)) => Err(lost.rejected.clone()),
                    (outcome, None) => outcome,
                };
                reply.send(outcome);
            }
            Self::Raised(floor, kind, reply) => {
                let told = lost.map(|lost| match kind {
                    FloorKind::Log => lost.trimmed.clone(),
                    FloorKind::Key => lost.deleted.clone(),
                });
                let _ = reply.send(told.map_or(Ok(floor), Err));
            }
            Self::OfPrefixes(floors, reply) => {
                let told = lost.map(|lost| lost.trimmed.clone());
                let _ = reply.send(told.map_or(Ok(floors), Err));
            }
            Self::OfCursor(outcome, reply) => {
                let told = lost.map(|lost| match &outcome {
                    Ok(_) => lost.of_cursor.clone(),
                    Err(_) => lost.refused_of_cursor.clone(),
                });
                let _ = reply.send(told.map_or(outcome, Err));
            }
        }
    }
}
