//! What probes, load balancers and operators see: readiness, outages, and how a stop ends.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::client::{Client, Outcome, http, ready, until_ready_is};
use crate::support::place::Place;
use crate::support::server::{Server, variables};

/// How long a failed readiness may take to show.
const NOTICED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_object_store_hangs_the_server_says_so_and_then_goes_on_by_itself() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[
        ("LOG_TIMEOUTS__APPEND", "2s"),
        ("LOG_TIMEOUTS__READ", "2s"),
    ]));
    let client = Client::new(&server);
    client.append_one("before", "durable", true).await;
    assert_eq!(ready(&server).await.0, 200);

    place.pause();
    let reason = until_ready_is(&server, 503, NOTICED).await;
    // What is waited for is the store, and on a busy machine the request for the answer is over first.
    let is_told = ["did not answer", "no answer within"];
    assert!(is_told.iter().any(|told| reason.contains(told)), "{reason}");
    let began = Instant::now();
    let record = (b"during".to_vec(), b"unknown".to_vec());
    let during = client.append(&[record], true).await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert!(
        matches!(&during, Outcome::Unknown(why) if why.contains("deadline_exceeded")),
        "{during:?}"
    );
    let applied = client.append_one("during", "applied", false).await;
    assert_eq!(
        client.scan_all(b"before", 10).await.len(),
        1,
        "reads from memory go on"
    );

    place.resume();
    until_ready_is(&server, 200, Duration::from_secs(30)).await;
    client.append_one("after", "durable", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
    let server = place.serve();
    let kept = Client::new(&server).scan_all(b"during", 10).await;
    assert!(
        kept.iter().any(|(sequence, _)| *sequence == applied),
        "{kept:?}"
    );
    assert_eq!(Client::new(&server).scan_all(b"before", 10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_cannot_flush_ends_in_time_with_exit_code_4_and_says_how_much() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[("LOG_SHUTDOWN__TIMEOUT", "4s")]));
    let client = Client::new(&server);
    client.append_one("k", "durable", true).await;
    place.pause();
    for _ in 0..3 {
        client.append_one("k", "applied", false).await;
    }
    let began = Instant::now();
    let exit = server.terminate().await;
    let took = began.elapsed();
    // It retries until its deadline, because the store may come back.
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(8)).contains(&took),
        "{took:?}"
    );
    assert_eq!(exit.code, Some(4), "{}", exit.stderr);
    assert!(
        exit.stderr.contains("3 acknowledged records"),
        "{}",
        exit.stderr
    );
    place.resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lame_duck_is_not_ready_but_still_serves() {
    let server = Server::start(
        &["--in-memory".to_owned()],
        &variables(&[("LOG_SHUTDOWN__LAME_DUCK", "2s")]),
    );
    let client = Client::new(&server);
    server.send_sigterm();
    let reason = until_ready_is(&server, 503, Duration::from_secs(1)).await;
    assert!(reason.contains("shutting down"), "{reason}");
    client.append_one("k", "still served", true).await;
    assert_eq!(server.wait().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_stop_at_once() {
    let server = Server::start(
        &["--in-memory".to_owned()],
        &variables(&[("LOG_SHUTDOWN__LAME_DUCK", "20s")]),
    );
    server.send_sigterm();
    until_ready_is(&server, 503, Duration::from_secs(1)).await;
    let began = Instant::now();
    let exit = server.terminate().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(exit.code, Some(4), "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_log_is_being_opened_the_server_is_alive_and_says_that_it_starts() {
    let place = Place::s3();
    place.serve().terminate().await;
    place.pause();
    let port = log_testkit::ports::free_ports::<1>()[0];
    let opening = std::thread::spawn(place.starter(port));
    let url = format!("http://127.0.0.1:{port}");
    let http = http();
    let deadline = Instant::now() + Duration::from_secs(20);
    while http.get(format!("{url}/-/healthy")).send().await.is_err() {
        assert!(Instant::now() < deadline, "not alive");
        sleep(Duration::from_millis(50)).await;
    }
    for path in ["/-/ready", "/api/v1/log/keys"] {
        let answer = http
            .get(format!("{url}{path}"))
            .send()
            .await
            .expect("answered");
        assert_eq!(answer.status().as_u16(), 503);
        let text = answer.text().await.expect("a body");
        assert!(text.contains("starting"), "{text}");
    }
    // An `EventSource` that is answered 503 never comes back: it waits instead.
    let stream = http.get(format!("{url}/api/v1/log/stream?key=k&end_seq=0"));
    let stream = tokio::spawn(stream.send());
    sleep(Duration::from_millis(300)).await;
    assert!(!stream.is_finished(), "a stream was not held");
    place.resume();
    let stream = timeout(Duration::from_secs(60), stream).await;
    let stream = stream.expect("served when the log is open").expect("asked");
    assert_eq!(stream.expect("an answer").status(), 200);
    while http
        .get(format!("{url}/-/ready"))
        .send()
        .await
        .expect("answered")
        .status()
        != 200
    {
        assert!(
            Instant::now() < deadline + Duration::from_secs(30),
            "not ready"
        );
        sleep(Duration::from_millis(50)).await;
    }
    opening.join().expect("it opened").terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metric_says_that_the_object_store_hangs_and_that_it_is_back_though_nobody_asks_for_readiness()
 {
    let place = Place::s3();
    let server = place.serve();
    let client = Client::new(&server);
    let shown = Duration::from_secs(40);
    client.until_metrics_say("log_ready 1", shown).await;
    place.pause();
    client.until_metrics_say("log_ready 0", shown).await;
    place.resume();
    client.until_metrics_say("log_ready 1", shown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_of_what_is_not_in_memory_ends_by_its_deadline_while_the_object_store_hangs() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[
        ("LOG_TIMEOUTS__READ", "2s"),
        ("LOG_MEMORY__BLOCK_CACHE", "64KiB"),
        ("LOG_MEMORY__UNFLUSHED", "4MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "65536"),
    ]));
    let client = Client::new(&server);
    for _ in 0..40 {
        client.append_one("key", &"v".repeat(100_000), true).await;
    }
    place.pause();
    let began = Instant::now();
    let answer = client.get("/scan?key=key").await.expect("an answer");
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(answer.status, 504, "{}", answer.json);
    assert_eq!(answer.json["code"], "deadline_exceeded");
    place.resume();
    until_ready_is(&server, 200, Duration::from_secs(20)).await;
    let all = client.scan_all(b"key", 50).await;
    assert_eq!(all.len(), 40);
}
