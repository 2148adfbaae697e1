//! The load of append sessions: many appends on one request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::mpsc;
use http_body_util::StreamBody;
use hyper::body::Frame;
use opendata_log::wire;
use prost::Message;
use tokio::time::{Instant, timeout_at};

use crate::arguments::Arguments;
use crate::encoded;
use crate::measured::{Measured, Problem};
use crate::requests::TIMEOUT;

/// How an answer begins that says `success`: field 1, and a string of seven bytes.
const SUCCESS: &[u8] = b"\x0a\x07success";

/// What all sessions measured, and in which time.
///
/// # Errors
/// When the server does not open one.
pub(crate) async fn run(arguments: &Arguments) -> Result<(Measured, Duration), Problem> {
    let mut sessions = Vec::new();
    for connection in 0..arguments.connections {
        sessions.push(Session::open(arguments, connection).await?);
    }
    let started = Instant::now();
    let until = started + arguments.duration();
    let sessions = sessions.into_iter().map(|session| session.run(until));
    let measured = Measured::of_all(sessions.collect()).await;
    Ok((measured, started.elapsed()))
}

/// A session that is open.
struct Session {
    frames: mpsc::UnboundedSender<Bytes>,
    response: reqwest::Response,
    received: BytesMut,
    /// When appends that are not answered were sent, and how many at once.
    sent: VecDeque<(Instant, u64)>,
    /// The frames of one round over the keys, which follow each other.
    round: Bytes,
    /// Where frames begin in it, and its end.
    begins: Vec<usize>,
    next: usize,
    /// Records of an append.
    records: u64,
    outstanding: u64,
}

impl Session {
    async fn open(arguments: &Arguments, connection: u64) -> Result<Self, Problem> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let (frames, sent) = mpsc::unbounded();
        let sent = sent.map(|frames: Bytes| Ok::<_, Infallible>(Frame::data(frames)));
        let response = http
            .post(format!("{}/api/v1/log/session", arguments.url))
            .header("content-type", "application/protobuf; delimited=true")
            .body(reqwest::Body::wrap(StreamBody::new(sent)))
            .send()
            .await?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(Problem::new(format!("no session: {status}")));
        }
        let (round, begins) = round(arguments, connection);
        Ok(Self {
            frames,
            response,
            received: BytesMut::new(),
            sent: VecDeque::new(),
            round,
            begins,
            next: 0,
            records: arguments.records,
            outstanding: arguments.outstanding,
        })
    }

    /// Keeps so many appends outstanding until `until`, and then waits for the last answers.
    async fn run(mut self, until: Instant) -> Measured {
        let mut measured = Measured::new();
        self.send(self.outstanding);
        while !self.sent.is_empty() {
            let answered = match timeout_at(until + TIMEOUT, self.answers(&mut measured)).await {
                Ok(Ok(answered)) => answered,
                Ok(Err(problem)) => {
                    measured.failed(problem);
                    return measured;
                }
                Err(_) => {
                    measured.failed(Problem::new("no answer in time"));
                    return measured;
                }
            };
            if Instant::now() < until {
                self.send(answered);
            }
        }
        measured
    }

    /// Sends so many appends together.
    fn send(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.sent.push_back((Instant::now(), count));
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        while left > 0 {
            let end = (self.next + left).min(self.begins.len() - 1);
            let frames = self.round.slice(self.begins[self.next]..self.begins[end]);
            left -= end - self.next;
            self.next = end % (self.begins.len() - 1);
            // The server may have ended the session, which its answers tell.
            let _ = self.frames.unbounded_send(frames);
        }
    }

    /// Waits for more of the response; how many answers were in it.
    async fn answers(&mut self, measured: &mut Measured) -> Result<u64, Problem> {
        let more = self.response.chunk().await?;
        let more = more.ok_or_else(|| Problem::new("the server ended the session"))?;
        self.received.extend_from_slice(&more);
        let (mut succeeded, mut failed) = (0, 0);
        while let Some(length) = self.received.first().copied().map(usize::from) {
            // What is not short is an error.
            let is_short = length < 0x80;
            if is_short && self.received.len() <= length {
                break;
            }
            if is_short && self.received[1..].starts_with(SUCCESS) {
                self.received.advance(1 + length);
                succeeded += 1;
                continue;
            }
            let mut rest = &self.received[..];
            let Some(answer) = wire::session_answer(&mut rest) else {
                break;
            };
            let read = self.received.len() - rest.len();
            self.received.advance(read);
            if let Err(error) = answer {
                measured.failed(Problem::new(error.message));
            }
            failed += 1;
        }
        measured.records += succeeded * self.records;
        let answered = succeeded + failed;
        self.note(answered, measured);
        Ok(answered)
    }

    /// Notes the latencies of the next `answered` appends.
    fn note(&mut self, mut answered: u64, measured: &mut Measured) {
        while answered > 0
            && let Some((sent, count)) = self.sent.front_mut()
        {
            let now = answered.min(*count);
            measured.answered(sent.elapsed(), now);
            *count -= now;
            answered -= now;
            if *count == 0 {
                self.sent.pop_front();
            }
        }
    }
}

/// The frames of one round over the keys, from the key on with which the connection begins.
fn round(arguments: &Arguments, connection: u64) -> (Bytes, Vec<usize>) {
    /// A round is not longer, so that it fits memory; then not every key is used.
    const FRAMES: u64 = 10_000;
    let frames = arguments.keys.clamp(100, FRAMES);
    let mut keys = encoded::keys(arguments, connection);
    let (mut round, mut begins) = (BytesMut::new(), vec![0]);
    for _ in 0..frames {
        let request = encoded::append(arguments, &mut keys);
        // It grows.
        let _ = request.encode_length_delimited(&mut round);
        begins.push(round.len());
    }
    (round.freeze(), begins)
}
