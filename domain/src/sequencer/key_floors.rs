//! The floors of keys: those in force, and those that are not durable yet, of keys whose bytes are still to be removed.
//!
//! Once nothing of a key is stored below its floor, the floor is no longer needed here, but is kept in a row for readers. How many
//! keys are here is bounded: [`KeyFloors::admit`].

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::EngineNumber;
use super::floors::Floor;
use crate::{Error, Key, KeyFloor, Result, Sequence};

/// Maximum number of keys.
const KEYS: usize = 65_536;
/// Maximum length of all keys, in bytes.
const KEY_BYTES: usize = 8 << 20;

/// The floors of keys. Only a durable one is in force.
#[derive(Debug, Clone, Default)]
pub struct KeyFloors {
    keys: HashMap<Bytes, Raised>,
    /// Length of all keys.
    bytes: usize,
    /// What is not known to be durable, oldest first.
    undurable: VecDeque<(EngineNumber, Bytes, Sequence)>,
    /// No key has a floor above this one that is not here.
    purged: Sequence,
}

/// A floor that a commit raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedFloor {
    /// The new one.
    pub floor: KeyFloor,
    /// The one that is stored; 0 if there is none. It is in force, unless the key is here.
    pub before: Sequence,
    /// When it is raised (Unix ms).
    pub at_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Raised {
    in_force: Sequence,
    newest: Floor,
    /// When the first of the records was deleted that are still stored.
    deleted_ms: i64,
    /// When the newest floor was raised.
    newest_ms: i64,
    /// How many times rows of the directory were removed for it.
    unlistings: u64,
}

impl KeyFloors {
    /// With the floors that were found when the log was opened, and the highest floor that another key can have.
    pub fn found(floors: Vec<KeyFloor>, purged: Sequence) -> Self {
        let mut found = Self {
            purged,
            ..Self::default()
        };
        for floor in floors {
            let key = floor.key.as_bytes().clone();
            found.bytes += key.len();
            let raised = Raised {
                in_force: floor.floor,
                newest: Floor {
                    sequence: floor.floor,
                    rests_on: EngineNumber::default(),
                },
                deleted_ms: floor.deleted_ms,
                newest_ms: floor.deleted_ms,
                unlistings: 0,
            };
            found.keys.insert(key, raised);
        }
        found
    }

    /// The floor in force of `key`, if it is here: 0 if only one was written that is not durable.
    pub fn in_force(&self, key: &[u8]) -> Option<Sequence> {
        self.keys.get(key).map(|raised| raised.in_force)
    }

    /// Changes when the floor of `key` comes into force, when rows of the directory are removed for it, and when it is purged.
    pub fn mark(&self, key: &[u8]) -> Option<(Sequence, u64)> {
        let raised = self.keys.get(key)?;
        Some((raised.in_force, raised.unlistings))
    }

    /// The highest floor of `key` that was written, if it is here.
    pub fn newest(&self, key: &[u8]) -> Option<Floor> {
        self.keys.get(key).map(|raised| raised.newest)
    }

    /// When the first of the records of `key` was deleted that are still stored (Unix ms), if the key is here.
    pub(super) fn deleted_ms(&self, key: &[u8]) -> Option<i64> {
        self.keys.get(key).map(|raised| raised.deleted_ms)
    }

    /// The keys with a floor in force, in no order.
    pub fn all_in_force(&self) -> impl Iterator<Item = KeyFloor> {
        let in_force = self.keys.iter();
        let in_force = in_force.filter(|(_, raised)| raised.in_force > Sequence::ZERO);
        in_force.map(|(key, raised)| KeyFloor {
            key: Key::stored(key.clone()),
            floor: raised.in_force,
            deleted_ms: raised.deleted_ms,
        })
    }

    /// No key that is not here has a floor above this one. 0 if there are no others with a floor.
    pub fn others_below(&self) -> Sequence {
        self.purged
    }

    /// Number of keys, and when the first of them was deleted (Unix ms).
    pub fn backlog(&self) -> (usize, Option<i64>) {
        let deleted = self.keys.values().map(|raised| raised.deleted_ms);
        (self.keys.len(), deleted.min())
    }

    /// Whether there is room for `key`.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if not.
    pub fn admit(&self, key: &[u8]) -> Result<()> {
        let full = |what, limit| Err(Error::Overloaded { what, limit });
        match self.keys.contains_key(key) {
            true => Ok(()),
            false if self.keys.len() >= KEYS => full(
                "the table of deleted keys whose bytes are still to be removed",
                KEYS as u64,
            ),
            false if self.bytes + key.len() > KEY_BYTES => full(
                "the table of deleted keys whose bytes are still to be removed, in bytes of keys,",
                KEY_BYTES as u64,
            ),
            false => Ok(()),
        }
    }

    /// The write `number` was applied, and raises this floor.
    pub fn written(&mut self, raised: &RaisedFloor, number: EngineNumber) {
        let RaisedFloor {
            floor,
            before,
            at_ms,
        } = raised;
        // The key may be a slice of something larger.
        let key = Bytes::copy_from_slice(floor.key.as_ref());
        let newest = Floor {
            sequence: floor.floor,
            rests_on: number,
        };
        self.undurable.push_back((number, key.clone(), floor.floor));
        match self.keys.get_mut(&key) {
            Some(raised) => {
                raised.newest = newest;
                raised.newest_ms = *at_ms;
            }
            None => {
                self.bytes += key.len();
                let raised = Raised {
                    in_force: *before,
                    newest,
                    deleted_ms: floor.deleted_ms,
                    newest_ms: *at_ms,
                    unlistings: 0,
                };
                self.keys.insert(key, raised);
            }
        }
    }

    /// Whether a floor comes into force once every write up to `number` is durable.
    pub fn waits_for(&self, number: EngineNumber) -> bool {
        let first = self.undurable.front();
        first.is_some_and(|(rests_on, ..)| *rests_on <= number)
    }

    /// Every write up to `number` is durable.
    pub fn durable(&mut self, number: EngineNumber) {
        while let Some((rests_on, _, _)) = self.undurable.front()
            && *rests_on <= number
            && let Some((_, key, floor)) = self.undurable.pop_front()
        {
            if let Some(raised) = self.keys.get_mut(&key) {
                raised.in_force = floor.max(raised.in_force);
            }
        }
    }

    /// Rows of the directory were removed for `key`, if it is here.
    pub fn unlisted(&mut self, key: &[u8]) {
        if let Some(raised) = self.keys.get_mut(key) {
            raised.unlistings += 1;
        }
    }

    /// Nothing of these keys is stored any more below these floors, and their rows say so. Those with a newer floor stay.
    pub fn purged(&mut self, floors: &[KeyFloor]) {
        for floor in floors {
            self.purged = self.purged.max(floor.floor);
            let key = floor.key.as_ref();
            if self.is_newest(floor) {
                self.bytes -= key.len();
                self.keys.remove(key);
            }
        }
    }

    /// Nothing of these keys is stored any more below these floors. What newer ones deleted may still be.
    pub fn emptied(&mut self, floors: &[KeyFloor]) {
        for floor in floors {
            if let Some(raised) = self.keys.get_mut(floor.key.as_ref())
                && raised.newest.sequence > floor.floor
            {
                raised.deleted_ms = raised.newest_ms;
            }
        }
    }

    /// Whether the floor is in force, and no higher one was written.
    pub fn is_newest(&self, floor: &KeyFloor) -> bool {
        let raised = self.keys.get(floor.key.as_ref());
        raised.is_some_and(|raised| {
            raised.newest.sequence == floor.floor && raised.in_force == floor.floor
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(key: &'static str, floor: u64) -> RaisedFloor {
        RaisedFloor {
            floor: self::floor(key, floor),
            before: Sequence::ZERO,
            at_ms: floor as i64,
        }
    }

    fn floor(key: &'static str, floor: u64) -> KeyFloor {
        KeyFloor {
            key: Key::stored(Bytes::from_static(key.as_bytes())),
            floor: Sequence::new(floor),
            deleted_ms: floor as i64,
        }
    }

    #[test]
    fn a_floor_is_in_force_once_it_is_durable_until_the_key_is_purged() {
        let number = EngineNumber::new;
        let mut floors = KeyFloors::found(vec![floor("a", 3)], Sequence::ZERO);
        floors.written(&raised("b", 5), number(10));
        floors.written(&raised("a", 9), number(12));
        floors.written(&raised("b", 11), number(14));
        assert_eq!(floors.backlog(), (2, Some(3)));
        for (durable, a, b) in [(9, 3, 0), (10, 3, 5), (12, 9, 5)] {
            floors.durable(number(durable));
            assert_eq!(floors.in_force(b"a"), Some(Sequence::new(a)), "{durable}");
            assert_eq!(floors.in_force(b"b"), Some(Sequence::new(b)), "{durable}");
        }
        assert!(!floors.is_newest(&floor("b", 5)));
        floors.emptied(&[floor("b", 5)]);
        assert_eq!(
            floors.deleted_ms(b"b"),
            Some(11),
            "what is left was deleted later"
        );
        floors.purged(&[floor("a", 9), floor("b", 5)]);
        assert_eq!(floors.in_force(b"a"), None);
        assert_eq!(floors.in_force(b"b"), Some(Sequence::new(5)));
        assert_eq!(floors.others_below(), Sequence::new(9));
        floors.durable(number(20));
        assert_eq!(floors.in_force(b"b"), Some(Sequence::new(11)));
        assert_eq!(floors.all_in_force().count(), 1);
    }

    #[test]
    fn only_so_many_keys_wait_to_be_purged() {
        let mut floors = KeyFloors::default();
        let long = vec![b'k'; KEY_BYTES];
        assert!(floors.admit(&long).is_ok());
        floors.written(&raised("a", 1), EngineNumber::new(2));
        assert!(matches!(floors.admit(&long), Err(Error::Overloaded { .. })));
        for n in 0..KEYS as u32 - 1 {
            let key = Key::stored(Bytes::copy_from_slice(&n.to_be_bytes()));
            let mut floor = raised("", 1);
            floor.floor.key = key;
            floors.written(&floor, EngineNumber::new(2));
        }
        assert!(matches!(floors.admit(b"b"), Err(Error::Overloaded { .. })));
        assert!(floors.admit(b"a").is_ok(), "it is there already");
        floors.durable(EngineNumber::new(2));
        floors.purged(&[floor("a", 1)]);
        assert!(floors.admit(b"b").is_ok());
    }
}
