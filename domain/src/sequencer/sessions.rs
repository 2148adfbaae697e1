//! Sessions in a group whose requests cannot all be applied: behind one that waits the others wait, behind one that failed they are refused.

use std::collections::HashMap;

use crate::{Append, Appended, Result, SessionId};

/// How the sessions of a group stand, if not everything of them so far was placed.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<SessionId, Standing>);

/// Why a request cannot be judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing {
    /// One before it waits.
    Waits,
    /// One before it ended the session.
    Ended,
}

impl Sessions {
    /// Why `append` cannot be judged, if it cannot.
    pub(super) fn standing(&self, append: &Append) -> Option<Standing> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&append.session()?).copied()
    }

    /// `append` waits.
    pub(super) fn waits(&mut self, append: &Append) {
        self.set(append, Standing::Waits);
    }

    /// `append` was answered without being placed.
    pub(super) fn answered(&mut self, append: &Append, outcome: &Result<Appended>) {
        if append.ends_session(outcome) {
            self.set(append, Standing::Ended);
        }
    }

    fn set(&mut self, append: &Append, standing: Standing) {
        if let Some(session) = append.session() {
            self.0.insert(session, standing);
        }
    }
}
