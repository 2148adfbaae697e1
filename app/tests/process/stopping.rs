//! How a stop goes, step by step, whatever it meets on the way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::client::{Client, ready};
use crate::support::place::Place;
use crate::support::server::variables;

/// The lines that a stop logs, in their order.
const STEPS: [&str; 5] = [
    "stopping, 1 of 4",
    "stopping, 2 of 4",
    "stopping, 3 of 4",
    "stopping, 4 of 4",
    "everything acknowledged is durable",
];
/// How long a step may take to show on a busy machine.
const SHOWN: Duration = Duration::from_secs(10);

/// The beginning of an append over HTTP/1.1, and the end of it.
fn halves_of_an_append() -> (String, String) {
    let body = r#"{"records": [{"key": "aw==", "value": "dg=="}], "awaitDurable": true}"#;
    let (first, second) = body.split_at(body.len() / 2);
    let head = format!(
        "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/protobuf+json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    (head + first, second.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_goes_from_lame_duck_to_closed_door_to_the_last_answer_and_the_flush_in_this_order()
{
    let place = Place::folder();
    let mut server = place.serve_with(&variables(&[("LOG_SHUTDOWN__LAME_DUCK", "1s")]));
    let (first, second) = halves_of_an_append();
    let mut append = TcpStream::connect(server.address()).expect("connect");
    append
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    append.write_all(first.as_bytes()).expect("written");
    // It has arrived when the server counts it.
    let client = Client::new(&server);
    let in_flight = "http_requests_in_flight 2";
    client.until_metrics_say(in_flight, SHOWN).await;

    let told = Instant::now();
    server.send_sigterm();
    server.until_logged(STEPS[0]).await;
    // Each of these is a new connection.
    let (status, reason) = ready(&server).await;
    assert_eq!(status, 503, "{reason}");
    assert!(reason.contains("shutting down"), "{reason}");
    Client::new(&server).append_one("k", "served", false).await;
    assert!(
        !server.log().contains(STEPS[1]),
        "a machine too slow to tell"
    );

    server.until_logged(STEPS[2]).await;
    let lame = told.elapsed();
    assert!(lame >= Duration::from_secs(1), "lame for {lame:?}");
    let closed = Instant::now();
    while TcpStream::connect(server.address()).is_ok() {
        assert!(closed.elapsed() < SHOWN, "connections are still accepted");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(
        !server.log().contains(STEPS[3]),
        "flushed before the last answer"
    );

    append.write_all(second.as_bytes()).expect("written");
    let mut answer = String::new();
    append.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let exit = server.wait().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    let places = STEPS.map(|step| exit.stderr.find(step));
    assert!(places.iter().all(Option::is_some), "{}", exit.stderr);
    assert!(places.is_sorted(), "{places:?}:\n{}", exit.stderr);

    let kept = Client::new(&place.serve()).scan_all(b"k", 10).await;
    let values: Vec<_> = kept.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [b"served".to_vec(), b"v".to_vec()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_during_an_outage_that_ends_in_time_loses_nothing() {
    let place = Place::s3();
    let mut server = place.serve();
    let client = Client::new(&server);
    client.append_one("k", "before", true).await;
    place.pause();
    for n in 0..3 {
        client.append_one("k", &format!("during {n}"), false).await;
    }
    server.send_sigterm();
    server.until_logged(STEPS[3]).await;
    sleep(Duration::from_secs(2)).await;
    assert!(
        !server.log().contains(STEPS[4]),
        "durable, and where, with no store?"
    );
    place.resume();
    let exit = server.wait().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);

    let kept = Client::new(&place.serve()).scan_all(b"k", 10).await;
    let values: Vec<_> = kept.into_iter().map(|(_, value)| value).collect();
    let expected = ["before", "during 0", "during 1", "during 2"];
    assert_eq!(values, expected.map(|value| value.as_bytes().to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_the_log_is_being_opened_ends_at_once_with_nothing_to_flush() {
    let place = Place::s3();
    place.serve().terminate().await;
    place.pause();
    let server = place.begin();
    let began = Instant::now();
    // It listens before it opens the log, and hears signals before it listens.
    while TcpStream::connect(server.address()).is_err() {
        assert!(began.elapsed() < SHOWN, "it does not listen");
        sleep(Duration::from_millis(20)).await;
    }
    let (status, reason) = ready(&server).await;
    assert_eq!(status, 503, "{reason}");
    assert!(reason.contains("starting"), "{reason}");
    let told = Instant::now();
    server.send_sigterm();
    let exit = server.wait().await;
    let took = told.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    assert!(exit.stderr.contains("nothing to flush"), "{}", exit.stderr);
}
