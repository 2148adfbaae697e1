//! The state row: what a writer must know of the one before it. It is written with every commit.
//!
//! ```text
//! key    0 (u32) · 0x01
//! value  version (1) · reserved bound (u64) · bytes in the active segment (u64) · last append time (i64, Unix ms) · floor (u64)
//!        · numbers given to keys of the active segment (u32)
//! ```
//!
//! All numbers are big endian. No record has a sequence at or above the reserved bound; after a clean close it is
//! the exact tip. Nothing below the floor is read.

use bytes::{Buf, BufMut, Bytes};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::sequencer::State;
use log_domain::{Error, Result, Sequence};

use super::{RowType, head, versioned};

const VERSION: u8 = 1;

/// The key of the one state row.
pub(crate) fn key() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::State, 0).freeze()
}

/// The row's value.
pub(crate) fn encode(state: &State) -> Bytes {
    let mut value = Vec::with_capacity(37);
    value.put_u8(VERSION);
    value.put_u64(state.bound.get());
    value.put_u64(state.segment_bytes);
    value.put_i64(state.last_time_ms);
    value.put_u64(state.floor.get());
    value.put_u32(state.numbers);
    value.into()
}

/// Reads the row's value.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(value: &Bytes) -> Result<State> {
    let mut rest = versioned(value, VERSION, "the state row")?;
    let damaged = |_| Error::Corrupt("the state row is cut off".into());
    Ok(State {
        bound: Sequence::new(rest.try_get_u64().map_err(damaged)?),
        segment_bytes: rest.try_get_u64().map_err(damaged)?,
        last_time_ms: rest.try_get_i64().map_err(damaged)?,
        floor: Sequence::new(rest.try_get_u64().map_err(damaged)?),
        numbers: rest.try_get_u32().map_err(damaged)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_these() {
        let state = State {
            bound: Sequence::new(0x0102),
            segment_bytes: 3,
            last_time_ms: 4,
            floor: Sequence::new(0x0506),
            numbers: 7,
        };
        assert_eq!(key().as_ref(), b"\0\0\0\0\x01");
        let value = encode(&state);
        assert_eq!(
            value.as_ref(),
            b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\x05\x06\0\0\0\x07"
        );
        assert_eq!(decode(&value).expect("a row"), state);
    }

    #[test]
    fn another_version_and_cut_off_values_are_refused() {
        let value = encode(&State::default());
        assert!(decode(&value.slice(..36)).is_err());
        assert!(decode(&Bytes::new()).is_err());
        let newer = [&[2], &value[1..]].concat();
        assert!(decode(&newer.into()).is_err());
    }
}
