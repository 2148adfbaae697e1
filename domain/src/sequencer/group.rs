//! The records of one commit, gathered by key.

use std::collections::HashMap;

use super::key_table::Position;
use crate::run::RunBuilder;
use crate::{Append, Batch, Key, Sequence};

/// The records of one commit, gathered by key.
#[derive(Debug)]
pub struct Group<'a> {
    /// For each record of all batches, in order, the position of its key in `keys`.
    positions: Vec<u32>,
    keys: Vec<KeyInGroup<'a>>,
    index: HashMap<&'a Key, u32>,
}

/// A key and its records in a commit.
#[derive(Debug, Clone)]
pub struct KeyInGroup<'a> {
    /// The key.
    pub key: &'a Key,
    /// Where the key stands before this commit. If it has no record in the segment, the directory must list it.
    pub position: Position,
    /// The number of the key in the segment.
    pub number: u32,
    /// Records of it in this commit.
    pub count: u64,
    /// The sequence of the last of them.
    pub last: Sequence,
    /// An upper bound of their encoded length.
    pub encoded_bytes: usize,
    /// Whether `position` is known.
    is_known: bool,
}

impl<'a> Group<'a> {
    /// An empty group, with room for the records of `appends`.
    pub(super) fn new(appends: &[&Append]) -> Self {
        let records = appends.iter().map(|append| append.batch().records().len());
        let records = records.sum();
        Self {
            positions: Vec::with_capacity(records),
            keys: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// Adds the records of `batch`, from sequence `start` on. `position_of` tells where a key stands, if that is known.
    /// Returns whether it is for all keys of the batch; if not, nothing is added.
    pub(super) fn add(
        &mut self,
        batch: &'a Batch,
        start: Sequence,
        position_of: impl Fn(&Key) -> Option<Position>,
    ) -> bool {
        let before = self.positions.len();
        let mut is_known = true;
        for record in batch.records() {
            let last = self.positions.last().copied();
            let position = match last {
                Some(position) if self.keys[position as usize].key == &record.key => position,
                _ => *self.index.entry(&record.key).or_insert_with(|| {
                    let position = position_of(&record.key);
                    self.keys.push(KeyInGroup {
                        key: &record.key,
                        position: position.unwrap_or_default(),
                        number: position.and_then(|known| known.number).unwrap_or_default(),
                        count: 0,
                        last: Sequence::ZERO,
                        encoded_bytes: 0,
                        is_known: position.is_some(),
                    });
                    self.keys.len() as u32 - 1
                }),
            };
            let key = &mut self.keys[position as usize];
            key.count += 1;
            key.encoded_bytes += RunBuilder::max_len(record.content_bytes());
            is_known &= key.is_known;
            self.positions.push(position);
        }
        if !is_known {
            self.remove(batch, before);
            return false;
        }
        for (position, sequence) in self.positions[before..].iter().zip(start.get()..) {
            self.keys[*position as usize].last = Sequence::new(sequence);
        }
        true
    }

    /// The last record of `key` in this group.
    pub(super) fn last(&self, key: &Key) -> Option<Sequence> {
        let key = &self.keys[*self.index.get(key)? as usize];
        (key.count > 0).then_some(key.last)
    }

    /// Gives numbers to the keys that have none in the segment yet, from `next` on, in the order in which they came. Returns the number after
    /// the last one.
    pub(super) fn number_new_keys(&mut self, mut next: u32) -> u32 {
        for key in self.keys.iter_mut().filter(|key| key.count > 0) {
            if key.position.number.is_none() {
                key.number = next;
                next += 1;
            }
        }
        next
    }

    /// Takes the records of `batch` out again, which came after `kept` others.
    fn remove(&mut self, batch: &Batch, kept: usize) {
        for (record, position) in batch.records().iter().zip(&self.positions[kept..]) {
            let key = &mut self.keys[*position as usize];
            key.count -= 1;
            key.encoded_bytes -= RunBuilder::max_len(record.content_bytes());
        }
        self.positions.truncate(kept);
    }

    /// The distinct keys of the records.
    pub fn keys(&self) -> impl Iterator<Item = &KeyInGroup<'a>> {
        self.keys.iter().filter(|key| key.count > 0)
    }

    /// For each record, in the order of the sequences, the position of its key in [`Group::by_position`].
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// All keys that were seen, also those without records.
    pub fn by_position(&self) -> &[KeyInGroup<'a>] {
        &self.keys
    }

    /// The keys that need a lookup.
    pub(super) fn unknown_keys(&self) -> impl Iterator<Item = &'a Key> {
        let unknown = self.keys.iter().filter(|key| !key.is_known);
        unknown.map(|key| key.key)
    }
}
