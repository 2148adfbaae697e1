//! The driver of the floors of prefixes.

use super::log::Log;
use super::*;
use crate::KeyFloor;

impl Log {
    /// Raises the floor of a prefix, if that is higher, or forgets those that say nothing any more.
    pub(super) fn raise(&mut self, due: Option<PrefixFloor>) {
        loop {
            let planned = match &due {
                Some(due) => self.sequencer.plan_prefix_floors(vec![due.clone()]),
                None => {
                    let first = self.segments().first().copied();
                    self.sequencer.plan_forgotten_prefixes(first)
                }
            };
            let step = planned.expect("not full");
            if step.is_none_or(|step| self.does(step)) {
                return;
            }
        }
    }

    /// The floors of prefixes that have a row.
    pub(super) fn prefix_rows(&self) -> Vec<PrefixFloor> {
        let mut rows = BTreeMap::new();
        for write in &self.writes {
            for prefix in &write.removal.prefixes {
                assert!(rows.remove(prefix).is_some(), "{prefix:?} has no floor");
            }
            for floor in &write.prefix_floors {
                let before = rows.insert(floor.prefix.clone(), floor.floor);
                assert!(before < Some(floor.floor), "a floor goes back");
            }
        }
        let rows = rows.into_iter();
        rows.map(|(prefix, floor)| PrefixFloor { prefix, floor })
            .collect()
    }

    /// Keys with records that are stored although the floor of a prefix hides them, and that floor. Those with a floor of their own are
    /// not among them.
    pub(super) fn hidden_by_prefixes(&self) -> Vec<KeyFloor> {
        let floors = &self.sequencer.prefix_floors;
        let keys: BTreeSet<Key> = self.records().map(|record| record.key.clone()).collect();
        let own = &self.sequencer.key_floors;
        let hidden = keys.into_iter().filter_map(|key| {
            let floor = floors.of_key(key.as_ref());
            let dropped = self.dropped.get(&key).copied().unwrap_or_default();
            let is_own = own.newest(key.as_ref()).is_some();
            (floor > dropped && !is_own).then_some(KeyFloor {
                key,
                floor,
                deleted_ms: 0,
            })
        });
        hidden.collect()
    }

    /// The floors of prefixes in force, by all that was ever written.
    pub(super) fn prefixes_in_force(&self) -> BTreeMap<Bytes, Sequence> {
        let mut prefixes = BTreeMap::new();
        let durable = self.writes.iter().filter(|w| w.number <= self.durable);
        for floor in durable.flat_map(|write| &write.prefix_floors) {
            let is: &mut Sequence = prefixes.entry(floor.prefix.clone()).or_default();
            *is = floor.floor.max(*is);
        }
        prefixes
    }
}
