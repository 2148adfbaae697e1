//! Two servers on one log: the newer takes over, and the older acknowledges nothing that will not survive.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::support::client::{Client, Outcome, ready};
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;
use crate::support::server::{Server, Variable, variable, variables};

/// The code with which a server exits that another one has replaced.
const FENCED_EXIT: i32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_folder_that_is_told_to_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::folder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_bucket_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::s3()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_googles_storage_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::google()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_azures_storage_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::azure()).await;
}

async fn a_second_server_takes_over(place: &Place) {
    let history = Shared::default();
    let older = place.serve();
    let old_client = Client::new(&older);
    let old_load = Load::start(&older, 0, &history);
    sleep(Duration::from_millis(500)).await;

    let newer = place.serve_with(&place.take_over());
    let new_load = Load::start(&newer, 1, &history);
    // Whatever the old one was asked before: a durable append that begins now must not be acknowledged.
    let record = (b"late".to_vec(), b"to the old server".to_vec());
    let late = old_client.append(&[record], true).await;
    assert!(
        !matches!(late, Outcome::Acknowledged(_)),
        "a fenced server acknowledged: {late:?}"
    );
    let told = fenced_answers(&old_client, late.clone()).await;
    // It answers for `shutdown.fenced`, and then waits for its clients for at most `shutdown.timeout`, 30 s.
    let left = timeout(Duration::from_secs(40), older.wait()).await;
    let exit = left.expect("the fenced server leaves by itself");
    assert_eq!(exit.code, Some(FENCED_EXIT), "{}", exit.stderr);
    old_load.stop().await;

    sleep(Duration::from_millis(500)).await;
    assert_eq!(newer.terminate().await.code, Some(0));
    new_load.stop().await;
    let acknowledged = [0, 1].map(|round| history.lock().acknowledged_in(round));
    assert!(
        acknowledged.iter().all(|&n| n > 0),
        "tested nothing: {acknowledged:?}"
    );
    let server = place.serve();
    let log = read_log(&Client::new(&server)).await;
    assert!(
        !log.values().any(|(key, _)| key == b"late"),
        "the late append is in the log"
    );
    // Round 1 ended by a stop: all that the newer acknowledged is there. Of round 0, what was durable.
    history.lock().check(&log, 1, Ended::Stopped);

    // After what must not be lost, what must be said.
    // Whichever append was in flight when the server detected the takeover: a client got the error.
    let told = told + history.lock().refused_in(0, "fenced");
    let others = history.lock().not_acknowledged_in(0);
    assert!(
        told > 0,
        "the old server never said that it is fenced, but {late:?} and: {others:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_server_leaves_within_its_shutdown_timeout_whoever_holds_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let settings = [
        ("LOG_SHUTDOWN__TIMEOUT", "5s"),
        ("LOG_SHUTDOWN__FENCED", "4s"),
    ];
    let mut older = Server::start(&arguments, &variables(&settings));
    let mut half = std::net::TcpStream::connect(older.address()).expect("connect");
    let head =
        "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf";
    half.write_all(head.as_bytes()).expect("written");

    let newer = Server::start(&arguments, &[variable("LOG_STORAGE__TAKE_OVER", "true")]);
    older.until_logged("FENCED").await;
    let known = Instant::now();
    let exit = older.wait().await;
    assert_eq!(exit.code, Some(FENCED_EXIT), "{}", exit.stderr);
    let took = known.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(newer.terminate().await.code, Some(0));
}

/// Until it is gone, the old server answers appends with `fenced`, durable or not. How often it did.
async fn fenced_answers(client: &Client, first: Outcome) -> usize {
    let mut outcome = first;
    let mut fenced = 0;
    for attempt in 0..1_000 {
        match &outcome {
            Outcome::Refused { status: 503, code } if code == "fenced" => fenced += 1,
            // One that does not wait for durability may come before the server knows: only then may it be taken.
            Outcome::Acknowledged(_) if fenced == 0 => {}
            Outcome::Unknown(why) if fenced == 0 && why.starts_with("504") => {}
            // No answer at all: the server has gone.
            Outcome::Unknown(why) if !why.starts_with('5') => break,
            other => {
                panic!("answer {attempt} of the fenced server, after {fenced} fenced: {other:?}")
            }
        }
        let record = (b"later".to_vec(), attempt.to_string().into_bytes());
        outcome = client.append(&[record], attempt % 2 == 0).await;
    }
    fenced
}

fn named(name: &str) -> Vec<Variable> {
    variables(&[
        ("LOG_STORAGE__INSTANCE", name),
        ("LOG_SHUTDOWN__FENCED", "3s"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_server_says_so_everywhere_and_loudly_once() {
    let place = Place::folder();
    let older = place.serve_with(&named("older"));
    let client = Client::new(&older);
    client.append_one("key", "before", true).await;
    assert!(client.metrics().await.contains("\nlog_fenced 0\n"));

    let _newer = place.serve_with(&[named("newer"), place.take_over()].concat());
    let soon = Duration::from_secs(10);
    let metrics = client.until_metrics_say("log_fenced 1", soon).await;
    assert!(metrics.contains("\nlog_ready 0\n"), "{metrics}");
    let (status, why) = ready(&older).await;
    assert_eq!(status, 503);
    assert!(why.contains("another writer"), "{why}");
    let record = (b"key".to_vec(), b"after".to_vec());
    let refused = client.append(&[record], false).await;
    assert!(
        matches!(&refused, Outcome::Refused { status: 503, code } if code == "fenced"),
        "{refused:?}"
    );

    let exit = older.wait().await;
    assert_eq!(exit.code, Some(FENCED_EXIT), "{}", exit.stderr);
    let loud = exit.stderr.lines().filter(|line| line.contains("FENCED"));
    assert_eq!(loud.count(), 1, "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_server_that_is_started_again_and_again_leaves_the_log_to_the_newer_one() {
    let place = Place::s3();
    let older = place.serve_with(&named("older"));
    let newer = place.serve_with(&named("newer"));
    assert_eq!(older.wait().await.code, Some(FENCED_EXIT));
    let client = Client::new(&newer);
    for round in 0..3 {
        let exit = place.ends(&named("older"));
        assert_eq!(exit.code, Some(FENCED_EXIT), "{exit:?}");
        for said in ["newer", "--take-over"] {
            assert!(exit.stderr.contains(said), "{said}: {exit:?}");
        }
        client.append_one("key", &round.to_string(), true).await;
    }
    // The newer one comes back after a crash, and the older one still does not reclaim the log.
    newer.kill9();
    let newer = place.serve_with(&named("newer"));
    assert_eq!(place.ends(&named("older")).code, Some(FENCED_EXIT));
    assert_eq!(Client::new(&newer).scan_all(b"key", 10).await.len(), 3);
    // When it lets go, the other may have the log.
    assert_eq!(newer.terminate().await.code, Some(0));
    holds_three(&place.serve_with(&named("older"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_the_log_back_from_one_that_is_gone_for_good_when_it_is_told_to() {
    let place = Place::folder();
    let older = place.serve_with(&named("older"));
    let newer = place.serve_with(&[named("newer"), place.take_over()].concat());
    assert_eq!(older.wait().await.code, Some(FENCED_EXIT));
    for round in 0..3 {
        let client = Client::new(&newer);
        client.append_one("key", &round.to_string(), true).await;
    }
    newer.kill9();
    assert_eq!(place.ends(&named("older")).code, Some(FENCED_EXIT));
    let told_to = [named("older"), place.take_over()].concat();
    holds_three(&place.serve_with(&told_to)).await;
}

async fn holds_three(server: &Server) {
    let found = Client::new(server).scan_all(b"key", 10).await;
    let values: Vec<_> = found.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [b"0", b"1", b"2"]);
}
