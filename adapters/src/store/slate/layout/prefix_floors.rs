//! Prefix floor rows: that the records of log keys with a prefix are gone below a sequence.
//!
//! ```text
//! key    0 (u32) · 0x05 · prefix
//! value  version (1) · floor of the prefix (u64, big endian)
//! ```
//!
//! It is deleted once the floor of the log, or of a shorter prefix, is as high.

use bytes::{BufMut, Bytes};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, PrefixFloor, Result};

use super::{HEAD_BYTES, RowType, head};

pub(crate) use super::floor::value;

/// What all prefix floor rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::PrefixFloor, 0).freeze()
}

/// The key of the row of a prefix.
pub(crate) fn key(of_keys: &[u8]) -> Bytes {
    let mut row_key = head(SYSTEM_SEGMENT, RowType::PrefixFloor, of_keys.len());
    row_key.put_slice(of_keys);
    row_key.freeze()
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<PrefixFloor> {
    if row_key.len() < HEAD_BYTES {
        let row_key = row_key.escape_ascii();
        return Err(Error::Corrupt(format!("prefix floor row {row_key}")));
    }
    Ok(PrefixFloor {
        prefix: row_key.slice(HEAD_BYTES..),
        floor: super::floor::decode(value, "a prefix floor row")?,
    })
}

#[cfg(test)]
mod tests {
    use log_domain::Sequence;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(prefix().as_ref(), b"\0\0\0\0\x05");
        assert_eq!(key(b"a\0").as_ref(), b"\0\0\0\0\x05a\0");
        assert_eq!(
            value(Sequence::new(258)).as_ref(),
            b"\x01\0\0\0\0\0\0\x01\x02"
        );
    }

    #[test]
    fn another_version_and_cut_off_values_are_refused() {
        let (row_key, whole) = (key(b"a"), value(Sequence::new(1)));
        assert!(decode(&row_key, &whole.slice(..8)).is_err());
        let newer = [&[2], &whole[1..]].concat();
        assert!(decode(&row_key, &newer.into()).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(of_keys: Vec<u8>, floor: u64) {
            let found = decode(&key(&of_keys), &value(floor.into())).expect("a row");
            prop_assert_eq!((&found.prefix[..], found.floor.get()), (&of_keys[..], floor));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
