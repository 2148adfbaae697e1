//! Purge rows: that records of a log key were deleted whose bytes may still be stored.
//!
//! ```text
//! key    0 (u32) · 0x04 · escaped log key · 0x00 0x01
//! value  version (1) · floor of the key (u64, big endian) · time of the deletion (i64, big endian, Unix ms)
//! ```
//!
//! Written with the floor of the key, and deleted once no file holds a record of the key below it.

use bytes::{Buf, BufMut, Bytes};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, Key, Result, Sequence};

use super::{HEAD_BYTES, RowType, head, key, versioned};

const VERSION: u8 = 1;

/// One purge row: the key, its floor and the time of the deletion (Unix ms).
pub(crate) type Row = (Key, Sequence, i64);

/// What all purge rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::Purge, 0).freeze()
}

/// The key of the row of a log key.
pub(crate) fn key(log_key: &[u8]) -> Bytes {
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Purge, key::max_len(log_key.len()));
    key::put(&mut row_key, log_key);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value(floor: Sequence, deleted_ms: i64) -> Bytes {
    let mut value = Vec::with_capacity(17);
    value.put_u8(VERSION);
    value.put_u64(floor.get());
    value.put_i64(deleted_ms);
    value.into()
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Row> {
    let damaged = || Error::Corrupt(format!("purge row {}", row_key.escape_ascii()));
    let mut rest = versioned(value, VERSION, "a purge row")?;
    let escaped = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    if key::end(escaped) != Some(escaped.len()) {
        return Err(damaged());
    }
    let name = key::get(&row_key.slice(HEAD_BYTES..)).ok_or_else(damaged)?;
    let floor = rest.try_get_u64().map_err(|_| damaged())?;
    let deleted_ms = rest.try_get_i64().map_err(|_| damaged())?;
    Ok((Key::stored(name), Sequence::new(floor), deleted_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(prefix().as_ref(), b"\0\0\0\0\x04");
        assert_eq!(key(b"a\0").as_ref(), b"\0\0\0\0\x04a\0\xff\0\x01");
        assert_eq!(
            value(Sequence::new(258), 1).as_ref(),
            b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01"
        );
    }

    #[test]
    fn another_version_and_cut_off_values_are_refused() {
        let whole = value(Sequence::new(1), 2);
        assert!(decode(&key(b"k"), &whole.slice(..16)).is_err());
        let newer = [&[2], &whole[1..]].concat();
        assert!(decode(&key(b"k"), &newer.into()).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(log_key: Vec<u8>, floor: u64, deleted_ms: i64) {
            let (name, of_key, at) = decode(&key(&log_key), &value(floor.into(), deleted_ms)).expect("a row");
            prop_assert_eq!((name.as_ref(), of_key.get(), at), (&log_key[..], floor, deleted_ms));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
