//! SIGTERM: all acknowledged records survive, waiting clients are answered, and the sequence continues without a gap.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::client::{Client, Page};
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;

const ROUNDS: usize = 20;
/// A waiting client asked for 30 s and must be answered at once: this much is for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_graceful_stops_under_load_exit_with_zero_and_lose_nothing_acknowledged() {
    let place = Place::folder();
    let history = Shared::default();
    let mut server = place.serve();
    for round in 0..ROUNDS {
        let load = Load::start(&server, round, &history);
        sleep(Duration::from_millis(200 + (round as u64 * 37) % 200)).await;
        let exit = server.terminate().await;
        assert_eq!(exit.code, Some(0), "round {round}:\n{}", exit.stderr);
        load.stop().await;
        let acknowledged = history.lock().acknowledged_in(round);
        assert!(acknowledged > 0, "round {round} tested nothing");

        server = place.serve();
        let log = read_log(&Client::new(&server)).await;
        history.lock().check(&log, round, Ended::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_stop_of_an_idle_server_leaves_no_gap_in_the_sequence() {
    let place = Place::folder();
    let mut expected = 0;
    for life in 0..5 {
        let server = place.serve();
        let client = Client::new(&server);
        for _ in 0..3 {
            let start = client.append_one("key", "value", life % 2 == 0).await;
            assert_eq!(start, expected, "life {life}");
            expected += 1;
        }
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_follower_is_answered_at_once_when_the_server_is_told_to_stop() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    let next = client.append_one("key", "value", true).await + 1;
    let waiting = {
        let client = client.clone();
        let query = format!("/scan?key=key&start_seq={next}&follow=true&timeout_ms=30000");
        tokio::spawn(async move { client.get(&query).await })
    };
    sleep(Duration::from_millis(500)).await;
    assert!(
        !waiting.is_finished(),
        "there is nothing to answer with yet"
    );

    let told = Instant::now();
    server.send_sigterm();
    let answer = waiting
        .await
        .unwrap()
        .expect("an answer, not a broken connection");
    assert!(
        told.elapsed() < AT_ONCE,
        "answered after {:?}",
        told.elapsed()
    );
    assert_eq!(answer.status, 200, "{}", answer.json);
    let page = Page::of(&answer.json);
    assert!(page.values.is_empty(), "{page:?}");
    assert_eq!(page.next_sequence, next);
    assert_eq!(server.wait().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_event_stream_ends_when_the_server_is_told_to_stop() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    let sequence = client.append_one("key", "value", true).await;
    let mut stream = client.stream("/stream?key=key").await;
    let mut text = String::new();
    while !text.contains(&format!("id: {sequence}")) && !text.contains(&format!("id:{sequence}")) {
        let piece = timeout(AT_ONCE, stream.chunk())
            .await
            .expect("an event in time");
        let piece = piece.unwrap().expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&piece));
    }

    server.send_sigterm();
    let ended = timeout(AT_ONCE, async {
        while stream.chunk().await.expect("a clean end").is_some() {}
    });
    ended.await.expect("the stream ends at once");
    assert_eq!(server.wait().await.code, Some(0));
}

/// The ids of the events of a stream that ends.
async fn ids_to_the_end(stream: &mut reqwest::Response) -> Vec<u64> {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.chunk().await.expect("a clean end") {
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.map(|id| id.parse().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stream_that_has_not_caught_up_ends_where_it_is_and_is_resumed() {
    const RECORDS: u64 = 40;
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    // More than the buffers of a connection take.
    let value = "x".repeat(1_000_000);
    for _ in 0..RECORDS {
        client.append_one("key", &value, true).await;
    }
    // Nobody reads it until the server was told to stop.
    let mut stream = client.stream("/stream?key=key").await;
    server.send_sigterm();
    sleep(Duration::from_millis(500)).await;
    let sent = ids_to_the_end(&mut stream).await;
    assert_eq!(server.wait().await.code, Some(0));
    let reached = sent.len() as u64;
    assert!((1..RECORDS).contains(&reached), "{reached}");

    let server = place.serve();
    let query = format!("/stream?key=key&start_seq={reached}&end_seq={RECORDS}");
    let mut stream = Client::new(&server).stream(&query).await;
    let all = [sent, ids_to_the_end(&mut stream).await].concat();
    assert_eq!(all, (0..RECORDS).collect::<Vec<_>>());
}
