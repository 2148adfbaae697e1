//! Producers: every append is applied once, and what was lost is reported.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use prost::Message;

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::{AppendOptions, Error, ErrorKind, LogClient, Retry, wire};

/// A client that gives an unknown outcome up after `patience`.
fn client_with(server: &Fake, patience: Duration) -> LogClient {
    let retry = Retry {
        attempts: 3,
        pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
        patience,
    };
    let builder = LogClient::builder(&server.url()).no_proxy().retry(retry);
    builder.build().unwrap()
}

/// Id, epoch and sequence of each append that came whole.
fn producers(server: &Fake) -> Vec<(String, u64, u64)> {
    let requests = server.requests();
    let appends = requests.iter().filter_map(|request| {
        let append = wire::AppendRequest::decode(request.body.clone()).ok()?;
        append
            .producer
            .map(|producer| (producer.id, producer.epoch, producer.sequence))
    });
    appends.collect()
}

async fn refused(client: &LogClient) -> Error {
    client
        .append([("orders", "refused")])
        .await
        .expect_err("a refusal")
}

#[tokio::test]
async fn an_append_whose_outcome_is_unknown_is_sent_again_and_applied_once() {
    let unsure = [
        Step::LostAnswer,
        Step::CutAnswer(3),
        Step::Answer(Reply::error(504, "deadline_exceeded")),
        Step::Answer(Reply::page(502)),
    ];
    for step in unsure {
        let server = Fake::start([Step::Serve, step.clone(), step.clone()]).await;
        let client = client(&server.url(), 5);
        client.append([("orders", "first")]).await.unwrap();
        let appended = client
            .append([("orders", "second"), ("orders", "third")])
            .await;
        let appended = appended.unwrap_or_else(|error| panic!("{step:?}: {error:?}"));
        assert_eq!((appended.start, appended.count), (Some(1), 2), "{step:?}");
        assert_eq!(server.values(), ["first", "second", "third"]);
        let sent = producers(&server);
        assert_eq!(
            sent.iter().map(|each| each.2).collect::<Vec<_>>(),
            [0, 1, 1, 1]
        );
        assert!(sent.iter().all(|each| each.0 == sent[0].0 && each.1 == 0));
        assert!(sent[0].0.len() == 32, "128 bits in hex: {}", sent[0].0);
    }
}

#[tokio::test]
async fn a_server_that_stays_silent_is_asked_again() {
    let server = Fake::start([Step::Silence]).await;
    let builder = LogClient::builder(&server.url()).no_proxy();
    let client = builder.timeout(Duration::from_millis(200)).build().unwrap();
    assert_eq!(
        client.append([("orders", "first")]).await.unwrap().start,
        Some(0)
    );
    assert_eq!(server.values(), ["first"]);
}

#[tokio::test]
async fn many_appends_at_a_time_are_each_applied_once_whatever_breaks() {
    let server = Fake::start([]).await;
    let busy = Reply::error(429, "overloaded").header("retry-after", "0");
    let steps = [
        Step::LostAnswer,
        Step::Serve,
        Step::CutRequest(10),
        Step::CutAnswer(2),
        Step::Answer(busy),
        Step::Serve,
        Step::Early(Reply::error(503, "unavailable").header("retry-after", "0")),
    ];
    server.does(steps.iter().cycle().take(300).cloned());
    let client = client(&server.url(), 100);
    let appends = (0..200).map(|number| {
        let client = client.clone();
        async move { client.append([("orders", number.to_string())]).await }
    });
    let appended: Vec<_> = stream::iter(appends).buffer_unordered(20).collect().await;
    let mut starts: Vec<_> = appended
        .into_iter()
        .map(|each| each.unwrap().start.unwrap())
        .collect();
    starts.sort_unstable();
    assert_eq!(starts, (0..200).collect::<Vec<_>>());
    let mut values: Vec<u64> = server.values().iter().map(number).collect();
    values.sort_unstable();
    assert_eq!(values, (0..200).collect::<Vec<_>>());
}

fn number(value: &Bytes) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_append_at_a_time_keeps_the_order_of_the_calls() {
    let server = Fake::start([Step::LostAnswer, Step::Serve, Step::CutAnswer(1)]).await;
    let builder = LogClient::builder(&server.url()).no_proxy();
    let client = builder.concurrent_appends(1).build().unwrap();
    join_all((0..30).map(|number| client.append([("orders", number.to_string())]))).await;
    let values: Vec<u64> = server.values().iter().map(number).collect();
    assert_eq!(values, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unknown_outcome_outlives_refusals_of_the_retries() {
    let refusals = [
        (503, "fenced"),
        (429, "overloaded"),
        (503, "unavailable"),
        (500, "internal"),
    ];
    let refusals = refusals.map(|(status, code)| Step::Answer(Reply::error(status, code)));
    let server = Fake::start([Step::LostAnswer].into_iter().chain(refusals)).await;
    let client = client_with(&server, Duration::from_secs(10));
    let appended = client.append([("orders", "first")]);
    assert_eq!(appended.await.unwrap().start, Some(0));
    assert_eq!((server.values().len(), server.requests().len()), (1, 6));
}

#[tokio::test]
async fn after_an_outcome_that_stays_unknown_the_producer_takes_the_next_epoch() {
    let down = Step::Answer(Reply::error(503, "unavailable"));
    let steps = [Step::LostAnswer].into_iter().chain(vec![down; 1000]);
    let server = Fake::start(steps).await;
    let client = client_with(&server, Duration::from_millis(400));
    let error = refused(&client).await;
    assert!(error.is_unknown_outcome(), "{error:?}");
    assert_eq!(error.kind(), &ErrorKind::OutcomeUnknown);
    server.forget_script();
    let before = server.requests().len();
    assert!(
        before > 3,
        "more attempts than of other calls, not {before}"
    );
    client.append([("orders", "next")]).await.unwrap();
    let sent = producers(&server);
    assert_eq!((sent[before].1, sent[before].2), (1, 0));
    assert_eq!(sent[before].0, sent[0].0);
}

#[tokio::test]
async fn a_retry_that_can_never_be_taken_leaves_the_outcome_unknown_and_is_the_last() {
    for (status, code) in [
        (401, "unauthenticated"),
        (413, "too_large"),
        (400, "invalid_argument"),
    ] {
        let refusal = Step::Answer(Reply::error(status, code));
        let server = Fake::start([Step::LostAnswer, refusal]).await;
        let error = refused(&client_with(&server, Duration::from_secs(10))).await;
        assert_eq!(error.kind(), &ErrorKind::OutcomeUnknown, "{error:?}");
        assert!(error.message().contains("scripted"), "{error}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn something_that_is_no_log_server_is_given_up_as_soon_as_by_other_calls() {
    let server = Fake::start(vec![Step::Answer(Reply::page(404)); 100]).await;
    let error = refused(&client_with(&server, Duration::from_secs(600))).await;
    assert!(error.is_unknown_outcome());
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_append_that_is_dropped_cannot_be_mistaken_for_the_next_one() {
    let server = Fake::start([Step::Silence]).await;
    let client = client(&server.url(), 3);
    let dropped = client.append([("orders", "dropped")]);
    let dropped = tokio::time::timeout(Duration::from_millis(200), dropped).await;
    assert!(dropped.is_err());
    assert_eq!(
        client.append([("orders", "next")]).await.unwrap().start,
        Some(1)
    );
    assert_eq!(server.values(), ["dropped", "next"]);
    assert_eq!(producers(&server)[1].1, 1, "the next epoch");
}

#[tokio::test]
async fn a_precondition_that_fails_says_what_the_reader_missed() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 3);
    let since = |sequence| AppendOptions::new().if_no_record_since("orders", sequence);
    client
        .append_with([("orders", "first")], since(0))
        .await
        .unwrap();
    // The conflict is certain also when the answer of an attempt was lost before.
    for lost in [false, true] {
        server.does([Step::LostAnswer].into_iter().filter(|_| lost));
        let error = client
            .append_with([("orders", "second")], since(0))
            .await
            .unwrap_err();
        let ErrorKind::Conflict(conflict) = error.kind() else {
            panic!("{error:?}");
        };
        assert_eq!(
            (&conflict.key[..], conflict.last_sequence),
            (&b"orders"[..], Some(0))
        );
        assert!(!error.is_unknown_outcome() && error.status() == Some(409));
    }
    let appended = client.append_with([("orders", "second")], since(1)).await;
    assert_eq!(appended.unwrap().start, Some(1));
    // A rejected request has no sequence.
    let sequences: Vec<_> = producers(&server).iter().map(|each| each.2).collect();
    assert_eq!(sequences, [0, 1, 1, 1, 1]);

    let json = r#"{"status":"error","code":"conflict","message":"x","conflict":{"key":"b3JkZXJz","trimmedBefore":"7"}}"#;
    // The same as protobuf: field 3 of the conflict, which is field 4.
    let mut protobuf = Reply::message(
        409,
        &wire::ErrorResponse {
            status: wire::ERROR.to_owned(),
            code: "conflict".to_owned(),
            conflict: Some(wire::Conflict::default()),
            ..wire::ErrorResponse::default()
        },
    );
    protobuf.body.extend([0x22, 2, 0x18, 7]);
    for answer in [Reply::json(409, json), protobuf] {
        server.does([Step::Answer(answer)]);
        let error = client.append([("orders", "third")]).await.unwrap_err();
        let ErrorKind::Conflict(conflict) = error.kind() else {
            panic!("{error:?}");
        };
        assert_eq!(
            (conflict.last_sequence, conflict.trimmed_before),
            (None, Some(7))
        );
    }
}

#[tokio::test]
async fn appends_that_a_crash_undid_are_reported_and_the_next_ones_are_applied() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 3);
    let durable = AppendOptions::new().await_durable(true);
    client
        .append_with([("orders", "durable")], durable)
        .await
        .unwrap();
    for value in ["kept", "lost", "lost too"] {
        client.append([("orders", value)]).await.unwrap();
    }
    server.crash(2);
    let error = client
        .append([("orders", "not applied")])
        .await
        .unwrap_err();
    let ErrorKind::AppendsLost(lost) = error.kind() else {
        panic!("{error:?}");
    };
    let starts: Vec<_> = lost.appended.iter().map(|each| each.start).collect();
    assert_eq!((lost.requests, starts), (2, vec![Some(2), Some(3)]));
    assert!(!error.is_unknown_outcome());
    client.append([("orders", "next")]).await.unwrap();
    assert_eq!(server.values(), ["durable", "kept", "next"]);
    let (_, epoch, sequence) = producers(&server).pop().unwrap();
    assert_eq!((epoch, sequence), (1, 0));
}

#[tokio::test]
async fn a_server_that_forgot_a_producer_matters_only_if_something_depends_on_it() {
    let server = Fake::start([]).await;
    let client = client(&server.url(), 3);
    let durable = || AppendOptions::new().await_durable(true);
    client
        .append_with([("orders", "0")], durable())
        .await
        .unwrap();
    server.forget_producers();
    client
        .append_with([("orders", "1")], durable())
        .await
        .expect("nothing depended on it");

    client.append([("orders", "2")]).await.unwrap();
    server.forget_producers();
    let error = refused(&client).await;
    assert!(
        matches!(error.kind(), ErrorKind::AppendsLost(lost) if lost.requests == 1),
        "{error:?}"
    );
    client
        .append_with([("orders", "3")], durable())
        .await
        .unwrap();

    server.does([Step::LostAnswerAndProducers]);
    let error = refused(&client).await;
    assert_eq!(error.kind(), &ErrorKind::ProducerUnknown);
    assert!(
        error.is_unknown_outcome(),
        "it was applied, and nobody knows"
    );
    client.append([("orders", "4")]).await.unwrap();

    server.does([Step::LostAnswerAndProducers]);
    let error = refused(&client).await;
    assert!(
        matches!(error.kind(), ErrorKind::AppendsLost(lost) if lost.requests == 1),
        "{error:?}"
    );
    assert!(error.is_unknown_outcome(), "and so is this one");
    client.append([("orders", "5")]).await.unwrap();
    let values = ["0", "1", "2", "3", "refused", "4", "refused", "5"];
    assert_eq!(server.values(), values);
}

#[tokio::test]
async fn a_request_that_was_applied_long_ago_is_a_success() {
    let old = Step::Answer(Reply::error(409, "producer_sequence_too_old"));
    let server = Fake::start([Step::LostAnswer, old.clone()]).await;
    let client = client(&server.url(), 3);
    let appended = client
        .append([("orders", "a"), ("orders", "b")])
        .await
        .unwrap();
    assert_eq!((appended.start, appended.count), (None, 2));
    // But not one that this client never sent.
    server.does([old]);
    let error = refused(&client).await;
    assert_eq!(error.kind(), &ErrorKind::ProducerSequenceTooOld);
}

#[tokio::test]
async fn a_client_that_shares_its_producer_is_told_and_goes_on_as_another() {
    let shared = [
        ("producer_fenced", ErrorKind::ProducerFenced),
        (
            "producer_sequence_reused",
            ErrorKind::ProducerSequenceReused,
        ),
    ];
    for (code, kind) in shared {
        let server = Fake::start([Step::Answer(Reply::error(409, code))]).await;
        let client = client(&server.url(), 3);
        let error = refused(&client).await;
        assert_eq!((error.kind(), error.is_unknown_outcome()), (&kind, false));
        client.append([("orders", "next")]).await.unwrap();
        let sent = producers(&server);
        assert!(sent[0].0 != sent[1].0 && sent[1].2 == 0);
        assert_eq!(server.values(), ["next"]);
    }
}
