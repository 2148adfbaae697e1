//! The floors of prefixes: those in force, and those that are not durable yet.
//!
//! All of them are in memory, so that no read needs a lookup. A floor whose rule is gone stays, until a floor that holds for all its keys is
//! as high: [`PrefixFloors::covered`]. How many there are is bounded: [`PrefixFloors::room`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::EngineNumber;
use super::floors::{Floor, Floors};
use crate::prefix_rules::{PREFIX_RULES, PrefixFloor};
use crate::{Key, Sequence};

/// Maximum number of prefixes: those of the rules, and as many times that of rules before them.
const PREFIXES: usize = 4 * PREFIX_RULES;

/// The floors of prefixes. Only a durable one is in force.
#[derive(Debug, Clone, Default)]
pub struct PrefixFloors {
    floors: BTreeMap<Bytes, Floors>,
    /// The lengths of the prefixes.
    lengths: BTreeSet<usize>,
}

impl PrefixFloors {
    /// With the floors that were found when the log was opened.
    pub fn found(floors: Vec<PrefixFloor>) -> Self {
        let floors = floors.into_iter();
        let floors = floors.map(|found| (found.prefix, Floors::found(found.floor)));
        let mut found = Self {
            floors: floors.collect(),
            lengths: BTreeSet::new(),
        };
        found.measure();
        found
    }

    /// The highest floor in force of the prefixes of `key`; 0 if there is none.
    pub fn of_key(&self, key: &Key) -> Sequence {
        let key: &[u8] = key.as_ref();
        let prefixes = self.lengths.range(..=key.len());
        let floors = prefixes.filter_map(|length| self.floors.get(&key[..*length]));
        floors.map(Floors::in_force).max().unwrap_or_default()
    }

    /// The highest floor of `prefix` that was written; 0 without one.
    pub fn newest(&self, prefix: &[u8]) -> Floor {
        let floors = self.floors.get(prefix);
        floors.map_or_else(|| Floors::default().newest(), Floors::newest)
    }

    /// Whether `prefix` has a floor.
    pub fn has(&self, prefix: &[u8]) -> bool {
        self.floors.contains_key(prefix)
    }

    /// For how many more prefixes there is room.
    pub fn room(&self) -> usize {
        PREFIXES.saturating_sub(self.floors.len())
    }

    /// The write `number` was applied, and raises this floor. A floor never goes back.
    pub fn written(&mut self, raised: &PrefixFloor, number: EngineNumber) {
        let floors = self.floors.entry(raised.prefix.clone()).or_default();
        floors.written(raised.floor, number);
        self.lengths.insert(raised.prefix.len());
    }

    /// Every write up to `number` is durable.
    pub fn durable(&mut self, number: EngineNumber) {
        self.floors
            .values_mut()
            .for_each(|floors| floors.durable(number));
    }

    /// Prefixes whose floors say nothing: what is in force for all their keys is as high as what was written for them, because of
    /// `log`, the floor of the log in force, or a shorter prefix.
    pub fn covered(&self, log: Sequence) -> Vec<Bytes> {
        let floors = self.floors.iter().filter(|(prefix, floors)| {
            let shorter = self.lengths.range(..prefix.len());
            let shorter = shorter.filter_map(|length| self.floors.get(&prefix[..*length]));
            let in_force = shorter.map(Floors::in_force).fold(log, Sequence::max);
            floors.newest().sequence <= in_force
        });
        floors.map(|(prefix, _)| prefix.clone()).collect()
    }

    /// The rows of these floors were deleted.
    pub fn forgotten(&mut self, prefixes: &[Bytes]) {
        for prefix in prefixes {
            self.floors.remove(prefix);
        }
        self.measure();
    }

    fn measure(&mut self) {
        self.lengths = self.floors.keys().map(Bytes::len).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Do {
        Raise(Vec<u8>, u64),
        /// All but so many writes.
        Durable(u64),
        Trim(u64),
        Forget,
        Reopen,
    }

    fn name(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0u8..3, 1..most)
    }

    fn step() -> impl Strategy<Value = Do> {
        prop_oneof![
            6 => (name(4), 1u64..50).prop_map(|(prefix, floor)| Do::Raise(prefix, floor)),
            3 => (0u64..3).prop_map(Do::Durable),
            1 => (0u64..40).prop_map(Do::Trim),
            2 => Just(Do::Forget),
            1 => Just(Do::Reopen),
        ]
    }

    proptest! {
        /// What counts is the highest durable floor of all prefixes, whatever was forgotten.
        #[test]
        fn a_key_has_the_highest_durable_floor_of_its_prefixes_which_never_goes_back(
            steps in prop::collection::vec(step(), 0..60),
            keys in prop::collection::vec(name(6), 1..8),
        ) {
            let mut floors = PrefixFloors::default();
            // All that was written, and those of it that have a row.
            let (mut written, mut rows) = (Vec::<(EngineNumber, PrefixFloor)>::new(), BTreeMap::new());
            let (mut log, mut durable, mut number) = (Sequence::ZERO, 0, 0);
            for step in steps {
                match step {
                    Do::Raise(prefix, floor) => {
                        let raised = PrefixFloor { prefix: prefix.into(), floor: Sequence::new(floor) };
                        if floors.newest(&raised.prefix).sequence < raised.floor {
                            number += 2;
                            floors.written(&raised, EngineNumber::new(number));
                            rows.insert(raised.prefix.clone(), (number, raised.floor));
                            written.push((EngineNumber::new(number), raised));
                        }
                    }
                    Do::Durable(behind) => {
                        durable = durable.max(number.saturating_sub(2 * behind));
                        floors.durable(EngineNumber::new(durable));
                    }
                    Do::Trim(floor) => log = log.max(Sequence::new(floor)),
                    Do::Forget => {
                        let covered = floors.covered(log);
                        rows.retain(|prefix, _| !covered.contains(prefix));
                        floors.forgotten(&covered);
                    }
                    Do::Reopen => {
                        // A crash, after everything became durable.
                        durable = number;
                        let rows = rows.iter().map(|(prefix, (_, floor))| PrefixFloor {
                            prefix: prefix.clone(),
                            floor: *floor,
                        });
                        floors = PrefixFloors::found(rows.collect());
                    }
                }
                for key in &keys {
                    let in_force = written.iter().filter(|(number, _)| number <= &EngineNumber::new(durable));
                    let of_key = in_force.filter(|(_, raised)| key.starts_with(&raised.prefix));
                    let highest = of_key.map(|(_, raised)| raised.floor).max().unwrap_or_default();
                    let found = floors.of_key(&Key::stored(key.clone().into()));
                    prop_assert_eq!(found.max(log), highest.max(log), "{:?}", key);
                }
                prop_assert_eq!(floors.floors.len(), rows.len());
            }
        }
    }

    #[test]
    fn only_so_many_prefixes_have_floors() {
        let mut floors = PrefixFloors::default();
        for n in 0..PREFIXES as u32 {
            let prefix = Bytes::copy_from_slice(&n.to_be_bytes());
            assert!(floors.room() > 0 && !floors.has(&prefix));
            let floor = Sequence::new(u64::from(n) + 1);
            floors.written(&PrefixFloor { prefix, floor }, EngineNumber::new(2));
        }
        assert!(floors.room() == 0 && floors.has(&7u32.to_be_bytes()));
        assert_eq!(floors.covered(Sequence::new(3)).len(), 3);
        floors.forgotten(&floors.covered(Sequence::new(3)));
        assert_eq!(floors.room(), 3);
    }
}
