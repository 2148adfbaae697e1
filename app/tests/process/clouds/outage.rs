//! The store is away for a while, and the server is killed: nothing that was acknowledged as durable is lost.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::client::Client;
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_durable_is_lost_when_googles_storage_is_away_and_the_server_is_killed() {
    nothing_durable_is_lost(&Place::google()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_durable_is_lost_when_azures_storage_is_away_and_the_server_is_killed() {
    nothing_durable_is_lost(&Place::azure()).await;
}

async fn nothing_durable_is_lost(place: &Place) {
    let history = Shared::default();
    for round in 0..2 {
        let server = place.serve();
        let load = Load::start(&server, round, &history);
        sleep(Duration::from_millis(500)).await;
        place.pause();
        sleep(Duration::from_millis(1_500)).await;
        place.resume();
        sleep(Duration::from_millis(500)).await;
        server.kill9();
        load.stop().await;
        let acknowledged = history.lock().acknowledged_in(round);
        assert!(acknowledged > 0, "round {round} tested nothing");
        let server = place.serve();
        let log = read_log(&Client::new(&server)).await;
        history.lock().check(&log, round, Ended::Killed);
        assert_eq!(server.terminate().await.code, Some(0));
    }
}
