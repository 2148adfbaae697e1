//! Log keys inside row keys: escaped so that they end unambiguously and sort as their bytes do.

use bytes::{BufMut, Bytes, BytesMut};

const ESCAPED: u8 = 0x00;
const ESCAPE_MARK: u8 = 0xff;
const END_MARK: u8 = 0x01;

/// Bytes that [`put`] appends at most for a key of `length` bytes.
pub(crate) fn max_len(length: usize) -> usize {
    2 * length + 2
}

/// Appends `key`, each 0x00 as 0x00 0xff, and the terminator 0x00 0x01.
pub(crate) fn put(out: &mut BytesMut, key: &[u8]) {
    put_open(out, key);
    out.put_slice(&[ESCAPED, END_MARK]);
}

/// The same without the terminator: the beginning of all keys that start with `key`.
pub(crate) fn put_open(out: &mut BytesMut, key: &[u8]) {
    let mut rest = key;
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPED) {
        out.put_slice(&rest[..at]);
        out.put_slice(&[ESCAPED, ESCAPE_MARK]);
        rest = &rest[at + 1..];
    }
    out.put_slice(rest);
}

/// Where the terminator of the escaped key at the start of `bytes` ends; `None` if it is not complete.
pub(crate) fn end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == ESCAPED)?;
        match bytes.get(at + 1)? {
            &END_MARK => return Some(at + 2),
            _ => at += 2,
        }
    }
}

/// Reads the escaped key at the start of `bytes`; `None` if it is not one.
pub(crate) fn get(bytes: &Bytes) -> Option<Bytes> {
    let escaped = bytes.slice(..end(bytes)? - 2);
    if !escaped.contains(&ESCAPED) {
        return Some(escaped);
    }
    let mut key = BytesMut::with_capacity(escaped.len());
    let mut at = 0;
    while at < escaped.len() {
        key.put_u8(escaped[at]);
        if escaped[at] == ESCAPED {
            if *escaped.get(at + 1)? != ESCAPE_MARK {
                return None;
            }
            at += 1;
        }
        at += 1;
    }
    Some(key.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(key: &[u8]) -> Bytes {
        let mut out = BytesMut::new();
        put(&mut out, key);
        assert!(out.len() <= max_len(key.len()));
        out.freeze()
    }

    fn keys() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(254), Just(255), any::<u8>()];
        prop::collection::vec(byte, 0..12)
    }

    #[test]
    fn the_bytes_are_these() {
        assert_eq!(escaped(b"ab").as_ref(), b"ab\x00\x01");
        assert_eq!(escaped(b"\x00a\x00").as_ref(), b"\x00\xffa\x00\xff\x00\x01");
    }

    proptest! {
        #[test]
        fn every_key_comes_back_with_whatever_follows_it(key in keys(), behind: Vec<u8>) {
            let mut bytes = escaped(&key).to_vec();
            let length = bytes.len();
            bytes.extend(behind);
            prop_assert_eq!(end(&bytes), Some(length));
            prop_assert_eq!(get(&Bytes::from(bytes)), Some(Bytes::from(key)));
        }

        #[test]
        fn order_is_kept_whatever_follows(a in keys(), b in keys(), behind_a: u64, behind_b: u64) {
            let with = |key: &[u8], behind: u64| [&escaped(key)[..], &behind.to_be_bytes()].concat();
            let order = with(&a, behind_a).cmp(&with(&b, behind_b));
            prop_assert_eq!(order, a.cmp(&b).then(behind_a.cmp(&behind_b)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = get(&Bytes::from(bytes));
        }
    }
}
