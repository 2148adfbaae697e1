//! Messages that follow each other in a stream, each behind its length, as protobuf libraries write and read them.

use bytes::{Buf, Bytes, BytesMut};
use prost::encoding::decode_varint;

/// Bytes of the longest length.
const LENGTH_BYTES: usize = 10;

/// Takes a stream apart into messages.
#[derive(Debug)]
pub(in crate::http) struct Delimited {
    buffer: BytesMut,
    /// Bytes of the largest message.
    limit: usize,
}

/// Why nothing that follows in a stream is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum NoMessage {
    /// There is no length.
    #[error("a message has no length")]
    NoLength,
    /// The length is above the limit.
    #[error("a message has {0} bytes, of {1} at most")]
    TooLarge(u64, usize),
}

impl Delimited {
    /// A stream of messages of at most `limit` bytes.
    pub(in crate::http) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// Adds a part of the stream.
    pub(in crate::http) fn add(&mut self, part: &[u8]) {
        self.buffer.extend_from_slice(part);
    }

    /// Bytes that were added and are of no message so far.
    pub(in crate::http) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The next message; `None` if its end has not arrived yet. Messages that were added together share memory.
    ///
    /// # Errors
    /// Nothing that follows is a message.
    pub(in crate::http) fn next(&mut self) -> Result<Option<Bytes>, NoMessage> {
        let has_length = self
            .buffer
            .iter()
            .take(LENGTH_BYTES)
            .any(|byte| *byte < 0x80);
        if !has_length {
            return match self.buffer.len() < LENGTH_BYTES {
                true => Ok(None),
                false => Err(NoMessage::NoLength),
            };
        }
        let mut behind = &self.buffer[..];
        let length = decode_varint(&mut behind).map_err(|_| NoMessage::NoLength)?;
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > self.limit {
            return Err(NoMessage::TooLarge(length, self.limit));
        }
        if behind.len() < size {
            return Ok(None);
        }
        let before = self.buffer.len() - behind.len();
        self.buffer.advance(before);
        Ok(Some(self.buffer.split_to(size).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::encode_varint;

    use super::*;

    #[test]
    fn a_length_may_have_more_bytes_than_it_needs() {
        let mut stream = Delimited::new(1_000);
        stream.add(b"\x82\x00ab\x01c");
        assert_eq!(stream.next(), Ok(Some("ab".into())));
        assert_eq!(stream.next(), Ok(Some("c".into())));
    }

    #[test]
    fn what_is_no_message_is_refused_without_being_waited_for() {
        for (bad, why) in [
            (&[0xff; 10][..], NoMessage::NoLength),
            (b"\xff\xff\xff\x7f", NoMessage::TooLarge(0xfff_ffff, 1_000)),
            (b"\xe9\x07", NoMessage::TooLarge(1_001, 1_000)),
        ] {
            let mut stream = Delimited::new(1_000);
            stream.add(bad);
            assert_eq!(stream.next(), Err(why));
        }
        let mut stream = Delimited::new(1_000);
        stream.add(b"\xe8\x07");
        assert_eq!(stream.next(), Ok(None));
    }

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_sent_however_the_stream_is_cut(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..10),
            sizes in prop::collection::vec(1..100_usize, 1..50),
        ) {
            let mut all = Vec::new();
            for message in &sent {
                encode_varint(message.len() as u64, &mut all);
                all.extend_from_slice(message);
            }
            let (mut stream, mut got, mut rest) = (Delimited::new(300), Vec::new(), &all[..]);
            for size in sizes.iter().cycle() {
                let (part, later) = rest.split_at(rest.len().min(*size));
                stream.add(part);
                rest = later;
                while let Some(message) = stream.next().expect("a message") {
                    got.push(message);
                }
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, sent);
            prop_assert_eq!(stream.len(), 0);
        }
    }
}
