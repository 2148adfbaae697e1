//! What the writer, the flusher and the readers of one store share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log_domain::sequencer::{EngineNumber, Floors, RaisedFloor};
use log_domain::{
    CommitListener, Error, PrefixFloor, Result, Segment, SegmentId, Sequence, Stopped, Watermarks,
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::cursors::Cursors;
use super::durable_answers::{DurableAnswers, Lost, Waiter};
use super::key_floors::FloorsOfKeys;
use super::key_names::KeyNames;
use super::vanished::Absence;

/// How exact the lag is: commits closer together than this count as one.
const LAG_STEP: Duration = Duration::from_millis(50);

/// The shared state of the store.
pub(super) struct Shared {
    tip: AtomicU64,
    /// The last durable write.
    durable: watch::Sender<EngineNumber>,
    /// The floor in force.
    floor: AtomicU64,
    /// The same, and the floors that are not durable yet. Locked while the durable watermark moves.
    floors: Mutex<Floors>,
    /// The floors of keys and of prefixes.
    pub(super) key_floors: FloorsOfKeys,
    /// The cursors.
    pub(super) cursors: Cursors,
    /// Which keys the numbers of segments stand for.
    pub(super) key_names: KeyNames,
    segments: RwLock<Arc<Vec<Segment>>>,
    /// Records below it are being removed, or were.
    removed: AtomicU64,
    answers: DurableAnswers,
    /// Some of the commits that are not durable yet, oldest first: their tip and when they were applied.
    undurable: Mutex<VecDeque<(Sequence, Instant)>>,
    stopped: watch::Sender<Option<Stopped>>,
    /// What is gone of the log, and how, if it is.
    gone: watch::Sender<Option<String>>,
    /// Wakes the flusher: an append waits for durability.
    pub(super) flush_wanted: Notify,
    /// The log was gone, and is there again.
    pub(super) log_is_back: Notify,
    /// Who hears of commits.
    pub(super) listener: Arc<dyn CommitListener>,
}

/// Held by each task of a store: one that ends while the store serves takes the store with it.
pub(super) struct Vital(pub(super) Arc<Shared>);

impl Drop for Vital {
    fn drop(&mut self) {
        if self.0.stopped().is_none() {
            tracing::error!("a task of the store ended unexpectedly; the store stops");
            self.0.stop(Stopped::Failed);
        }
    }
}

impl Shared {
    /// The view of a store that was just opened, with everything below `tip` durable, the floors, and the cursors.
    pub(super) fn new(
        tip: Sequence,
        (floor, key_floors, cursors): (Sequence, FloorsOfKeys, Cursors),
        segments: Vec<Segment>,
        listener: Arc<dyn CommitListener>,
    ) -> Self {
        Self {
            tip: AtomicU64::new(tip.get()),
            durable: watch::Sender::new(EngineNumber::of_commit(tip)),
            floor: AtomicU64::new(floor.get()),
            floors: Mutex::new(Floors::found(floor)),
            key_floors,
            cursors,
            key_names: KeyNames::default(),
            segments: RwLock::new(Arc::new(segments)),
            removed: AtomicU64::default(),
            answers: DurableAnswers::default(),
            undurable: Mutex::default(),
            stopped: watch::Sender::new(None),
            gone: watch::Sender::new(None),
            flush_wanted: Notify::new(),
            log_is_back: Notify::new(),
            listener,
        }
    }

    /// The tip and the durable watermark.
    pub(super) fn watermarks(&self) -> Watermarks {
        let durable = self.durable().watermark();
        let tip = Sequence::new(self.tip.load(Ordering::Acquire));
        // SlateDB can say that a commit is durable before it can be read, and before it is announced here.
        Watermarks {
            tip,
            durable: durable.min(tip),
        }
    }

    /// The last durable write. It may be reported before it is applied here.
    pub(super) fn durable(&self) -> EngineNumber {
        *self.durable.borrow()
    }

    /// The same, but never one before the write that made the floor be in force.
    pub(super) fn durable_with_floor(&self) -> EngineNumber {
        let _both_move = self.floors.lock();
        self.durable()
    }

    /// The floor in force. Read it before the watermarks: they are then not below it.
    pub(super) fn floor(&self) -> Sequence {
        Sequence::new(self.floor.load(Ordering::Acquire))
    }

    /// The write `number` was applied, and has this floor.
    pub(super) fn floor_written(&self, floor: Sequence, number: EngineNumber) {
        let mut floors = self.floors.lock();
        floors.written(floor, number);
        // It may have been reported as durable before.
        floors.durable(self.durable());
        self.floor.store(floors.in_force().get(), Ordering::Release);
    }

    /// The write `number` was applied, and raises this floor of a key.
    pub(super) fn key_floor_written(&self, raised: &RaisedFloor, number: EngineNumber) {
        let _both_move = self.floors.lock();
        // It may have been reported as durable before.
        self.key_floors.written(raised, number, self.durable());
    }

    /// The write `number` was applied, and raises these floors of prefixes.
    pub(super) fn prefix_floors_written(&self, raised: &[PrefixFloor], number: EngineNumber) {
        let _both_move = self.floors.lock();
        let prefixes = self.key_floors.prefixes();
        // It may have been reported as durable before.
        prefixes.written(raised, number, self.durable());
    }

    /// All segments. Read it after the watermarks: it then holds every segment below them.
    pub(super) fn segments(&self) -> Arc<Vec<Segment>> {
        Arc::clone(&self.segments.read())
    }

    /// Records below `end` are removed from now on. It is not above the floor in force.
    pub(super) fn removes_below(&self, end: Sequence) {
        self.removed.fetch_max(end.get(), Ordering::AcqRel);
    }

    /// Whether nothing at or above `start` was removed so far. A read asks this when it has ended: if it is so, it has missed
    /// nothing.
    pub(super) fn has_all_from(&self, start: Sequence) -> bool {
        self.removed.load(Ordering::Acquire) <= start.get()
    }

    /// The rows of these segments were removed.
    pub(super) fn remove_segments(&self, ids: &[SegmentId]) {
        Arc::make_mut(&mut self.segments.write()).retain(|segment| !ids.contains(&segment.id));
    }

    /// A commit up to `tip` was applied, in `segment` if that is a new one.
    pub(super) fn advance(&self, tip: Sequence, new_segment: Option<Segment>) {
        if let Some(segment) = new_segment {
            Arc::make_mut(&mut self.segments.write()).push(segment);
        }
        self.tip.store(tip.get(), Ordering::Release);
        let now = Instant::now();
        let mut undurable = self.undurable.lock();
        match undurable.back_mut() {
            Some((end, applied)) if now - *applied < LAG_STEP => *end = tip,
            _ => undurable.push_back((tip, now)),
        }
    }

    /// For how long the oldest record that is not durable has been waiting to be.
    pub(super) fn durable_lag(&self) -> Duration {
        let durable = self.durable().watermark();
        let mut undurable = self.undurable.lock();
        while undurable.front().is_some_and(|(tip, _)| *tip <= durable) {
            undurable.pop_front();
        }
        undurable
            .front()
            .map_or(Duration::ZERO, |(_, applied)| applied.elapsed())
    }

    /// Answers `waiter` when it is durable, or when that can no longer be known.
    pub(super) fn wait_durable(&self, waiter: Waiter) {
        self.answers.wait(waiter);
        self.flush_wanted.notify_one();
        self.settle();
    }

    /// Every write up to `number` is durable.
    pub(super) fn advance_durable(&self, number: EngineNumber) {
        let mut floors = self.floors.lock();
        // Readers must have a floor before the trim or the deletion is answered.
        floors.durable(number);
        self.floor.store(floors.in_force().get(), Ordering::Release);
        self.key_floors.durable(number);
        let moved = self.durable.send_if_modified(|durable| {
            let moved = number > *durable;
            *durable = number.max(*durable);
            moved
        });
        drop(floors);
        if moved {
            self.durable_lag();
            self.listener.durable(number.watermark());
            self.settle();
        }
    }

    /// Waits until every write up to `number` is durable.
    ///
    /// # Errors
    /// When the store stops before.
    pub(super) async fn durable_up_to(&self, number: EngineNumber) -> Result<()> {
        self.flush_wanted.notify_one();
        let (mut durable, mut stopped) = (self.durable.subscribe(), self.stopped.subscribe());
        tokio::select! {
            biased;
            _ = durable.wait_for(|durable| *durable >= number) => Ok(()),
            _ = stopped.wait_for(Option::is_some) => Err(self.refusal()),
        }
    }

    /// Waits until more than what is below `watermark` is durable, and says how much.
    pub(super) async fn durable_beyond(&self, watermark: Sequence) -> Sequence {
        let mut durable = self.durable.subscribe();
        match durable
            .wait_for(|durable| durable.watermark() > watermark)
            .await
        {
            Ok(durable) => durable.watermark(),
            // The sender is here, so it does not go.
            Err(_) => watermark,
        }
    }

    /// The store has stopped; only the first reason counts.
    pub(super) fn stop(&self, why: Stopped) {
        let first = self.stopped.send_if_modified(|stopped| {
            let first = stopped.is_none();
            *stopped = stopped.or(Some(why));
            first
        });
        if first {
            self.listener.stopped(why);
            self.settle();
        }
    }

    /// Why the store has stopped, if it has.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        *self.stopped.borrow()
    }

    /// Resolves when the store has stopped.
    pub(super) async fn until_stopped(&self) -> Stopped {
        let mut stopped = self.stopped.subscribe();
        match stopped.wait_for(Option::is_some).await {
            Ok(why) => why.unwrap_or(Stopped::Failed),
            Err(_) => Stopped::Failed,
        }
    }

    /// Notes whether the log was found where it is to be. While it is not, nothing is acknowledged.
    ///
    /// # Errors
    /// That it is gone, or that this is not known.
    pub(super) fn note(&self, found: std::result::Result<(), Absence>) -> Result<()> {
        match found {
            Ok(()) => {
                if self.gone.send_replace(None).is_some() {
                    tracing::info!("the log is back: appends are accepted again");
                    self.log_is_back.notify_one();
                }
                Ok(())
            }
            Err(Absence::Gone(why)) => {
                let before = self.gone.send_replace(Some(why));
                if before.is_none() {
                    tracing::error!(
                        "the log is gone: {}. Until it is back, appends are refused and nothing is acknowledged as durable",
                        self.gone().unwrap_or_default()
                    );
                    self.settle();
                }
                self.accepts()
            }
            Err(Absence::Unknown(error)) => Err(error),
            Err(Absence::Broken(why)) => {
                if self.stopped().is_none() {
                    tracing::error!("{why}; the store stops");
                    self.stop(Stopped::Failed);
                }
                self.accepts()
            }
        }
    }

    /// Whether the log was there when it was last looked for.
    pub(super) fn is_there(&self) -> bool {
        self.gone.borrow().is_none()
    }

    /// What is gone of the log, and how, if it is.
    pub(super) fn gone(&self) -> Option<String> {
        self.gone.borrow().clone()
    }

    /// Resolves when the log is gone.
    pub(super) async fn until_gone(&self) {
        // The sender is here, so it does not go.
        let _ = self.gone.subscribe().wait_for(Option::is_some).await;
    }

    /// Whether appends are applied.
    ///
    /// # Errors
    /// Why not: the store has stopped, or its log is gone.
    pub(super) fn accepts(&self) -> Result<()> {
        if self.stopped().is_some() {
            return Err(self.refusal());
        }
        match &*self.gone.borrow() {
            None => Ok(()),
            Some(why) => Err(Error::unavailable(format!(
                "the log is gone: {why}; nothing is appended"
            ))),
        }
    }

    /// What to tell an append that was not applied because the store has stopped.
    pub(super) fn refusal(&self) -> Error {
        self.stopped().unwrap_or(Stopped::Closing).refusal()
    }

    /// Answers the waiters that are durable, or all of them once that can no longer be known.
    fn settle(&self) {
        let durable = self.durable();
        let lost =
            !self.is_there() || matches!(self.stopped(), Some(Stopped::Fenced | Stopped::Failed));
        let lost = lost.then(|| Lost {
            applied: self.unknown(),
            rejected: self.refusal(),
            trimmed: self.trim_unknown(),
            deleted: self.deletion_unknown(),
            of_cursor: self.cursor_unknown(),
            refused_of_cursor: self.floor_refusal(),
        });
        self.answers.settle(durable, lost.as_ref());
    }

    /// What to tell a trim, a deletion or a change of a cursor that was not applied because the store has stopped.
    pub(super) fn floor_refusal(&self) -> Error {
        self.stopped().unwrap_or(Stopped::Closing).error()
    }

    /// What to tell a trim that was applied but is not known to be durable.
    pub(super) fn trim_unknown(&self) -> Error {
        Error::TrimUnknown(self.floor_unknown())
    }

    /// The same for a deletion.
    pub(super) fn deletion_unknown(&self) -> Error {
        Error::DeletionUnknown(self.floor_unknown())
    }

    /// The same for a cursor.
    pub(super) fn cursor_unknown(&self) -> Error {
        Error::CursorUnknown(self.why_unknown("the change"))
    }

    fn floor_unknown(&self) -> String {
        self.why_unknown("the new floor")
    }

    fn why_unknown(&self, what: &str) -> String {
        let why = match self.stopped() {
            Some(Stopped::Fenced) => "another writer took over",
            Some(Stopped::Failed) => "the storage engine failed",
            _ if !self.is_there() => "the log was gone",
            _ => "the server stopped",
        };
        format!("{why} before {what} was known to be durable")
    }

    /// What to tell an append that was applied but is not known to be durable.
    pub(super) fn unknown(&self) -> Error {
        Error::outcome_unknown(match self.stopped() {
            Some(Stopped::Fenced) => {
                "another writer took over while the batch was on its way to the object store"
            }
            Some(Stopped::Failed) => {
                "the storage engine failed while the batch was on its way to the object store"
            }
            _ if !self.is_there() => "the log was gone when the batch was to become durable",
            _ => "the batch was applied, but was not durable in time",
        })
    }
}
