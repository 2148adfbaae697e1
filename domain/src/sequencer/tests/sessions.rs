//! Sessions of commands: in order, and nothing behind one that failed.

use std::collections::BTreeMap;

use super::*;
use crate::SessionId;

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

#[test]
fn nothing_is_kept_of_what_was_looked_up_for_a_request_behind_one_that_failed() {
    let mut log = Log::new(policy(SMALL_TABLE));
    log.commands.insert(0, batch(&[1, 2], 0).into());
    log.run(&[0]);
    // Its table begins empty.
    log.close();
    let unless_there = Precondition {
        key: key(1),
        no_record_since: Sequence::ZERO,
    };
    let producer = Producer::parse("p", 0, 0).expect("a producer");
    let fails = Append::new(batch(&[3], 1), vec![unless_there], Some(producer));
    log.commands.insert(1, fails.expect("an append"));
    log.commands.insert(2, batch(&[2], 2).into());
    log.sessions.begin(&[1, 2]);
    assert!(log.run(&[1, 2]).judged.is_empty());
    let ready = log.look_up(0, false);
    let outcome = log.run(&ready);
    assert!(outcome.judged.iter().all(|judged| judged.outcome.is_err()));
    assert_eq!(outcome.judged.len(), 2);
    let lookups = &log.sequencer.lookups;
    assert!(lookups.is_empty(), "{lookups:?}");
}
