//! Producer rows: what is kept of a producer. Written with each commit of a request of it.
//!
//! ```text
//! key    0 (u32) · 0x03 · name of the producer (UTF-8)
//! value  version (1) · varint epoch · varint sequence of the next request · varint time of the last request (Unix ms)
//!        · varint number of requests (0 to 5), and for each, the oldest first:
//!          varint sequence of the first record · varint records · fingerprint (u64, big endian)
//! ```
//!
//! The requests are the last ones: their sequences end before that of the next.

use bytes::{Buf, BufMut, Bytes};
use log_domain::producer::{AppliedRequest, Recent};
use log_domain::segment::SYSTEM_SEGMENT;
use log_domain::{Error, ProducerId, ProducerState, Result, Sequence};
use prost::encoding::{decode_varint, encode_varint};

use super::{HEAD_BYTES, RowType, head, versioned};

const VERSION: u8 = 1;

/// What the keys of all producer rows begin with.
pub(crate) fn prefix() -> Bytes {
    head(SYSTEM_SEGMENT, RowType::Producer, 0).freeze()
}

/// The key of the row of a producer.
pub(crate) fn key(id: &ProducerId) -> Bytes {
    let name = id.as_str().as_bytes();
    let mut row_key = head(SYSTEM_SEGMENT, RowType::Producer, name.len());
    row_key.put_slice(name);
    row_key.freeze()
}

/// The row's value.
pub(crate) fn value(state: &ProducerState) -> Bytes {
    let requests = state.recent.as_slice();
    let mut value = Vec::with_capacity(32 + 24 * requests.len());
    value.push(VERSION);
    encode_varint(state.epoch, &mut value);
    encode_varint(state.next, &mut value);
    encode_varint(state.last_used_ms.max(0) as u64, &mut value);
    encode_varint(requests.len() as u64, &mut value);
    for request in requests {
        encode_varint(request.start.get(), &mut value);
        encode_varint(request.count, &mut value);
        value.put_u64(request.fingerprint);
    }
    value.into()
}

/// Reads a row.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(crate) fn decode(row_key: &Bytes, value: &Bytes) -> Result<(ProducerId, ProducerState)> {
    let damaged = || Error::Corrupt(format!("producer row {}", row_key.escape_ascii()));
    let name = row_key.get(HEAD_BYTES..).ok_or_else(damaged)?;
    let name = std::str::from_utf8(name).map_err(|_| damaged())?;
    let id = ProducerId::parse(name).map_err(|_| damaged())?;
    let mut rest = versioned(value, VERSION, "a producer row")?;
    let number = |rest: &mut &[u8]| decode_varint(rest).map_err(|_| damaged());
    let epoch = number(&mut rest)?;
    let next = number(&mut rest)?;
    let last_used_ms = number(&mut rest)? as i64;
    let mut recent = Recent::default();
    for _ in 0..number(&mut rest)? {
        recent.push(AppliedRequest {
            start: Sequence::new(number(&mut rest)?),
            count: number(&mut rest)?,
            fingerprint: rest.try_get_u64().map_err(|_| damaged())?,
        });
    }
    let state = ProducerState {
        epoch,
        next,
        last_used_ms,
        recent,
    };
    Ok((id, state))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(numbers: [u64; 3], requests: &[(u64, u64, u64)]) -> ProducerState {
        let mut recent = Recent::default();
        for (start, count, fingerprint) in requests {
            recent.push(AppliedRequest {
                start: Sequence::new(*start),
                count: *count,
                fingerprint: *fingerprint,
            });
        }
        let [epoch, next, last_used_ms] = numbers;
        ProducerState {
            epoch,
            next,
            last_used_ms: last_used_ms as i64,
            recent,
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let id = ProducerId::parse("p\u{e9}").expect("a name");
        assert_eq!(key(&id).as_ref(), b"\0\0\0\0\x03p\xc3\xa9");
        let state = state([2, 300, 5], &[(7, 1, 0x0102), (8, 200, 3)]);
        let expected =
            b"\x01\x02\xac\x02\x05\x02\x07\x01\0\0\0\0\0\0\x01\x02\x08\xc8\x01\0\0\0\0\0\0\0\x03";
        assert_eq!(value(&state).as_ref(), expected);
        assert_eq!(
            decode(&key(&id), &value(&state)).expect("a row"),
            (id, state)
        );
    }

    #[test]
    fn another_version_is_refused() {
        let id = ProducerId::parse("p").expect("a name");
        let newer = [&[2], &value(&state([0; 3], &[]))[1..]].concat();
        assert!(decode(&key(&id), &newer.into()).is_err());
    }

    proptest! {
        #[test]
        fn every_row_comes_back(
            name in "\\PC{1,30}", epoch: u64, next: u64, last_used_ms in 0u64..1 << 60,
            requests in prop::collection::vec(any::<(u64, u64, u64)>(), 0..6),
        ) {
            let id = ProducerId::parse(&name).expect("a name");
            let state = state([epoch, next, last_used_ms], &requests);
            prop_assert_eq!(decode(&key(&id), &value(&state)).expect("a row"), (id, state));
        }

        #[test]
        fn damaged_rows_are_errors_and_never_panics(row_key: Vec<u8>, value: Vec<u8>) {
            let _ = decode(&row_key.into(), &value.into());
        }
    }
}
