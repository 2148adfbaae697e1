//! Sessions of commands: in order, and nothing behind one that failed.

use std::collections::BTreeMap;

use crate::{Append, Appended, Error, Result, SessionId};

/// The sessions of commands, by their numbers, which rise within a session.
#[derive(Default)]
pub(super) struct Sessions {
    of: BTreeMap<u64, SessionId>,
    /// The commands that were judged, and whether the session had ended by then.
    judged: BTreeMap<u64, bool>,
}

impl Sessions {
    /// Makes a session of `commands`.
    pub(super) fn begin(&mut self, commands: &[u64]) {
        for command in commands {
            self.of.insert(*command, SessionId::new(commands[0]));
        }
    }

    /// `append`, as it is sent.
    pub(super) fn sent(&self, command: u64, append: Append) -> Append {
        match self.of.get(&command) {
            Some(session) => append.in_session(*session),
            None => append,
        }
    }

    /// Whether `outcome` is that of a command behind one that failed. Those before it were judged.
    pub(super) fn is_behind_failed(
        &mut self,
        command: u64,
        append: &Append,
        outcome: &Result<Appended>,
    ) -> bool {
        let Some(session) = self.of.get(&command) else {
            return false;
        };
        let before = command.checked_sub(1);
        let before = before.filter(|before| self.of.get(before) == Some(session));
        let has_ended = before.is_some_and(|before| {
            let judged = self.judged.get(&before);
            *judged.expect("judged in order")
        });
        let ends = has_ended || append.ends_session(outcome);
        let again = self.judged.insert(command, ends);
        assert_eq!(again, None, "judged once");
        if has_ended {
            let told = outcome.as_ref().expect_err("refused").to_string();
            assert_eq!(told, Error::behind_failed().to_string());
        }
        has_ended
    }
}
