//! What a read-only store shows: one state of the log, read from its rows.
//!
//! The writer has in memory what readers need of the state of the log: the tip, the segments, the floors, the cursors. All of it is
//! in rows too, which are read again whenever the engine has found newer ones. What is shown is the state at one commit: every
//! commit writes the state row, so the number of that row is the same before and after the others are read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log_domain::sequencer::EngineNumber;
use log_domain::{CommitListener, Error, Result, Segment, Sequence, Watermarks};
use parking_lot::RwLock;
use slatedb::DbReader;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::store::slate::cursors::Cursors;
use crate::store::slate::error;
use crate::store::slate::key_floors::{self, FloorsOfKeys, FoundFloors};
use crate::store::slate::layout::{cursors, segments, state};
use crate::store::slate::stored_rows::all;

/// How often the rows are read at a time, each time finding that there are newer ones. They change once per poll.
const LOADS: usize = 5;

/// The state of the log at one commit.
#[derive(Clone, Default)]
pub(super) struct View {
    /// Of the commit.
    pub(super) number: EngineNumber,
    pub(super) watermarks: Watermarks,
    pub(super) segments: Arc<Vec<Segment>>,
    pub(super) floor: Sequence,
    pub(super) cursors: Arc<Cursors>,
}

/// The newest view, and who hears of it.
pub(super) struct Views {
    now: RwLock<View>,
    /// The floors of keys and prefixes, of the same commit. A read that takes these first and then the view is never shown more than is
    /// below the floors of either.
    pub(super) key_floors: FloorsOfKeys,
    /// Since when there have been rows that could not be read.
    behind: parking_lot::Mutex<Option<Instant>>,
    loading: Mutex<()>,
    /// The floors of keys and prefixes that were found last, and how often floors were found that hide more than those before.
    found: parking_lot::Mutex<FoundFloors>,
    deletions: AtomicU64,
    listener: Arc<dyn CommitListener>,
}

impl Views {
    /// Nothing yet.
    pub(super) fn new(listener: Arc<dyn CommitListener>) -> Self {
        Self {
            now: RwLock::default(),
            key_floors: FloorsOfKeys::default(),
            behind: parking_lot::Mutex::default(),
            loading: Mutex::default(),
            found: parking_lot::Mutex::default(),
            deletions: AtomicU64::default(),
            listener,
        }
    }

    /// The newest one. Read the floors of keys before.
    pub(super) fn now(&self) -> View {
        self.now.read().clone()
    }

    /// For how long there have been rows that could not be read.
    pub(super) fn behind(&self) -> Duration {
        let behind = *self.behind.lock();
        behind.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How often floors of keys or prefixes were found that hide more than before. If it is the same at the end of a read, no record of any
    /// key went meanwhile, but for those below the floor of the log. (Unless the reader polls so seldom that a key is deleted, and
    /// its bytes are removed, between two polls.)
    pub(super) fn deletions(&self) -> u64 {
        self.deletions.load(Ordering::Acquire)
    }

    /// Notes whether everything is shown that the engine has found.
    pub(super) fn is_behind(&self, is_behind: bool) {
        let mut behind = self.behind.lock();
        *behind = match is_behind {
            true => behind.or_else(|| Some(Instant::now())),
            false => None,
        };
    }

    /// Shows what the reads of `db` see now.
    ///
    /// # Errors
    /// Those of reads. What was shown before is shown then.
    pub(super) async fn load(&self, db: &DbReader) -> Result<()> {
        let _one_at_a_time = self.loading.lock().await;
        for _ in 0..LOADS {
            let shown = self.now.read().number;
            let (number, floor) = newest(db).await?;
            if number == shown {
                return Ok(());
            }
            if number < shown {
                return Err(Error::internal(format!(
                    "the storage engine went back from {} to {}",
                    shown.get(),
                    number.get()
                )));
            }
            let (segments, cursors, floors) = futures::try_join!(
                all(db, segments::prefix(), segments::decode),
                all(db, cursors::prefix(), cursors::decode),
                key_floors::read(db),
            )?;
            if newest(db).await?.0 != number {
                continue;
            }
            let tip = number.watermark();
            let view = View {
                number,
                watermarks: Watermarks { tip, durable: tip },
                segments: Arc::new(segments),
                floor,
                cursors: Arc::new(Cursors::found(cursors)),
            };
            self.show(view, floors);
            return Ok(());
        }
        Err(Error::unavailable(format!(
            "the log changed {LOADS} times while its state was read: try again"
        )))
    }

    fn show(&self, view: View, floors: FoundFloors) {
        let watermarks = view.watermarks;
        let before = std::mem::replace(&mut *self.found.lock(), floors.clone());
        if hides_more(&before, &floors) {
            self.deletions.fetch_add(1, Ordering::AcqRel);
        }
        let mut now = self.now.write();
        let moved = watermarks.tip > now.watermarks.tip;
        *now = view;
        self.key_floors.found_again(floors);
        drop(now);
        if moved {
            // There are no runs to hand out: followers read them.
            self.listener.applied(None, watermarks.tip);
            self.listener.durable(watermarks.durable);
        }
    }
}

/// Whether floors are there that were not, or are higher.
fn hides_more(before: &FoundFloors, now: &FoundFloors) -> bool {
    let keys: HashMap<&[u8], Sequence> = before
        .purges
        .iter()
        .map(|floor| (floor.key.as_ref(), floor.floor))
        .collect();
    let of_key = |key: &[u8]| keys.get(key).copied().unwrap_or_default();
    let mut purges = now.purges.iter();
    now.prefixes != before.prefixes || purges.any(|floor| floor.floor > of_key(floor.key.as_ref()))
}

/// The number of the last commit that reads see, and the floor of the log. The engine reports a number before its reads see that write.
async fn newest(db: &DbReader) -> Result<(EngineNumber, Sequence)> {
    let row = db.get_key_value(state::key()).await.map_err(error::read)?;
    let Some(row) = row else {
        return Ok((EngineNumber::default(), Sequence::ZERO));
    };
    let state = state::decode(&row.value)?;
    Ok((EngineNumber::new(row.seq), state.floor))
}
