//! Cursor rows: where a cursor is. Written with the commit that moves it, and deleted with the cursor.
//!
//! ```text
//! key    0 (u32) · 0x06 · name of the cursor (UTF-8)
//! value  version (1) · varint position · varint time of the last move (Unix ms)
//! ```

use bytes::{BufMut, Bytes};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Cursor, CursorName, Error, Result, Sequence};
use prost::encoding::{decode_varint, encode_varint};

use super::{HEAD_BYTES, RowType, head, versioned};

const VERSION: u8 = 1;

/// What the keys of all cursor rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::Cursor, 0).freeze()
}

/// The key of the row of a cursor.
pub(crate) fn key(name: &CursorName) -> Bytes {
    let name = name.as_str().as_bytes();
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Cursor, name.len());
    row_key.put_slice(name);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value(cursor: &Cursor) -> Bytes {
    let mut value = Vec::with_capacity(21);
    value.push(VERSION);
    encode_varint(cursor.position.get(), &mut value);
    encode_varint(cursor.updated_ms.max(0) as u64, &mut value);
    value.into()
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Cursor> {
    let damaged = || Error::Corrupt(format!("cursor row {}", row_key.escape_ascii()));
    let name = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    let name = std::str::from_utf8(name).map_err(|_| damaged())?;
    let name = CursorName::parse(name).map_err(|_| damaged())?;
    let mut rest = versioned(value, VERSION, "a cursor row")?;
    let position = decode_varint(&mut rest).map_err(|_| damaged())?;
    let updated_ms = decode_varint(&mut rest).map_err(|_| damaged())? as i64;
    if !rest.is_empty() {
        return Err(damaged());
    }
    Ok(Cursor {
        name,
        position: Sequence::new(position),
        updated_ms,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor(name: &str, position: u64, updated_ms: i64) -> Cursor {
        Cursor {
            name: CursorName::parse(name).expect("a name"),
            position: Sequence::new(position),
            updated_ms,
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let cursor = cursor("c\u{e9}", 300, 5);
        assert_eq!(prefix().as_ref(), b"\0\0\0\0\x06");
        assert_eq!(key(&cursor.name).as_ref(), b"\0\0\0\0\x06c\xc3\xa9");
        assert_eq!(value(&cursor).as_ref(), b"\x01\xac\x02\x05");
    }

    #[test]
    fn another_version_and_other_lengths_are_refused() {
        let cursor = cursor("c", 1, 2);
        let (row_key, whole) = (key(&cursor.name), value(&cursor));
        let newer = [&[2], &whole[1..]].concat();
        assert!(decode(&row_key, &newer.into()).is_err());
        assert!(decode(&row_key, &whole.slice(..2)).is_err());
        let longer = [&whole[..], &[0]].concat();
        assert!(decode(&row_key, &longer.into()).is_err());
        assert!(decode(&prefix(), &whole).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(name in "\\PC{3,30}", position: u64, updated_ms in 0i64..1 << 60) {
            let cursor = cursor(&name, position, updated_ms);
            prop_assert_eq!(decode(&key(&cursor.name), &value(&cursor)).expect("a row"), cursor);
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
