//! Sessions: appends to one partition, one behind the other on one request, at any node.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use log_adapters::http::proto;
use parking_lot::Mutex;
use prost::Message;
use rand::RngExt;
use tokio::time::{sleep, timeout};

use super::{Client, PATIENCE, key};
use crate::cluster::node::PORT;
use crate::cluster::record::{Call, Operation, Outcome, Recorder, Session};
use crate::net::Lost;

const PATH: &str = "/api/v1/log/session";

/// An append of a session.
#[derive(Clone)]
struct Append {
    key: String,
    values: Vec<String>,
    durable: bool,
    /// How long after the one before it is sent.
    pause_ms: u64,
    frame: Bytes,
}

/// When something happened.
type Moment = (u64, u64);

impl Client {
    /// Has a session, and writes down what became of each append that was sent.
    pub(super) async fn session(&mut self, number: u64) {
        let node = self.some_node();
        let appends = self.appends(node, number);
        let heard = self.face.heard(node, &appends[0].key);
        let path = match self.random.random_range(0..2) {
            // Its first append says which partition it is of.
            0 => PATH.to_owned(),
            _ => format!("{PATH}?partition={}", self.face.partition(&heard)),
        };
        let sent: Arc<Mutex<Vec<Moment>>> = Arc::default();
        let body = body(appends.clone(), self.recorder.clone(), Arc::clone(&sent));
        let mut answers = Vec::new();
        let exchange = self.exchange(node, &path, body, &mut answers);
        let end = timeout(PATIENCE, exchange).await;
        let rest = match end.unwrap_or(Err(Lost::Late)) {
            // Nothing was applied that has no answer.
            Ok(()) => Outcome::Refused("the session ended before it".to_owned()),
            Err(Lost::NotSent) => Outcome::Refused("not sent".to_owned()),
            Err(lost) => Outcome::Unknown(format!("{lost:?}")),
        };
        let sent = sent.lock().clone();
        let mut session = Session {
            client: self.name.clone(),
            node,
            sent: sent.len(),
            answers: answers
                .iter()
                .rposition(|(_, outcome)| matches!(outcome, Outcome::Appended(_)))
                .map_or(0, |last| last + 1),
            acknowledged: Vec::new(),
        };
        let mut answers = answers.into_iter();
        for (append, called) in appends.into_iter().zip(sent) {
            let unanswered = || (self.recorder.moment(), rest.clone());
            let (returned, outcome) = answers.next().unwrap_or_else(unanswered);
            if let Outcome::Appended(start) = outcome {
                let count = append.values.len() as u64;
                session.acknowledged.push((start, count));
            }
            let call = Call::Append {
                key: append.key,
                values: append.values,
                durable: append.durable,
                once: false,
            };
            self.recorder.did(Operation {
                client: self.name.clone(),
                node,
                call,
                called,
                returned,
                outcome,
            });
        }
        self.recorder.had(session);
    }

    /// Appends to keys of one partition.
    fn appends(&mut self, node: &'static str, number: u64) -> Vec<Append> {
        let first = key(self.random.random_range(0..self.keys));
        let partition = self.face.partition(&first);
        let keys = (0..self.keys).map(key);
        let keys: Vec<String> = keys
            .filter(|key| self.face.partition(key) == partition)
            .collect();
        let count = self.random.random_range(5..60);
        let appends = (0..count).map(|place| {
            let key = keys[self.random.random_range(0..keys.len())].clone();
            let values: Vec<String> = (0..self.random.random_range(1..=2))
                .map(|value| format!("{}-{number}-{place}-{value}", self.name))
                .collect();
            let durable = self.random.random_range(0..10) < 7;
            let pause_ms = match self.random.random_range(0..30) {
                0 => self.random.random_range(500..3_000),
                _ => self.random.random_range(0..40),
            };
            let frame = frame(&self.face.heard(node, &key), &values, durable);
            Append {
                key,
                values,
                durable,
                pause_ms,
                frame,
            }
        });
        appends.collect()
    }

    /// Sends a session, and adds the answers to `answers` as they arrive.
    async fn exchange(
        &self,
        node: &'static str,
        path: &str,
        body: BoxStream<'static, Result<Bytes, String>>,
        answers: &mut Vec<(Moment, Outcome)>,
    ) -> Result<(), Lost> {
        let request = Request::post(path)
            .header("content-type", "application/protobuf; delimited=true")
            .body(body)
            .map_err(|_| Lost::NotSent)?;
        let host = format!("{node}:{PORT}");
        let answer = self.http.stream_both(request, &host).await?;
        let is_session = answer.status() == StatusCode::OK;
        let mut parts = answer.into_body();
        let mut received = BytesMut::new();
        while let Some(part) = parts.next().await {
            received.extend_from_slice(&part?);
            let mut rest = &received[..];
            // Without a session nothing was read.
            while is_session && let Some(answer) = proto::session_answer(&mut rest) {
                let outcome =
                    answer.map_or_else(failed, |answer| Outcome::Appended(answer.start_sequence));
                answers.push((self.recorder.moment(), outcome));
            }
            received = BytesMut::from(rest);
        }
        Ok(())
    }
}

/// The body of a session, which writes down when it sends what.
fn body(
    appends: Vec<Append>,
    recorder: Recorder,
    sent: Arc<Mutex<Vec<Moment>>>,
) -> BoxStream<'static, Result<Bytes, String>> {
    let frames = stream::iter(appends).then(move |append| {
        let (recorder, sent) = (recorder.clone(), Arc::clone(&sent));
        async move {
            sleep(Duration::from_millis(append.pause_ms)).await;
            sent.lock().push(recorder.moment());
            Ok(append.frame)
        }
    });
    frames.boxed()
}

fn frame(key: &str, values: &[String], durable: bool) -> Bytes {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let records = values.iter().map(|value| proto::Record {
        key: bytes(key),
        value: bytes(value),
        ..Default::default()
    });
    let request = proto::AppendRequest {
        records: records.collect(),
        await_durable: durable,
        ..Default::default()
    };
    request.encode_length_delimited_to_vec().into()
}

fn failed(error: proto::ErrorResponse) -> Outcome {
    let told = format!("{} {}", error.code, error.message);
    match error.code.as_str() {
        "deadline_exceeded" => Outcome::Unknown(told),
        _ => Outcome::Refused(told),
    }
}
