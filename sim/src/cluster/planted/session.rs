//! Sessions that a node passes on otherwise than it should.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use log_adapters::http::{Streamed, proto};
use parking_lot::Mutex;
use prost::Message;
use tokio::time::sleep;

use super::Planted;
use crate::net::HttpClient;

/// How often, and how soon, an append is sent again until somebody takes it.
const ATTEMPTS: u32 = 20;
const AGAIN: Duration = Duration::from_millis(300);

/// The two directions of a session that is passed on to `host`, as they are with the planted bug.
pub(in crate::cluster) fn passed(
    bug: Option<Planted>,
    http: &HttpClient,
    host: &str,
    request: Request<Streamed>,
) -> (Request<Streamed>, impl FnOnce(Streamed) -> Streamed + use<>) {
    let is_session = request.uri().path().ends_with("/session");
    let bug = bug.filter(|bug| matches!(bug, Planted::AnswerUnheard | Planted::SessionAgain));
    let bug = bug.filter(|_| is_session);
    let known = Arc::new(Mutex::new(Passed::default()));
    let sent = Arc::clone(&known);
    let request = request.map(|parts| match bug {
        None => parts,
        Some(_) => parts
            .inspect(move |part| {
                if let Ok(part) = part {
                    sent.lock().sends(part);
                }
            })
            .boxed(),
    });
    let (http, host) = (http.clone(), host.to_owned());
    let answers = move |parts: Streamed| match bug {
        None => parts,
        Some(bug) => falsified(bug, parts, known, http, host),
    };
    (request, answers)
}

/// What is known of a session that is passed on.
#[derive(Default)]
struct Passed {
    sent: BytesMut,
    answers: BytesMut,
    /// The appends without an answer.
    open: VecDeque<proto::AppendRequest>,
    /// The sequence behind the last append that was answered.
    next: Option<u64>,
}

impl Passed {
    fn sends(&mut self, part: &[u8]) {
        self.sent.extend_from_slice(part);
        loop {
            let mut rest = &self.sent[..];
            let Ok(append) = proto::AppendRequest::decode_length_delimited(&mut rest) else {
                return;
            };
            self.sent = BytesMut::from(rest);
            self.open.push_back(append);
        }
    }

    fn answered(&mut self, part: &[u8]) {
        self.answers.extend_from_slice(part);
        let mut rest = &self.answers[..];
        while let Some(answer) = proto::session_answer(&mut rest) {
            self.open.pop_front();
            if let Ok(answer) = answer {
                let count = u64::try_from(answer.records_appended).unwrap_or_default();
                self.next = Some(answer.start_sequence + count);
            }
        }
        self.answers = BytesMut::from(rest);
    }

    /// An answer to the first append that has none.
    fn made_up(&self) -> Option<Bytes> {
        let append = self.open.front()?;
        let answer = proto::AppendResponse {
            status: proto::SUCCESS.to_owned(),
            records_appended: i32::try_from(append.records.len()).ok()?,
            start_sequence: self.next?,
            ..Default::default()
        };
        Some(answer.encode_length_delimited_to_vec().into())
    }
}

fn falsified(
    bug: Planted,
    parts: Streamed,
    known: Arc<Mutex<Passed>>,
    http: HttpClient,
    host: String,
) -> Streamed {
    let answers = stream::unfold(Some(parts), move |parts| {
        let (known, http, host) = (Arc::clone(&known), http.clone(), host.clone());
        async move {
            let mut parts = parts?;
            let end = match parts.next().await {
                Some(Ok(part)) => {
                    known.lock().answered(&part);
                    return Some((Ok(part), Some(parts)));
                }
                end => end,
            };
            let known = known.lock();
            if bug == Planted::AnswerUnheard
                && let Some(answer) = known.made_up()
            {
                return Some((Ok(answer), None));
            }
            if bug == Planted::SessionAgain
                && end.is_none()
                && let Some(append) = known.open.front()
            {
                tokio::spawn(sent_again(http, host, append.encode_to_vec().into()));
            }
            end.map(|end| (end, None))
        }
    });
    answers.boxed()
}

async fn sent_again(http: HttpClient, host: String, append: Bytes) {
    for _ in 0..ATTEMPTS {
        let request = Request::post("/api/v1/log/append")
            .header("content-type", "application/protobuf")
            .body(append.clone());
        let Ok(request) = request else { return };
        // Nobody hears its answer.
        let answer = http.forward(request, &host).await;
        if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            return;
        }
        sleep(AGAIN).await;
    }
}
