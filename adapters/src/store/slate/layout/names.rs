//! Name rows: which key a number stands for in a segment.
//!
//! ```text
//! key    segment id (u32) · 0x13 · number (u32, big endian)
//! value  version (1) · log key
//! ```
//!
//! Written with the first record of the key in the segment. The directory row has the same number.

use bytes::{Buf, BufMut, Bytes};
use log_domain::{Error, Key, Result, SegmentId};

use super::{HEAD_BYTES, RowType, head, versioned};

const VERSION: u8 = 1;

/// Bytes of the number in a row key.
pub(super) const NUMBER_BYTES: usize = 4;

/// What all name rows of a segment begin with.
pub(crate) fn prefix(segment: SegmentId) -> Bytes {
    head(segment, RowType::Name, 0).freeze()
}

/// The key of the row of a number.
pub(crate) fn key(segment: SegmentId, number: u32) -> Bytes {
    let mut row_key = head(segment, RowType::Name, NUMBER_BYTES);
    row_key.put_u32(number);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value(log_key: &[u8]) -> Bytes {
    let mut value = Vec::with_capacity(1 + log_key.len());
    value.push(VERSION);
    value.extend_from_slice(log_key);
    value.into()
}

/// Reads the key that a row names.
///
/// # Errors
/// [`Error::Corrupt`] when it is not a name row, or of another version.
pub(crate) fn name(value: &Bytes) -> Result<Key> {
    let name = versioned(value, VERSION, "a name row")?;
    Ok(Key::stored(value.slice_ref(name)))
}

/// Reads a row: the number, and the key that it stands for.
///
/// # Errors
/// As [`name`].
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<(u32, Key)> {
    let damaged = || Error::Corrupt(format!("name row {}", row_key.escape_ascii()));
    let mut number = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    if number.len() != NUMBER_BYTES {
        return Err(damaged());
    }
    Ok((number.get_u32(), name(value)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(key(7, 258).as_ref(), b"\0\0\0\x07\x13\0\0\x01\x02");
        assert_eq!(value(b"a\0").as_ref(), b"\x01a\0");
    }

    #[test]
    fn another_version_is_refused() {
        assert!(decode(&key(1, 2), &Bytes::from_static(b"\x02k")).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(log_key: Vec<u8>, segment: u32, number: u32) {
            let (found, name) = decode(&key(segment, number), &value(&log_key)).expect("a row");
            prop_assert_eq!((found, name.as_ref()), (number, &log_key[..]));
            prop_assert!(key(segment, number).starts_with(&prefix(segment)));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
