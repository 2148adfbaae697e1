//! The writer: one task that executes the sequencer's decisions, one commit after the other.

use std::collections::HashSet;
use std::sync::Arc;

use log_domain::ports::{CommitStats, Telemetry};
use log_domain::sequencer::{Commit, Decided, EngineNumber, Metadata, Sequencer, Step};
use log_domain::{Append, Appended, Clock, Durability, Error, Result, Stopped};
use slatedb::config::WriteOptions;
use slatedb::{CloseReason, Db, DbStatus, ErrorKind, WriteBatch};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{JoinError, yield_now};

use super::background_lookups::{Answer, BackgroundLookups, Event};
use super::durable_answers::{self, Waiter};
use super::layout::state;
use super::queue::{Message, PendingCursor, PendingFloor, PendingRemoval, PendingRules, Taken};
use super::shared::{Shared, Vital};
use super::{error, rows};

/// A group takes no more appends once it holds this many records or bytes.
const GROUP_RECORDS: u64 = 100_000;
const GROUP_BYTES: u64 = 16 << 20;

/// Drives the sequencer: looks up, writes, waits and answers, without decisions of its own.
pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) status: watch::Receiver<DbStatus>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Arc<dyn Telemetry>,
    pub(super) sequencer: Sequencer,
    pub(super) lookups: BackgroundLookups,
    /// Whether something was written since the log was opened.
    pub(super) dirty: bool,
}

/// The outcome of a group.
pub(super) struct Outcome {
    /// Positions in the group and answers of the appends that were placed, in order.
    placed: Vec<(usize, Appended)>,
    /// Whether what was placed was applied.
    pub(super) written: Result<()>,
    /// The last write before the group.
    before: EngineNumber,
    /// The write of what was placed; that before the group if nothing was.
    pub(super) number: EngineNumber,
    /// What was decided of the other appends.
    decided: Decided,
}

impl Writer {
    /// Serves the queue until the store is closed or stops by itself.
    pub(super) async fn run(mut self, mut queue: UnboundedReceiver<Message>) {
        let shared = Arc::clone(&self.shared);
        let _vital = Vital(Arc::clone(&shared));
        let mut close = None;
        loop {
            if close.is_some() && self.lookups.is_empty() {
                break;
            }
            let mut group = Vec::new();
            let mut after = None;
            tokio::select! {
                biased;
                _ = shared.until_stopped() => break,
                Some(event) = self.lookups.next() => match event {
                    Event::Answer(answer) => group = self.learn(answer),
                    Event::AtLeisure(facts) => self.sequencer.settle(facts),
                },
                message = queue.recv(), if close.is_none() => match message {
                    Some(Message::Append(append)) => group.extend(append.take()),
                    Some(Message::AppendAll(appends)) => group.extend(appends.take()),
                    Some(Message::Raise(pending)) => after = Some(After::Raise(pending)),
                    Some(Message::Rules(pending)) => after = Some(After::Rules(pending)),
                    Some(Message::Cursor(pending)) => after = Some(After::Cursor(pending)),
                    Some(Message::Remove(pending)) => after = Some(After::Remove(pending)),
                    Some(Message::Close(reply)) => close = Some(reply),
                    None => break,
                },
            }
            if close.is_none() && after.is_none() {
                // One commit for all that has arrived: other connections hand in what they have received first.
                yield_now().await;
                after = fill(&mut group, &mut queue);
            }
            self.commit(group).await;
            match after {
                Some(After::Raise(pending)) => self.raise(pending).await,
                Some(After::Rules(pending)) => self.apply_rules(pending).await,
                Some(After::Cursor(pending)) => self.change_cursor(pending).await,
                Some(After::Remove(pending)) => self.remove(pending).await,
                Some(After::Close(reply)) => close = Some(reply),
                None => {}
            }
        }
        if let Some(reply) = close {
            self.close(reply).await;
        }
        for append in self.lookups.into_waiting() {
            append.answer(Err(shared.refusal()));
        }
        queue.close();
        while let Ok(message) = queue.try_recv() {
            match message {
                Message::Append(pending) => pending.refuse(shared.refusal()),
                // Who waits sees that they did not get their turn.
                Message::AppendAll(pending) => drop(pending),
                Message::Raise(pending) => pending.answer(Err(shared.floor_refusal())),
                Message::Rules(pending) => pending.refuse(shared.floor_refusal()),
                Message::Cursor(pending) => pending.refuse(shared.floor_refusal()),
                // It notices.
                Message::Remove(pending) => drop(pending),
                Message::Close(reply) => drop(reply.send(Ok(()))),
            }
        }
    }

    /// Tells the sequencer what was looked up; returns the appends that waited for it.
    fn learn(&mut self, answer: std::result::Result<Answer, JoinError>) -> Vec<Taken> {
        let Answer { ticket, facts } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "a lookup ended unexpectedly; the store stops");
                self.shared.stop(Stopped::Failed);
                return Vec::new();
            }
        };
        let waited = self.lookups.take(ticket);
        match facts {
            Ok(facts) => {
                self.sequencer.learn(ticket, facts);
                waited
            }
            Err(failure) => {
                self.sequencer.not_learnt(ticket);
                fail(waited, &failure);
                Vec::new()
            }
        }
    }

    /// Applies a group and answers it, except for the appends that wait for a lookup.
    async fn commit(&mut self, group: Vec<Taken>) {
        let Some(waited) = group.first().map(|first| first.queued.elapsed()) else {
            return;
        };
        let appends: Vec<&Append> = group.iter().map(|taken| &taken.append).collect();
        let outcome = match self.write(&appends).await {
            Ok(outcome) => outcome,
            Err(Error::OutcomeUnknown { .. }) => {
                // It was a write of metadata: nothing of the group was applied.
                self.shared.stop(self.why_stopped());
                return fail(group, &self.shared.refusal());
            }
            Err(failure) => return fail(group, &failure),
        };
        if outcome.written.is_ok() && !outcome.placed.is_empty() {
            self.telemetry.committed(CommitStats {
                appends: outcome.placed.len() as u64,
                records: outcome.placed.iter().map(|(_, placed)| placed.count).sum(),
                waited,
            });
        }
        if matches!(outcome.written, Err(Error::OutcomeUnknown { .. })) {
            // The engine refused a write: what it holds is no longer known, so nothing may follow.
            self.shared.stop(self.why_stopped());
        }
        self.distribute(group, outcome);
    }

    /// Does what the sequencer says until a commit of `appends` is written.
    ///
    /// # Errors
    /// Nothing was applied then.
    async fn write(&mut self, appends: &[&Append]) -> Result<Outcome> {
        self.sequencer.durable(self.shared.durable());
        loop {
            match self.sequencer.plan(appends, self.clock.now_ms())? {
                Step::Commit(commit) => return Ok(self.apply(commit).await),
                Step::Answer(decided) => {
                    return Ok(Outcome {
                        placed: Vec::new(),
                        written: Ok(()),
                        before: self.sequencer.last_number(),
                        number: self.sequencer.last_number(),
                        decided,
                    });
                }
                Step::Reserve(metadata) => self.write_metadata(&metadata).await?,
                Step::AwaitDurable(number) => self.durable_up_to(number).await?,
            }
        }
    }

    pub(super) async fn apply(&mut self, commit: Box<Commit<'_>>) -> Outcome {
        let before = self.sequencer.last_number();
        let listening = self.shared.listener.is_listening();
        let encoded = rows::encode(&commit, listening);
        let written = self.put(encoded.rows, commit.number).await;
        if written.is_ok() {
            self.sequencer.applied(&commit);
            let new_segment = commit.begins_segment.then_some(commit.segment);
            let cursors = &self.shared.cursors;
            cursors.change(&commit.cursors, || {
                self.shared.advance(commit.tip, new_segment);
            });
            if let Some(raised) = &commit.key_floor {
                self.shared.key_floor_written(raised, commit.number);
            }
            if !commit.prefix_floors.is_empty() {
                let raised = &commit.prefix_floors;
                self.shared.prefix_floors_written(raised, commit.number);
            }
            if !commit.removal.prefixes.is_empty() {
                let prefixes = self.shared.key_floors.prefixes();
                prefixes.forgotten(&commit.removal.prefixes);
            }
            if !commit.removal.directory.is_empty() {
                let unlisted = commit.removal.directory.iter().map(|(key, _)| key);
                self.shared.key_floors.unlisted(unlisted);
            }
            if !commit.removal.purged.is_empty() {
                self.shared.key_floors.purged(&commit.removal.purged);
            }
            if !commit.removal.segments.is_empty() {
                self.shared.remove_segments(&commit.removal.segments);
            }
            if self.lookups.has_leisure() {
                let subjects = self.sequencer.take_unsettled();
                self.lookups.start_at_leisure(subjects);
            }
            let runs = encoded.runs.as_deref();
            self.shared.listener.applied(runs, commit.tip);
        }
        let placed = commit.placed.iter();
        Outcome {
            placed: placed.map(|p| (p.command, p.appended)).collect(),
            written: written.map(drop),
            before,
            number: commit.number,
            decided: commit.decided,
        }
    }

    /// Answers what was decided, and sets aside what waits.
    fn distribute(&mut self, group: Vec<Taken>, outcome: Outcome) {
        let Outcome {
            placed,
            written,
            before,
            number,
            decided: Decided { answered, waiting },
        } = outcome;
        if let Err(failure) = &written {
            tracing::error!(error = %failure, appends = placed.len(), "a group commit failed");
        }
        if let Some((ticket, subjects)) = waiting.lookup {
            self.lookups.start(ticket, subjects);
        }
        let mut placed = placed.into_iter().peekable();
        let mut answered = answered.into_iter().peekable();
        let mut waiting = waiting.commands.into_iter();
        // The sequencer does not know of those that were not written.
        let mut ended = HashSet::new();
        for (command, taken) in group.into_iter().enumerate() {
            let (outcome, rests_on) =
                if let Some((_, appended)) = placed.next_if(|(placed, _)| *placed == command) {
                    (Ok(appended), number)
                } else if let Some(answer) = answered.next_if(|answer| answer.command == command) {
                    (answer.outcome, answer.rests_on)
                } else {
                    let waits = waiting.next();
                    let session = taken.append.session();
                    if session.is_some_and(|session| ended.contains(&session)) {
                        taken.answer(Err(Error::behind_failed()));
                    } else if let Some((_, ticket)) = waits {
                        self.lookups.wait(ticket, taken);
                    }
                    continue;
                };
            match &written {
                // An answer that rests on what was not written is none.
                Err(failure) if rests_on > before => {
                    let outcome = Err(failure.clone());
                    let session = taken.append.session();
                    let ends = taken.append.ends_session(&outcome);
                    ended.extend(session.filter(|_| ends));
                    taken.answer(outcome);
                }
                _ => self.answer(taken, outcome, rests_on),
            }
        }
    }

    /// Answers when what the answer rests on is as durable as was asked for.
    fn answer(&self, taken: Taken, outcome: Result<Appended>, rests_on: EngineNumber) {
        match taken.durability {
            Durability::Durable if rests_on > self.shared.durable() => {
                self.shared.wait_durable(Waiter {
                    rests_on,
                    answer: durable_answers::Answer::Appended(outcome, taken.reply),
                    permits: taken.permits,
                })
            }
            Durability::Durable | Durability::Applied => taken.answer(outcome),
        }
    }

    /// Writes the state row by itself and waits until it is durable.
    pub(super) async fn write_metadata(&mut self, metadata: &Metadata) -> Result<()> {
        let mut rows = WriteBatch::new();
        rows.put_bytes(state::key(), state::encode(&metadata.state));
        let handle = self.put(rows, metadata.number).await?;
        self.sequencer.written(metadata);
        self.shared.flush_wanted.notify_one();
        tokio::select! {
            biased;
            durable = handle.await_durable() => durable.map_err(|_| {
                self.shared.stop(self.why_stopped());
                self.shared.refusal()
            })?,
            _ = self.shared.until_stopped() => return Err(self.shared.refusal()),
        };
        self.sequencer.durable(metadata.number);
        Ok(())
    }

    /// Waits until every write up to `number` is durable.
    pub(super) async fn durable_up_to(&mut self, number: EngineNumber) -> Result<()> {
        self.shared.durable_up_to(number).await?;
        self.sequencer.durable(number);
        Ok(())
    }

    /// Hands rows to SlateDB.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once SlateDB has seen them; otherwise nothing was applied.
    async fn put(
        &mut self,
        rows: WriteBatch,
        number: EngineNumber,
    ) -> Result<slatedb::WriteHandle> {
        if let Some(reason) = self.status.borrow().close_reason {
            self.shared.stop(why(reason));
        }
        self.shared.accepts()?;
        let options = WriteOptions {
            seqnum: number.get(),
        };
        let written = self.db.write_with_options(rows, &options).await;
        let handle = written.map_err(|failure| {
            if let ErrorKind::Closed(reason) = failure.kind() {
                self.shared.stop(why(reason));
            }
            error::write(failure)
        })?;
        self.dirty = true;
        Ok(handle)
    }

    /// Writes the exact tip as the bound, so that the next writer leaves no gap. Everything is durable afterwards.
    async fn close(&mut self, reply: CloseReply) {
        let outcome = if self.dirty && self.shared.stopped().is_none() {
            let last = self.sequencer.close();
            self.write_metadata(&last).await
        } else {
            Ok(())
        };
        // Also when the log is gone: what was refused is told, and the store is over.
        self.shared.stop(Stopped::Closing);
        let _ = reply.send(outcome);
    }

    pub(super) fn why_stopped(&self) -> Stopped {
        self.db.status().close_reason.map_or(Stopped::Failed, why)
    }
}

/// Why a store stops when SlateDB has closed for `reason`.
pub(super) fn why(reason: CloseReason) -> Stopped {
    match reason {
        CloseReason::Fenced => Stopped::Fenced,
        CloseReason::Clean => Stopped::Closing,
        _ => Stopped::Failed,
    }
}

type CloseReply = tokio::sync::oneshot::Sender<Result<()>>;

/// Answers all of `group` with `failure`: nothing of it was applied.
fn fail(group: Vec<Taken>, failure: &Error) {
    tracing::error!(error = %failure, appends = group.len(), "a group commit failed");
    for taken in group {
        taken.answer(Err(failure.clone()));
    }
}

/// What comes after a group.
enum After {
    Raise(PendingFloor),
    Rules(PendingRules),
    Cursor(PendingCursor),
    Remove(PendingRemoval),
    Close(CloseReply),
}

/// Adds what waits in the queue to `group`, up to the bounds of a group or anything else than an append.
fn fill(group: &mut Vec<Taken>, queue: &mut UnboundedReceiver<Message>) -> Option<After> {
    let (mut records, mut bytes) = (0, 0);
    for taken in &*group {
        records += taken.append.work();
        bytes += taken.append.batch().bytes();
    }
    while records < GROUP_RECORDS && bytes < GROUP_BYTES {
        let before = group.len();
        match queue.try_recv() {
            Ok(Message::Append(pending)) => group.extend(pending.take()),
            Ok(Message::AppendAll(pending)) => group.extend(pending.take()),
            Ok(Message::Raise(pending)) => return Some(After::Raise(pending)),
            Ok(Message::Rules(pending)) => return Some(After::Rules(pending)),
            Ok(Message::Cursor(pending)) => return Some(After::Cursor(pending)),
            Ok(Message::Remove(pending)) => return Some(After::Remove(pending)),
            Ok(Message::Close(reply)) => return Some(After::Close(reply)),
            Err(_) => return None,
        }
        for taken in &group[before..] {
            records += taken.append.work();
            bytes += taken.append.batch().bytes();
        }
    }
    None
}
