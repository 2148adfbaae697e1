//! The last records of a key, from a log of many segments that is killed and started again.

use crate::support::client::{Client, Page};
use crate::support::place::Place;
use crate::support::server::variables;

/// The last records of `orders`.
async fn last(client: &Client, records: usize) -> Page {
    let path = format!("/scan?key=orders&last={records}");
    let answer = client.get(&path).await.expect("answered");
    assert_eq!(answer.status, 200, "{}", answer.json);
    Page::of(&answer.json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_records_are_the_end_of_the_key_also_after_kills() {
    let place = Place::folder();
    let settings = variables(&[("LOG_SEGMENTS__SEAL_BYTES", "1KiB")]);
    for round in 0..3 {
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        for number in 0..20 {
            let value = format!("{round}-{number}-{}", "v".repeat(200));
            client.append_one("orders", &value, true).await;
            client.append_one("others", &value, true).await;
        }
        server.kill9();
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        let all = client.scan_all(b"orders", 7).await;
        assert_eq!(all.len(), 20 * (round + 1));
        for records in [1, 3, 25, 1_000] {
            let page = last(&client, records).await;
            assert_eq!(page.values, all[all.len().saturating_sub(records)..]);
            // A follower that continues there is given the next record.
            let next = page.next_sequence;
            let rest = client.scan(b"orders", next, "").await.expect("a page");
            assert_eq!((rest.values.len(), rest.next_sequence), (0, next));
        }
        server.kill9();
    }
}
