//! Bugs of deletions.

use std::collections::BTreeSet;

use crate::history::{Call, Outcome};
use crate::planted::Planted;

/// What the bugs need to know of the past.
#[derive(Default)]
pub(super) struct Deletions {
    /// The keys that were deleted.
    keys: BTreeSet<String>,
}

impl Deletions {
    /// Learns from an answer.
    pub(super) fn learn(&mut self, call: &Call, outcome: &Outcome) {
        if let (Call::Delete { key, .. }, Outcome::Deleted { .. }) = (call, outcome) {
            self.keys.insert(key.clone());
        }
    }

    /// What the client is told in place of `outcome`.
    pub(super) fn says(&self, bug: Option<Planted>, call: &Call, outcome: Outcome) -> Outcome {
        match (bug, call, outcome) {
            (
                Some(Planted::ListDeleted),
                Call::Keys {
                    start_after, limit, ..
                },
                Outcome::Keys {
                    keys,
                    next_start_after: None,
                },
            ) => {
                let after = self
                    .keys
                    .iter()
                    .filter(|key| start_after.as_ref() < Some(*key));
                let all: BTreeSet<String> = keys.into_iter().chain(after.cloned()).collect();
                let most = usize::try_from(*limit).unwrap_or(usize::MAX);
                Outcome::Keys {
                    keys: all.into_iter().take(most).collect(),
                    next_start_after: None,
                }
            }
            (_, _, outcome) => outcome,
        }
    }
}
