//! One append session: frames are sent on one request, and answered in the same order while it lasts.

use bytes::{Buf, Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode, Version};
use tokio::time::timeout;

use crate::answers::{error_of, is_protobuf, refusal, unexpected};
use crate::append::of_answer;
use crate::error::{Error, ErrorKind};
use crate::frames::Frames;
use crate::http::{Http, read};
use crate::no_answer::NoAnswer;
use crate::partition::About;
use crate::retry::Retry;
use crate::wire::{self, AppendResponse};

const PATH: &str = "/api/v1/log/session";

/// No answer to an append is longer.
const LARGEST_ANSWER_BYTES: usize = 1 << 20;

/// Such an answer ends with its connection, also when that breaks: nobody can tell whether the session ended in order.
const WITHOUT_AN_END: &str = "the answer to a session must be chunked, as over HTTP/1.1: what ends with its connection, as over HTTP/1.0, does \
                              not say whether it is whole; a proxy in between may be the reason";

/// A session that is open.
pub(crate) struct Session {
    frames: Frames,
    response: Response,
    received: BytesMut,
}

/// What comes from a session.
pub(crate) enum Told {
    /// The answer to the first append without one.
    Answer(AppendResponse),
    /// The error of the first append without an answer.
    Refusal(Error),
    /// The server has ended the session: nothing of what has no answer was applied.
    End,
    /// The session broke: what was sent may have been applied.
    Broken(Error),
}

impl Session {
    /// Opens a session. Nothing is applied before it is open. What that takes in all, up to the end of a refusal, is bounded.
    pub(crate) async fn open(http: &Http, retry: &Retry, about: &About) -> Result<Self, Error> {
        let opened = timeout(http.silence, Self::opened(http, retry, about)).await;
        let silent = |_| Err(unavailable(NoAnswer::silence(), retry));
        opened
            .unwrap_or_else(silent)
            .map_err(|error| named(error, http))
    }

    async fn opened(http: &Http, retry: &Retry, about: &About) -> Result<Self, Error> {
        let (frames, body) = Frames::new();
        let unavailable = |no_answer| unavailable(no_answer, retry);
        let response = http.session(PATH, body, about).await.map_err(unavailable)?;
        if response.status() == StatusCode::OK && is_protobuf(response.headers()) {
            if !has_an_end(&response) {
                return Err(
                    Error::new(ErrorKind::UnexpectedAnswer, WITHOUT_AN_END).with_status(200)
                );
            }
            return Ok(Self {
                frames,
                response,
                received: BytesMut::new(),
            });
        }
        let answer = read(response).await.map_err(unavailable)?;
        let error = if answer.status == 200 {
            unexpected(&answer)
        } else {
            of_answer(refusal(&answer), false, retry)
        };
        Err(match (error.kind(), answer.status) {
            // What is in between does not reach the server.
            (ErrorKind::UnexpectedAnswer, 500..) => error
                .into_kind(ErrorKind::Unavailable)
                .with_retry_after(Some(retry.pause)),
            _ => passing(error, retry),
        })
    }

    /// Sends an append; gives where it ends, for [`Session::give_up`].
    pub(crate) fn send(&self, parts: &[Bytes]) -> u64 {
        self.frames.add(parts)
    }

    /// Nothing is sent any more: the server ends the session when it has answered.
    pub(crate) fn end(&self) {
        self.frames.end();
    }

    /// Nothing is sent any more. Appends that end behind what is returned were not sent whole.
    pub(crate) fn give_up(self) -> u64 {
        self.frames.give_up()
    }

    /// Whether something was received that was not handed out.
    pub(crate) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// What comes next. If it is dropped before, nothing is lost.
    pub(crate) async fn next(&mut self, http: &Http, retry: &Retry) -> Told {
        match self.received(retry).await {
            Told::Refusal(error) => Told::Refusal(named(error, http)),
            Told::Broken(error) => Told::Broken(named(error, http)),
            told => told,
        }
    }

    async fn received(&mut self, retry: &Retry) -> Told {
        loop {
            match self.whole() {
                Ok(Some(Ok(answer))) => return Told::Answer(answer),
                Ok(Some(Err(response))) => {
                    let id = self.response.headers().get("x-request-id");
                    let id = id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
                    return Told::Refusal(passing(error_of(response).with_request_id(id), retry));
                }
                Ok(None) => {}
                Err(error) => return Told::Broken(error),
            }
            match self.response.chunk().await {
                Ok(Some(more)) => self.received.extend_from_slice(&more),
                Ok(None) if self.received.is_empty() => return Told::End,
                Ok(None) => return Told::Broken(broken("it ended within an answer")),
                Err(error) => {
                    let no_answer = NoAnswer::of(error);
                    return Told::Broken(broken(&no_answer.reason).with_source_of(no_answer));
                }
            }
        }
    }

    /// The first answer of what was received, if all of it is there.
    fn whole(&mut self) -> Result<Option<Result<AppendResponse, wire::ErrorResponse>>, Error> {
        let no_answers = || broken("what came is not from a log server");
        let mut rest = &self.received[..];
        let Ok(length) = prost::decode_length_delimiter(&mut rest) else {
            // A length has at most 10 bytes.
            return if self.received.len() < 10 {
                Ok(None)
            } else {
                Err(no_answers())
            };
        };
        if length > LARGEST_ANSWER_BYTES {
            return Err(no_answers());
        }
        if rest.len() < length {
            return Ok(None);
        }
        let mut rest = &self.received[..];
        let answer = wire::session_answer(&mut rest).ok_or_else(no_answers)?;
        let length = self.received.len() - rest.len();
        self.received.advance(length);
        Ok(Some(answer))
    }
}

/// Whether an answer says where it ends.
fn has_an_end(response: &Response) -> bool {
    let headers = response.headers();
    response.version() >= Version::HTTP_2
        || headers.contains_key(TRANSFER_ENCODING)
        || headers.contains_key(CONTENT_LENGTH)
}

/// The error of a session that was not opened.
fn unavailable(no_answer: NoAnswer, retry: &Retry) -> Error {
    let message = format!("no session can be opened: {}", no_answer.reason);
    let again = (!no_answer.is_hopeless).then_some(retry.pause);
    Error::new(ErrorKind::Unavailable, message)
        .with_retry_after(again)
        .with_source_of(no_answer)
}

/// The error of a session that broke.
pub(crate) fn broken(why: &str) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        format!("the session broke before the append was answered: {why}"),
    )
}

/// An answer within a session has no `Retry-After`, and another server may answer the next one.
fn passing(error: Error, retry: &Retry) -> Error {
    let passes = matches!(
        error.kind(),
        ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::NotWriter
    );
    if passes && error.retry_after().is_none() {
        return error.with_retry_after(Some(retry.pause));
    }
    error
}

fn named(error: Error, http: &Http) -> Error {
    error.of_request("POST", &http.url_of(PATH))
}
