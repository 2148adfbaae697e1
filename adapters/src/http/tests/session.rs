//! `POST /api/v1/log/session`.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{Stream, StreamExt, stream};
use prost::Message;
use tokio::sync::mpsc;

use super::*;
use crate::http::proto;

pub(super) const DELIMITED: (&str, &str) = ("content-type", "application/protobuf; delimited=true");

/// A session that is open.
pub(super) struct Session {
    frames: Option<mpsc::UnboundedSender<Bytes>>,
    answers: std::pin::Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>,
    received: Vec<u8>,
}

/// An answer: the start sequence, or the code and the message of an error.
pub(super) type Outcome = std::result::Result<(u64, bool), (String, String)>;

impl Session {
    pub(super) async fn open<S>(server: &Server<S>) -> Self {
        let (frames, sent) = mpsc::unbounded_channel();
        let sent = stream::unfold(sent, |mut sent| async move {
            let frame: Bytes = sent.recv().await?;
            Some((std::io::Result::Ok(frame), sent))
        });
        let request = post("/api/v1/log/session", &[DELIMITED]);
        let response = server.response(request.body(Body::from_bytes_stream(sent)));
        let response = response.await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.content_type(), Some(DELIMITED.1));
        Self {
            frames: Some(frames),
            answers: Box::pin(response.into_body().into_bytes_stream()),
            received: Vec::new(),
        }
    }

    pub(super) fn send(&self, bytes: impl Into<Bytes>) {
        // The server may be gone.
        let _ = self.frames.as_ref().expect("not ended").send(bytes.into());
    }

    pub(super) fn append(&self, request: &proto::AppendRequest) {
        self.send(request.encode_length_delimited_to_vec());
    }

    pub(super) fn end(&mut self) {
        self.frames = None;
    }

    /// The next answer; `None` at the end.
    pub(super) async fn answer(&mut self) -> Option<Outcome> {
        loop {
            let mut rest = &self.received[..];
            if let Some(answer) = proto::session_answer(&mut rest) {
                self.received = rest.to_vec();
                let answer = answer.map(|answer| (answer.start_sequence, answer.duplicate));
                return Some(answer.map_err(|error| (error.code, error.message)));
            }
            let more = self.answers.next().await?.expect("answers");
            self.received.extend_from_slice(&more);
        }
    }

    pub(super) async fn start(&mut self) -> u64 {
        let answer = self.answer().await.expect("an answer");
        answer.expect("appended").0
    }

    /// The code of the next answer, which is an error, and its message.
    pub(super) async fn refusal(&mut self) -> (String, String) {
        let answer = self.answer().await.expect("an answer");
        answer.expect_err("refused")
    }
}

fn append(value: &str) -> proto::AppendRequest {
    proto::AppendRequest {
        records: vec![proto::Record {
            key: Some("k".into()),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        }],
        ..Default::default()
    }
}

fn of_producer(value: &str, sequence: u64) -> proto::AppendRequest {
    proto::AppendRequest {
        producer: Some(proto::Producer {
            id: "p".to_owned(),
            epoch: 0,
            sequence,
        }),
        ..append(value)
    }
}

/// A request that is rejected once the key has a record.
fn first_of_key(request: proto::AppendRequest) -> proto::AppendRequest {
    proto::AppendRequest {
        preconditions: vec![proto::Precondition {
            key: "k".into(),
            no_record_since: 0,
        }],
        ..request
    }
}

async fn values<S>(server: &Server<S>) -> Vec<String> {
    let page = server.get("/api/v1/log/scan?key=k&format=text").await;
    let page = page.json();
    let values = page["values"].as_array().expect("values").iter();
    values
        .map(|value| value["valueText"].as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn frames_are_answered_in_their_order_while_the_session_goes_on() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    let mut frames = append("a").encode_length_delimited_to_vec();
    frames.extend(append("b").encode_length_delimited_to_vec());
    for byte in frames {
        session.send(vec![byte]);
    }
    assert_eq!((session.start().await, session.start().await), (0, 1));
    session.append(&proto::AppendRequest {
        await_durable: true,
        ..append("c")
    });
    assert_eq!(session.start().await, 2);
    session.end();
    assert_eq!(session.answer().await, None);
    assert_eq!(values(&server).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn frames_that_the_connection_passes_on_one_by_one_are_committed_together() {
    const FRAMES: usize = 100;
    let server = memory_server();
    let frame = Bytes::from(append("a").encode_length_delimited_to_vec());
    // As a connection does: the next chunk is there once the task of the connection had its turn.
    let frames = stream::iter(vec![frame; FRAMES]).then(|frame| async {
        tokio::task::yield_now().await;
        std::io::Result::Ok(frame)
    });
    let request = post("/api/v1/log/session", &[DELIMITED]);
    let response = server.response(request.body(Body::from_bytes_stream(frames)));
    let answers = response.await.into_body().into_bytes_stream();
    let groups: Vec<Bytes> = answers.map(|group| group.expect("answers")).collect().await;
    assert!(
        groups.len() <= 5,
        "{} groups of {FRAMES} frames",
        groups.len()
    );
    let groups = groups.concat();
    let mut rest = &groups[..];
    let answers = std::iter::from_fn(|| proto::session_answer(&mut rest));
    let starts = answers.map(|answer| answer.expect("appended").start_sequence);
    assert!(starts.eq(0..FRAMES as u64));
}

#[tokio::test]
async fn a_frame_that_fails_without_a_producer_is_answered_and_the_session_goes_on() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    session.append(&append("a"));
    session.append(&first_of_key(append("b")));
    session.append(&append("c"));
    assert_eq!(session.start().await, 0);
    assert_eq!(session.refusal().await.0, "conflict");
    assert_eq!(session.start().await, 1);
    assert_eq!(values(&server).await, ["a", "c"]);
}

#[tokio::test]
async fn nothing_is_applied_behind_a_frame_of_a_producer_that_fails() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    let frames = [
        of_producer("a", 0),
        first_of_key(of_producer("b", 1)),
        of_producer("c", 1),
        append("d"),
    ];
    let frames = frames
        .iter()
        .flat_map(Message::encode_length_delimited_to_vec);
    session.send(frames.collect::<Vec<u8>>());
    assert_eq!(session.start().await, 0);
    assert_eq!(session.refusal().await.0, "conflict");
    assert_eq!(session.answer().await, None);
    assert_eq!(values(&server).await, ["a"]);
}

#[tokio::test]
async fn what_was_applied_before_does_not_end_a_session() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    for sequence in 0..8 {
        session.append(&of_producer("v", sequence));
        assert_eq!(session.start().await, sequence);
    }
    session.end();
    let mut again = Session::open(&server).await;
    for sequence in [0, 7, 8] {
        again.append(&of_producer("v", sequence));
    }
    assert_eq!(again.refusal().await.0, "producer_sequence_too_old");
    assert_eq!(again.answer().await, Some(Ok((7, true))));
    assert_eq!(again.answer().await, Some(Ok((8, false))));
    assert_eq!(values(&server).await.len(), 9);
}

#[tokio::test]
async fn a_frame_that_is_none_is_told_behind_the_answers_and_ends_the_session() {
    let limits = Limits {
        request_bytes: 1_000,
        ..Limits::default()
    };
    let no_request = [&[3][..], b"\x7a\x01x"].concat();
    let empty = proto::AppendRequest::default().encode_length_delimited_to_vec();
    for (garbage, code, says) in [
        (vec![0xff; 12], "invalid_argument", "a frame has no length"),
        (b"\xff\xff\xff\x7f".to_vec(), "too_large", "frame in bytes"),
        (no_request, "invalid_argument", "AppendRequest"),
        (empty, "invalid_argument", "records is empty"),
    ] {
        let server = memory_server_with(limits, HttpOptions::default());
        let mut session = Session::open(&server).await;
        let frames = [append("a").encode_length_delimited_to_vec(), garbage];
        session.send(
            [
                &frames.concat()[..],
                &append("b").encode_length_delimited_to_vec(),
            ]
            .concat(),
        );
        assert_eq!(session.start().await, 0);
        let (found, message) = session.refusal().await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(says), "{message}");
        assert_eq!(session.answer().await, None);
        assert_eq!(values(&server).await, ["a"]);
    }
    let server = memory_server();
    let mut session = Session::open(&server).await;
    session.send(append("a").encode_length_delimited_to_vec()[..5].to_vec());
    session.end();
    let (code, message) = session.refusal().await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("invalid_argument", "the body ends within a frame")
    );
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_frame_is_not_waited_for_forever_and_the_next_frame_is() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    session.append(&append("a"));
    assert_eq!(session.start().await, 0);
    session.send(append("b").encode_length_delimited_to_vec()[..5].to_vec());
    let begun = tokio::time::Instant::now();
    assert_eq!(session.refusal().await.0, "deadline_exceeded");
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert_eq!(session.answer().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_arrives_byte_by_byte_has_no_more_time_than_one_that_stops() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    let begun = tokio::time::Instant::now();
    for byte in append("b").encode_length_delimited_to_vec() {
        session.send(vec![byte]);
        tokio::time::sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(session.refusal().await.0, "deadline_exceeded");
    assert_eq!(session.answer().await, None);
    assert!(begun.elapsed() > Duration::from_secs(30));
    assert!(values(&server).await.is_empty());
}

#[tokio::test]
async fn what_was_read_is_answered_when_the_server_stops() {
    let server = memory_server();
    let mut session = Session::open(&server).await;
    session.append(&append("a"));
    assert_eq!(session.start().await, 0);
    session.append(&append("b"));
    server.service.dismiss_followers();
    // It may have been read.
    let rest = session.answer().await;
    assert!(matches!(rest, None | Some(Ok((1, false)))), "{rest:?}");
    if rest.is_some() {
        assert_eq!(session.answer().await, None);
    }
    let request = post("/api/v1/log/session", &[DELIMITED]).finish();
    server.send(request).await.error(503, "unavailable");
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_not_read_either() {
    let server = memory_server();
    let frame = Bytes::from(append(&"v".repeat(10_000)).encode_length_delimited_to_vec());
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let endless = stream::iter(std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        std::io::Result::Ok(frame.clone())
    }));
    let request = post("/api/v1/log/session", &[DELIMITED]);
    let response = server
        .response(request.body(Body::from_bytes_stream(endless)))
        .await;
    let mut before = usize::MAX;
    while before != taken.load(Ordering::SeqCst) {
        before = taken.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let most = 4 * (1 << 20) / 10_000;
    assert!((1..=most).contains(&before), "{before} frames were taken");
    // Others append all the same.
    server.append("other", &["v"]).await;
    drop(response);
}

#[tokio::test]
async fn a_stop_ends_a_session_whose_client_sends_without_a_pause() {
    let server = memory_server();
    let frame = Bytes::from(append(&"v".repeat(10_000)).encode_length_delimited_to_vec());
    let endless = stream::iter(std::iter::repeat_with(move || {
        std::io::Result::Ok(frame.clone())
    }));
    let request = post("/api/v1/log/session", &[DELIMITED]);
    let request = request.body(Body::from_bytes_stream(endless));
    let mut answers = server
        .response(request)
        .await
        .into_body()
        .into_bytes_stream();
    answers.next().await.expect("answers").expect("answers");
    server.service.dismiss_followers();
    let rest = async { while let Some(Ok(_)) = answers.next().await {} };
    let ended = tokio::time::timeout(Duration::from_secs(10), rest).await;
    ended.expect("the session ends");
}

#[tokio::test]
async fn what_is_no_session_is_refused() {
    let server = memory_server();
    for content_type in ["application/protobuf", "application/json", "text/plain"] {
        let request = post("/api/v1/log/session", &[("content-type", content_type)]);
        let message = server.send(request.finish()).await;
        let message = message.error(415, "unsupported_media_type");
        assert!(message.contains(DELIMITED.1), "{message}");
    }
    let compressed = post(
        "/api/v1/log/session",
        &[DELIMITED, ("content-encoding", "gzip")],
    );
    let answer = server.send(compressed.finish()).await;
    answer.error(415, "unsupported_media_type");
    let upper = [("content-type", "Application/X-Protobuf;Delimited=TRUE")];
    let answer = server
        .send(post("/api/v1/log/session", &upper).finish())
        .await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    let few = Limits {
        followers: 0,
        ..Limits::default()
    };
    let server = memory_server_with(few, HttpOptions::default());
    let answer = server.send(post("/api/v1/log/session", &[DELIMITED]).finish());
    answer.await.error(429, "overloaded");
}
