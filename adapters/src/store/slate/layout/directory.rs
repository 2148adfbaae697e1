//! Directory rows: that a log key has records in a segment, and how many it has before.
//!
//! ```text
//! key    0 (u32) · 0x10 · escaped log key · 0x00 0x01 · segment id (u32, big endian)
//! value  version (1) · varint (records of the key before the segment + 1), or 0 if that is not known yet
//!        · varint number of the key in the segment
//! ```
//!
//! The rows of a key are in the order of its segments, whatever else the log holds.

use std::ops::Bound;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::sequencer::DirectoryEntry;
use log_domain::{Error, Key, KeysQuery, Result, SegmentId};
use prost::encoding::{decode_varint, encode_varint};

use super::{HEAD_BYTES, RowType, head, key, versioned};

const VERSION: u8 = 1;
const SEGMENT_BYTES: usize = 4;

/// What all directory rows of a log key begin with. A segment id follows.
pub(crate) fn prefix(log_key: &[u8]) -> Bytes {
    start(log_key).freeze()
}

/// What follows [`prefix`] in the row for a segment.
pub(crate) fn suffix(segment: SegmentId) -> Bytes {
    Bytes::copy_from_slice(&segment.to_be_bytes())
}

/// The key of the row for a segment.
pub(crate) fn key(log_key: &[u8], segment: SegmentId) -> Bytes {
    let mut row_key = start(log_key);
    row_key.put_u32(segment);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value(earlier: Option<u64>, number: u32) -> Bytes {
    let mut value = vec![VERSION];
    let earlier = earlier.map_or(0, |earlier| earlier.saturating_add(1));
    encode_varint(earlier, &mut value);
    encode_varint(u64::from(number), &mut value);
    value.into()
}

/// The rows that `query` can match; see [`super::listed`].
pub(crate) fn range(query: &KeysQuery) -> Option<(Bytes, Bound<Bytes>)> {
    super::listed(query, RowType::Directory, &SegmentId::MAX.to_be_bytes())
}

/// What all rows begin with, and from where on they are of keys after this one.
pub(crate) fn all_after(log_key: Option<&Key>) -> (Bytes, Bound<Bytes>) {
    let prefix = head(SYSTEM_SEGMENT, RowType::Directory, 0).freeze();
    let start = log_key.map_or(Bound::Unbounded, |log_key| {
        Bound::Excluded(key(log_key.as_ref(), SegmentId::MAX).slice(prefix.len()..))
    });
    (prefix, start)
}

/// What the rows of log keys with this prefix begin with, and from where on they are of keys after this one, which has the prefix.
pub(crate) fn with_prefix(of_keys: &[u8], log_key: Option<&Key>) -> (Bytes, Bound<Bytes>) {
    let room = key::max_len(of_keys.len());
    let mut prefix = head(SYSTEM_SEGMENT, RowType::Directory, room);
    key::put_open(&mut prefix, of_keys);
    let start = log_key.map_or(Bound::Unbounded, |log_key| {
        Bound::Excluded(key(log_key.as_ref(), SegmentId::MAX).slice(prefix.len()..))
    });
    (prefix.freeze(), start)
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<DirectoryEntry> {
    let damaged = || Error::Corrupt(format!("directory row {}", row_key.escape_ascii()));
    let mut rest = versioned(value, VERSION, "a directory row")?;
    let earlier = decode_varint(&mut rest).map_err(|_| damaged())?;
    let number = decode_varint(&mut rest).map_err(|_| damaged())?;
    if row_key.len() < HEAD_BYTES {
        return Err(damaged());
    }
    let name = row_key.slice(HEAD_BYTES..);
    let end = key::end(&name).ok_or_else(damaged)?;
    let mut segment = &name[end..];
    if segment.len() != SEGMENT_BYTES {
        return Err(damaged());
    }
    Ok(DirectoryEntry {
        key: Key::stored(key::get(&name).ok_or_else(damaged)?),
        segment: segment.get_u32(),
        number: u32::try_from(number).map_err(|_| damaged())?,
        earlier: earlier.checked_sub(1),
    })
}

fn start(log_key: &[u8]) -> BytesMut {
    let room = key::max_len(log_key.len()) + SEGMENT_BYTES;
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Directory, room);
    key::put(&mut row_key, log_key);
    row_key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        let row_key = key(b"a\0", 7);
        assert_eq!(row_key.as_ref(), b"\0\0\0\0\x10a\0\xff\0\x01\0\0\0\x07");
        assert_eq!(value(None, 5).as_ref(), [1, 0, 5]);
        assert_eq!(value(Some(0), 0).as_ref(), [1, 1, 0]);
        assert_eq!(value(Some(300), 128).as_ref(), [1, 0xad, 0x02, 0x80, 0x01]);
    }

    #[test]
    fn another_version_and_a_row_without_a_number_are_refused() {
        assert!(decode(&key(b"k", 1), &Bytes::from_static(&[2, 0, 0])).is_err());
        assert!(decode(&key(b"k", 1), &Bytes::from_static(&[1, 0])).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(
            log_key: Vec<u8>, segment: u32, number: u32, earlier in prop::option::of(0..u64::MAX),
        ) {
            let entry = decode(&key(&log_key, segment), &value(earlier, number)).expect("a row");
            prop_assert_eq!(entry.key.as_ref(), &log_key[..]);
            prop_assert_eq!((entry.segment, entry.earlier, entry.number), (segment, earlier, number));
            prop_assert_eq!(key(&log_key, segment), [prefix(&log_key), suffix(segment)].concat());
        }

        #[test]
        fn rows_sort_by_key_then_segment(
            a in (prop::collection::vec(0u8..3, 0..5), any::<u32>()),
            b in (prop::collection::vec(0u8..3, 0..5), any::<u32>()),
        ) {
            prop_assert_eq!(key(&a.0, a.1).cmp(&key(&b.0, b.1)), a.cmp(&b));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
