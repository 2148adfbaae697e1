//! One connection that appends to a key of its own, and what it was told.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// When a connection sends its next append.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// When the last one was answered.
    AtOnce,
    /// So long after it sent the last one, or when that was answered, if that is later.
    Every(Duration),
}

impl Pace {
    /// How much later than the first of `connections` this one begins, so that all together send evenly.
    pub(crate) fn share(self, number: usize, connections: usize) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::Every(interval) => interval.mul_f64(number as f64 / connections as f64),
        }
    }
}

/// What connections were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The sequences of the accepted appends, by key, each of one record.
    pub(crate) sequences: BTreeMap<String, Vec<u64>>,
    /// How long these took.
    took: Vec<Duration>,
    /// How many were refused.
    pub(crate) refused: u64,
}

impl Told {
    pub(crate) fn accepted(&self) -> u64 {
        self.took.len() as u64
    }

    /// The time within which this share of the accepted appends was answered.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.took.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        sorted[(last as f64 * share) as usize]
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.sequences.extend(other.sequences);
        self.took.extend(other.took);
        self.refused += other.refused;
    }
}

/// An open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    key: String,
    body: Bytes,
}

impl Connection {
    pub(crate) async fn open(address: &str, key: String, value: usize) -> Self {
        let stream = TcpStream::connect(address).await.expect("connect");
        stream.set_nodelay(true).expect("a socket option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        let (key64, value64) = (STANDARD.encode(&key), STANDARD.encode(vec![b'v'; value]));
        let body = format!(
            r#"{{"records": [{{"key": "{key64}", "value": "{value64}"}}], "awaitDurable": true}}"#
        );
        Self {
            sender,
            key,
            body: body.into(),
        }
    }

    /// Appends one record after the other.
    pub(crate) async fn append(mut self, from: Instant, pace: Pace, until: Instant) -> Told {
        let mut told = Told::default();
        let sequences = told.sequences.entry(self.key.clone()).or_default();
        let mut next = from;
        while next < until {
            sleep_until(next).await;
            let sent = Instant::now();
            let answer = self.append_once().await;
            match answer.status().as_u16() {
                200 => {
                    told.took.push(sent.elapsed());
                    sequences.push(sequence(answer).await);
                }
                429 => {
                    told.refused += 1;
                    let wait = answer.headers()["retry-after"].to_str().expect("text");
                    assert!(wait.parse().is_ok_and(|seconds: u64| seconds > 0), "{wait}");
                    // The connection is free for the next request once the answer was read.
                    body(answer).await;
                }
                status => panic!("{status}: {:?}", body(answer).await),
            }
            next = match pace {
                Pace::AtOnce => Instant::now(),
                Pace::Every(interval) => (next + interval).max(Instant::now()),
            };
        }
        told
    }

    async fn append_once(&mut self) -> Response<Incoming> {
        self.sender
            .ready()
            .await
            .expect("the connection stays open");
        let request = Request::post("/api/v1/log/append")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(self.body.clone()))
            .expect("a request");
        let answer = self.sender.send_request(request).await;
        answer.expect("an answer")
    }
}

async fn sequence(answer: Response<Incoming>) -> u64 {
    let answer: Value = serde_json::from_slice(&body(answer).await).expect("JSON");
    // A zero may be left out, as ProtoJSON allows.
    answer["startSequence"].as_u64().unwrap_or_default()
}

async fn body(answer: Response<Incoming>) -> Bytes {
    let whole = answer.into_body().collect().await;
    whole.expect("a whole answer").to_bytes()
}
