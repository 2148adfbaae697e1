//! Commands that are set aside until something was looked up for them.

use std::collections::HashMap;

use super::{Sequencer, Waiting};
use crate::{Append, Key, Segment};

impl Sequencer {
    /// Has what is `unknown` looked up for commands that must wait for it.
    pub(super) fn set_aside<'a>(
        &mut self,
        aside: &[(usize, &Append)],
        unknown: impl Iterator<Item = &'a Key>,
        segment: Segment,
    ) -> Waiting {
        let lookup = self.lookups.ask(unknown, segment.id, self.unlistings);
        let mut commands = Vec::with_capacity(aside.len());
        let mut sessions = HashMap::new();
        for (command, append) in aside {
            let records = append.batch().records().iter().map(|record| &record.key);
            let keys = records.chain(append.preconditions().iter().map(|p| &p.key));
            let asked = || self.lookups.last_asked(keys.map(AsRef::as_ref));
            let producer = append.producer();
            let before = producer.and_then(|producer| self.producers.held_before(producer));
            let session = append.session();
            let in_session = || session.and_then(|session| sessions.get(&session).copied());
            // That of a producer is looked for again when it is planned again.
            let ticket = in_session().or(before).unwrap_or_else(asked);
            if let Some(session) = session {
                sessions.entry(session).or_insert(ticket);
            }
            if let Some(producer) = producer {
                self.producers.hold(producer, ticket);
            }
            commands.push((*command, ticket));
        }
        Waiting { commands, lookup }
    }

    /// Drops lookup results of commands that can be rejected once they were checked. The key table may keep them.
    pub(super) fn forget_answers(&mut self, commands: &[&Append], aside: &[(usize, &Append)]) {
        if self.lookups.is_empty() {
            return;
        }
        let mut aside = aside.iter().map(|(command, _)| *command).peekable();
        for (command, append) in commands.iter().enumerate() {
            if aside.next_if_eq(&command).is_some() {
                continue;
            }
            // Nothing else can be rejected after it was looked up. Of a session, any request can be: behind one that failed.
            let is_conditional = append.session().is_some()
                || append.producer().is_some()
                || !append.preconditions().is_empty()
                || !append.cursors().is_empty();
            let records = append.batch().records().iter().filter(|_| is_conditional);
            let keys = append.preconditions().iter().map(|p| &p.key);
            for key in keys.chain(records.map(|record| &record.key)) {
                let key = key.as_ref();
                if let Some(standing) = self.lookups.take(key) {
                    self.keys.set(key, standing);
                }
            }
        }
    }
}
