//! The writer: one task that turns what waits into group commits, one after the other.

use std::sync::Arc;

use futures::{TryStreamExt, stream};
use log_domain::ports::{Commit, Telemetry};
use log_domain::segment::Roller;
use log_domain::sequence::{Allocator, Plan};
use log_domain::{Appended, Batch, Clock, Durability, Error, Result, SegmentId, Sequence, Stopped};
use slatedb::config::WriteOptions;
use slatedb::{CloseReason, Db, DbStatus, ErrorKind, WriteBatch};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::group::{Group, InGroup};
use super::key_table::{KeyTable, Known};
use super::layout::{segments, state};
use super::queue::{Message, Pending, Taken};
use super::read::last_row;
use super::shared::{Shared, Vital, Waiter};
use super::{error, seqnum};

/// A group takes no more appends once it holds this many records or bytes.
const GROUP_RECORDS: u64 = 100_000;
const GROUP_BYTES: u64 = 16 << 20;

/// Keys that are looked up at the same time.
const LOOKUPS: usize = 32;

/// Everything that changes with a commit.
pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) status: watch::Receiver<DbStatus>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Arc<dyn Telemetry>,
    pub(super) allocator: Allocator,
    pub(super) roller: Roller,
    pub(super) keys: KeyTable,
    pub(super) last_time_ms: i64,
    /// The highest SlateDB sequence number in use.
    pub(super) last_seqnum: u64,
    /// Whether something was written since the log was opened.
    pub(super) dirty: bool,
}

impl Writer {
    /// Serves the queue until the store is closed or stops by itself.
    pub(super) async fn run(mut self, mut queue: UnboundedReceiver<Message>) {
        let shared = Arc::clone(&self.shared);
        let _vital = Vital(Arc::clone(&shared));
        loop {
            let message = tokio::select! {
                biased;
                _ = shared.until_stopped() => break,
                message = queue.recv() => message,
            };
            match message {
                Some(Message::Append(first)) => {
                    let (group, close) = gather(first, &mut queue);
                    self.commit(group).await;
                    if let Some(reply) = close {
                        self.close(reply).await;
                        break;
                    }
                }
                Some(Message::Close(reply)) => {
                    self.close(reply).await;
                    break;
                }
                None => break,
            }
        }
        queue.close();
        while let Ok(message) = queue.try_recv() {
            match message {
                Message::Append(pending) => pending.refuse(shared.refusal()),
                Message::Close(reply) => drop(reply.send(Ok(()))),
            }
        }
    }

    /// Applies a group and answers everybody in it.
    async fn commit(&mut self, group: Vec<Taken>) {
        let Some(waited) = group.first().map(|first| first.queued.elapsed()) else {
            return;
        };
        let batches: Vec<&Batch> = group.iter().map(|taken| &taken.batch).collect();
        match self.write(&batches).await {
            Ok(start) => {
                self.telemetry.committed(Commit {
                    appends: group.len() as u64,
                    records: batches.iter().map(|batch| batch.count()).sum(),
                    waited,
                });
                self.acknowledge(group, start);
            }
            Err(failure) => {
                if matches!(failure, Error::OutcomeUnknown { .. }) {
                    // The engine refused a write: what it holds is no longer known, so nothing may follow.
                    self.shared.stop(self.why_stopped());
                }
                tracing::error!(error = %failure, appends = group.len(), "a group commit failed");
                for taken in group {
                    // A client that is gone does not need its answer.
                    let _ = taken.reply.send(Err(failure.clone()));
                }
            }
        }
    }

    /// Writes `batches` as one commit; answers the first sequence.
    async fn write(&mut self, batches: &[&Batch]) -> Result<Sequence> {
        let count = batches.iter().map(|batch| batch.count()).sum();
        let bytes = batches.iter().map(|batch| batch.bytes()).sum();
        let (start, bound) = self.grant(count).await?;
        let now_ms = self.clock.now_ms().max(self.last_time_ms);
        let segment = self.roller.place(start, now_ms);
        let new_segment = (self.roller.active() != Some(segment)).then_some(segment);
        let mut group = Group::gather(batches);
        if new_segment.is_none() {
            self.fill_ordinals(segment.id, group.keys()).await?;
        }
        let listening = self.shared.listener.is_listening();
        let mut encoded = group.encode(segment.id, start, now_ms, listening);

        let mut roller = self.roller.clone();
        roller.committed(segment, bytes);
        let state = state::State {
            bound,
            segment_bytes: roller.bytes(),
            last_time_ms: now_ms,
        };
        encoded.rows.put_bytes(state::key(), state.encode());
        if let Some(segment) = &new_segment {
            let (row_key, value) = segments::encode(segment);
            encoded.rows.put_bytes(row_key, value);
        }
        let tip = start.plus(count);
        self.put(encoded.rows, seqnum::of_commit(tip)).await?;

        self.roller = roller;
        self.last_time_ms = now_ms;
        if new_segment.is_some() {
            self.keys.begin_segment();
        }
        for key in group.keys() {
            self.keys.set(key.key.as_ref(), key.ordinal + key.count);
        }
        self.allocator.committed(count, bound);
        self.shared.advance(tip, new_segment);
        self.shared.listener.applied(encoded.runs.as_deref(), tip);
        Ok(start)
    }

    /// The sequences of a commit: below a durable bound, waiting for one if there is none yet.
    async fn grant(&mut self, count: u64) -> Result<(Sequence, Sequence)> {
        self.allocator.durable(self.shared.watermarks().durable);
        loop {
            match self.allocator.plan(count) {
                Plan::Grant { start, bound } => return Ok((start, bound)),
                Plan::Reserve(bound) => {
                    self.write_state(bound).await?;
                    self.allocator.reserved(bound);
                }
                Plan::AwaitDurable(watermark) => {
                    self.shared.durable_up_to(watermark).await?;
                    self.allocator.durable(watermark);
                }
                Plan::Exhausted => {
                    return Err(Error::unavailable(
                        "the log is full: all sequences are in use",
                    ));
                }
            }
        }
    }

    /// Writes the state row by itself and waits until it is durable.
    async fn write_state(&mut self, bound: Sequence) -> Result<()> {
        let state = state::State {
            bound,
            segment_bytes: self.roller.bytes(),
            last_time_ms: self.last_time_ms,
        };
        let mut rows = WriteBatch::new();
        rows.put_bytes(state::key(), state.encode());
        let seqnum = seqnum::of_metadata(self.last_seqnum, self.allocator.next());
        let handle = self.put(rows, seqnum).await?;
        self.shared.flush_wanted.notify_one();
        tokio::select! {
            biased;
            durable = handle.await_durable() => durable.map_err(|_| {
                self.shared.stop(self.why_stopped());
                self.shared.refusal()
            }),
            _ = self.shared.until_stopped() => Err(self.shared.refusal()),
        }
    }

    /// Hands rows to SlateDB.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] once SlateDB has seen them; otherwise nothing was applied.
    async fn put(&mut self, rows: WriteBatch, seqnum: u64) -> Result<slatedb::WriteHandle> {
        if let Some(reason) = self.status.borrow().close_reason {
            self.shared.stop(why(reason));
        }
        self.shared.accepts()?;
        let options = WriteOptions { seqnum };
        let written = self.db.write_with_options(rows, &options).await;
        let handle = written.map_err(|failure| {
            if let ErrorKind::Closed(reason) = failure.kind() {
                self.shared.stop(why(reason));
            }
            error::write(failure)
        })?;
        self.last_seqnum = seqnum;
        self.dirty = true;
        Ok(handle)
    }

    /// Looks up what the table does not know.
    async fn fill_ordinals(&self, segment: SegmentId, keys: &mut [InGroup<'_>]) -> Result<()> {
        let mut forgotten = Vec::new();
        for key in keys {
            match self.keys.get(key.key.as_ref()) {
                Known::Count(count) => key.ordinal = count,
                Known::New => key.ordinal = 0,
                Known::Forgotten => forgotten.push(key),
            }
        }
        stream::iter(forgotten.into_iter().map(Ok))
            .try_for_each_concurrent(LOOKUPS, |key| async move {
                let last = last_row(&self.db, segment, key.key).await?;
                key.ordinal = last.map_or(Ok(0), |row| row.end())?;
                Ok(())
            })
            .await
    }

    fn acknowledge(&self, group: Vec<Taken>, start: Sequence) {
        let mut start = start;
        for taken in group {
            let count = taken.batch.count();
            let appended = Appended { start, count };
            start = start.plus(count);
            match taken.durability {
                Durability::Durable => self.shared.wait_durable(Waiter {
                    end: start,
                    appended,
                    reply: taken.reply,
                    permits: taken.permits,
                }),
                // A client that is gone does not need its answer.
                Durability::Applied => drop(taken.reply.send(Ok(appended))),
            }
        }
    }

    /// Writes the exact tip as the bound, so that the next writer leaves no gap. Everything is durable afterwards.
    async fn close(&mut self, reply: CloseReply) {
        let tip = self.allocator.next();
        let outcome = if self.dirty {
            self.write_state(tip).await
        } else {
            Ok(())
        };
        // Also when the log is gone: what was refused is told, and the store is over.
        self.shared.stop(Stopped::Closing);
        let _ = reply.send(outcome);
    }

    fn why_stopped(&self) -> Stopped {
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

/// `first` and everything that waits behind it, up to the bounds of a group or a request to close.
fn gather(
    first: Pending,
    queue: &mut UnboundedReceiver<Message>,
) -> (Vec<Taken>, Option<CloseReply>) {
    let (mut records, mut bytes) = (0, 0);
    let mut group = Vec::new();
    let mut next = Some(first);
    loop {
        if let Some(taken) = next.take().and_then(Pending::take) {
            records += taken.batch.count();
            bytes += taken.batch.bytes();
            group.push(taken);
        }
        if records >= GROUP_RECORDS || bytes >= GROUP_BYTES {
            return (group, None);
        }
        match queue.try_recv() {
            Ok(Message::Append(pending)) => next = Some(pending),
            Ok(Message::Close(reply)) => return (group, Some(reply)),
            Err(_) => return (group, None),
        }
    }
}
