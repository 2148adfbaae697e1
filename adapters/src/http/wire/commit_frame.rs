//! The messages that the server that writes a log streams to read-only servers of the log.
//!
//! Each is a protobuf message behind its length. They are between servers of one log, and no part of the API for clients: fields are only
//! added, so that servers of several versions can follow each other.

use bytes::Bytes;
use log_domain::commit_feed::FILE_BYTES;
use log_domain::{CommitFile, CommitNews, Sequence};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::delimited::Delimited;

/// The most bytes that a frame has in addition to the content of a file.
const OVERHEAD: usize = 64 << 10;

/// Bytes of the largest frame.
const FRAME_BYTES: usize = FILE_BYTES + OVERHEAD;

/// The media type of the stream.
pub(in crate::http) const CONTENT_TYPE: &str = "application/vnd.opendata-log.commits";

/// One message.
#[derive(Clone, PartialEq, Message)]
pub(in crate::http) struct CommitFrame {
    /// The identity of the log. The first frame has it.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(in crate::http) log: Option<Bytes>,
    /// Everything below it is durable. The files that made it durable were told of before.
    #[prost(uint64, optional, tag = "2")]
    pub(in crate::http) durable_sequence: Option<u64>,
    /// The id of a file of the WAL.
    #[prost(uint64, optional, tag = "3")]
    pub(in crate::http) file_id: Option<u64>,
    /// What is stored in that file. Without it, the file is to be looked for in the object store.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub(in crate::http) content: Option<Bytes>,
}

/// The field `content`.
const CONTENT: u32 = 4;

impl CommitFrame {
    /// A frame of news.
    pub(in crate::http) fn of(news: CommitNews) -> Self {
        let (file_id, content) = news.file.map(|file| (file.id, file.content)).unzip();
        Self {
            log: None,
            durable_sequence: news.durable.map(Sequence::get),
            file_id,
            content: content.flatten(),
        }
    }

    /// The news of a frame.
    pub(in crate::http) fn news(self) -> CommitNews {
        let content = self.content;
        CommitNews {
            durable: self.durable_sequence.map(Sequence::new),
            file: self.file_id.map(|id| CommitFile { id, content }),
        }
    }

    /// The frame as it is sent, in two parts: the content of a file is not copied.
    pub(in crate::http) fn into_parts(mut self) -> (Bytes, Option<Bytes>) {
        let content = self.content.take();
        let mut end = Vec::new();
        if let Some(content) = &content {
            encode_key(CONTENT, WireType::LengthDelimited, &mut end);
            encode_varint(content.len() as u64, &mut end);
        }
        let length = self.encoded_len() + end.len() + content.as_ref().map_or(0, Bytes::len);
        let mut head = Vec::with_capacity(10 + length.min(OVERHEAD));
        encode_varint(length as u64, &mut head);
        head.extend_from_slice(&self.encode_to_vec());
        head.extend_from_slice(&end);
        (head.into(), content)
    }
}

/// Takes a stream apart into frames.
#[derive(Debug)]
pub(in crate::http) struct Frames(Delimited);

impl Default for Frames {
    fn default() -> Self {
        Self(Delimited::new(FRAME_BYTES))
    }
}

impl Frames {
    /// Adds a part of the stream.
    pub(in crate::http) fn add(&mut self, part: &[u8]) {
        self.0.add(part);
    }

    /// The next frame; `None` if its end has not arrived yet.
    ///
    /// # Errors
    /// What is wrong with it: nothing that follows is a frame.
    pub(in crate::http) fn next(&mut self) -> Result<Option<CommitFrame>, String> {
        let message = self.0.next().map_err(|error| error.to_string())?;
        let frame = message.map(CommitFrame::decode).transpose();
        frame.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(frame: CommitFrame) -> Vec<u8> {
        let (head, content) = frame.into_parts();
        [head, content.unwrap_or_default()].concat()
    }

    #[test]
    fn the_golden_bytes_are_kept() {
        let frame = CommitFrame {
            log: Some("id".into()),
            durable_sequence: Some(300),
            file_id: Some(7),
            content: Some("wal".into()),
        };
        let golden = b"\x0e\x0a\x02id\x10\xac\x02\x18\x07\x22\x03wal";
        assert_eq!(sent(frame.clone()), golden);
        assert_eq!(frame.encode_length_delimited_to_vec(), golden);
    }

    #[test]
    fn what_is_no_frame_is_refused_without_being_waited_for() {
        for bad in [&[0xff; 10][..], b"\xff\xff\xff\x7f", b"\x02\xff\xff"] {
            let mut frames = Frames::default();
            frames.add(bad);
            frames.next().expect_err("refused");
        }
    }

    fn frames() -> impl Strategy<Value = CommitFrame> {
        let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..300));
        let number = || prop::option::of(any::<u64>());
        (bytes(), number(), number(), bytes()).prop_map(|(log, durable, file_id, content)| {
            CommitFrame {
                log: log.map(Bytes::from),
                durable_sequence: durable,
                file_id,
                content: content.map(Bytes::from),
            }
        })
    }

    proptest! {
        #[test]
        fn frames_arrive_as_they_were_sent_however_the_stream_is_cut(
            sent_frames in prop::collection::vec(frames(), 0..10),
            sizes in prop::collection::vec(1..100_usize, 1..50),
        ) {
            let all: Vec<u8> = sent_frames.iter().cloned().flat_map(sent).collect();
            let (mut frames, mut got, mut rest) = (Frames::default(), Vec::new(), &all[..]);
            for size in sizes.iter().cycle() {
                let (part, later) = rest.split_at(rest.len().min(*size));
                frames.add(part);
                rest = later;
                while let Some(frame) = frames.next().expect("a frame") {
                    got.push(frame);
                }
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, sent_frames);
        }

        #[test]
        fn no_bytes_end_the_server(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::default();
            frames.add(&bytes);
            for _ in 0..300 {
                match frames.next() {
                    Ok(Some(_)) => {}
                    _ => break,
                }
            }
        }
    }
}
