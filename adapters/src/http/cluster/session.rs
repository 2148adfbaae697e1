//! Passes sessions on: to the partition that the request names, or else to that of the first frame.
//!
//! Whole frames are passed on, so that a session ends between two frames wherever it is ended. What the node that serves the partition answers is
//! passed back as it is; where its answers break off, those of the session do too, because nobody knows what became of the rest.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures::future::{BoxFuture, Either, select};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use log_domain::Error;
use log_domain::cluster::Partition;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, FromRequest, Request, Response, Result};
use prost::Message;
use prost::encoding::encode_varint;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout};

use super::asked::{Asked, given_partition};
use super::forwarded::Forwarded;
use super::map::{PartitionMap, Place};
use super::{AGAIN, Cluster, MAX_PAUSE, PassLimits, answered, learn, misdirected, unserved};
use crate::http::remote;
use crate::http::remote::writer::Streamed;
use crate::http::routes::peer::Peer;
use crate::http::routes::session;
use crate::http::routes::session::frames::Frames;
use crate::http::wire::append_request;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::{self, Format};
use crate::http::wire::param;
use crate::http::wire::proto::{self, ErrorResponse};
use crate::http::wire::request_id::RequestId;
use crate::http::wire::route_table::{PARTITION, SESSION};

/// Pieces that wait for the other side to take them.
const PIECES: usize = 1;

/// Bytes of an answer that refuses a session.
const REFUSAL_BYTES: usize = 64 << 10;

/// A session that is passed on.
struct Passing {
    map: Arc<dyn PartitionMap>,
    limits: PassLimits,
    forwarded: Forwarded,
    /// Without its body.
    request: Request,
    request_id: RequestId,
    frames: Frames,
    answers: Sender<io::Result<Bytes>>,
    /// Ends when this node stops.
    stopping: BoxFuture<'static, ()>,
}

/// Why a session is over before its client ends it.
enum Over {
    /// The client does not wait for answers any more.
    Gone,
    /// With this answer.
    Failed(Failure),
    /// With this answer of the node that serves the partition.
    Refused(Bytes),
    /// Nobody knows what became of the frames without an answer.
    Broken(String),
}

impl From<Failure> for Over {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Cluster {
    /// Begins a session. The answer begins at once: a client may wait for that before it sends a frame.
    pub(super) async fn session(&self, mut request: Request) -> Result<Response> {
        format::check_delimited(request.headers())?;
        let query = request.uri().query().unwrap_or_default();
        param::refuse_unknown(query, &[PARTITION.to_owned()])?;
        let given = given_partition(&request, self.map.partitions())?;
        let was_forwarded = remote::was_forwarded(request.headers());
        match given {
            None if was_forwarded => return Ok(misdirected(None)),
            Some(given) if was_forwarded => return self.to(given, Asked::CHANGE, request).await,
            Some(given) => {
                if let Place::Here(routes) = self.map.place(given) {
                    return answered(&routes, request).await;
                }
            }
            None => {}
        }
        let body = request.take_body().into_bytes_stream().boxed();
        let accepted = HeaderValue::from_static(Format::Protobuf.content_type());
        request.headers_mut().insert(header::ACCEPT, accepted);
        let peer = Peer::from_request_without_body(&request).await?;
        let permit = peer.passed(&self.bodies).take(0).map_err(Failure::from)?;
        let limits = self.limits;
        let (answers, receiver) = mpsc::channel(PIECES);
        let passing = Passing {
            map: Arc::clone(&self.map),
            limits,
            forwarded: self.forwarded.clone(),
            request_id: RequestId::from_request_without_body(&request).await?,
            request,
            frames: Frames::new(
                body,
                limits.of_log.request_bytes,
                permit,
                limits.body_timeout,
            ),
            answers,
            stopping: self.map.stopping(),
        };
        tokio::spawn(passing.run(given));
        Ok(session::answered(pieces(receiver)))
    }
}

impl Passing {
    /// Passes the session on until it is over.
    async fn run(mut self, given: Option<Partition>) {
        let last = match self.pass(given).await {
            Ok(()) => Bytes::new(),
            Err(Over::Gone) => return,
            Err(Over::Failed(failure)) => answer(&failure, &self.request_id),
            Err(Over::Refused(answer)) => answer,
            Err(Over::Broken(why)) => {
                tracing::warn!(request_id = %self.request_id, why, "a session was broken off by the node that serves its partition");
                let _gone_or_not = self.answers.send(Err(io::Error::other(why))).await;
                return;
            }
        };
        if !last.is_empty() && self.answers.send(Ok(last)).await.is_err() {
            return;
        }
        drop(self.answers);
        self.frames.linger().await;
    }

    async fn pass(&mut self, given: Option<Partition>) -> Result<(), Over> {
        let mut first = BytesMut::new();
        let partition = match given {
            Some(given) => Some(given),
            None => self.first(&mut first).await?,
        };
        let Some(partition) = partition else {
            return Ok(());
        };
        let (frames, answers) = self.begin(partition).await?;
        let (mut passed, mut answered) = (Counted::default(), Counted::default());
        let up = up(
            &mut self.frames,
            &mut self.stopping,
            first,
            frames,
            &mut passed,
        )
        .boxed();
        let down = down(answers, &self.answers, &mut answered).boxed();
        let failure = match select(up, down).await {
            Either::Left((failure, down)) => {
                down.await?;
                failure
            }
            Either::Right((ended, _)) => return ended,
        };
        // If the node has ended the session before, its client takes the next answer for that of another frame.
        match failure {
            Some(failure) if passed.messages == answered.messages => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// The partition of the first frame that has one, which is added to `first`. Those before it are answered.
    async fn first(&mut self, first: &mut BytesMut) -> Result<Option<Partition>, Over> {
        loop {
            tokio::select! {
                biased;
                () = self.answers.closed() => return Err(Over::Gone),
                () = &mut self.stopping => return Ok(None),
                received = self.frames.receive() => received?,
            }
            while let Some(frame) = self.frames.frame()? {
                let (append, _) = append_request::decode_frame(frame.clone(), &self.limits.of_log)?;
                let partition = self.map.partitions().of_append(&append);
                let ends = append.ends_session(&partition);
                match partition {
                    Ok(partition) => {
                        add(first, &frame);
                        return Ok(Some(partition));
                    }
                    Err(refused) => {
                        let failure = Failure::from(refused);
                        if ends {
                            return Err(failure.into());
                        }
                        let answer = answer(&failure, &self.request_id);
                        let sent = self.answers.send(Ok(answer)).await;
                        sent.map_err(|_| Over::Gone)?;
                        self.frames.were_answered();
                    }
                }
            }
            if self.frames.have_ended() {
                return Ok(None);
            }
        }
    }

    /// Begins the session where `partition` is served. No frame is sent before that is answered, so it can be begun elsewhere until then.
    async fn begin(&mut self, partition: Partition) -> Result<(Sender<Bytes>, Streamed), Over> {
        let target = format!("{SESSION}?{PARTITION}={partition}");
        let target = target.parse().map_err(|_| Failure::invalid("not a path"))?;
        *self.request.uri_mut() = target;
        let within = self.limits.change_timeout;
        let deadline = Instant::now() + within;
        let mut changes = self.map.changes();
        let mut pause = AGAIN;
        loop {
            changes.mark_unchanged();
            let (frames, body) = mpsc::channel(PIECES);
            let mut lost = None;
            match self.map.place(partition) {
                Place::Here(routes) => {
                    let mut request = std::mem::take(&mut self.request);
                    request.set_body(Body::from_bytes_stream(
                        pieces(body).map(Ok::<_, io::Error>),
                    ));
                    let answer = answered(&routes, request).await.map_err(Failure::from)?;
                    let answers = answer.into_body().into_bytes_stream();
                    let answers = answers.map_err(|error| error.to_string());
                    return Ok((frames, answers.boxed()));
                }
                Place::There { url, node } => {
                    let body = pieces(body).map(Ok).boxed();
                    let request = remote::forwarded(&self.request, body)?;
                    let status = |answer: &poem::http::Response<_>| Some(answer.status());
                    let answer = node.exchange(request);
                    match self.forwarded.within(within, answer, status).await {
                        Ok(answer) if answer.status() == StatusCode::MISDIRECTED_REQUEST => {
                            learn(&*self.map, partition, &url, answer.headers());
                        }
                        Ok(answer) if answer.status() == StatusCode::OK => {
                            return Ok((frames, answer.into_body()));
                        }
                        Ok(answer) => return Err(refused(answer.into_body()).await),
                        Err(why) => {
                            self.map.moved(partition, &url, None);
                            lost = Some(why);
                        }
                    }
                }
                Place::Nowhere => {}
            }
            if Instant::now() >= deadline {
                return Err(unserved(partition, lost.as_ref(), &self.request).into());
            }
            tokio::select! {
                biased;
                () = self.answers.closed() => return Err(Over::Gone),
                () = &mut self.stopping => {
                    return Err(unserved(partition, lost.as_ref(), &self.request).into());
                }
                _changed_or_not = timeout(pause, changes.changed()) => {}
            }
            pause = MAX_PAUSE.min(2 * pause);
        }
    }
}

/// Passes frames on, `first` of all, until there are no more or this node stops; what is wrong with the one behind them, if something is.
async fn up(
    frames: &mut Frames,
    stopping: &mut BoxFuture<'static, ()>,
    first: BytesMut,
    to: Sender<Bytes>,
    passed: &mut Counted,
) -> Option<Failure> {
    let mut whole = first;
    loop {
        let bad = loop {
            match frames.frame() {
                Ok(Some(frame)) => add(&mut whole, &frame),
                Ok(None) => break None,
                Err(failure) => break Some(failure),
            }
        };
        if !whole.is_empty() {
            passed.add(&whole);
            // It takes its room until the other node has it.
            let piece = match frames.hold(whole.split().freeze()) {
                Ok(piece) => piece,
                Err(failure) => return Some(failure),
            };
            if to.send(piece).await.is_err() {
                return None;
            }
        }
        if bad.is_some() || frames.have_ended() {
            return bad;
        }
        tokio::select! {
            biased;
            () = &mut *stopping => return None,
            received = frames.receive() => if let Err(failure) = received {
                return Some(failure);
            },
        }
    }
}

/// Passes answers back.
async fn down(
    mut answers: Streamed,
    to: &Sender<io::Result<Bytes>>,
    answered: &mut Counted,
) -> Result<(), Over> {
    loop {
        let next = tokio::select! {
            biased;
            () = to.closed() => return Err(Over::Gone),
            next = answers.next() => next,
        };
        let Some(part) = next else { return Ok(()) };
        let part = part.map_err(Over::Broken)?;
        answered.add(&part);
        to.send(Ok(part)).await.map_err(|_| Over::Gone)?;
    }
}

/// What a node answered that did not begin a session, as a frame.
async fn refused(mut answer: Streamed) -> Over {
    let mut message = BytesMut::new();
    while let Some(part) = answer.next().await {
        match part {
            Ok(part) if message.len() + part.len() <= REFUSAL_BYTES => message.put(part),
            _ => return Over::Broken(
                "the node that serves the partition refused the session, and its answer was lost"
                    .to_owned(),
            ),
        }
    }
    // What is between the nodes may answer something else.
    if ErrorResponse::decode(&message[..]).map_or(true, |error| error.status != proto::ERROR) {
        let why =
            "the node that serves the partition did not begin the session; nothing was applied";
        return Over::Failed(Error::unavailable(why).into());
    }
    let mut frame = BytesMut::new();
    add(&mut frame, &message);
    Over::Refused(frame.freeze())
}

/// Counts messages behind their lengths, in whatever pieces they come.
#[derive(Default)]
struct Counted {
    messages: u64,
    /// Bytes of the current message that are still to come, or what is known of its length.
    left: u64,
    shift: u32,
    in_message: bool,
}

impl Counted {
    fn add(&mut self, mut part: &[u8]) {
        while let Some((byte, behind)) = part.split_first() {
            if self.in_message {
                let rest = part
                    .len()
                    .min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= rest as u64;
                part = &part[rest..];
            } else {
                let bits = u64::from(byte & 0x7f);
                self.left |= bits.checked_shl(self.shift).unwrap_or_default();
                self.shift += 7;
                self.in_message = *byte < 0x80;
                part = behind;
            }
            if self.in_message && self.left == 0 {
                *self = Self {
                    messages: self.messages + 1,
                    ..Self::default()
                };
            }
        }
    }
}

fn answer(failure: &Failure, request: &RequestId) -> Bytes {
    let answer = failure.logged_answer(request);
    answer.encode_length_delimited_to_vec().into()
}

fn add(frames: &mut BytesMut, frame: &[u8]) {
    encode_varint(frame.len() as u64, frames);
    frames.extend_from_slice(frame);
}

/// What arrives in a channel, as a stream.
pub(super) fn pieces<T: Send + 'static>(
    receiver: Receiver<T>,
) -> impl futures::Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    })
}
