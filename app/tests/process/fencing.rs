//! Two servers on one log: the newer takes over, and the older acknowledges nothing that will not survive.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::client::{Client, Outcome};
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;

/// The code with which a server exits that another one has replaced.
const FENCED_EXIT: i32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_folder_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::folder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_bucket_takes_over_and_the_first_one_leaves() {
    a_second_server_takes_over(&Place::s3()).await;
}

async fn a_second_server_takes_over(place: &Place) {
    let history = Shared::default();
    let older = place.serve();
    let old_client = Client::new(&older);
    let old_load = Load::start(&older, 0, &history);
    sleep(Duration::from_millis(500)).await;

    let newer = place.serve();
    let new_load = Load::start(&newer, 1, &history);
    // Whatever the old one was asked before: a durable append that begins now must not be acknowledged.
    let record = (b"late".to_vec(), b"to the old server".to_vec());
    let late = old_client.append(&[record], true).await;
    assert!(
        !matches!(late, Outcome::Acknowledged(_)),
        "a fenced server acknowledged: {late:?}"
    );
    let told = fenced_answers(&old_client, late.clone()).await;
    let left = timeout(Duration::from_secs(20), older.wait()).await;
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
    // Whichever append was on its way when the server found out: somebody was told.
    let told = told + history.lock().refused_in(0, "fenced");
    let others = history.lock().not_acknowledged_in(0);
    assert!(
        told > 0,
        "the old server never said that it is fenced, but {late:?} and: {others:#?}"
    );
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
