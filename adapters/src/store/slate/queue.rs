//! The append queue of the writer, bounded in requests and bytes, with a deadline for each append.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log_domain::budget::{Budget, Permit};
use log_domain::sequencer::{Doomed, Unlisted};
use log_domain::{
    Append, Appended, Cursor, CursorCommand, Deletion, Durability, Error, Key, KeyFloor, Limits,
    PrefixFloor, PrefixRules, Result, Segment, SegmentId, Sequence, SessionId, Trim,
};
use parking_lot::Mutex;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::append_reply::{Reply, SessionReply};
use super::durable_answers::FloorKind;
use super::shared::Shared;

/// A command for the writer.
pub(super) enum Message {
    /// Append this.
    Append(Pending),
    /// Append these of a session.
    AppendAll(PendingSession),
    /// Raise a floor.
    Raise(PendingFloor),
    /// Raise the floors of prefixes that are due.
    Rules(PendingRules),
    /// Move or delete a cursor.
    Cursor(PendingCursor),
    /// Take a step of a removal.
    Remove(PendingRemoval),
    /// Finish all earlier appends, close the log cleanly, and answer.
    Close(oneshot::Sender<Result<()>>),
}

/// An append on its way.
pub(super) struct Pending {
    durability: Durability,
    reply: oneshot::Sender<Result<Appended>>,
    queued: Instant,
    slot: Arc<Slot<Waiting>>,
}

/// Appends of a session on their way.
pub(super) struct PendingSession {
    reply: Arc<SessionReply>,
    queued: Instant,
    slot: Arc<Slot<Vec<(Append, Durability)>>>,
}

/// What raises a floor.
pub(super) enum FloorRequest {
    /// A trim.
    Trim(Trim),
    /// A deletion, with the stored floor of its key and how many times keys had been purged when that was read.
    Delete(Deletion, (Sequence, u64)),
}

impl FloorRequest {
    /// What the floor is of.
    pub(super) fn kind(&self) -> FloorKind {
        match self {
            Self::Trim(_) => FloorKind::Log,
            Self::Delete(..) => FloorKind::Key,
        }
    }
}

/// A trim or a deletion on its way.
pub(super) struct PendingFloor {
    /// What was asked for.
    pub(super) request: FloorRequest,
    /// Where to answer.
    pub(super) reply: oneshot::Sender<Result<Sequence>>,
    /// Its place in the queue, given back once it is answered.
    pub(super) permits: [Permit; 2],
}

impl PendingFloor {
    /// Answers it.
    pub(super) fn answer(self, outcome: Result<Sequence>) {
        // A client that is gone does not need its answer.
        let _ = self.reply.send(outcome);
    }
}

/// Retention rules that are to be applied.
pub(super) struct PendingRules {
    /// The rules.
    pub(super) rules: PrefixRules,
    /// Where to answer with the floors that were raised.
    pub(super) reply: oneshot::Sender<Result<Vec<PrefixFloor>>>,
    /// Their place in the queue, given back once they are answered.
    pub(super) permits: [Permit; 2],
}

impl PendingRules {
    /// Answers without applying them.
    pub(super) fn refuse(self, why: Error) {
        // Who asked may be gone.
        let _ = self.reply.send(Err(why));
    }
}

/// A command about a cursor on its way.
pub(super) struct PendingCursor {
    /// What is to be done.
    pub(super) command: CursorCommand,
    /// Where to answer with the cursor; without one if there is none.
    pub(super) reply: oneshot::Sender<Result<Option<Cursor>>>,
    /// Its place in the queue, given back once it is answered.
    pub(super) permits: [Permit; 2],
}

impl PendingCursor {
    /// Answers without doing it.
    pub(super) fn refuse(self, why: Error) {
        // A client that is gone does not need its answer.
        let _ = self.reply.send(Err(why));
    }
}

/// The answer to a command; an error if the writer went without one, and one around it if there was none in time.
pub(super) type Answered<T> =
    std::result::Result<std::result::Result<Result<T>, RecvError>, Elapsed>;

/// A step of a removal.
pub(super) enum PendingRemoval {
    /// Watch these keys, whose rows of segments before this one are to be removed.
    Watch(Vec<Key>, Segment, oneshot::Sender<Result<()>>),
    /// Remove these rows of the directory. Answers which keys must be watched and read again.
    Rows(Vec<Doomed>, oneshot::Sender<Result<Vec<Key>>>),
    /// Remove the rows of these segments, all before this one.
    Segments(Vec<SegmentId>, Segment, oneshot::Sender<Result<()>>),
    /// Watch these deleted keys, whose rows are to be removed.
    WatchDeleted(Vec<Key>, oneshot::Sender<Result<()>>),
    /// Remove these rows of the directory of deleted keys. Answers as for `Rows`.
    Unlist(Vec<Unlisted>, oneshot::Sender<Result<Vec<Key>>>),
    /// Nothing is stored below these floors any more: remove the rows that say that there is.
    Purged(Vec<KeyFloor>, oneshot::Sender<Result<()>>),
    /// Remove the floors of these keys, which that of the log has passed, unless keys were purged since there were so many purges.
    KeyFloors(Vec<Key>, u64, oneshot::Sender<Result<()>>),
}

/// The content of an append while it is queued.
struct Waiting {
    append: Append,
    permits: [Permit; 2],
}

/// Holds an append until either the writer or the deadline takes it out. The first one decides the outcome, so that
/// *not applied* is always certain. An append past its deadline is freed immediately, not when the writer reaches it.
struct Slot<T>(Mutex<Option<T>>);

/// An append whose turn it is.
pub(super) struct Taken {
    /// What was asked for.
    pub(super) append: Append,
    /// When to answer.
    pub(super) durability: Durability,
    /// Where to answer.
    pub(super) reply: Reply,
    /// When it was queued.
    pub(super) queued: Instant,
    /// Its place in the queue, given back once it is answered; with its session if it is of one.
    pub(super) permits: Option<[Permit; 2]>,
}

impl Taken {
    /// Answers it.
    pub(super) fn answer(self, outcome: Result<Appended>) {
        self.reply.send(outcome);
    }
}

impl Pending {
    /// Starts to apply it, unless it was given up.
    pub(super) fn take(self) -> Option<Taken> {
        let Waiting { append, permits } = self.slot.0.lock().take()?;
        Some(Taken {
            append,
            durability: self.durability,
            reply: Reply::Alone(self.reply),
            queued: self.queued,
            permits: Some(permits),
        })
    }

    /// Answers without applying it.
    pub(super) fn refuse(self, why: Error) {
        // A client that is gone does not need its answer.
        let _ = self.reply.send(Err(why));
    }
}

impl PendingSession {
    /// Appends that are answered to `reply`, and what abandons them.
    pub(super) fn new(
        appends: Vec<(Append, Durability)>,
        reply: Arc<SessionReply>,
        queued: Instant,
    ) -> (Self, Patience<Vec<(Append, Durability)>>) {
        let slot = Arc::new(Slot(Mutex::new(Some(appends))));
        let patience = Patience(Arc::clone(&slot));
        let pending = Self {
            reply,
            queued,
            slot,
        };
        (pending, patience)
    }

    /// Starts to apply them, unless they were given up.
    pub(super) fn take(self) -> impl Iterator<Item = Taken> {
        let appends = self.slot.0.lock().take().unwrap_or_default();
        let (reply, queued) = (self.reply, self.queued);
        let appends = appends.into_iter().enumerate();
        appends.map(move |(place, (append, durability))| Taken {
            append,
            durability,
            reply: Reply::InSession(Arc::clone(&reply), place),
            queued,
            permits: None,
        })
    }
}

/// Abandons an append when its client disconnects or its deadline passes.
pub(super) struct Patience<T>(Arc<Slot<T>>);

impl<T> Patience<T> {
    /// Whether the append had not got its turn, and now never will.
    pub(super) fn end(&self) -> bool {
        self.0.0.lock().take().is_some()
    }
}

impl<T> Drop for Patience<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The writer has ended.
pub(super) struct Ended;

/// The sending side of the queue.
pub(super) struct Queue {
    requests: Budget,
    bytes: Budget,
    sender: mpsc::UnboundedSender<Message>,
    timeout: Duration,
    sessions: AtomicU64,
}

impl Queue {
    /// A queue with the bounds of `limits`, whose appends are answered within `timeout`.
    pub(super) fn new(
        limits: &Limits,
        timeout: Duration,
    ) -> (Self, mpsc::UnboundedReceiver<Message>) {
        // The channel is unbounded: the two budgets are the bound, and they reject appends instead of making clients wait.
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
            sessions: AtomicU64::new(0),
        };
        (queue, receiver)
    }

    /// Queues `append` and waits for its result, up to the deadline.
    pub(super) async fn append(
        &self,
        append: Append,
        durability: Durability,
        shared: &Shared,
    ) -> Result<Appended> {
        shared.accepts()?;
        let memory = append.batch().bytes() + append.bookkeeping();
        let permits = self.admit(memory)?;
        let (reply, answer) = oneshot::channel();
        let slot = Arc::new(Slot(Mutex::new(Some(Waiting { append, permits }))));
        let patience = Patience(Arc::clone(&slot));
        let pending = Pending {
            durability,
            reply,
            queued: Instant::now(),
            slot,
        };
        if self.sender.send(Message::Append(pending)).is_err() {
            return Err(shared.refusal());
        }
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if patience.end() => Err(shared.refusal()),
            Ok(Err(_)) => Err(shared.unknown()),
            Err(_) if patience.end() => Err(self.no_turn()),
            Err(_) => Err(self.not_acknowledged()),
        }
    }

    /// What an append is answered that did not get its turn in time.
    pub(super) fn no_turn(&self) -> Error {
        Error::unavailable(format!(
            "the append did not get its turn within {} ms and was not applied",
            self.timeout.as_millis()
        ))
    }

    /// What an append is answered that got its turn, and no answer in time.
    pub(super) fn not_acknowledged(&self) -> Error {
        Error::outcome_unknown(format!(
            "the append was not acknowledged within {} ms",
            self.timeout.as_millis()
        ))
    }

    /// For how long a command waits for its answer.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Queues a trim or a deletion and waits for the floor, up to the deadline. Past its deadline it can still get its turn.
    pub(super) async fn raise(&self, request: FloorRequest, shared: &Shared) -> Result<Sequence> {
        let bytes = match &request {
            FloorRequest::Trim(_) => 0,
            FloorRequest::Delete(deletion, _) => deletion.key.as_ref().len() as u64,
        };
        let kind = request.kind();
        let message = |reply, permits| {
            Message::Raise(PendingFloor {
                request,
                reply,
                permits,
            })
        };
        let answered = self.ask_for_floors(bytes, shared, message).await?;
        let late = format!(
            "it was not acknowledged within {} ms",
            self.timeout.as_millis()
        );
        match (answered, kind) {
            (Ok(Ok(outcome)), _) => outcome,
            (Ok(Err(_)), FloorKind::Log) => Err(shared.trim_unknown()),
            (Ok(Err(_)), FloorKind::Key) => Err(shared.deletion_unknown()),
            (Err(_), FloorKind::Log) => Err(Error::TrimUnknown(late)),
            (Err(_), FloorKind::Key) => Err(Error::DeletionUnknown(late)),
        }
    }

    /// Queues a command of so many bytes that raises floors, or is about a cursor, and waits for its answer, up to the deadline.
    ///
    /// # Errors
    /// Those of a command that was not queued.
    pub(super) async fn ask_for_floors<T>(
        &self,
        bytes: u64,
        shared: &Shared,
        message: impl FnOnce(oneshot::Sender<Result<T>>, [Permit; 2]) -> Message,
    ) -> Result<Answered<T>> {
        if shared.stopped().is_some() {
            return Err(shared.floor_refusal());
        }
        shared.accepts()?;
        let permits = self.admit(bytes)?;
        let (reply, answer) = oneshot::channel();
        if self.sender.send(message(reply, permits)).is_err() {
            return Err(shared.floor_refusal());
        }
        Ok(tokio::time::timeout(self.timeout, answer).await)
    }

    /// A place in the queue for a command of so many bytes.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if there is none.
    pub(super) fn admit(&self, bytes: u64) -> Result<[Permit; 2]> {
        Ok([self.requests.take(1)?, self.bytes.take(bytes)?])
    }

    /// A session that no other appends are of.
    pub(super) fn next_session(&self) -> SessionId {
        SessionId::new(self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    /// Queues `message`.
    ///
    /// # Errors
    /// When the writer has ended.
    pub(super) fn send(&self, message: Message) -> std::result::Result<(), Ended> {
        self.sender.send(message).map_err(|_| Ended)
    }

    /// A sender to the writer that does not keep the store open.
    pub(super) fn writer(&self) -> mpsc::WeakUnboundedSender<Message> {
        self.sender.downgrade()
    }

    /// Requests and bytes that wait or are being written.
    pub(super) fn used(&self) -> (u64, u64) {
        (self.requests.used(), self.bytes.used())
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
