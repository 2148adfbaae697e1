//! Bugs of appends with preconditions and producers.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Numbered, Safety, Sent};
use crate::planted::Planted;

/// What the bugs need to know of the past.
#[derive(Default)]
pub(super) struct Unsafe {
    /// How many servers had lived when a request was sent first.
    sent: BTreeMap<Numbered, usize>,
    /// The highest epoch of each producer, and how many servers had lived when it was heard first.
    epochs: BTreeMap<String, (u64, usize)>,
    /// The keys that appends under way write to.
    writing: BTreeMap<usize, BTreeSet<String>>,
}

impl Unsafe {
    /// What becomes of the demands of an append when so many servers have lived.
    pub(super) fn heard(&mut self, bug: Planted, lives: usize, safety: &mut Safety) {
        match bug {
            Planted::ApplyAgain => {
                let restarted = |numbered: &Numbered| {
                    let first = *self.sent.entry(numbered.clone()).or_insert(lives);
                    first < lives
                };
                if safety.numbered.as_ref().is_some_and(restarted) {
                    safety.numbered = None;
                }
            }
            Planted::ForgetEpoch => {
                let forgotten = |numbered: &Numbered| {
                    let heard = (numbered.epoch, lives);
                    let highest = self.epochs.entry(numbered.id.clone()).or_insert(heard);
                    if numbered.epoch > highest.0 {
                        *highest = heard;
                    }
                    numbered.epoch < highest.0 && highest.1 < lives
                };
                if safety.numbered.as_ref().is_some_and(forgotten) {
                    safety.numbered = None;
                }
            }
            Planted::JudgeEarly => safety.conditions.retain(|condition| {
                !self
                    .writing
                    .values()
                    .any(|keys| keys.contains(&condition.key))
            }),
            _ => {}
        }
    }

    /// An append is under way.
    pub(super) fn begins(&mut self, operation: usize, records: &[Sent]) {
        let keys = records.iter().map(|sent| sent.key.clone());
        self.writing.insert(operation, keys.collect());
    }

    /// It was answered.
    pub(super) fn ends(&mut self, operation: usize) {
        self.writing.remove(&operation);
    }
}
