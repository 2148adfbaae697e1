//! Record rows: the records of one key and one commit, filed under the last of their sequences.
//!
//! ```text
//! key    segment id · 0x20 · escaped log key · 0x00 0x01 · last sequence (u64, big endian)
//! value  version (1) · varint count · varint (last - first sequence) · varint append time (Unix ms)
//!        · varint ordinal · the encoded run
//! ```
//!
//! The *ordinal* says how many records of the key the segment holds before this row, so that counting takes two
//! seeks. The run's encoding is that of `log_domain::run`.

use bytes::{Buf, BufMut, Bytes};
use log_domain::{Error, Result, Run, SegmentId, Sequence};
use prost::encoding::{decode_varint, encode_varint};

use super::{HEAD_BYTES, RowType, SEQUENCE_BYTES, head, key, versioned};

const VERSION: u8 = 1;

/// Encoded bytes of records after which a row is cut, so that a page never reads much more than it answers.
pub(crate) const ROW_BYTES: usize = 256 * 1024;

/// Room that the part before the run can take.
pub(crate) const HEADROOM: usize = 1 + 5 + 3 * 10;

/// One record row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Records of the key that the segment holds before this row.
    pub(crate) ordinal: u64,
    /// The records.
    pub(crate) run: Run,
}

impl Row {
    /// Records of the key that the segment holds up to and with this row.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when that is beyond all numbers.
    pub(crate) fn end(&self) -> Result<u64> {
        self.position(self.run.count())
    }

    /// Records of the key that the segment holds before the one that is `within` this row.
    ///
    /// # Errors
    /// As [`Row::end`].
    pub(crate) fn position(&self, within: u32) -> Result<u64> {
        let position = self.ordinal.checked_add(u64::from(within));
        position
            .ok_or_else(|| Error::Corrupt(format!("the ordinal {} of a record row", self.ordinal)))
    }
}

/// What all record rows of a segment begin with.
pub(crate) fn of_segment(segment: SegmentId) -> Bytes {
    head(segment, RowType::Records, 0).freeze()
}

/// What all record rows of a log key in a segment begin with.
pub(crate) fn prefix(segment: SegmentId, log_key: &[u8]) -> Bytes {
    start(segment, log_key).freeze()
}

/// The row key under which records up to `last` are filed.
pub(crate) fn key(segment: SegmentId, log_key: &[u8], last: Sequence) -> Bytes {
    let mut row_key = start(segment, log_key);
    row_key.put_u64(last.get());
    row_key.freeze()
}

/// The log key in a row key, as [`key::put`] writes it, and the last sequence; `None` if this is the key of another type of row.
pub(crate) fn parts(row_key: &[u8]) -> Option<(&[u8], Sequence)> {
    let (start, mut last) = row_key.split_at_checked(row_key.len().checked_sub(SEQUENCE_BYTES)?)?;
    let (head, escaped) = start.split_at_checked(HEAD_BYTES)?;
    (head[HEAD_BYTES - 1] == RowType::Records as u8)
        .then(|| (escaped, Sequence::new(last.get_u64())))
}

/// What stands before the run in a row's value.
pub(crate) fn value_head(run: &Run, ordinal: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADROOM);
    out.push(VERSION);
    encode_varint(u64::from(run.count()), &mut out);
    encode_varint(run.last().get() - run.first().get(), &mut out);
    encode_varint(run.timestamp_ms().max(0) as u64, &mut out);
    encode_varint(ordinal, &mut out);
    out
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Row> {
    let last = row_key
        .len()
        .checked_sub(SEQUENCE_BYTES)
        .map(|at| Sequence::new((&row_key[at..]).get_u64()))
        .ok_or_else(|| damaged(row_key))?;
    let mut rest = versioned(value, VERSION, "a record row")?;
    let mut number = || decode_varint(&mut rest).map_err(|_| damaged(row_key));
    let (count, span, time, ordinal) = (number()?, number()?, number()?, number()?);
    let first = last
        .get()
        .checked_sub(span)
        .ok_or_else(|| damaged(row_key))?;
    let count = u32::try_from(count).map_err(|_| damaged(row_key))?;
    let run = Run::stored(
        Sequence::new(first),
        last,
        count,
        time as i64,
        value.slice(value.len() - rest.len()..),
    );
    Ok(Row { ordinal, run })
}

fn start(segment: SegmentId, log_key: &[u8]) -> bytes::BytesMut {
    let room = key::max_len(log_key.len()) + SEQUENCE_BYTES;
    let mut row_key = head(segment, RowType::Records, room);
    key::put(&mut row_key, log_key);
    row_key
}

fn damaged(row_key: &Bytes) -> Error {
    Error::Corrupt(format!("record row {}", row_key.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use log_domain::run::RunBuilder;
    use log_domain::{Headers, Limits};
    use proptest::prelude::*;

    use super::*;

    /// Value and headers of a record.
    type Content = (Vec<u8>, Vec<(String, Vec<u8>)>);

    fn row(records: &[(u64, Content)], time: i64, ordinal: u64) -> (Row, Bytes) {
        let mut builder = RunBuilder::with_headroom(time, HEADROOM, 0);
        for (sequence, (value, headers)) in records {
            let headers = headers.iter().map(|(name, value)| (&name[..], &value[..]));
            let headers = Headers::parse(headers, &Limits::default()).expect("within the limits");
            builder.push_with_headers(Sequence::new(*sequence), value, &headers);
        }
        let framed = builder.finish_behind(|run| value_head(run, ordinal));
        let (run, value) = framed.expect("not empty");
        (Row { ordinal, run }, value)
    }

    #[test]
    fn the_bytes_are_these() {
        let (row, value) = row(
            &[
                (1_000, (b"a".to_vec(), vec![])),
                (1_002, (vec![], vec![("b".to_owned(), b"12".to_vec())])),
            ],
            1_700_000_000_000,
            300,
        );
        assert_eq!(
            key(7, b"k\0y", row.run.last()).as_ref(),
            b"\0\0\0\x07\x20k\0\xffy\0\x01\0\0\0\0\0\0\x03\xea"
        );
        let time = [0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31];
        let mut expected = vec![1, 2, 2];
        expected.extend(time);
        expected.extend([0xac, 0x02]);
        expected.extend([0x1a, 13, 0x08, 0xe8, 0x07, 0x12, 1, b'a', 0x18]);
        expected.extend(time);
        expected.extend([0x1a, 21, 0x08, 0xea, 0x07, 0x12, 0, 0x18]);
        expected.extend(time);
        expected.extend([0x22, 7, 0x0a, 1, b'b', 0x12, 2, b'1', b'2']);
        assert_eq!(value, expected);
    }

    #[test]
    fn another_version_is_refused() {
        let (row, value) = row(&[(0, (vec![], vec![]))], 0, 0);
        let mut newer = value.to_vec();
        newer[0] = 2;
        let refused = decode(&key(1, b"k", row.run.last()), &newer.into());
        assert!(matches!(refused, Err(Error::Corrupt(message)) if message.contains("version 2")));
    }

    fn content() -> impl Strategy<Value = Content> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20);
        (
            bytes(),
            prop::collection::vec(("[a-z]{1,5}", bytes()), 0..3),
        )
    }

    proptest! {
        #[test]
        fn every_row_comes_back(
            records in prop::collection::btree_map(any::<u64>(), content(), 1..10),
            log_key: Vec<u8>, segment: u32, time in 0i64.., ordinal: u64,
        ) {
            let records: Vec<_> = records.into_iter().collect();
            let (row, value) = row(&records, time, ordinal);
            let row_key = key(segment, &log_key, row.run.last());
            let (escaped, last) = parts(&row_key).expect("a key of a record row");
            let name = key::get(&Bytes::copy_from_slice(escaped));
            prop_assert_eq!(name.as_deref(), Some(&log_key[..]));
            prop_assert_eq!(last, row.run.last());
            prop_assert_eq!(decode(&key(segment, &log_key, row.run.last()), &value).expect("a row"), row);
        }

        #[test]
        fn rows_sort_by_segment_then_key_then_sequence(
            a in (any::<u32>(), prop::collection::vec(0u8..3, 0..5), any::<u64>()),
            b in (any::<u32>(), prop::collection::vec(0u8..3, 0..5), any::<u64>()),
        ) {
            let encode = |(segment, log_key, last): &(u32, Vec<u8>, u64)| key(*segment, log_key, Sequence::new(*last));
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), a.cmp(&b));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = parts(&row_key);
            if let Ok(row) = decode(&row_key.into(), &value.into()) {
                let _ = row.run.entries().collect::<Result<Vec<_>>>();
            }
        }
    }
}
