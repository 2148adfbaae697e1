//! The sequencer's table of producers.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::{Peekable, Rev};

use lru::LruCache;

use super::EngineNumber;
use super::pending_lookups::Ticket;
use crate::producer::{AppliedRequest, BUSY_MS, Recent};
use crate::{
    Append, Appended, Error, Producer, ProducerId, ProducerPolicy, ProducerState, Rejection,
    Result, Sequence,
};

/// Expired producers that one commit deletes, at most.
const EXPIRED_AT_ONCE: usize = 32;

/// All known producers.
pub(super) struct Producers {
    policy: ProducerPolicy,
    states: LruCache<ProducerId, ProducerState>,
    /// Requests that wait for a lookup, each with the lookup. Later ones of the producer wait behind them.
    held: HashMap<ProducerId, BTreeMap<u64, Ticket>>,
}

impl Producers {
    /// Continues with what was found when the log was opened.
    pub(super) fn new(policy: ProducerPolicy, mut found: Vec<(ProducerId, ProducerState)>) -> Self {
        found.sort_by(|(a, of_a), (b, of_b)| (of_a.last_used_ms, a).cmp(&(of_b.last_used_ms, b)));
        let mut states = LruCache::unbounded();
        for (id, state) in found {
            states.put(id, state);
        }
        Self {
            policy,
            states,
            held: HashMap::new(),
        }
    }

    /// A commit was applied.
    pub(super) fn applied(&mut self, changes: &ProducerChanges) {
        for id in &changes.forgotten {
            self.states.pop(id);
        }
        for (id, state) in &changes.written {
            self.states.put(id.clone(), *state);
        }
    }

    /// A request waits for a lookup.
    pub(super) fn hold(&mut self, producer: &Producer, ticket: Ticket) {
        let held = self.held.entry(producer.id.clone()).or_default();
        held.insert(producer.sequence, ticket);
    }

    /// The lookup that a request has to wait for because one before it does.
    pub(super) fn held_before(&self, producer: &Producer) -> Option<Ticket> {
        let held = self.held.get(&producer.id)?;
        let before = held.range(..producer.sequence).next_back()?;
        Some(*before.1)
    }

    /// What waited for a lookup is planned again, or was answered.
    pub(super) fn release(&mut self, ticket: Ticket) {
        self.held.retain(|_, held| {
            held.retain(|_, waits_for| *waits_for != ticket);
            !held.is_empty()
        });
    }
}

/// What a commit changes about producers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProducerChanges {
    /// States to write, by name.
    pub written: Vec<(ProducerId, ProducerState)>,
    /// Producers whose states are to be deleted.
    pub forgotten: Vec<ProducerId>,
}

/// What is to be done with a request of a producer.
pub(super) enum Judgement {
    /// It is its turn.
    Next,
    /// It is answered; the answer rests on everything up to this write.
    Answered(Result<Appended>, EngineNumber),
    /// It is not its turn, but requests before it wait for a lookup.
    Behind,
}

/// The producers as a group of commands finds and leaves them.
pub(super) struct Staged<'t> {
    table: &'t Producers,
    now_ms: i64,
    /// The write before the group.
    last_write: EngineNumber,
    written: BTreeMap<ProducerId, ProducerState>,
    forgotten: BTreeSet<ProducerId>,
    /// Of `written`, those that were not known.
    new: usize,
    /// The producers that this group has not forgotten or passed, from the longest idle on.
    idle: Peekable<Rev<lru::Iter<'t, ProducerId, ProducerState>>>,
    /// Lowest sequences of requests in this group that wait for a lookup.
    waiting: BTreeMap<&'t ProducerId, u64>,
}

impl<'t> Staged<'t> {
    pub(super) fn new(table: &'t Producers, now_ms: i64, last_write: EngineNumber) -> Self {
        Self {
            table,
            now_ms,
            last_write,
            written: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            new: 0,
            idle: table.states.iter().rev().peekable(),
            waiting: BTreeMap::new(),
        }
    }

    /// What is to be done with a request whose records have this fingerprint.
    pub(super) fn judge(&mut self, request: &Producer, fingerprint: u64) -> Judgement {
        let Some(state) = self.state(&request.id) else {
            // A crash that takes back the last write may bring a producer back that it forgot.
            let rests_on = self.last_write;
            return match request.sequence {
                0 if self.has_place(&request.id) || self.makes_room() => Judgement::Next,
                0 => Judgement::Answered(Err(self.full()), rests_on),
                _ if self.is_behind(request) => Judgement::Behind,
                _ => rejected(Rejection::ProducerUnknown, rests_on),
            };
        };
        let end = EngineNumber::of_commit(state.recent.end());
        let next = match request.epoch.cmp(&state.epoch) {
            Ordering::Less => {
                let current = state.epoch;
                return rejected(Rejection::ProducerFenced { current }, end);
            }
            Ordering::Equal => state.next,
            Ordering::Greater => 0,
        };
        let sequence = request.sequence;
        if sequence == next {
            return Judgement::Next;
        }
        if sequence > next {
            return match self.is_behind(request) {
                true => Judgement::Behind,
                false => {
                    let expected = next;
                    rejected(Rejection::OutOfOrder { sequence, expected }, end)
                }
            };
        }
        match state.recent.back(next - sequence) {
            None => rejected(Rejection::SequenceTooOld, end),
            Some(applied) if applied.fingerprint != fingerprint => {
                rejected(Rejection::SequenceReused { sequence }, end)
            }
            Some(applied) => {
                let answer = Appended {
                    start: applied.start,
                    count: applied.count,
                    duplicate: true,
                };
                Judgement::Answered(Ok(answer), EngineNumber::of_commit(answer.end()))
            }
        }
    }

    /// A request whose turn it is has its place in the log.
    pub(super) fn place(&mut self, request: &Producer, append: &Append, start: Sequence) {
        let before = self.state(&request.id).copied();
        let recent = before.filter(|state| state.epoch == request.epoch);
        let mut recent = recent.map_or_else(Recent::default, |state| state.recent);
        recent.push(AppliedRequest {
            start,
            count: append.batch().count(),
            fingerprint: append.fingerprint(),
        });
        if before.is_none() && !self.has_place(&request.id) {
            self.make_room();
            self.new += 1;
        }
        let state = ProducerState {
            epoch: request.epoch,
            next: request.sequence + 1,
            last_used_ms: self.now_ms,
            recent,
        };
        self.written.insert(request.id.clone(), state);
    }

    /// A request waits for a lookup.
    pub(super) fn wait(&mut self, request: &'t Producer) {
        let lowest = self.waiting.entry(&request.id).or_insert(u64::MAX);
        *lowest = request.sequence.min(*lowest);
    }

    /// What the commit changes, expired producers included.
    pub(super) fn finish(mut self) -> ProducerChanges {
        let idle = self.table.states.iter().rev().take(EXPIRED_AT_ONCE);
        let policy = self.table.policy;
        let expired =
            idle.take_while(|(_, state)| policy.has_expired(state.last_used_ms, self.now_ms));
        self.forgotten.extend(expired.map(|(id, _)| id.clone()));
        let written = &self.written;
        self.forgotten.retain(|id| !written.contains_key(id));
        ProducerChanges {
            written: self.written.into_iter().collect(),
            forgotten: self.forgotten.into_iter().collect(),
        }
    }

    fn state(&self, id: &ProducerId) -> Option<&ProducerState> {
        if let Some(state) = self.written.get(id) {
            return Some(state);
        }
        let state = self.table.states.peek(id)?;
        let is_known = !self
            .table
            .policy
            .has_expired(state.last_used_ms, self.now_ms)
            && !self.forgotten.contains(id);
        is_known.then_some(state)
    }

    fn is_behind(&self, request: &Producer) -> bool {
        let lowest = self.waiting.get(&request.id);
        lowest.is_some_and(|lowest| *lowest < request.sequence)
            || self.table.held_before(request).is_some()
    }

    fn full(&self) -> Error {
        Error::Overloaded {
            what: "the table of producers",
            limit: self.table.policy.limit as u64,
        }
    }

    /// Whether the producer is in the table, as it also is for a while after it has expired.
    fn has_place(&self, id: &ProducerId) -> bool {
        self.table.states.contains(id) && !self.forgotten.contains(id)
    }

    /// Whether there is room for another producer, or can be.
    fn makes_room(&mut self) -> bool {
        self.has_room() || self.longest_idle().is_some()
    }

    fn make_room(&mut self) {
        if !self.has_room()
            && let Some(id) = self.longest_idle()
        {
            self.idle.next();
            self.forgotten.insert(id);
        }
    }

    fn has_room(&self) -> bool {
        let known = self.table.states.len() - self.forgotten.len() + self.new;
        known < self.table.policy.limit
    }

    /// The producer that is forgotten next: the longest idle one that this group does not use.
    fn longest_idle(&mut self) -> Option<ProducerId> {
        while let Some((id, state)) = self.idle.peek() {
            let idle_ms = self.now_ms.saturating_sub(state.last_used_ms);
            if idle_ms < BUSY_MS
                && !self
                    .table
                    .policy
                    .has_expired(state.last_used_ms, self.now_ms)
            {
                return None;
            }
            if !self.written.contains_key(*id) {
                return Some((*id).clone());
            }
            self.idle.next();
        }
        None
    }
}

fn rejected(why: Rejection, rests_on: EngineNumber) -> Judgement {
    Judgement::Answered(Err(Error::rejected(why)), rests_on)
}
