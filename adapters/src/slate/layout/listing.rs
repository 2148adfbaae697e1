//! Listing rows: that a log key has records in a segment.
//!
//! ```text
//! key    segment id · 0x10 · escaped log key · 0x00 0x01
//! value  version (1)
//! ```

use std::ops::Bound;

use bytes::{Bytes, BytesMut};
use log_domain::{Error, KeysQuery, Result, SegmentId};

use super::{HEAD_BYTES, RowType, head, key};

const VERSION: u8 = 1;

/// The row key that lists `log_key`.
pub(crate) fn key(segment: SegmentId, log_key: &[u8]) -> Bytes {
    let mut row_key = head(segment, RowType::Listing, key::max_len(log_key.len()));
    key::put(&mut row_key, log_key);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value() -> Bytes {
    Bytes::from_static(&[VERSION])
}

/// What the listing rows that `query` can match in a segment begin with, and which of them is the first, as a
/// bound on what follows this prefix. `None` when the query goes on after the last key with its prefix.
pub(crate) fn range(segment: SegmentId, query: &KeysQuery) -> Option<(Bytes, Bound<Bytes>)> {
    let mut prefix = head(segment, RowType::Listing, key::max_len(query.prefix.len()));
    key::put_open(&mut prefix, &query.prefix);
    let start = match &query.start_after {
        Some(after) if after.starts_with(&query.prefix) => {
            let mut suffix = BytesMut::new();
            key::put(&mut suffix, &after[query.prefix.len()..]);
            Bound::Excluded(suffix.freeze())
        }
        Some(after) if *after > query.prefix => return None,
        _ => Bound::Unbounded,
    };
    Some((prefix.freeze(), start))
}

/// The log key that a row lists.
///
/// # Errors
/// [`Error::Corrupt`] when it is not a listing row of this version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Bytes> {
    super::versioned(value, VERSION, "a listing row")?;
    let escaped = row_key
        .len()
        .checked_sub(HEAD_BYTES)
        .map(|_| row_key.slice(HEAD_BYTES..));
    escaped
        .and_then(|escaped| key::get(&escaped))
        .ok_or_else(|| Error::Corrupt(format!("listing row {}", row_key.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(key(1, b"a\0").as_ref(), b"\0\0\0\x01\x10a\0\xff\0\x01");
        assert_eq!(value().as_ref(), [1]);
    }

    #[test]
    fn another_version_is_refused() {
        assert!(decode(&key(1, b"k"), &Bytes::from_static(&[2])).is_err());
    }

    proptest! {
        #[test]
        fn every_key_comes_back(segment: u32, log_key: Vec<u8>) {
            prop_assert_eq!(decode(&key(segment, &log_key), &value()).expect("a row"), log_key);
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
