//! Key floor rows: that the records of a log key below a sequence were deleted.
//!
//! ```text
//! key    0 (u32) · 0x12 · escaped log key · 0x00 0x01
//! value  version (1) · floor of the key (u64, big endian)
//! ```
//!
//! It outlives the records, so that a late reader is told that they are gone, until the floor of the log has passed it.

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, Key, Result, Sequence};

use super::{HEAD_BYTES, RowType, head, key};

pub(crate) use super::floor::value;

/// What all key floor rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::KeyFloor, 0).freeze()
}

/// The key of the row of a log key.
pub(crate) fn key(log_key: &[u8]) -> Bytes {
    let mut row_key = head(
        SYSTEM_SEGMENT,
        RowType::KeyFloor,
        key::max_len(log_key.len()),
    );
    key::put(&mut row_key, log_key);
    row_key.freeze()
}

/// Reads the floor of a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn floor(value: &Bytes) -> Result<Sequence> {
    super::floor::decode(value, "a key floor row")
}

/// Reads a row: the key and its floor.
///
/// # Errors
/// As [`floor`].
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<(Key, Sequence)> {
    let damaged = || Error::Corrupt(format!("key floor row {}", row_key.escape_ascii()));
    let escaped = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    if key::end(escaped) != Some(escaped.len()) {
        return Err(damaged());
    }
    let name = key::get(&row_key.slice(HEAD_BYTES..)).ok_or_else(damaged)?;
    Ok((Key::stored(name), floor(value)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(prefix().as_ref(), b"\0\0\0\0\x12");
        assert_eq!(key(b"a\0").as_ref(), b"\0\0\0\0\x12a\0\xff\0\x01");
        assert_eq!(
            value(Sequence::new(258)).as_ref(),
            b"\x01\0\0\0\0\0\0\x01\x02"
        );
    }

    #[test]
    fn another_version_and_cut_off_values_are_refused() {
        let whole = value(Sequence::new(1));
        assert!(floor(&whole.slice(..8)).is_err());
        let newer = [&[2], &whole[1..]].concat();
        assert!(floor(&newer.into()).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(log_key: Vec<u8>, of_key: u64) {
            let (name, found) = decode(&key(&log_key), &value(of_key.into())).expect("a row");
            prop_assert_eq!((name.as_ref(), found.get()), (&log_key[..], of_key));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
