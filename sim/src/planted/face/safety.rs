//! Bugs of appends with preconditions and producers.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::history::{Numbered, Outcome, Safety, Sent};
use crate::planted::Planted;
use crate::time::now_ms;

/// Appends that are sent within this time count as appends of one commit.
const ONE_COMMIT_MS: u64 = 3;

/// What the bugs need to know of the past.
#[derive(Default)]
pub(super) struct Unsafe {
    /// How many servers had lived when a request was sent first.
    sent: BTreeMap<Numbered, usize>,
    /// The highest epoch of each producer, and how many servers had lived when it was heard first.
    epochs: BTreeMap<String, (u64, usize)>,
    /// The records that a number was sent with first.
    content: BTreeMap<Numbered, Vec<Sent>>,
    /// When each append was sent, and which sequences it got.
    appends: BTreeMap<usize, (u64, Range<u64>)>,
}

impl Unsafe {
    /// What becomes of the records and demands of an append when so many servers have lived.
    pub(super) fn heard(
        &mut self,
        bug: Planted,
        lives: usize,
        records: &mut Vec<Sent>,
        safety: &mut Safety,
    ) {
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
            Planted::JudgeFirst => safety.conditions.truncate(1),
            Planted::IgnoreExpected => {
                let moves = safety.moves.iter_mut();
                moves.for_each(|moved| moved.expected = None);
            }
            Planted::IgnoreReuse => {
                if let Some(numbered) = &safety.numbered {
                    let first = self.content.entry(numbered.clone());
                    first.or_insert_with(|| records.clone()).clone_into(records);
                }
            }
            _ => {}
        }
    }

    /// An append is sent.
    pub(super) fn begins(&mut self, operation: usize) {
        self.appends.insert(operation, (now_ms(), 0..0));
    }

    /// It was answered.
    pub(super) fn ends(&mut self, operation: usize, outcome: &Outcome) {
        if let (Some((_, placed)), Outcome::Appended { start, count }) =
            (self.appends.get_mut(&operation), outcome)
        {
            *placed = *start..start + count;
        }
    }

    /// Whether an append was sent together with the one that got this sequence.
    pub(super) fn is_together(&self, operation: usize, sequence: u64) -> bool {
        let own = self.appends.get(&operation);
        own.is_some_and(|(own_ms, _)| {
            let mut others = self.appends.values();
            others.any(|(ms, placed)| {
                placed.contains(&sequence) && ms.abs_diff(*own_ms) <= ONE_COMMIT_MS
            })
        })
    }
}
