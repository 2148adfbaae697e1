//! Cursors against the model: moves with records and without, deletions, lookups, crashes.

use super::log::Log;
use super::*;
use crate::{Cursor, CursorCommand, CursorMove, CursorName, CursorsQuery};

#[derive(Debug, Clone)]
enum Do {
    /// Appends that arrive together.
    Append(Vec<Moving>),
    /// An append of before is sent again.
    Retry(prop::sample::Index),
    Move(Wanted),
    Delete(u8),
    LookUp {
        at: prop::sample::Index,
        fails: bool,
    },
    Flush,
    Wait(i64),
    Crash,
    Close,
}

#[derive(Debug, Clone)]
struct Moving {
    keys: Vec<u8>,
    /// With at most one move of each cursor.
    moves: BTreeMap<u8, (i64, Option<i64>)>,
    has_producer: bool,
    /// A key that is to have no record.
    without: Option<u8>,
}

/// A cursor, how far before the tip it is to be, and how far what is expected of it is off.
type Wanted = (u8, (i64, Option<i64>));

fn steps() -> impl Strategy<Value = Vec<Do>> {
    let to = || {
        let back = prop_oneof![12 => 0i64..8, 3 => -5i64..0];
        let off = prop_oneof![6 => Just(0i64), 1 => -2i64..3];
        (back, prop::option::weighted(0.7, off))
    };
    let append = (
        prop::collection::vec(name(), 1..4),
        prop::collection::btree_map(0u8..5, to(), 0..3),
        any::<bool>(),
        prop::option::weighted(0.2, name()),
    );
    let append = append.prop_map(|(keys, moves, has_producer, without)| Moving {
        keys,
        moves,
        has_producer,
        without,
    });
    let step = prop_oneof![
        8 => prop::collection::vec(append, 1..4).prop_map(Do::Append),
        2 => any::<prop::sample::Index>().prop_map(Do::Retry),
        6 => (0u8..5, to()).prop_map(Do::Move),
        2 => (0u8..5).prop_map(Do::Delete),
        6 => (any::<prop::sample::Index>(), prop::bool::weighted(0.1))
            .prop_map(|(at, fails)| Do::LookUp { at, fails }),
        3 => Just(Do::Flush),
        2 => (0i64..200).prop_map(Do::Wait),
        1 => Just(Do::Crash),
        1 => Just(Do::Close),
    ];
    prop::collection::vec(step, 0..60)
}

fn cursor(name: u8) -> CursorName {
    CursorName::parse(&format!("c{name}")).expect("a name")
}

/// What was done, in its order.
#[derive(Debug, Clone)]
enum Done {
    Append(u64, Appended, i64),
    Move(CursorMove, i64, EngineNumber),
    Delete(CursorName, EngineNumber),
}

struct Moved {
    log: Log,
    model: Model,
    limit: usize,
    done: Vec<Done>,
    /// The next request of the one producer.
    next: u64,
}

impl Moved {
    fn new(limit: usize) -> Self {
        let policy = Policy {
            cursors: limit,
            ..policy(SMALL_TABLE)
        };
        Self {
            log: Log::new(policy),
            model: Model::new(SealPolicy::default()).with_cursors(limit),
            limit,
            done: Vec::new(),
            next: 0,
        }
    }

    fn wanted(&self, (name, (back, off)): Wanted) -> CursorMove {
        let name = cursor(name);
        let at =
            |sequence: Sequence, by: i64| Sequence::new(sequence.get().saturating_add_signed(by));
        let position = self.model.cursor(&name).map(|cursor| cursor.position);
        let expected = off.map(|off| at(position.unwrap_or_default(), off));
        CursorMove {
            position: at(self.log.sequencer.tip(), -back),
            name,
            expected,
        }
    }

    fn send(&mut self, moving: Moving) -> u64 {
        let number = self.log.commands.len() as u64;
        let moves = moving.moves.into_iter().map(|wanted| self.wanted(wanted));
        let moves = moves.collect();
        let producer = moving.has_producer.then(|| {
            self.next += 1;
            Producer::parse("p", 0, self.next - 1).expect("a producer")
        });
        let preconditions = moving.without.into_iter().map(|name| Precondition {
            key: key(name),
            no_record_since: Sequence::ZERO,
        });
        let append = Append::new(
            batch(&moving.keys, number),
            preconditions.collect(),
            producer,
        );
        let append = append.expect("an append").with_cursors(moves);
        self.log.commands.insert(number, append.expect("moves"));
        number
    }

    fn run(&mut self, commands: &[u64]) -> std::result::Result<(), TestCaseError> {
        self.log.now_ms += 1;
        self.model.resume_at(self.log.sequencer.tip());
        let outcome = self.log.run(commands);
        for judged in outcome.judged {
            let append = self.log.commands[&judged.command].clone();
            let expected = self.model.append(&append, outcome.time_ms);
            let expected = expected.map(|(appended, _)| appended);
            let (found, told) = (&judged.outcome, &expected);
            prop_assert_eq!(format!("{found:?}"), format!("{told:?}"), "{:?}", append);
            match (judged.outcome, judged.rests_on) {
                (Ok(appended), None) => {
                    let done = Done::Append(judged.command, appended, outcome.time_ms);
                    self.done.push(done);
                }
                (Err(Error::Rejected(why)), Some(rests_on)) => {
                    self.is_certain(&why, rests_on)?;
                    match *why {
                        Rejection::OutOfOrder { expected, .. } => self.next = expected,
                        Rejection::ProducerUnknown => self.next = 0,
                        Rejection::CursorConflict { .. } | Rejection::Conflict { .. } => {
                            let producer = append.producer();
                            self.next = producer.map_or(self.next, |producer| producer.sequence);
                        }
                        _ => {}
                    }
                }
                (Err(Error::Invalid(_) | Error::Full(_)), Some(_)) => {
                    let producer = append.producer();
                    self.next = producer.map_or(self.next, |producer| producer.sequence);
                }
                _ => {}
            }
        }
        self.rows_are_as_modelled()
    }

    fn command(&mut self, command: CursorCommand) -> std::result::Result<(), TestCaseError> {
        self.log.now_ms += 1;
        self.model.resume_at(self.log.sequencer.tip());
        let now_ms = self.log.now_ms;
        let (found, rests_on) = self.log.cursor_command(&command);
        match command {
            CursorCommand::Move(wanted) => {
                let expected = self.model.move_cursor(&wanted, now_ms).map(Some);
                prop_assert_eq!(
                    format!("{found:?}"),
                    format!("{expected:?}"),
                    "{:?}",
                    wanted
                );
                match found {
                    Ok(_) => self.done.push(Done::Move(wanted, now_ms, rests_on)),
                    Err(Error::Rejected(why)) => self.is_certain(&why, rests_on)?,
                    Err(_) => {}
                }
            }
            CursorCommand::Delete(name) => {
                let before = self.model.cursor(&name);
                let found = found.expect("deleted");
                prop_assert_eq!(&found, &before);
                self.model.delete_cursor(&name);
                prop_assert!(self.log.cursors_at(rests_on).iter().all(|c| c.name != name));
                if found.is_some() {
                    self.done.push(Done::Delete(name, rests_on));
                }
            }
        }
        self.rows_are_as_modelled()
    }

    /// Once what a conflict rests on is durable, no crash makes it false.
    fn is_certain(
        &self,
        why: &Rejection,
        rests_on: EngineNumber,
    ) -> std::result::Result<(), TestCaseError> {
        let Rejection::CursorConflict { name, position, .. } = why else {
            return Ok(());
        };
        let stored = self.log.cursors_at(rests_on);
        let stored = stored.iter().find(|cursor| cursor.name == *name);
        let at = self.log.writes.iter().find(|w| w.number >= rests_on);
        // A later append of the same commit may have moved it on.
        let moved = at.is_some_and(|w| w.cursors.written.iter().any(|c| c.name == *name));
        prop_assert!(moved || stored.map(|cursor| cursor.position) == *position);
        Ok(())
    }

    fn rows_are_as_modelled(&self) -> std::result::Result<(), TestCaseError> {
        let all = CursorsQuery {
            limit: usize::MAX,
            ..CursorsQuery::default()
        };
        prop_assert_eq!(self.log.cursor_rows(), self.model.cursors(&all).cursors);
        Ok(())
    }

    fn crash(&mut self) {
        let durable = self.log.durable;
        self.done.retain(|done| match done {
            Done::Append(_, appended, _) => appended.start < durable.watermark(),
            Done::Move(.., number) | Done::Delete(_, number) => *number <= durable,
        });
        self.log.crash();
        self.model = Model::new(SealPolicy::default()).with_cursors(self.limit);
        for done in &self.done {
            match done {
                Done::Append(command, appended, time_ms) => {
                    self.model.resume_at(appended.start);
                    let replayed = self.model.append(&self.log.commands[command], *time_ms);
                    assert_eq!(replayed.expect("replayed").0, *appended);
                }
                Done::Move(wanted, time_ms, _) => {
                    self.model.resume_at(wanted.position);
                    let replayed = self.model.move_cursor(wanted, *time_ms);
                    assert!(replayed.is_ok());
                }
                Done::Delete(name, _) => assert!(self.model.delete_cursor(name)),
            }
        }
    }
}

impl Log {
    /// Plans `command` until no step is left; answers what it is told, and what that rests on.
    fn cursor_command(
        &mut self,
        command: &CursorCommand,
    ) -> (Result<Option<Cursor>>, EngineNumber) {
        loop {
            match self
                .sequencer
                .plan_cursor(command, self.now_ms)
                .expect("not full")
            {
                CursorStep::Answer(outcome, rests_on) => return (outcome, rests_on),
                CursorStep::Do(step, answer) => {
                    if self.does(step) {
                        return (Ok(Some(answer)), self.sequencer.last_number());
                    }
                }
            }
        }
    }

    /// The cursors that have a row, by name.
    pub(super) fn cursor_rows(&self) -> Vec<Cursor> {
        self.rows_of(&self.writes)
    }

    /// The same once every write up to `number` is durable, if there is a crash then.
    fn cursors_at(&self, number: EngineNumber) -> Vec<Cursor> {
        let number = number.max(self.durable);
        let before = self.writes.iter().take_while(|w| w.number < number);
        // A write that is durable only in part does not exist.
        let whole = usize::from(number > EngineNumber::default());
        let until = (before.count() + whole).min(self.writes.len());
        self.rows_of(&self.writes[..until])
    }

    fn rows_of(&self, writes: &[super::log::Write]) -> Vec<Cursor> {
        let mut rows = BTreeMap::new();
        for changes in writes.iter().map(|write| &write.cursors) {
            for name in &changes.deleted {
                assert!(rows.remove(name).is_some(), "{name} has no row");
            }
            for cursor in &changes.written {
                rows.insert(cursor.name.clone(), cursor.clone());
            }
        }
        rows.into_values().collect()
    }
}

proptest! {
    #[test]
    fn cursors_move_as_the_model_says_with_their_records_or_not_at_all(
        limit in prop_oneof![Just(3usize), Just(100)],
        steps in steps(),
    ) {
        let mut moved = Moved::new(limit);
        for step in steps {
            let log = &mut moved.log;
            let ready = match step {
                Do::Append(appends) => appends.into_iter().map(|append| moved.send(append)).collect(),
                Do::Retry(_) if log.commands.is_empty() => Vec::new(),
                Do::Retry(at) => {
                    let number = log.commands.len() as u64;
                    let before = at.index(log.commands.len()) as u64;
                    log.commands.insert(number, log.commands[&before].clone());
                    vec![number]
                }
                Do::LookUp { at, fails } if !log.lookups.is_empty() => {
                    log.look_up(at.index(log.lookups.len()), fails)
                }
                Do::LookUp { .. } => Vec::new(),
                Do::Move(wanted) => {
                    let wanted = moved.wanted(wanted);
                    moved.command(CursorCommand::Move(wanted))?;
                    Vec::new()
                }
                Do::Delete(name) => {
                    moved.command(CursorCommand::Delete(cursor(name)))?;
                    Vec::new()
                }
                Do::Flush => { log.flush(); Vec::new() }
                Do::Wait(ms) => { log.now_ms += ms; Vec::new() }
                Do::Crash => { moved.crash(); Vec::new() }
                Do::Close => { log.close(); Vec::new() }
            };
            if !ready.is_empty() {
                moved.run(&ready)?;
            }
        }
    }
}

#[test]
fn of_moves_in_one_group_each_sees_those_before_it() {
    let mut log = Log::new(policy(1 << 20));
    let to = |expected: u64, position: u64| CursorMove {
        name: cursor(1),
        position: Sequence::new(position),
        expected: Some(Sequence::new(expected)),
    };
    for (number, wanted) in [to(0, 0), to(0, 1), to(0, 2), to(1, 2), to(2, 9)]
        .into_iter()
        .enumerate()
    {
        let append = Append::from(batch(&[1], number as u64)).with_cursors(vec![wanted]);
        log.commands.insert(number as u64, append.expect("moves"));
    }
    let outcome = log.run(&[0, 1, 2, 3, 4]);
    assert_eq!(outcome.placed(), [0, 1, 3]);
    let [.., conflict, _, beyond] = &outcome.judged[..] else {
        panic!("{outcome:?}");
    };
    let expected = Rejection::CursorConflict {
        name: cursor(1),
        expected: Sequence::ZERO,
        position: Some(Sequence::new(1)),
    };
    assert!(
        matches!(&conflict.outcome, Err(Error::Rejected(why)) if **why == expected),
        "{conflict:?}"
    );
    assert_eq!(
        conflict.rests_on,
        Some(EngineNumber::of_commit(Sequence::new(2)))
    );
    assert!(
        matches!(&beyond.outcome, Err(Error::Invalid(_))),
        "{beyond:?}"
    );
    let rows = log.cursor_rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].position.get(), 2);
}
