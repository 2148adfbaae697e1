//! An append session, over HTTP/1.1 or HTTP/2.

use std::convert::Infallible;

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::mpsc;
use http_body_util::StreamBody;
use hyper::body::Frame;
use opendata_log::wire;
use prost::Message;

pub(crate) const DELIMITED: &str = "application/protobuf; delimited=true";

/// A session that is open.
pub(crate) struct Session {
    frames: Option<mpsc::UnboundedSender<Bytes>>,
    response: reqwest::Response,
    received: BytesMut,
}

/// The first sequence, or the code of an error.
pub(crate) type Outcome = Result<u64, String>;

/// An append of one record.
pub(crate) fn request(key: &str, value: &str, producer: Option<(&str, u64)>) -> Bytes {
    let request = wire::AppendRequest {
        producer: producer.map(|(id, sequence)| wire::Producer {
            id: id.to_owned(),
            epoch: 0,
            sequence,
        }),
        ..append(key, value)
    };
    request.encode_length_delimited_to_vec().into()
}

/// An append of one record that is refused because the log has records of `taken`.
pub(crate) fn refused(key: &str, value: &str, taken: &str) -> Bytes {
    let request = wire::AppendRequest {
        preconditions: vec![wire::Precondition {
            key: Bytes::copy_from_slice(taken.as_bytes()),
            no_record_since: 0,
        }],
        ..append(key, value)
    };
    request.encode_length_delimited_to_vec().into()
}

fn append(key: &str, value: &str) -> wire::AppendRequest {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    wire::AppendRequest {
        records: vec![wire::Record {
            key: bytes(key),
            value: bytes(value),
            headers: Vec::new(),
        }],
        ..Default::default()
    }
}

impl Session {
    pub(crate) async fn open(http: &reqwest::Client, url: &str) -> Result<Self, reqwest::Error> {
        let (frames, sent) = mpsc::unbounded();
        let sent = sent.map(|frame: Bytes| Ok::<_, Infallible>(Frame::data(frame)));
        let response = http
            .post(format!("{url}/api/v1/log/session"))
            .header("content-type", DELIMITED)
            .body(reqwest::Body::wrap(StreamBody::new(sent)))
            .send()
            .await?;
        assert_eq!(response.status(), 200);
        Ok(Self {
            frames: Some(frames),
            response,
            received: BytesMut::new(),
        })
    }

    pub(crate) fn send(&self, request: Bytes) {
        let frames = self.frames.as_ref().expect("not ended");
        // The server may have ended the session.
        let _ = frames.unbounded_send(request);
    }

    pub(crate) fn end(&mut self) {
        self.frames = None;
    }

    /// The next answer; `None` at the end.
    ///
    /// # Errors
    /// When the connection broke.
    pub(crate) async fn answer(&mut self) -> Result<Option<Outcome>, reqwest::Error> {
        loop {
            if let Some(answer) = self.received_answer() {
                return Ok(Some(answer));
            }
            match self.response.chunk().await? {
                Some(more) => self.received.extend_from_slice(&more),
                None => return Ok(None),
            }
        }
    }

    fn received_answer(&mut self) -> Option<Outcome> {
        let mut rest = &self.received[..];
        let answer = wire::session_answer(&mut rest)?;
        let read = self.received.len() - rest.len();
        self.received.advance(read);
        let start = answer.map(|answer| answer.start_sequence);
        Some(start.map_err(|error| error.code))
    }
}
