//! Leaves records of deleted keys, and those below the floors of prefixes, out of what merges write.
//!
//! SlateDB asks a filter about each row that a merge reads. A row of records is never written again once it has been, so what
//! one merge leaves out cannot come back by another.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use log_domain::sequencer::PrefixFloors;
use log_domain::{Key, KeyFloor, PrefixFloor, Sequence, SequenceRange};
use parking_lot::RwLock;
use slatedb::{
    CompactionFilter, CompactionFilterDecision, CompactionFilterError, CompactionFilterSupplier,
    CompactionJobContext, RowEntry, ValueDeletable,
};

use crate::store::slate::layout::{key, records};

/// Below which floors merges leave out records.
#[derive(Debug, Clone, Default)]
struct Floors {
    /// Those of keys, by the key as it is in rows of records.
    keys: HashMap<Bytes, Sequence>,
    prefixes: PrefixFloors,
}

impl Floors {
    fn are_none(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    /// The floor of a key, as it is in rows of records.
    fn of(&self, escaped: &Bytes) -> Sequence {
        let of_key = self.keys.get(escaped).copied().unwrap_or_default();
        let of_prefixes = match self.prefixes.is_empty() {
            true => None,
            false => key::get(escaped).map(|key| self.prefixes.of_key(&key)),
        };
        of_key.max(of_prefixes.unwrap_or_default())
    }
}

/// The keys with deleted records that merges leave out, and the prefixes with floors. Each merge goes by what is here when it begins.
#[derive(Debug, Default)]
pub(crate) struct DeletedKeys(RwLock<Arc<Floors>>);

impl DeletedKeys {
    /// From now on, merges leave out what is below these floors, which are in force.
    pub(crate) fn add<'a>(&self, floors: impl IntoIterator<Item = &'a KeyFloor>) {
        let mut all = self.0.write();
        let all = Arc::make_mut(&mut all);
        for KeyFloor { key, floor, .. } in floors {
            let known = all.keys.entry(escaped(key)).or_default();
            *known = (*known).max(*floor);
        }
    }

    /// Nothing is stored below these floors any more.
    pub(crate) fn remove<'a>(&self, floors: impl IntoIterator<Item = &'a KeyFloor>) {
        let mut all = self.0.write();
        let all = Arc::make_mut(&mut all);
        for KeyFloor { key, floor, .. } in floors {
            let escaped = escaped(key);
            if all.keys.get(&escaped).is_some_and(|known| known <= floor) {
                all.keys.remove(&escaped);
            }
        }
    }

    /// From now on, merges leave out what is below these floors of prefixes, which are in force, and below no others of prefixes. The
    /// directory lists no key with such a prefix in a segment where all its records are below the floor.
    pub(crate) fn set_prefixes(&self, floors: Vec<PrefixFloor>) {
        let mut all = self.0.write();
        Arc::make_mut(&mut all).prefixes = PrefixFloors::found(floors);
    }

    /// For how many prefixes merges leave out what is below their floors.
    pub(crate) fn prefixes(&self) -> usize {
        self.0.read().prefixes.len()
    }

    /// Whether merges that begin now leave out what is below this floor.
    pub(crate) fn has(&self, floor: &KeyFloor) -> bool {
        let known = self.0.read().keys.get(&escaped(&floor.key)).copied();
        known.is_some_and(|known| known >= floor.floor)
    }
}

fn escaped(log_key: &Key) -> Bytes {
    let mut escaped = BytesMut::with_capacity(key::max_len(log_key.as_ref().len()));
    key::put(&mut escaped, log_key.as_ref());
    escaped.freeze()
}

#[async_trait]
impl CompactionFilterSupplier for DeletedKeys {
    async fn create_compaction_filter(
        &self,
        _: &CompactionJobContext,
    ) -> Result<Box<dyn CompactionFilter>, CompactionFilterError> {
        Ok(Box::new(Filter(Arc::clone(&self.0.read()))))
    }
}

struct Filter(Arc<Floors>);

#[async_trait]
impl CompactionFilter for Filter {
    async fn filter(
        &mut self,
        row: &RowEntry,
    ) -> Result<CompactionFilterDecision, CompactionFilterError> {
        Ok(match &row.value {
            ValueDeletable::Value(value) if !self.0.are_none() => decide(&row.key, value, &self.0),
            _ => CompactionFilterDecision::Keep,
        })
    }

    async fn on_compaction_end(&mut self) -> Result<(), CompactionFilterError> {
        Ok(())
    }
}

/// What becomes of a row: without records below the floor of its key. What cannot be read stays: readers report it.
fn decide(row_key: &Bytes, value: &Bytes, floors: &Floors) -> CompactionFilterDecision {
    let Some((escaped, last)) = records::parts(row_key) else {
        return CompactionFilterDecision::Keep;
    };
    let floor = floors.of(&row_key.slice_ref(escaped));
    if floor == Sequence::ZERO {
        return CompactionFilterDecision::Keep;
    }
    if last < floor {
        return CompactionFilterDecision::Drop;
    }
    let left = match records::decode(row_key, value) {
        Ok(row) if row.run.first() < floor => cut(&row, floor),
        Ok(_) | Err(_) => None,
    };
    left.map_or(CompactionFilterDecision::Keep, |value| {
        CompactionFilterDecision::Modify(ValueDeletable::Value(value))
    })
}

/// The value of a row without its records below `floor`. Later ones keep their number in the segment.
fn cut(row: &records::Row, floor: Sequence) -> Option<Bytes> {
    let left = SequenceRange::new(floor, Sequence::MAX).ok()?;
    let (run, _) = row.run.cut(left, usize::MAX, usize::MAX).ok()?;
    let run = run?;
    let ordinal = row.position(row.run.count() - run.count()).ok()?;
    let mut value = records::value_head(&run, ordinal);
    value.extend_from_slice(run.encoded());
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use log_domain::run::RunBuilder;
    use proptest::prelude::*;

    use super::*;
    use crate::store::slate::layout::{
        directory, key_floors, keys, names, order, prefix_floors, purges, segments, state,
    };

    fn floor(key: &[u8], floor: u64) -> KeyFloor {
        KeyFloor {
            key: Key::stored(Bytes::copy_from_slice(key)),
            floor: Sequence::new(floor),
            deleted_ms: 0,
        }
    }

    fn row(key: &[u8], sequences: &[u64], ordinal: u64) -> (Bytes, Bytes) {
        let mut builder = RunBuilder::with_headroom(7, records::HEADROOM, 0);
        for sequence in sequences {
            builder.push(Sequence::new(*sequence), &sequence.to_be_bytes());
        }
        let framed = builder.finish_behind(|run| records::value_head(run, ordinal));
        let (run, value) = framed.expect("not empty");
        (records::key(3, key, run.last()), value)
    }

    fn decided(
        deleted: &DeletedKeys,
        (row_key, value): &(Bytes, Bytes),
    ) -> CompactionFilterDecision {
        decide(row_key, value, &deleted.0.read())
    }

    #[test]
    fn rows_of_other_types_stay_whatever_is_deleted() {
        let deleted = DeletedKeys::default();
        deleted.add([&floor(b"k", u64::MAX), &floor(b"", u64::MAX)]);
        deleted.set_prefixes(vec![PrefixFloor {
            prefix: Bytes::from_static(b"k"),
            floor: Sequence::MAX,
        }]);
        let value = Bytes::from_static(&[1, 0]);
        for row_key in [
            state::key(),
            segments::key(1),
            purges::key(b"k"),
            prefix_floors::key(b"k"),
            key_floors::key(b"k"),
            keys::key(b"k"),
            directory::key(b"k", 1),
            names::key(1, 7),
            order::key(1, Sequence::new(5)),
        ] {
            let decision = decided(&deleted, &(row_key.clone(), value.clone()));
            assert_eq!(decision, CompactionFilterDecision::Keep, "{row_key:?}");
        }
        let damaged = (
            records::key(1, b"k", Sequence::MAX),
            Bytes::from_static(b"\x02"),
        );
        assert_eq!(decided(&deleted, &damaged), CompactionFilterDecision::Keep);
    }

    #[test]
    fn the_highest_floor_counts_until_it_is_removed() {
        let deleted = DeletedKeys::default();
        deleted.add([&floor(b"k", 9), &floor(b"k", 5)]);
        assert!(deleted.has(&floor(b"k", 9)) && !deleted.has(&floor(b"k", 10)));
        deleted.remove([&floor(b"k", 8)]);
        assert!(deleted.has(&floor(b"k", 9)));
        deleted.remove([&floor(b"k", 9)]);
        assert!(!deleted.has(&floor(b"k", 1)));
    }

    proptest! {
        #[test]
        fn exactly_what_is_below_the_floor_of_its_key_goes(
            floors in prop::collection::vec((prop::collection::vec(0u8..2, 0..3), 0u64..40), 0..4),
            prefixes in prop::collection::btree_map(prop::collection::vec(0u8..2, 1..3), 0u64..40, 0..3),
            key in prop::collection::vec(0u8..2, 0..3),
            sequences in prop::collection::btree_set(0u64..40, 1..12),
            ordinal in 0u64..1_000,
        ) {
            let deleted = DeletedKeys::default();
            for (key, sequence) in &floors {
                deleted.add([&floor(key, *sequence)]);
            }
            let all = prefixes.iter().map(|(prefix, floor)| PrefixFloor {
                prefix: Bytes::copy_from_slice(prefix),
                floor: Sequence::new(*floor),
            });
            deleted.set_prefixes(all.collect());
            let own = floors.iter().filter(|(name, _)| *name == key).map(|(_, floor)| *floor);
            let of_prefixes = prefixes.iter().filter(|(prefix, _)| key.starts_with(prefix)).map(|(_, floor)| *floor);
            let of_key = own.chain(of_prefixes).max().unwrap_or(0);
            let sequences: Vec<u64> = sequences.into_iter().collect();
            let (row_key, value) = row(&key, &sequences, ordinal);
            let left: Vec<u64> = sequences.iter().copied().filter(|sequence| *sequence >= of_key).collect();
            let expected = match left.len() {
                0 => CompactionFilterDecision::Drop,
                all if all == sequences.len() => CompactionFilterDecision::Keep,
                some => {
                    let (_, cut) = row(&key, &left, ordinal + (sequences.len() - some) as u64);
                    CompactionFilterDecision::Modify(ValueDeletable::Value(cut))
                }
            };
            prop_assert_eq!(decided(&deleted, &(row_key, value)), expected);
        }
    }
}
