//! Tails, through everything that ends a connection.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::{ErrorKind, LogClient, Records, Retry};

async fn next(records: &mut Records) -> String {
    let record = timeout(Duration::from_secs(10), records.next()).await;
    let record = record
        .expect("a record in time")
        .expect("no end")
        .expect("no error");
    String::from_utf8(record.value.to_vec()).unwrap()
}

#[tokio::test]
async fn a_tail_continues_exactly_after_the_last_record_whatever_breaks() {
    let mut server = Fake::start([]).await;
    server.put("orders", "0");
    let mut tail = client(&server.url(), 3).tail("orders", 0);
    assert_eq!(next(&mut tail).await, "0");
    assert_eq!(tail.next_sequence(), 1);
    let unavailable = Reply::error(503, "unavailable").header("retry-after", "60");
    let steps = [
        Step::LostAnswer,
        Step::CutAnswer(5),
        Step::Answer(Reply::page(502)),
        Step::Answer(unavailable),
        Step::Answer(Reply::error(504, "deadline_exceeded")),
        Step::Serve,
    ];
    for (number, step) in (1..).zip(steps) {
        server.does([step]);
        server.put("others", "x");
        server.put("orders", number.to_string());
        assert_eq!(next(&mut tail).await, number.to_string());
    }
    server.stop().await;
    server.put("orders", "7");
    let waiting = tokio::spawn(async move { (next(&mut tail).await, tail) });
    sleep(Duration::from_millis(100)).await;
    server.restart().await;
    let (value, mut tail) = waiting.await.unwrap();
    assert_eq!(value, "7");
    assert!(
        timeout(Duration::from_millis(50), tail.next())
            .await
            .is_err()
    );
    server.put("orders", "8");
    assert_eq!(next(&mut tail).await, "8");
}

#[tokio::test]
async fn giving_up_the_wait_for_a_record_loses_none() {
    let server = Fake::start([]).await;
    let mut tail = client(&server.url(), 1).tail("orders", 0);
    for number in 0..20 {
        let in_vain = timeout(Duration::from_millis(number % 3), tail.next()).await;
        assert!(in_vain.is_err());
        server.put("orders", number.to_string());
        assert_eq!(next(&mut tail).await, number.to_string());
    }
}

#[tokio::test]
async fn a_tail_gives_up_when_its_server_is_gone_for_too_long() {
    let retry = Retry {
        attempts: 2,
        pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(40),
        patience: Duration::from_millis(400),
    };
    let mut server = Fake::start([]).await;
    server.put("orders", "first");
    let client = LogClient::builder(&server.url()).no_proxy().retry(retry);
    let mut tail = client.build().unwrap().tail("orders", 0);
    assert_eq!(next(&mut tail).await, "first");
    server.stop().await;
    let began = Instant::now();
    let error = tail.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    assert!(
        began.elapsed() > Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
    assert!(tail.next().await.is_none(), "it ends after an error");
}

#[tokio::test]
async fn a_tail_that_was_never_answered_gives_up_as_other_calls_do() {
    let server = Fake::start(vec![Step::Answer(Reply::page(502)); 100]).await;
    let mut tail = client(&server.url(), 3).tail("orders", 0);
    let error = tail.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::UnexpectedAnswer);
    assert_eq!(server.requests().len(), 3);
    server.does([]);
}

#[tokio::test]
async fn a_tail_ends_when_asking_again_does_not_help() {
    let server = Fake::start([Step::Answer(Reply::error(403, "permission_denied"))]).await;
    let mut tail = client(&server.url(), 3).tail("orders", 0);
    let error = tail.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::PermissionDenied);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_answers_a_tail_without_waiting_is_not_asked_as_fast_as_it_can() {
    let empty = crate::wire::ScanResponse {
        status: crate::wire::SUCCESS.to_owned(),
        ..Default::default()
    };
    let server = Fake::start(vec![Step::Answer(Reply::message(200, &empty)); 1000]).await;
    let mut tail = client(&server.url(), 3).tail("orders", 0);
    assert!(
        timeout(Duration::from_millis(300), tail.next())
            .await
            .is_err()
    );
    assert!(server.requests().len() < 40, "{}", server.requests().len());
}

#[tokio::test]
async fn tails_leave_room_for_requests() {
    let server = Fake::start([]).await;
    let builder = LogClient::builder(&server.url()).no_proxy();
    let client = builder.concurrent_requests(1).build().unwrap();
    let mut tails: Vec<_> = (0..50).map(|_| client.tail("orders", 0)).collect();
    let waiting = tails.iter_mut().map(Records::next);
    let waiting = futures::future::join_all(waiting);
    let appended = async {
        while server.requests().len() < 50 {
            sleep(Duration::from_millis(5)).await;
        }
        client.append([("orders", "first")]).await
    };
    let both = timeout(
        Duration::from_secs(20),
        futures::future::join(waiting, appended),
    );
    let (found, appended) = both.await.expect("room");
    assert_eq!(appended.unwrap().start, Some(0));
    assert!(
        found
            .into_iter()
            .all(|each| each.unwrap().unwrap().value == "first")
    );
}
