//! Order rows: which key each record of a commit belongs to, filed under the last of their sequences.
//!
//! ```text
//! key    segment id (u32) · 0x30 · last sequence (u64, big endian)
//! value  version (1) · varint (last - first sequence) · varint append time (Unix ms) · numbers of the keys, by record
//! ```
//!
//! The sequences of a row have no gaps, so it has one number for each. The numbers are varints:
//!
//! ```text
//! number + 2     one record of this key
//! 0 · count      so many more records of the key before
//! 1 · count      so many more records, each of the key with the next number
//! ```
//!
//! A commit has one row, which is cut once its numbers have [`ROW_BYTES`]; then the next one begins with the next sequence.

use std::ops::Bound;

use bytes::{Buf, BufMut, Bytes};
use log_domain::{Error, Result, SegmentId, Sequence};
use prost::encoding::{decode_varint, encode_varint};

use super::{HEAD_BYTES, RowType, SEQUENCE_BYTES, head, versioned};

/// Records in a row, at most: more than fit into a commit. A row that names more is damaged.
const MOST_RECORDS: u64 = 1 << 26;

const VERSION: u8 = 1;

/// Room that the part before the numbers can take.
const HEADROOM: usize = 1 + 2 * 10;

/// Bytes of numbers after which a row is cut.
pub(crate) const ROW_BYTES: usize = if cfg!(test) { 2_048 } else { 256 * 1024 };

/// A number is written with this added. Lower tokens say how the previous number continues.
const OFFSET: u64 = 2;

/// Records that follow each other: the first belongs to the key `number`, and each later one to that with a number higher by `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// The number of the first record's key.
    pub(crate) number: u32,
    /// 0 or 1.
    pub(crate) step: u32,
    /// How many records; at least 1.
    pub(crate) count: u64,
}

/// One order row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The sequence of the first record.
    pub(crate) first: Sequence,
    /// That of the last.
    pub(crate) last: Sequence,
    /// When the records were appended (Unix ms).
    pub(crate) time_ms: i64,
    numbers: Bytes,
}

impl Row {
    /// Whether its commit may go on in the next row.
    pub(crate) fn is_cut(&self) -> bool {
        self.numbers.len() >= ROW_BYTES
    }

    /// The numbers of the keys, in the order of the records.
    pub(crate) fn numbers(&self) -> NumbersOfRow<'_> {
        NumbersOfRow {
            rest: &self.numbers,
            last: self.last,
            left: self.last.get() - self.first.get(),
            is_over: false,
            before: None,
        }
    }
}

/// What all order rows of a segment begin with.
pub(crate) fn prefix(segment: SegmentId) -> Bytes {
    head(segment, RowType::Order, 0).freeze()
}

/// What follows [`prefix`] in the first row that can hold `sequence` and in all later ones.
pub(crate) fn from(sequence: Sequence) -> (Bound<Bytes>, Bound<Bytes>) {
    let first = Bytes::copy_from_slice(&sequence.get().to_be_bytes());
    (Bound::Included(first), Bound::Unbounded)
}

/// The row key under which records up to `last` are filed.
pub(crate) fn key(segment: SegmentId, last: Sequence) -> Bytes {
    let mut row_key = head(segment, RowType::Order, SEQUENCE_BYTES);
    row_key.put_u64(last.get());
    row_key.freeze()
}

/// Collects the numbers of a row.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    numbers: Vec<u8>,
    count: u64,
    /// The number of the last record.
    before: u32,
    /// So many of the last records continue the one before them, in steps of this.
    run: u64,
    step: u32,
}

impl Builder {
    /// Nothing yet, with room for so many records of different keys.
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self {
            numbers: Vec::with_capacity((2 * records).min(ROW_BYTES) + 32),
            ..Self::default()
        }
    }

    /// Adds the next record.
    pub(crate) fn push(&mut self, number: u32) {
        let step = number.checked_sub(self.before);
        let step = step.filter(|step| match self.run {
            0 => *step <= 1 && self.count > 0,
            _ => *step == self.step,
        });
        self.count += 1;
        if let Some(step) = step {
            self.run += 1;
            self.step = step;
        } else {
            self.end_run();
            encode_varint(u64::from(number) + OFFSET, &mut self.numbers);
        }
        self.before = number;
    }

    /// Whether the row is to be cut here.
    pub(crate) fn is_full(&self) -> bool {
        self.numbers.len() >= ROW_BYTES
    }

    /// The value of the row of these records, which were appended at `time_ms` (Unix ms). `None` if there are none. The next row begins
    /// after it.
    pub(crate) fn finish(&mut self, time_ms: i64) -> Option<Bytes> {
        let span = self.count.checked_sub(1)?;
        self.end_run();
        let mut value = Vec::with_capacity(HEADROOM + self.numbers.len());
        value.push(VERSION);
        encode_varint(span, &mut value);
        encode_varint(time_ms.max(0) as u64, &mut value);
        value.extend_from_slice(&self.numbers);
        self.numbers.clear();
        self.count = 0;
        Some(value.into())
    }

    fn end_run(&mut self) {
        match std::mem::take(&mut self.run) {
            0 => {}
            1 => encode_varint(u64::from(self.before) + OFFSET, &mut self.numbers),
            run => {
                encode_varint(u64::from(self.step), &mut self.numbers);
                encode_varint(run, &mut self.numbers);
            }
        }
    }
}

/// The numbers of one row. Ends after an error.
#[derive(Debug, Clone)]
pub(crate) struct NumbersOfRow<'a> {
    rest: &'a [u8],
    last: Sequence,
    /// How many records are to follow the next one.
    left: u64,
    is_over: bool,
    /// The number of the record before.
    before: Option<u32>,
}

impl NumbersOfRow<'_> {
    fn read(&mut self) -> Option<Numbers> {
        let numbers = match decode_varint(&mut self.rest).ok()? {
            step @ 0..OFFSET => {
                let (step, before) = (step as u32, self.before?);
                Numbers {
                    number: before.checked_add(step)?,
                    step,
                    count: decode_varint(&mut self.rest).ok()?,
                }
            }
            number => Numbers {
                number: u32::try_from(number - OFFSET).ok()?,
                step: 0,
                count: 1,
            },
        };
        let later = numbers.count.checked_sub(1)?;
        // No more than there are records, and then nothing.
        let left = self.left.checked_sub(later)?;
        let added = u64::from(numbers.step) * later;
        let last = u64::from(numbers.number).checked_add(added)?;
        self.before = Some(u32::try_from(last).ok()?);
        match left.checked_sub(1) {
            Some(left) => self.left = left,
            None if self.rest.is_empty() => self.is_over = true,
            None => return None,
        }
        Some(numbers)
    }
}

impl Iterator for NumbersOfRow<'_> {
    type Item = Result<Numbers>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let numbers = self.read();
        self.is_over |= numbers.is_none();
        Some(numbers.ok_or_else(|| {
            Error::Corrupt(format!(
                "the numbers of the order row up to sequence {}",
                self.last
            ))
        }))
    }
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version. What is wrong with its numbers is told when they are read.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Row> {
    let damaged = || Error::Corrupt(format!("order row {}", row_key.escape_ascii()));
    let mut last = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    if last.len() != SEQUENCE_BYTES {
        return Err(damaged());
    }
    let last = last.get_u64();
    let mut rest = versioned(value, VERSION, "an order row")?;
    let mut number = || decode_varint(&mut rest).map_err(|_| damaged());
    let (span, time) = (number()?, number()?);
    let first = last.checked_sub(span).ok_or_else(damaged)?;
    if span >= MOST_RECORDS || last == u64::MAX {
        return Err(damaged());
    }
    Ok(Row {
        first: Sequence::new(first),
        last: Sequence::new(last),
        time_ms: time as i64,
        numbers: value.slice_ref(rest),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn built(numbers: &[u32], time_ms: i64) -> Bytes {
        let mut builder = Builder::with_capacity(numbers.len());
        numbers.iter().for_each(|number| builder.push(*number));
        let value = builder.finish(time_ms).expect("not empty");
        assert_eq!(builder.finish(time_ms), None);
        value
    }

    fn read(row: &Row) -> Result<Vec<u32>> {
        let mut all = Vec::new();
        for numbers in row.numbers() {
            let Numbers {
                number,
                step,
                count,
            } = numbers?;
            all.extend((0..count).map(|at| number + step * at as u32));
        }
        Ok(all)
    }

    #[test]
    fn the_bytes_are_these() {
        let last = Sequence::new(0x03ea);
        assert_eq!(key(7, last).as_ref(), b"\0\0\0\x07\x30\0\0\0\0\0\0\x03\xea");
        // Three records of key 300, one each of keys 5 to 9, one of key 9 and one of key 0.
        let value = built(&[300, 300, 300, 5, 6, 7, 8, 9, 9, 0], 1_700_000_000_000);
        let mut expected = vec![1, 9, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31];
        expected.extend([0xae, 0x02, 0, 2, 7, 1, 4, 11, 2]);
        assert_eq!(value, expected);
    }

    #[test]
    fn another_version_and_cut_off_values_are_refused() {
        let value = built(&[1, 2, 3, 9], 5);
        let row_key = key(1, Sequence::new(3));
        let newer = [&[2], &value[1..]].concat();
        assert!(decode(&row_key, &newer.into()).is_err());
        for cut in 0..value.len() {
            let row = decode(&row_key, &value.slice(..cut));
            assert!(row.and_then(|row| read(&row)).is_err(), "{cut}");
        }
        let longer = Bytes::from([&value[..], &[2]].concat());
        assert!(read(&decode(&row_key, &longer).expect("a row")).is_err());
        // It would begin before sequence 0.
        assert!(decode(&key(1, Sequence::new(2)), &value).is_err());
    }

    #[test]
    fn a_row_takes_one_to_three_bytes_for_a_record_and_few_for_many_of_one_key() {
        assert!(built(&[70_000; 1_000], 0).len() < 16);
        let each: Vec<u32> = (70_000..71_000).collect();
        assert!(built(&each, 0).len() < 16);
        let apart: Vec<u32> = (0..1_000).map(|at| 16_000 + 37 * at % 2_000).collect();
        assert!(built(&apart, 0).len() < 3_020);
    }

    fn numbers() -> impl Strategy<Value = Vec<u32>> {
        let number = prop_oneof![0u32..4, Just(u32::MAX), Just(u32::MAX - 1), any::<u32>()];
        let run = (number, 0u32..2, 1u32..5).prop_map(|(number, step, count)| {
            let all = (0..count).map(move |at| number.saturating_add(step * at));
            all.collect::<Vec<_>>()
        });
        prop::collection::vec(run, 1..12).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn every_row_comes_back(
            all in numbers(), more in numbers(), segment: u32, time in 0i64.., first in 0u64..1 << 60,
        ) {
            let mut builder = Builder::default();
            let mut first = first;
            for numbers in [&all, &more] {
                numbers.iter().for_each(|number| builder.push(*number));
                let value = builder.finish(time).expect("not empty");
                let last = Sequence::new(first + numbers.len() as u64 - 1);
                let row = decode(&key(segment, last), &value).expect("a row");
                prop_assert_eq!((row.first.get(), row.last, row.time_ms), (first, last, time));
                prop_assert_eq!(&read(&row).expect("numbers"), numbers);
                first += numbers.len() as u64;
            }
        }

        #[test]
        fn rows_sort_by_segment_then_sequence(a: (u32, u64), b: (u32, u64)) {
            let encode = |(segment, last): (u32, u64)| key(segment, Sequence::new(last));
            prop_assert_eq!(encode(a).cmp(&encode(b)), a.cmp(&b));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>, last: u64, numbers: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
            let value = [&[VERSION, 5, 0], &numbers[..]].concat();
            if let Ok(row) = decode(&key(1, Sequence::new(last)), &value.into()) {
                let counts = row.numbers().map_while(|numbers| numbers.ok());
                let counted: u64 = counts.map(|numbers| numbers.count).sum();
                prop_assert!(counted <= 6);
            }
        }
    }
}
