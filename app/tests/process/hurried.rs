//! Reads over many segments by a server that has little time for each page.

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::variables;

const RECORDS: u64 = 3_000;
/// A page may have to be asked for again: the machine is busy with other tests.
const ATTEMPTS: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_end_in_time_lead_through_many_segments() {
    let place = Place::folder();
    let small = ("LOG_SEGMENTS__SEAL_BYTES", "1B");
    let server = place.serve_with(&variables(&[small]));
    let client = Client::new(&server);
    for number in 0..RECORDS {
        let is_last = number + 1 == RECORDS;
        client.append_one("orders", "v", is_last).await;
    }
    server.terminate().await;

    let hurried = variables(&[small, ("LOG_TIMEOUTS__READ", "60ms")]);
    let server = place.serve_with(&hurried);
    let client = Client::new(&server);
    for selection in ["key=orders", "prefix=ord", "keys=orders&keys=none"] {
        read_all(&client, selection).await;
    }
}

/// Reads page by page to the end.
async fn read_all(client: &Client, selection: &str) {
    let (mut seen, mut next, mut early) = (Vec::new(), 0, 0);
    for _ in 0..ATTEMPTS {
        let path = format!("/scan?{selection}&limit=10000&start_seq={next}");
        let answer = client.get(&path).await.expect("answered");
        if answer.status == 504 {
            continue;
        }
        assert_eq!(answer.status, 200, "{}", answer.json);
        let values = answer.json["values"].as_array().expect("values").iter();
        let values = values.map(|value| value["sequence"].as_u64().expect("a number"));
        let before = seen.len();
        seen.extend(values);
        let reached = answer.json["nextSequence"].as_u64().expect("a number");
        let more = answer.json["more"] == true;
        assert!(reached > next || !more, "no progress at {next}");
        next = reached;
        early += u32::from(more);
        if !more && seen.len() == before {
            break;
        }
    }
    assert!(seen.iter().copied().eq(0..RECORDS), "{seen:?}");
    assert!(
        early > 0,
        "{selection}: every page was read in time, so this tests nothing"
    );
}
