//! Appends that are passed to the node of their partition on one stream.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use futures::stream;
use prost::Message;

use super::*;
use crate::http::wire::delimited::Delimited;
use crate::http::wire::passed_append::{MESSAGE_BYTES, PassedAnswer, PassedAppend};

/// A node in this process that counts what it is asked, and can refuse streams.
struct Counting {
    at: At,
    streams: AtomicUsize,
    others: AtomicUsize,
    takes_streams: bool,
}

impl Counting {
    fn new(server: Server, takes_streams: bool) -> Arc<Self> {
        Arc::new(Self {
            at: At(server),
            streams: AtomicUsize::new(0),
            others: AtomicUsize::new(0),
            takes_streams,
        })
    }

    fn counts(&self) -> (usize, usize) {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        (count(&self.streams), count(&self.others))
    }
}

impl Writer for Counting {
    fn send(&self, request: Sent<Bytes>) -> BoxFuture<'_, std::result::Result<Got<Bytes>, Lost>> {
        self.at.send(request)
    }

    fn stream(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        self.others.fetch_add(1, Ordering::Relaxed);
        self.at.stream(request)
    }

    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        self.streams.fetch_add(1, Ordering::Relaxed);
        if self.takes_streams {
            return self.at.exchange(request);
        }
        let mut refusal = Got::new(stream::empty().boxed());
        *refusal.status_mut() = StatusCode::NOT_FOUND;
        async { Ok(refusal) }.boxed()
    }
}

/// A node that serves nothing, and the one that serves partition 1.
fn counting(takes_streams: bool) -> (Server, Arc<Counting>) {
    let serving = Counting::new(node(&Map::new(None), true), takes_streams);
    let map = Map::new(Some(Arc::clone(&serving) as _));
    (node(&map, false), serving)
}

fn append(body: Vec<u8>) -> Request {
    post(
        "/api/v1/log/append",
        &[("content-type", "application/json")],
    )
    .body(body)
}

fn of(key: &str) -> Vec<u8> {
    format!(r#"{{"records": [{{"keyText": "{key}", "valueText": "v"}}]}}"#).into_bytes()
}

#[tokio::test]
async fn appends_share_a_stream_and_have_an_answer_each() {
    let (node, serving) = counting(true);
    let conflict = format!(
        r#"{{"records": [{{"keyText": "{ONE}", "valueText": "v"}}], "preconditions": [{{"keyText": "{ONE}", "noRecordSince": 0}}]}}"#
    );
    node.send(append(of(ONE))).await;
    let sent = (0..100).map(|number| match number % 10 {
        9 => append(conflict.clone().into_bytes()),
        _ => append(of(ONE)),
    });
    let answers = join_all(sent.map(|request| node.send(request))).await;
    let mut starts = Vec::new();
    for (number, answer) in answers.iter().enumerate() {
        if number % 10 == 9 {
            answer.error(409, "conflict");
        } else {
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.header("log-moved"), "http://there");
            starts.push(answer.json()["startSequence"].as_u64());
        }
    }
    starts.sort_unstable();
    assert_eq!(starts, (1..91).map(Some).collect::<Vec<_>>());
    assert_eq!(serving.counts(), (1, 0));
}

#[tokio::test]
async fn a_large_append_and_one_for_a_node_without_streams_is_a_request_of_its_own() {
    let (node, serving) = counting(true);
    let large = format!(
        r#"{{"records": [{{"keyText": "{ONE}", "valueText": "{}"}}]}}"#,
        "v".repeat(64 << 10)
    );
    let answer = node.send(append(large.into_bytes())).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(serving.counts(), (0, 1));

    let (node, serving) = counting(false);
    for number in 1..3 {
        assert_eq!(node.send(append(of(ONE))).await.status, StatusCode::OK);
        assert_eq!(serving.counts(), (number, number));
    }
}

#[tokio::test]
async fn the_outcome_of_an_append_whose_stream_breaks_is_unknown() {
    let node = node(&Map::new(Some(Arc::new(Breaks))), false);
    let answer = node.send(append(of(ONE))).await;
    let message = answer.error(504, "deadline_exceeded");
    assert!(message.contains("gave no answer"), "{message}");
}

/// A node that stops: of the first stream it reads one append and answers it.
struct Stops {
    next: At,
    streams: AtomicUsize,
}

impl Writer for Stops {
    fn send(&self, request: Sent<Bytes>) -> BoxFuture<'_, std::result::Result<Got<Bytes>, Lost>> {
        self.next.send(request)
    }

    fn stream(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        self.next.stream(request)
    }

    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        if self.streams.fetch_add(1, Ordering::Relaxed) > 0 {
            return self.next.exchange(request);
        }
        async {
            let mut frames = request.into_body();
            let answers = stream::once(async move {
                let mut received = Delimited::new(MESSAGE_BYTES);
                let mut numbers = Vec::new();
                while numbers.len() < 3 {
                    let part = frames.next().await.ok_or("no three appends")??;
                    received.add(&part);
                    while let Ok(Some(frame)) = received.next() {
                        let append = PassedAppend::decode(frame).map_err(|_| "no append")?;
                        numbers.push(append.number);
                    }
                }
                assert_eq!(numbers, [0, 1, 2]);
                let first = PassedAnswer {
                    status: 409,
                    ..PassedAnswer::default()
                };
                let stops = PassedAnswer {
                    ends_before: Some(1),
                    ..PassedAnswer::default()
                };
                let said = [first, stops].map(|answer| answer.encode_length_delimited_to_vec());
                Ok(Bytes::from(said.concat()))
            });
            Ok(Got::new(answers.chain(stream::pending()).boxed()))
        }
        .boxed()
    }
}

#[tokio::test]
async fn appends_that_a_node_did_not_read_before_it_stopped_are_sent_again() {
    let serving = node(&Map::new(None), true);
    let log = Arc::clone(&serving.service);
    let stops = Stops {
        next: At(serving),
        streams: AtomicUsize::new(0),
    };
    let node = node(&Map::new(Some(Arc::new(stops))), false);
    let answers = join_all((0..3).map(|_| node.send(append(of(ONE))))).await;
    let statuses = answers.iter().map(|answer| answer.status.as_u16());
    assert_eq!(statuses.collect::<Vec<_>>(), [409, 200, 200]);
    assert_eq!(log.watermarks().tip, Sequence::new(2));
}

#[tokio::test]
async fn a_node_that_stops_answers_what_it_has_read_and_says_where_it_ends() {
    let map = Map::new(None);
    let node = node(&map, true);
    let first = PassedAppend {
        number: 0,
        partition: 1,
        is_json: true,
        wants_json: true,
        request_id: String::new(),
        body: of(ONE).into(),
    };
    let frames = first.encode_length_delimited_to_vec();
    let body = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(frames)) });
    let request = post(
        "/-/cluster/appends",
        &[DELIMITED, ("log-forwarded-by", "test")],
    );
    let request = request.body(Body::from_bytes_stream(body.chain(stream::pending())));
    let mut answers = node.response(request).await.into_body().into_bytes_stream();
    let mut received = Delimited::new(MESSAGE_BYTES);
    let mut said = Vec::new();
    while let Some(part) = answers.next().await {
        received.add(&part.expect("answers"));
        while let Some(frame) = received.next().expect("a message") {
            said.push(PassedAnswer::decode(frame).expect("an answer"));
            map.stopping.send_replace(true);
        }
    }
    let said: Vec<_> = said
        .iter()
        .map(|answer| (answer.status, answer.ends_before))
        .collect();
    assert_eq!(said, [(200, None), (0, Some(1))]);
}

#[tokio::test]
async fn a_client_does_not_reach_the_stream_of_nodes_by_mistake() {
    let (node, ..) = two_nodes();
    let refused = node.send(post("/-/cluster/appends", &[DELIMITED]).finish());
    let message = refused.await.error(404, "not_found");
    assert!(message.contains("/api/v1/log/append"), "{message}");
}
