//! Which log of a node begins the next merge: a pure decision.
//!
//! Each log that waits has a due date, counted in merges that the node has begun: now, plus as many merges as may go first. The earliest due date
//! goes first, so urgent merges overtake others, and none is overtaken for longer than that. A slot that is free is kept for the log whose turn it
//! is. The log is called, and passed over if it does not come.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How many merges may begin before one that takes long.
pub(super) const LONG_PATIENCE: u64 = 64;

/// A free slot is kept for so long for a log that was called.
pub(super) const KEPT: Duration = Duration::from_secs(5);

/// A number of merges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Merges {
    /// Those that free L0 files.
    pub(crate) short: usize,
    /// Those of the size of a segment.
    pub(crate) long: usize,
}

impl Merges {
    /// Both together.
    pub(crate) fn all(self) -> usize {
        self.short + self.long
    }

    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Short => &mut self.short,
            Kind::Long => &mut self.long,
        }
    }
}

/// What a log asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The merges that it would begin now.
    pub(crate) merges: Merges,
    /// How many L0 files may be added before flushes stop. So many merges of other logs may begin first.
    pub(crate) room: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Short,
    Long,
}

/// Merges of a log that wait for a slot.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    merges: usize,
    /// In merges that have begun.
    due: u64,
    /// Decides between equal due dates: who came first.
    arrival: u64,
    /// Since when a free slot is kept for it.
    called: Option<Instant>,
}

/// The slots of a node, and the logs that share them.
#[derive(Debug)]
pub(super) struct SlotQueue {
    limit: usize,
    /// Merges that have begun.
    begun: u64,
    arrivals: u64,
    joined: u64,
    /// The slots that each log holds.
    logs: BTreeMap<u64, Merges>,
    waiting: BTreeMap<(u64, Kind), Waiting>,
}

impl SlotQueue {
    /// So many slots.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: 0,
            arrivals: 0,
            joined: 0,
            logs: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// A log more. Returns its number.
    pub(super) fn join(&mut self) -> u64 {
        self.joined += 1;
        self.logs.insert(self.joined, Merges::default());
        self.joined
    }

    /// The log gives back what it holds, and waits no more.
    pub(super) fn leave(&mut self, log: u64) {
        self.logs.remove(&log);
        self.waiting.retain(|(waits, _), _| *waits != log);
    }

    /// The merges of the log that run, also those that it did not ask for.
    pub(super) fn holds(&mut self, log: u64, running: Merges) {
        if let Some(held) = self.logs.get_mut(&log) {
            *held = running;
        }
    }

    /// Returns how many of the wanted merges may begin, while these run. The log waits with the others.
    pub(super) fn ask(
        &mut self,
        log: u64,
        running: Merges,
        wanted: Wanted,
        now: Instant,
    ) -> Merges {
        let mut granted = Merges::default();
        if !self.logs.contains_key(&log) {
            return granted;
        }
        self.holds(log, running);
        let patience = |kind| match kind {
            Kind::Short => wanted.room,
            Kind::Long => LONG_PATIENCE,
        };
        for kind in [Kind::Short, Kind::Long] {
            let mut merges = wanted.merges;
            self.wait(log, kind, *merges.of(kind), patience(kind));
        }
        // One at a time: the next one goes behind others that are due before it.
        while let Some(kind) = self.turn_of(log, now) {
            let left = self.waiting.remove(&(log, kind));
            let left = left.map_or(0, |waiting| waiting.merges.saturating_sub(1));
            self.begun += 1;
            *granted.of(kind) += 1;
            *self.logs.entry(log).or_default().of(kind) += 1;
            self.wait(log, kind, left, patience(kind));
        }
        granted
    }

    /// Calls the logs that free slots are kept for.
    pub(super) fn call(&mut self, now: Instant) {
        for key in self.kept(None, now) {
            if let Some(waiting) = self.waiting.get_mut(&key) {
                waiting.called.get_or_insert(now);
            }
        }
    }

    /// Whether the log should look soon: it was called, or has merges whose end gives slots back.
    pub(super) fn hurries(&self, log: u64) -> bool {
        let holds = self.logs.get(&log).is_some_and(|held| held.all() > 0);
        let of_log = [(log, Kind::Short), (log, Kind::Long)];
        let mut waiting = of_log.iter().filter_map(|key| self.waiting.get(key));
        holds || waiting.any(|waiting| waiting.called.is_some())
    }

    /// Merges that run.
    pub(super) fn running(&self) -> Merges {
        let add = |sum: Merges, held: &Merges| Merges {
            short: sum.short + held.short,
            long: sum.long + held.long,
        };
        self.logs.values().fold(Merges::default(), add)
    }

    /// Merges that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.values().map(|waiting| waiting.merges).sum()
    }

    /// Has so many merges of the log wait. Those that waited before keep their place.
    fn wait(&mut self, log: u64, kind: Kind, merges: usize, patience: u64) {
        let before = self.waiting.remove(&(log, kind));
        if merges == 0 {
            return;
        }
        let due = self.begun.saturating_add(patience);
        self.arrivals += 1;
        let waiting = Waiting {
            merges,
            due: before.map_or(due, |before| before.due.min(due)),
            arrival: before.map_or(self.arrivals, |before| before.arrival),
            called: None,
        };
        self.waiting.insert((log, kind), waiting);
    }

    fn turn_of(&self, log: u64, now: Instant) -> Option<Kind> {
        let mut kept = self.kept(Some(log), now).into_iter();
        kept.find_map(|(next, kind)| (next == log).then_some(kind))
    }

    /// What the free slots are kept for. Of several slots, merges that take long leave one to others.
    fn kept(&self, asks: Option<u64>, now: Instant) -> Vec<(u64, Kind)> {
        let running = self.running();
        let mut free = self.limit.saturating_sub(running.all());
        let long_limit = self.limit.saturating_sub(1).max(1);
        let mut long_free = long_limit.saturating_sub(running.long);
        let mut order: Vec<_> = self.waiting.iter().collect();
        order.sort_by_key(|(_, waiting)| (waiting.due, waiting.arrival));
        let mut kept = Vec::new();
        for (&(log, kind), waiting) in order {
            let called = waiting.called;
            let stays_away = called.is_some_and(|at| now.duration_since(at) >= KEPT);
            let is_full = free == 0 || kind == Kind::Long && long_free == 0;
            if is_full || stays_away && asks != Some(log) {
                continue;
            }
            free -= 1;
            long_free -= usize::from(kind == Kind::Long);
            kept.push((log, kind));
        }
        kept
    }
}

#[cfg(test)]
mod tests;
