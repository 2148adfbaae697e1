//! The floors of prefixes: those in force, and those that are not durable yet.
//!
//! All of them are in memory, so that no read needs a lookup. A floor whose rule is gone stays, until a floor that holds for all its keys is
//! as high: [`PrefixFloors::covered`]. How many there are is bounded: [`PrefixFloors::room`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::EngineNumber;
use super::floors::Floors;
use crate::Sequence;
use crate::prefix_rules::{PREFIX_RULES, PrefixFloor};

/// Maximum number of prefixes: those of the rules, and as many times that of rules before them.
pub(super) const PREFIXES: usize = 4 * PREFIX_RULES;

/// The floors of prefixes. Only a durable one is in force.
#[derive(Debug, Clone, Default)]
pub struct PrefixFloors {
    floors: BTreeMap<Bytes, OfPrefix>,
    /// The lengths of the prefixes.
    lengths: BTreeSet<usize>,
    /// Whether some are not known to be durable.
    are_pending: bool,
}

#[derive(Debug, Clone, Default)]
struct OfPrefix {
    floors: Floors,
    /// The directory lists no key with the prefix in segments where all its records are below this floor.
    unlisted: Sequence,
}

impl OfPrefix {
    /// The floor in force, if the directory may list keys without records at or above it.
    fn to_unlist(&self) -> Option<Sequence> {
        let in_force = self.floors.in_force();
        (self.unlisted < in_force).then_some(in_force)
    }
}

impl PrefixFloors {
    /// With the floors that were found when the log was opened.
    pub fn found(floors: Vec<PrefixFloor>) -> Self {
        let floors = floors.into_iter();
        let floors = floors.map(|found| {
            let of_prefix = OfPrefix {
                floors: Floors::found(found.floor),
                unlisted: Sequence::ZERO,
            };
            (found.prefix, of_prefix)
        });
        let mut found = Self {
            floors: floors.collect(),
            ..Self::default()
        };
        found.measure();
        found
    }

    /// How many prefixes have a floor.
    pub fn len(&self) -> usize {
        self.floors.len()
    }

    /// Whether no prefix has a floor.
    pub fn is_empty(&self) -> bool {
        self.floors.is_empty()
    }

    /// The highest floor in force of the prefixes of `key`; 0 if there is none.
    pub fn of_key(&self, key: &[u8]) -> Sequence {
        self.highest(key, self.lengths.range(..=key.len()))
    }

    /// Whether the directory may list `key` in a segment where all its records are below the floor of a prefix.
    pub fn may_be_listed(&self, key: &[u8]) -> bool {
        let mut prefixes = self.prefixes(key, self.lengths.range(..=key.len()));
        prefixes.any(|of_prefix| of_prefix.to_unlist().is_some())
    }

    /// The floors in force below which the directory may list keys without other records.
    pub fn to_unlist(&self) -> Vec<PrefixFloor> {
        self.each(OfPrefix::to_unlist)
    }

    /// The floors below which the directory lists no keys without other records.
    pub fn all_unlisted(&self) -> Vec<PrefixFloor> {
        self.each(|of_prefix| Some(of_prefix.unlisted).filter(|floor| *floor > Sequence::ZERO))
    }

    /// The directory lists no key with the prefix any more in segments where all its records are below the floor.
    pub fn unlisted(&mut self, floor: &PrefixFloor) {
        if let Some(of_prefix) = self.floors.get_mut(&floor.prefix) {
            of_prefix.unlisted = floor.floor.max(of_prefix.unlisted);
        }
    }

    /// The highest floor of `prefix` that was written; 0 without one.
    pub fn newest(&self, prefix: &[u8]) -> Sequence {
        let found = self.floors.get(prefix);
        found.map_or(Sequence::ZERO, |of_prefix| {
            of_prefix.floors.newest().sequence
        })
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
        let of_prefix = self.floors.entry(raised.prefix.clone()).or_default();
        of_prefix.floors.written(raised.floor, number);
        self.lengths.insert(raised.prefix.len());
        self.are_pending = true;
    }

    /// Whether a floor comes into force when every write up to `number` is durable.
    pub fn waits_for(&self, number: EngineNumber) -> bool {
        let mut all = self.floors.values();
        self.are_pending && all.any(|of_prefix| of_prefix.floors.waits_for(number))
    }

    /// Every write up to `number` is durable.
    pub fn durable(&mut self, number: EngineNumber) {
        if !self.waits_for(number) {
            return;
        }
        self.are_pending = false;
        for OfPrefix { floors, .. } in self.floors.values_mut() {
            floors.durable(number);
            self.are_pending |= floors.newest().sequence > floors.in_force();
        }
    }

    /// Prefixes whose floors say nothing: what is in force for all their keys is as high as what was written for them, because of
    /// `log`, which is at most the floor of the log in force, or a shorter prefix.
    pub fn covered(&self, log: Sequence) -> Vec<Bytes> {
        let floors = self.floors.iter().filter(|(prefix, of_prefix)| {
            of_prefix.floors.newest().sequence <= self.covering(prefix).max(log)
        });
        floors.map(|(prefix, _)| prefix.clone()).collect()
    }

    /// The highest floor in force of shorter prefixes, which holds for all keys with this one.
    pub fn covering(&self, prefix: &[u8]) -> Sequence {
        self.highest(prefix, self.lengths.range(..prefix.len()))
    }

    /// The rows of these floors were deleted.
    pub fn forgotten(&mut self, prefixes: &[Bytes]) {
        for prefix in prefixes {
            self.floors.remove(prefix);
        }
        self.measure();
    }

    /// The prefixes for which `floor` gives one.
    fn each(&self, floor: impl Fn(&OfPrefix) -> Option<Sequence>) -> Vec<PrefixFloor> {
        let found = self.floors.iter().filter_map(|(prefix, of_prefix)| {
            let prefix = prefix.clone();
            floor(of_prefix).map(|floor| PrefixFloor { prefix, floor })
        });
        found.collect()
    }

    fn highest<'l>(&self, key: &[u8], lengths: impl Iterator<Item = &'l usize>) -> Sequence {
        let floors = self.prefixes(key, lengths);
        let in_force = floors.map(|of_prefix| of_prefix.floors.in_force());
        in_force.max().unwrap_or_default()
    }

    fn prefixes<'l>(
        &self,
        key: &[u8],
        lengths: impl Iterator<Item = &'l usize>,
    ) -> impl Iterator<Item = &OfPrefix> {
        lengths.filter_map(|length| self.floors.get(key.get(..*length)?))
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
                        if floors.newest(&raised.prefix) < raised.floor {
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
                    let found = floors.of_key(key);
                    prop_assert_eq!(found.max(log), highest.max(log), "{:?}", key);
                }
                prop_assert_eq!(floors.floors.len(), rows.len());
            }
        }
    }

    #[test]
    fn a_key_may_be_listed_until_it_is_unlisted_for_the_floors_in_force_of_all_its_prefixes() {
        let floor = |prefix: &'static str, floor: u64| PrefixFloor {
            prefix: prefix.into(),
            floor: Sequence::new(floor),
        };
        let may_be_listed = |floors: &PrefixFloors| {
            ["a", "ab", "b"].map(|key| floors.may_be_listed(key.as_bytes()))
        };
        let mut floors = PrefixFloors::found(vec![floor("a", 3)]);
        assert_eq!(may_be_listed(&floors), [true, true, false]);
        assert_eq!(floors.to_unlist(), [floor("a", 3)]);
        floors.written(&floor("ab", 7), EngineNumber::new(2));
        floors.unlisted(&floor("a", 3));
        assert_eq!(may_be_listed(&floors), [false; 3], "only what is in force");
        floors.durable(EngineNumber::new(2));
        assert_eq!(may_be_listed(&floors), [false, true, false]);
        floors.unlisted(&floor("ab", 7));
        assert_eq!(floors.to_unlist(), []);
        assert_eq!(floors.all_unlisted(), [floor("a", 3), floor("ab", 7)]);
        floors.written(&floor("a", 9), EngineNumber::new(4));
        floors.durable(EngineNumber::new(4));
        assert_eq!(may_be_listed(&floors), [true, true, false]);
        // What a shorter prefix hides is left to it.
        floors.forgotten(&floors.covered(Sequence::ZERO));
        assert_eq!(floors.to_unlist(), [floor("a", 9)]);
        assert_eq!(floors.all_unlisted(), [floor("a", 3)]);
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
