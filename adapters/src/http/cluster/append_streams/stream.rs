//! The task of a stream of appends: sends what waits, in as few writes as it comes in, and tells each append its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use poem::http::{HeaderValue, Method, Request, StatusCode, header};
use prost::Message;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::http::remote;
use crate::http::remote::writer::{Lost, Streamed, Writer};
use crate::http::wire::delimited::Delimited;
use crate::http::wire::format::DELIMITED;
use crate::http::wire::passed_append::{MESSAGE_BYTES, PassedAnswer, PassedAppend};
use crate::http::wire::route_table::NODE_APPENDS;

/// A node begins to answer a stream within this time: it waits for nothing.
const BEGIN: Duration = Duration::from_secs(3);

/// A stream without appends ends after this time.
const IDLE: Duration = Duration::from_secs(5);

/// How often a stream is checked: whether it is idle, or its node silent.
const LOOK: Duration = Duration::from_secs(1);

/// The most appends that are taken from the queue in one turn. None are taken while so many bytes are not written yet.
const AT_ONCE: usize = 256;
const UNWRITTEN: usize = 256 << 10;

/// Why an append was not sent that the node will not read.
const STOPS: &str = "the node stops";

/// An append, and who waits for its answer.
pub(super) struct Passed {
    pub(super) append: PassedAppend,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// What became of an append.
pub(super) enum Outcome {
    Answered(PassedAnswer),
    Lost(Lost),
    /// The node takes no streams, or not this one. Nothing was sent.
    Refused,
}

/// A stream, as its task has it.
pub(super) struct Stream {
    waiting: Receiver<Passed>,
    within: Duration,
    /// By their numbers.
    unanswered: BTreeMap<u64, Unanswered>,
    /// The number of the next append.
    next: u64,
    unwritten: BytesMut,
    /// The number of the first append that was not given away to be written.
    first_unwritten: u64,
    /// Whether the node has said that it reads no more.
    node_stops: bool,
    heard: Instant,
}

struct Unanswered {
    answer: oneshot::Sender<Outcome>,
    since: Instant,
}

/// Why a stream has ended.
enum End {
    /// All is answered.
    Answered,
    /// Nobody knows what became of the appends that were sent.
    Broken(String),
}

impl Stream {
    /// A stream of what waits, to a node that answers `within` this time.
    pub(super) fn new(waiting: Receiver<Passed>, within: Duration) -> Self {
        Self {
            waiting,
            within,
            unanswered: BTreeMap::new(),
            next: 0,
            unwritten: BytesMut::new(),
            first_unwritten: 0,
            node_stops: false,
            heard: Instant::now(),
        }
    }

    /// Begins the stream, and passes appends on until none came for a while, or it breaks.
    pub(super) async fn run(mut self, node: Arc<dyn Writer>, token: Option<HeaderValue>) {
        let (pieces, body) = mpsc::channel(1);
        let answers = match timeout(self.within.min(BEGIN), begun(&*node, token, body)).await {
            Ok(Ok(answers)) => answers,
            Ok(Err(None)) => return self.give_back(|| Outcome::Refused).await,
            Ok(Err(Some(lost))) => return self.give_back(|| not_sent(&lost.to_string())).await,
            Err(_) => {
                return self
                    .give_back(|| not_sent("no stream was begun in time"))
                    .await;
            }
        };
        self.heard = Instant::now();
        if let End::Broken(why) = self.pass(pieces, answers).await {
            self.broke(&why);
            self.give_back(|| not_sent(&why)).await;
        }
    }

    async fn pass(&mut self, pieces: Sender<Bytes>, mut answers: Streamed) -> End {
        let mut received = Delimited::new(MESSAGE_BYTES);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut taken, mut is_ending) = (Vec::new(), false);
        while !(is_ending && self.unanswered.is_empty()) {
            tokio::select! {
                biased;
                part = answers.next() => match part {
                    Some(Ok(part)) => {
                        received.add(&part);
                        if let Err(why) = self.answered(&mut received) {
                            return End::Broken(why);
                        }
                    }
                    Some(Err(why)) => return End::Broken(why),
                    None => return End::Broken("the node ended the stream".to_owned()),
                },
                count = self.waiting.recv_many(&mut taken, AT_ONCE),
                    if !is_ending && self.unwritten.len() < UNWRITTEN =>
                {
                    is_ending = count == 0;
                    taken.drain(..).for_each(|passed| self.add(passed));
                }
                room = pieces.reserve(), if !self.unwritten.is_empty() => {
                    let Ok(room) = room else {
                        return End::Broken("the connection was lost".to_owned());
                    };
                    room.send(self.unwritten.split().freeze());
                    self.first_unwritten = self.next;
                }
                _ = look.tick() => if let Err(why) = self.look() {
                    return End::Broken(why);
                },
            }
        }
        End::Answered
    }

    fn add(&mut self, Passed { mut append, answer }: Passed) {
        if self.node_stops {
            return tell(answer, not_sent(STOPS));
        }
        append.number = self.next;
        // There is always room in it.
        let _ = append.encode_length_delimited(&mut self.unwritten);
        let since = Instant::now();
        self.unanswered
            .insert(self.next, Unanswered { answer, since });
        self.next += 1;
    }

    /// Tells appends their answers.
    fn answered(&mut self, received: &mut Delimited) -> Result<(), String> {
        self.heard = Instant::now();
        while let Some(frame) = received.next().map_err(|error| error.to_string())? {
            let answer = PassedAnswer::decode(frame).map_err(|error| error.to_string())?;
            if let Some(first) = answer.ends_before {
                self.node_stops = true;
                self.waiting.close();
                self.unwritten.clear();
                for (_, unread) in self.unanswered.split_off(&first) {
                    tell(unread.answer, not_sent(STOPS));
                }
            } else if let Some(answered) = self.unanswered.remove(&answer.number) {
                tell(answered.answer, Outcome::Answered(answer));
            }
        }
        Ok(())
    }

    /// Ends the stream if it is idle. It breaks when the node is silent although it should have answered.
    fn look(&mut self) -> Result<(), String> {
        let oldest = self.unanswered.first_key_value();
        match oldest.map(|(_, oldest)| oldest.since.max(self.heard).elapsed()) {
            Some(silent) if silent > self.within => {
                Err(format!("it was silent for {} ms", silent.as_millis()))
            }
            None if self.heard.elapsed() > IDLE => {
                // What is waiting already is passed on.
                self.waiting.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn broke(&mut self, why: &str) {
        for (number, unanswered) in std::mem::take(&mut self.unanswered) {
            let outcome = match number < self.first_unwritten {
                true => Outcome::Lost(Lost::Unknown(why.to_owned())),
                false => not_sent(why),
            };
            tell(unanswered.answer, outcome);
        }
    }

    /// Takes no more appends, and tells those that wait what has become of them.
    async fn give_back(&mut self, outcome: impl Fn() -> Outcome) {
        self.waiting.close();
        while let Some(passed) = self.waiting.recv().await {
            tell(passed.answer, outcome());
        }
    }
}

/// The answers of a node to a request with the pieces of `body`. Without an error, the node refused the request.
async fn begun(
    node: &dyn Writer,
    token: Option<HeaderValue>,
    body: Receiver<Bytes>,
) -> Result<Streamed, Option<Lost>> {
    let mut request = Request::new(super::pieces(body).map(Ok).boxed());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = NODE_APPENDS.parse().map_err(|_| None)?;
    remote::mark_forwarded(request.headers_mut());
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(DELIMITED));
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, token);
    }
    let answer = node.exchange(request).await.map_err(Some)?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        _ => Err(None),
    }
}

fn not_sent(why: &str) -> Outcome {
    Outcome::Lost(Lost::NotSent(why.to_owned()))
}

/// One that does not wait any more is not told.
fn tell(answer: oneshot::Sender<Outcome>, outcome: Outcome) {
    let _waits_or_not = answer.send(outcome);
}
