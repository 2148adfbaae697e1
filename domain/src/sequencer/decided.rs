//! What was decided of the commands of a group.

use super::{EngineNumber, Subject, Ticket};
use crate::{Appended, Batch, Result};

/// A command whose records have sequences.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// Its position in what was planned.
    pub command: usize,
    /// Its records.
    pub batch: &'a Batch,
    /// The answer to it, once it is as durable as it asked for.
    pub appended: Appended,
}

/// What was decided of commands without placing them.
#[derive(Debug, Default)]
pub struct Decided {
    /// Commands to be answered, in the order in which they were planned.
    pub answered: Vec<Answered>,
    /// Commands to be planned again.
    pub waiting: Waiting,
}

/// A command that is answered without being placed.
#[derive(Debug)]
pub struct Answered {
    /// Its position in what was planned.
    pub command: usize,
    /// Its answer: why it is rejected, or the answer to the first of its duplicates.
    pub outcome: Result<Appended>,
    /// With requested durability, the answer waits until every write up to this one is durable, so that a crash cannot
    /// undo what the answer depends on.
    pub rests_on: EngineNumber,
}

/// Commands that were set aside, and what has to be looked up for them.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Positions in what was planned, in order, each with the lookup after which to plan it again.
    pub commands: Vec<(usize, Ticket)>,
    /// What to look up. Answer with [`super::Sequencer::learn`], or [`super::Sequencer::not_learnt`].
    pub lookup: Option<(Ticket, Vec<Subject>)>,
}
