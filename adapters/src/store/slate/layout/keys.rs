//! Key rows: that the log has records of a log key. Written with the first record of the key, and again by a writer that
//! does not know that it was.
//!
//! ```text
//! key    0 (u32) · 0x11 · escaped log key · 0x00 0x01
//! value  version (1)
//! ```
//!
//! A listing of all keys reads one row for each, however many segments hold it.

use std::ops::Bound;

use bytes::Bytes;
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, Key, KeysQuery, Result};

use super::{HEAD_BYTES, RowType, head, key, versioned};

const VERSION: u8 = 1;

/// The key of the row of a log key.
pub(crate) fn key(log_key: &[u8]) -> Bytes {
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Key, key::max_len(log_key.len()));
    key::put(&mut row_key, log_key);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value() -> Bytes {
    Bytes::from_static(&[VERSION])
}

/// The rows that `query` can match; see [`super::listed`].
pub(crate) fn range(query: &KeysQuery) -> Option<(Bytes, Bound<Bytes>)> {
    super::listed(query, RowType::Key, &[])
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Key> {
    let damaged = || Error::Corrupt(format!("key row {}", row_key.escape_ascii()));
    versioned(value, VERSION, "a key row")?;
    let escaped = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    if key::end(escaped) != Some(escaped.len()) {
        return Err(damaged());
    }
    let name = key::get(&row_key.slice(HEAD_BYTES..)).ok_or_else(damaged)?;
    Ok(Key::stored(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(key(b"a\0").as_ref(), b"\0\0\0\0\x11a\0\xff\0\x01");
        assert_eq!(value().as_ref(), [1]);
    }

    #[test]
    fn another_version_is_refused() {
        assert!(decode(&key(b"k"), &Bytes::from_static(&[2])).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(log_key: Vec<u8>) {
            let found = decode(&key(&log_key), &value()).expect("a row");
            prop_assert_eq!(found.as_ref(), &log_key[..]);
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
