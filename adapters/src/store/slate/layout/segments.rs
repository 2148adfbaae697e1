//! Segment rows: one for each segment, in the system segment.
//!
//! ```text
//! key    0 (u32) · 0x02 · segment id (u32, big endian)
//! value  version (1) · first sequence (u64, big endian) · start time (i64, big endian, Unix ms)
//! ```

use bytes::{Buf, BufMut, Bytes};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, Result, Segment, SegmentId, Sequence};

use super::{HEAD_BYTES, RowType, head, versioned};

const VERSION: u8 = 1;

/// What all segment rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::Segment, 0).freeze()
}

/// The key of the row of a segment.
pub(crate) fn key(segment: SegmentId) -> Bytes {
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Segment, 4);
    row_key.put_u32(segment);
    row_key.freeze()
}

/// The row that describes `segment`.
pub(crate) fn encode(segment: &Segment) -> (Bytes, Bytes) {
    let mut value = Vec::with_capacity(17);
    value.put_u8(VERSION);
    value.put_u64(segment.start.get());
    value.put_i64(segment.start_time_ms);
    (key(segment.id), value.into())
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<Segment> {
    let mut rest = versioned(value, VERSION, "a segment row")?;
    let damaged = |_| Error::Corrupt(format!("segment row {}", row_key.escape_ascii()));
    Ok(Segment {
        id: row_key
            .get(HEAD_BYTES..)
            .unwrap_or_default()
            .try_get_u32()
            .map_err(damaged)?,
        start: Sequence::new(rest.try_get_u64().map_err(damaged)?),
        start_time_ms: rest.try_get_i64().map_err(damaged)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_these() {
        let segment = Segment {
            id: 3,
            start: Sequence::new(258),
            start_time_ms: 1,
        };
        let (row_key, value) = encode(&segment);
        assert_eq!(row_key.as_ref(), b"\0\0\0\0\x02\0\0\0\x03");
        assert_eq!(
            value.as_ref(),
            b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01"
        );
        assert_eq!(decode(&row_key, &value).expect("a row"), segment);
        let refused = decode(&row_key, &Bytes::from_static(b"\x02"));
        assert!(matches!(refused, Err(Error::Corrupt(_))));
    }

    proptest! {
        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
