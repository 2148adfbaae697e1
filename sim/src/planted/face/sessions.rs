//! A bug of sessions.

use super::Face;
use crate::history::{Call, Outcome};
use crate::planted::Planted;

impl Face {
    /// Whether clients may use sessions: other bugs are of calls.
    pub fn has_sessions(&self) -> bool {
        matches!(self.bug, None | Some(Planted::ApplyBehind))
    }

    /// What is applied of `calls` of a session although it is behind one that failed.
    pub fn applies_behind(&self, calls: &[Call], outcomes: &[Outcome]) -> Vec<Call> {
        if self.bug != Some(Planted::ApplyBehind) {
            return Vec::new();
        }
        let is_rejected = |outcome: &&Outcome| matches!(outcome, Outcome::Rejected { .. });
        let failed = outcomes.iter().rposition(|outcome| is_rejected(&outcome));
        let behind = failed.map_or(calls.len(), |failed| failed + 1);
        let mut behind = calls[behind..].to_vec();
        for call in &mut behind {
            if let Call::Append { safety, .. } = call {
                safety.numbered = None;
            }
        }
        behind
    }
}
