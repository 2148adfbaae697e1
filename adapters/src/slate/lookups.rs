//! Appends that wait until something is looked up in SlateDB, while others are applied.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::Result;
use log_domain::sequencer::{Fact, Subject, Ticket};
use slatedb::Db;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::queue::Taken;
use super::read::last_row;

/// Keys that are looked up at the same time.
const CONCURRENT: usize = 32;

/// The lookups that are under way, and the appends that wait for them. The bounds of the queue bound both.
pub(super) struct Lookups {
    db: Db,
    permits: Arc<Semaphore>,
    running: JoinSet<Answer>,
    waiting: HashMap<Ticket, Vec<Taken>>,
}

/// What came out of a lookup.
pub(super) struct Answer {
    /// Which lookup it was.
    pub(super) ticket: Ticket,
    /// One fact for each of its subjects.
    pub(super) facts: Result<Vec<Fact>>,
}

impl Lookups {
    /// No lookups yet.
    pub(super) fn new(db: Db) -> Self {
        Self {
            db,
            permits: Arc::new(Semaphore::new(CONCURRENT)),
            running: JoinSet::new(),
            waiting: HashMap::new(),
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Looks `subjects` up in the background.
    pub(super) fn start(&mut self, ticket: Ticket, subjects: Vec<Subject>) {
        let (db, permits) = (self.db.clone(), Arc::clone(&self.permits));
        self.running.spawn(async move {
            let facts = stream::iter(subjects)
                .map(|subject| look_up(&db, &permits, subject))
                .buffer_unordered(CONCURRENT)
                .try_collect();
            let facts = facts.await;
            Answer { ticket, facts }
        });
    }

    /// Keeps an append until the lookup is answered.
    pub(super) fn wait(&mut self, ticket: Ticket, append: Taken) {
        self.waiting.entry(ticket).or_default().push(append);
    }

    /// The next answer; `None` while nothing is looked up.
    ///
    /// # Errors
    /// When a lookup panicked.
    pub(super) async fn next(&mut self) -> Option<std::result::Result<Answer, JoinError>> {
        self.running.join_next().await
    }

    /// The appends that waited for a lookup, in the order in which they came.
    pub(super) fn take(&mut self, ticket: Ticket) -> Vec<Taken> {
        self.waiting.remove(&ticket).unwrap_or_default()
    }

    /// Everything that still waits.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = Taken> {
        self.waiting.into_values().flatten()
    }
}

async fn look_up(db: &Db, permits: &Semaphore, subject: Subject) -> Result<Fact> {
    // The semaphore is never closed.
    let _permit = permits.acquire().await;
    let last = last_row(db, subject.segment, &subject.key).await?;
    let records = last.map_or(Ok(0), |row| row.end())?;
    Ok(Fact { subject, records })
}
