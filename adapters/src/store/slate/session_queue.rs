//! The appends of a session in the queue of the writer: they get their turn together.

use std::sync::Arc;

use log_domain::{Append, Appended, Durability, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::append_reply::{Outcomes, SessionReply};
use super::queue::{Message, PendingSession, Queue};
use super::shared::Shared;

impl Queue {
    /// Queues `appends` behind each other and waits for their results, up to the deadline.
    pub(super) async fn append_all(
        &self,
        appends: Vec<(Append, Durability)>,
        shared: &Shared,
    ) -> Vec<Result<Appended>> {
        let count = appends.len();
        match self.ask_for_all(appends, shared).await {
            Ok(outcomes) => outcomes,
            Err(nothing_applied) => vec![Err(nothing_applied); count],
        }
    }

    /// The outcomes of `appends`.
    ///
    /// # Errors
    /// When none of them got its turn.
    async fn ask_for_all(
        &self,
        appends: Vec<(Append, Durability)>,
        shared: &Shared,
    ) -> Result<Vec<Result<Appended>>> {
        shared.accepts()?;
        let memory = appends.iter().map(|(append, _)| memory(append)).sum();
        // They are one command: what each of them takes is in the bytes.
        let permits = self.admit(memory)?;
        let session = self.next_session();
        let appends = appends.into_iter();
        let appends: Vec<_> = appends
            .map(|(append, durability)| (append.in_session(session), durability))
            .collect();
        let outcomes = Outcomes::unknown(appends.len());
        let (done, answered) = oneshot::channel();
        let reply = SessionReply::new(outcomes.clone(), permits, done);
        let (pending, patience) = PendingSession::new(appends, Arc::new(reply), Instant::now());
        if self.send(Message::AppendAll(pending)).is_err() {
            return Err(shared.refusal());
        }
        let in_time = tokio::time::timeout(self.timeout(), answered).await.is_ok();
        match (in_time, patience.end()) {
            (true, true) => Err(shared.refusal()),
            (true, false) => Ok(outcomes.take(|| Err(shared.unknown()))),
            (false, true) => Err(self.no_turn()),
            (false, false) => Ok(outcomes.take(|| Err(self.not_acknowledged()))),
        }
    }
}

/// What an append takes of the queue, in bytes: itself too, twice, because it moves from the queue to the group.
fn memory(append: &Append) -> u64 {
    append.batch().bytes() + append.bookkeeping() + 2 * size_of::<Append>() as u64
}
