//! Writing the history down while it happens.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Call, End, Fault, History, Life, Moment, Operation, Outcome};
use crate::time::now_ms;

/// Writes one history. Clones write the same one.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    history: History,
    moments: u64,
    /// When the run is, where no host says so.
    ms: u64,
}

impl Pages {
    fn now(&mut self) -> Moment {
        self.moments += 1;
        self.ms = self.ms.max(now_ms());
        Moment {
            index: self.moments,
            ms: self.ms,
        }
    }
}

impl Recorder {
    /// Sets the time for what is recorded outside of hosts.
    pub fn at(&self, ms: u64) {
        let mut pages = self.0.lock();
        pages.ms = pages.ms.max(ms);
    }

    /// Now, between all that was recorded so far and all that will be.
    pub fn moment(&self) -> Moment {
        self.0.lock().now()
    }

    /// A client asks.
    pub fn called(&self, client: &str, node: &str, call: Call) -> usize {
        let mut pages = self.0.lock();
        let called = pages.now();
        let id = pages.history.operations.len();
        pages.history.operations.push(Operation {
            id,
            client: client.to_owned(),
            node: node.to_owned(),
            called,
            call,
            answered: None,
        });
        id
    }

    /// And is told.
    pub fn answered(&self, operation: usize, outcome: Outcome) {
        let mut pages = self.0.lock();
        let when = pages.now();
        pages.history.operations[operation].answered = Some((when, outcome));
    }

    /// How many processes of servers have begun.
    pub fn lives(&self) -> usize {
        self.0.lock().history.lives.len()
    }

    /// How many processes of servers were killed.
    pub fn crashes(&self) -> usize {
        let pages = self.0.lock();
        let ends = pages
            .history
            .lives
            .iter()
            .filter_map(|life| life.ended.as_ref());
        ends.filter(|(_, end)| *end == End::Crashed).count()
    }

    /// A server's process begins, by a clock that is so far ahead.
    pub fn started(&self, node: &str, take_over: bool, ahead_ms: i64) -> usize {
        let mut pages = self.0.lock();
        let started = pages.now();
        let id = pages.history.lives.len();
        pages.history.lives.push(Life {
            id,
            node: node.to_owned(),
            take_over,
            clock: vec![(started.ms, ahead_ms)],
            started,
            opened: None,
            asked: None,
            ended: None,
        });
        id
    }

    /// The clock of its host is set, and is so far ahead now.
    pub fn clock_set(&self, life: usize, ahead_ms: i64) {
        let mut pages = self.0.lock();
        let ms = pages.now().ms;
        pages.history.lives[life].clock.push((ms, ahead_ms));
    }

    /// It has opened the log.
    pub fn opened(&self, life: usize) {
        let mut pages = self.0.lock();
        let now = pages.now();
        pages.history.lives[life].opened = Some(now);
    }

    /// It is asked to stop. Only the first time counts.
    pub fn asked(&self, life: usize) {
        let mut pages = self.0.lock();
        let now = pages.now();
        pages.history.lives[life].asked.get_or_insert(now);
    }

    /// It ended. Only the first end counts.
    pub fn ended(&self, life: usize, end: End) {
        let mut pages = self.0.lock();
        let now = pages.now();
        pages.history.lives[life].ended.get_or_insert((now, end));
    }

    /// A fault begins.
    pub fn fault(&self, what: String) -> usize {
        let mut pages = self.0.lock();
        let from = pages.now();
        let faults = &mut pages.history.faults;
        faults.push(Fault {
            what,
            from,
            until: None,
        });
        faults.len() - 1
    }

    /// A fault ends.
    pub fn over(&self, fault: usize) {
        let mut pages = self.0.lock();
        let now = pages.now();
        pages.history.faults[fault].until = Some(now);
    }

    /// The end of what was acknowledged as durable so far.
    pub fn durable_end(&self) -> u64 {
        let pages = self.0.lock();
        let acknowledged = pages.history.acknowledged();
        let durable = acknowledged.filter_map(|(append, _, start)| {
            let (records, durable) = append.appends()?;
            durable.then_some(start + records.len() as u64)
        });
        durable.max().unwrap_or(0)
    }

    /// All that happened so far.
    pub fn history(&self) -> History {
        self.0.lock().history.clone()
    }
}
