//! Compares the order of the records of one segment with its records, in bounded memory.
//!
//! Records are read by key, and their order by sequence. So of both, the keys are added up, as hashes with the sequence, for some sequences
//! at a time. The sums differ where the order does not name the keys of the records.

use log_domain::{Error, Result, Segment, Sequence};
use slatedb::{DbReader, KeyValue};

use super::findings::Findings;
use super::names::{Hashes, Names};
use super::peeked::Rows;
use crate::store::slate::backup::Progress;
use crate::store::slate::layout::order::{self, Numbers};
use crate::store::slate::layout::{HEAD_BYTES, RowType};

/// Sums for each segment, each of as many sequences.
const SUMS: u64 = 4_096;

/// What the records and the order of a segment differ in.
#[derive(Debug)]
pub(super) struct Sums {
    start: u64,
    /// Of sequences that belong to one sum, in powers of two.
    shift: u32,
    sums: Vec<u64>,
}

impl Sums {
    /// For the sequences from `start` up to `end`.
    pub(super) fn new(start: Sequence, end: Sequence) -> Self {
        let sequences = end.get().saturating_sub(start.get());
        let mut shift = 0;
        while sequences >> shift >= SUMS {
            shift += 1;
        }
        Self {
            start: start.get(),
            shift,
            sums: vec![0; (sequences >> shift) as usize + 1],
        }
    }

    /// There is a record with this sequence, of the key with this hash.
    pub(super) fn add(&mut self, key: u64, sequence: Sequence) {
        if let Some(sum) = self.sum(sequence) {
            *sum = sum.wrapping_add(mixed(key, sequence));
        }
    }

    /// The order says that there is one.
    fn subtract(&mut self, key: u64, sequence: Sequence) {
        if let Some(sum) = self.sum(sequence) {
            *sum = sum.wrapping_sub(mixed(key, sequence));
        }
    }

    fn sum(&mut self, sequence: Sequence) -> Option<&mut u64> {
        let at = sequence.get().checked_sub(self.start)? >> self.shift;
        self.sums.get_mut(usize::try_from(at).ok()?)
    }

    /// First and last of the first sequences for which they differ.
    fn differ(&self) -> Option<(u64, u64)> {
        let at = self.sums.iter().position(|sum| *sum != 0)? as u64;
        let first = self.start + (at << self.shift);
        Some((first, first + (1 << self.shift) - 1))
    }
}

/// Mixes all bits, so that sums tell which sequence belongs to which key.
fn mixed(key: u64, sequence: Sequence) -> u64 {
    let mut mixed = key ^ sequence.get().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb)] {
        mixed = (mixed ^ mixed >> shift).wrapping_mul(factor);
    }
    mixed ^ mixed >> 31
}

/// The order of a segment whose names and records have been read.
pub(super) struct Order<'a> {
    pub(super) segment: Segment,
    /// Where the segment ends.
    pub(super) end: Sequence,
    pub(super) names: &'a Names,
    /// The sums of the records.
    pub(super) sums: &'a mut Sums,
    /// So many numbers were given, if that is known.
    pub(super) given: Option<u32>,
    /// Whether the names and all records above the floors must be there.
    pub(super) is_whole: bool,
}

/// What must follow.
#[derive(Default)]
struct Before {
    last: Option<Sequence>,
    time_ms: i64,
    highest: Option<u32>,
}

impl Order<'_> {
    /// Checks the rows that are left of the segment: its order.
    pub(super) async fn check(
        mut self,
        rows: &mut Rows<'_>,
        reader: &DbReader,
        progress: &dyn Progress,
        findings: &mut Findings,
    ) -> Result<()> {
        let id = self.segment.id;
        let names = self.names;
        let mut before = Before::default();
        while let Some(row) = rows.next(findings).await? {
            let place = || format!("segment {id}, row {}", row.key.escape_ascii());
            if row.key.get(HEAD_BYTES - 1) != Some(&(RowType::Order as u8)) {
                findings.add(format!("{}: the type of the row is not known", place()));
                continue;
            }
            let outcome = self.take(&row, names.first(), &mut before);
            findings.unless_damaged(place, outcome)?;
        }
        if let (Some(highest), Some(given)) = (before.highest.max(names.highest()), self.given)
            && highest >= given
        {
            findings.add(format!(
                "segment {id}: there is a key with number {highest}, and the state row says that {given} numbers were given"
            ));
        }
        if rows.failed() || !self.is_whole {
            return Ok(());
        }
        let mut from = names.first().end();
        while let Some(first) = from
            && let Some(hashes) = names.starting(reader, first, progress, findings).await?
        {
            from = hashes.end();
            let what = format!("segment {id}, the order of the records");
            let prefix = order::prefix(id);
            let mut rows = Rows::with_prefix(reader, prefix, what, findings, progress).await?;
            let mut before = Before::default();
            while let Some(row) = rows.next(findings).await? {
                // What is wrong with it is a finding already.
                let _ = self.take(&row, &hashes, &mut before);
            }
        }
        if let Some((first, last)) = self.sums.differ() {
            findings.add(format!(
                "segment {id}, sequences {first} to {last}: the order does not name the keys of the records, or does not name all of them"
            ));
        }
        Ok(())
    }

    /// # Errors
    /// [`Error::Corrupt`] that says what is wrong with the row.
    fn take(&mut self, row: &KeyValue, hashes: &Hashes, before: &mut Before) -> Result<()> {
        let row = order::decode(&row.key, &row.value)?;
        let (last, time_ms) = (before.last, before.time_ms);
        before.last = Some(row.last);
        before.time_ms = row.time_ms;
        let mut sequence = row.first;
        for numbers in row.numbers() {
            let Numbers {
                number: first,
                step,
                count,
            } = numbers?;
            for at in 0..count {
                // The last one is a number, too.
                let number = first + step * at as u32;
                if let Some(key) = hashes.get(number)
                    && sequence >= hashes.floor(number)
                {
                    self.sums.subtract(key, sequence);
                }
                before.highest = before.highest.max(Some(number));
                sequence = sequence.plus(1);
            }
        }
        let wrong = |why: String| Err(Error::Corrupt(why));
        if last.is_some_and(|last| row.first <= last) {
            return wrong(format!(
                "its first sequence {} is not above that of the row before",
                row.first
            ));
        }
        if row.time_ms < time_ms {
            return wrong(format!(
                "it was appended at {}, before the row before, at {time_ms}",
                row.time_ms
            ));
        }
        if row.first < self.segment.start || row.last >= self.end {
            return wrong(format!(
                "its sequences {} to {} are not in the segment, which has those from {} up to {}",
                row.first, row.last, self.segment.start, self.end
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_differ_where_a_record_is_missing_or_has_another_key(
            start in 0u64..1 << 50,
            keys in prop::collection::vec(1u64..4, 1..200),
            apart in 1u64..1_000,
            at: prop::sample::Index,
            key in prop::option::of(1u64..4),
        ) {
            let sequence = |at: usize| Sequence::new(start + at as u64 * apart);
            let mut sums = Sums::new(sequence(0), sequence(keys.len()));
            prop_assert!(sums.sums.len() as u64 <= SUMS);
            let changed = at.index(keys.len());
            for (at, of_record) in keys.iter().enumerate() {
                sums.add(*of_record, sequence(at));
                let named = if at == changed { key } else { Some(*of_record) };
                if let Some(named) = named {
                    sums.subtract(named, sequence(at));
                }
            }
            match sums.differ() {
                None => prop_assert_eq!(key, Some(keys[changed])),
                Some((first, last)) => {
                    prop_assert!(key != Some(keys[changed]));
                    prop_assert!((first..=last).contains(&sequence(changed).get()));
                }
            }
        }
    }
}
