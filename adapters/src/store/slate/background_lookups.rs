//! Lookups in SlateDB that run in the background, and the appends that wait for them while others are applied.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use log_domain::Result;
use log_domain::sequencer::{Fact, Subject, Ticket};
use slatedb::Db;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::directory::look_up;
use super::key_floors::FloorsOfKeys;
use super::queue::Taken;

/// Keys that are looked up at the same time.
const CONCURRENT: usize = 32;
/// Of keys that nothing waits for.
const AT_LEISURE: usize = 2;

/// The lookups that are under way, and the appends that wait for them. The bounds of the queue bound both.
pub(super) struct BackgroundLookups {
    db: Db,
    floors: FloorsOfKeys,
    permits: Arc<Semaphore>,
    running: JoinSet<Answer>,
    /// A lookup that nothing waits for, if one is under way.
    at_leisure: JoinSet<Result<Vec<Fact>>>,
    waiting: HashMap<Ticket, Vec<Taken>>,
}

/// What came out of a lookup.
pub(super) struct Answer {
    /// Which lookup it was.
    pub(super) ticket: Ticket,
    /// One fact for each of its subjects.
    pub(super) facts: Result<Vec<Fact>>,
}

/// Something was looked up.
pub(super) enum Event {
    /// For appends that wait; an error when the lookup panicked.
    Answer(std::result::Result<Answer, JoinError>),
    /// At leisure; nothing if it failed.
    AtLeisure(Vec<Fact>),
}

impl BackgroundLookups {
    /// No lookups yet.
    pub(super) fn new(db: Db, floors: FloorsOfKeys) -> Self {
        Self {
            db,
            floors,
            permits: Arc::new(Semaphore::new(CONCURRENT)),
            running: JoinSet::new(),
            at_leisure: JoinSet::new(),
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
        let floors = self.floors.clone();
        self.running.spawn(async move {
            let facts = stream::iter(subjects)
                .map(async |subject| {
                    // The semaphore is never closed.
                    let _permit = permits.acquire().await;
                    look_up(&db, &floors, subject).await
                })
                .buffer_unordered(CONCURRENT)
                .try_collect();
            let facts = facts.await;
            Answer { ticket, facts }
        });
    }

    /// Whether nothing is looked up at leisure.
    pub(super) fn has_leisure(&self) -> bool {
        self.at_leisure.is_empty()
    }

    /// Looks `subjects` up in the background; nothing waits for them.
    pub(super) fn start_at_leisure(&mut self, subjects: Vec<Subject>) {
        if subjects.is_empty() {
            return;
        }
        let (db, floors) = (self.db.clone(), self.floors.clone());
        self.at_leisure.spawn(async move {
            stream::iter(subjects)
                .map(|subject| look_up(&db, &floors, subject))
                .buffer_unordered(AT_LEISURE)
                .try_collect()
                .await
        });
    }

    /// Keeps an append until the lookup is answered.
    pub(super) fn wait(&mut self, ticket: Ticket, append: Taken) {
        self.waiting.entry(ticket).or_default().push(append);
    }

    /// What is answered next; `None` while nothing is looked up.
    pub(super) async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            biased;
            Some(answer) = self.running.join_next() => Some(Event::Answer(answer)),
            Some(facts) = self.at_leisure.join_next() => Some(Event::AtLeisure(at_leisure(facts))),
            else => None,
        }
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

fn at_leisure(facts: std::result::Result<Result<Vec<Fact>>, JoinError>) -> Vec<Fact> {
    match facts {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a lookup for the directory failed");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!(%error, "a lookup for the directory ended unexpectedly");
            Vec::new()
        }
    }
}
