//! The floor of the log: the one in force, and those that are not durable yet.

use std::collections::VecDeque;

use super::EngineNumber;
use crate::Sequence;

/// A floor, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Nothing below it is to be read.
    pub sequence: Sequence,
    /// It is in force once every write up to this one is durable.
    pub rests_on: EngineNumber,
}

/// The floor of a log. Only a durable one is in force: what a crash can take back must not change an answer.
///
/// Bounded by the trims that wait for their answers.
#[derive(Debug, Clone, Default)]
pub struct Floors {
    in_force: Sequence,
    /// Written and not known to be durable; each is higher than the one before.
    pending: VecDeque<Floor>,
}

impl Floors {
    /// With a floor that was found when the log was opened.
    pub fn found(floor: Sequence) -> Self {
        Self {
            in_force: floor,
            pending: VecDeque::new(),
        }
    }

    /// The floor in force.
    pub fn in_force(&self) -> Sequence {
        self.in_force
    }

    /// The highest floor that was written.
    pub fn newest(&self) -> Floor {
        let in_force = Floor {
            sequence: self.in_force,
            rests_on: EngineNumber::default(),
        };
        self.pending.back().copied().unwrap_or(in_force)
    }

    /// The write `number` was applied, and has this floor. A floor never goes back.
    pub fn written(&mut self, floor: Sequence, number: EngineNumber) {
        if floor > self.newest().sequence {
            self.pending.push_back(Floor {
                sequence: floor,
                rests_on: number,
            });
        }
    }

    /// Whether a floor comes into force when every write up to `number` is durable.
    pub fn waits_for(&self, number: EngineNumber) -> bool {
        let first = self.pending.front();
        first.is_some_and(|first| first.rests_on <= number)
    }

    /// Every write up to `number` is durable.
    pub fn durable(&mut self, number: EngineNumber) {
        while let Some(first) = self.pending.front()
            && first.rests_on <= number
        {
            self.in_force = first.sequence;
            self.pending.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_in_force_once_it_is_durable_and_never_goes_back() {
        let number = EngineNumber::new;
        let mut floors = Floors::found(Sequence::new(3));
        floors.written(Sequence::new(5), number(10));
        floors.written(Sequence::new(4), number(12));
        floors.written(Sequence::new(9), number(14));
        floors.written(Sequence::new(9), number(16));
        let newest = Floor {
            sequence: Sequence::new(9),
            rests_on: number(14),
        };
        assert_eq!(floors.newest(), newest);
        for (durable, in_force) in [(9, 3), (10, 5), (13, 5), (14, 9), (20, 9)] {
            floors.durable(number(durable));
            assert_eq!(floors.in_force().get(), in_force, "{durable}");
        }
        assert_eq!(floors.newest().rests_on, EngineNumber::default());
    }
}
