//! SIGKILL: what was acknowledged as durable survives, and no sequence is ever given twice.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::client::Client;
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;

const ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_twenty_kills_under_load_nothing_durable_is_lost_and_no_sequence_is_given_twice() {
    let place = Place::folder();
    let history = Shared::default();
    for round in 0..ROUNDS {
        let server = place.serve();
        let load = Load::start(&server, round, &history);
        // Another moment each time, spread over the flushes that are under way.
        sleep(Duration::from_millis(300 + (round as u64 * 37) % 200)).await;
        server.kill9();
        load.stop().await;
        let acknowledged = history.lock().acknowledged_in(round);
        assert!(acknowledged > 0, "round {round} tested nothing");

        let server = place.serve();
        let log = read_log(&Client::new(&server)).await;
        history.lock().check(&log, round, Ended::Killed);
        server.kill9();
    }
}
