//! A page of the records of all partitions, in no order between them: how many each is asked for, and where each continues.
//!
//! The partitions are asked round by round, each for an equal part of the room that is left, until the page is full or all were read to
//! their ends. The next page begins behind the partition that was read last, so each partition that has more is read at least once in as many
//! pages as there are partitions.

use crate::cluster::{Partition, Partitions};
use crate::{Error, Result, Sequence};

/// Where a reader of several partitions continues in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The sequence to read next.
    pub next: Sequence,
    /// If a part of what was to be read was trimmed: the first sequence that could still be there.
    pub trimmed_before: Option<Sequence>,
}

/// What one partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The partition.
    pub partition: Partition,
    /// The first sequence to read.
    pub start: Sequence,
    /// The most records, at least 1.
    pub records: usize,
    /// Its place in the page.
    at: usize,
}

/// How a partition's answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The sequence after what was searched.
    pub next: Sequence,
    /// Whether there may be more records.
    pub more: bool,
    /// As in [`Position`].
    pub trimmed_before: Option<Sequence>,
}

/// A page that is being read.
#[derive(Debug)]
pub struct Rounds {
    /// In the order in which they are read.
    places: Vec<Place>,
    /// The room that is left.
    records: usize,
    bytes: usize,
    is_empty: bool,
    is_full: bool,
    /// The place that is read first for the next page.
    first_of_next: usize,
}

#[derive(Debug)]
struct Place {
    position: Position,
    has_more: bool,
}

impl Rounds {
    /// A page of up to `records` records and `bytes` bytes, or one record that is longer. It begins with the partitions that have no position yet,
    /// which are read from their start, and goes on in the order of `positions`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a partition has two positions.
    pub fn new(
        partitions: Partitions,
        positions: &[(Partition, Sequence)],
        records: usize,
        bytes: usize,
    ) -> Result<Self> {
        let mut is_given = vec![false; partitions.number() as usize];
        for (partition, _) in positions {
            let given = is_given.get_mut(partition.number() as usize);
            if given.is_none_or(|given| std::mem::replace(given, true)) {
                return Err(Error::invalid(format!(
                    "positions: partition {partition} is given twice"
                )));
            }
        }
        let others = partitions.all().zip(&is_given);
        let others = others.filter(|(_, is_given)| !**is_given);
        let others = others.map(|(partition, _)| (partition, Sequence::ZERO));
        let places = others.chain(positions.iter().copied());
        let places = places.map(|(partition, next)| Place {
            position: Position {
                partition,
                next,
                trimmed_before: None,
            },
            has_more: true,
        });
        Ok(Self {
            places: places.collect(),
            records,
            bytes,
            is_empty: true,
            is_full: false,
            first_of_next: 0,
        })
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whom to ask next, in this order; nobody when the page is full or all partitions were read to their ends.
    pub fn asks(&self) -> Vec<Ask> {
        let places = self.places.iter().enumerate();
        let open = places.filter(|(_, place)| place.has_more && !self.is_full);
        let number = open.clone().count().max(1);
        let asks = open.map(|(at, place)| Ask {
            partition: place.position.partition,
            start: place.position.next,
            records: self.records.div_ceil(number),
            at,
        });
        asks.collect()
    }

    /// Takes what a partition answered to `ask`: the sequences of its records and their bytes. Returns how many of them are on the page, the first ones.
    pub fn take(
        &mut self,
        ask: &Ask,
        records: impl ExactSizeIterator<Item = (Sequence, usize)>,
        end: End,
    ) -> usize {
        let (number, mut taken, mut last) = (records.len(), 0, None);
        for (sequence, bytes) in records {
            let has_room = self.is_empty || self.bytes > 0 && bytes <= self.bytes;
            if taken == self.records || !has_room {
                break;
            }
            self.bytes = self.bytes.saturating_sub(bytes);
            self.is_empty = false;
            (taken, last) = (taken + 1, Some(sequence));
        }
        self.records -= taken;
        let is_cut = taken < number;
        self.is_full = is_cut || self.records == 0 || self.bytes == 0;
        // One that got less than its part is first next time. Unless it was first this time: the others wait.
        let is_first_again = is_cut && ask.at > 0;
        self.first_of_next = match is_first_again {
            true => ask.at,
            false => (ask.at + 1) % self.places.len(),
        };
        let place = &mut self.places[ask.at];
        place.has_more = is_cut || end.more;
        match (is_cut, last) {
            (true, None) => return taken,
            (true, Some(last)) => place.position.next = last.plus(1),
            (false, _) => place.position.next = end.next,
        }
        place.position.trimmed_before = end.trimmed_before.or(place.position.trimmed_before);
        taken
    }

    /// Where each partition continues, in the order in which the next page reads them, and whether one of them may have more.
    pub fn finish(mut self) -> (Vec<Position>, bool) {
        self.places.rotate_left(self.first_of_next);
        let has_more = self.places.iter().any(|place| place.has_more);
        let positions = self.places.into_iter().map(|place| place.position);
        (positions.collect(), has_more)
    }
}

#[cfg(test)]
mod tests;
