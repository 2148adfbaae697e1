//! Reads of all partitions with `order=none`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, Outcome, http};
use crate::support::place::Place;
use crate::support::server::Server;

use super::{PARTITIONS, REPLACED, start, until_served};

/// The values of keys, in the order in which they were read.
type Read = BTreeMap<String, Vec<String>>;

/// A reader of all keys with a prefix, which keeps its positions and can go on at any node.
struct Reader {
    prefix: &'static str,
    positions: Value,
    read: Read,
}

impl Reader {
    fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            positions: json!([]),
            read: Read::new(),
        }
    }

    /// Reads one page at `node`, and says whether there may be more.
    async fn page(&mut self, node: &Server, limit: usize) -> Result<bool, String> {
        let body = json!({"prefixText": self.prefix, "order": "none", "format": "text", "limit": limit, "positions": self.positions});
        let asked = http().post(format!("{}/api/v1/log/scan", node.url()));
        let asked = asked.header("content-type", "application/json");
        let answer = asked.body(body.to_string()).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let (status, text) = (answer.status(), answer.text().await);
        let text = text.map_err(|error| error.to_string())?;
        if status != 200 {
            return Err(format!("{status}: {text}"));
        }
        let page: Value = serde_json::from_str(&text).expect("JSON");
        let values = page["values"].as_array().expect("values");
        assert!(values.len() <= limit, "a page over its limit");
        for value in values {
            let text = |name: &str| value[name].as_str().expect("text").to_owned();
            let of_key = self.read.entry(text("keyText")).or_default();
            of_key.push(text("valueText"));
        }
        let positions = page["positions"].as_array().expect("positions");
        assert_eq!(positions.len(), PARTITIONS, "{page}");
        self.positions = page["positions"].clone();
        Ok(page["more"] == true)
    }

    /// Reads to the end at `node`.
    async fn rest(&mut self, node: &Server, limit: usize) {
        while self.page(node, limit).await.expect("a page") {}
    }
}

/// Appends records `numbers` of each of these keys.
async fn append(node: &Server, keys: &[String], numbers: std::ops::Range<usize>) {
    let client = Client::new(node);
    for key in keys {
        let records: Vec<_> = numbers
            .clone()
            .map(|number| (key.clone().into_bytes(), number.to_string().into_bytes()))
            .collect();
        let appended = client.append(&records, true).await;
        assert!(matches!(appended, Outcome::Acknowledged(_)), "{appended:?}");
    }
}

fn expected(keys: &[String], below: usize) -> Read {
    let values: Vec<String> = (0..below).map(|number| number.to_string()).collect();
    let keys = keys.iter().map(|key| (key.clone(), values.clone()));
    keys.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_all_partitions_is_read_once_also_when_a_node_is_killed_between_pages() {
    let place = Place::s3();
    let [a, b, c] = ["a", "b", "c"].map(|name| start(&place, name));
    until_served(&[&a, &b, &c], &["a", "b", "c"]).await;
    let keys: Vec<String> = (0..30).map(|number| format!("orders/{number}")).collect();
    append(&a, &keys, 0..4).await;
    Client::new(&b).append_one("other", "v", true).await;
    for (node, limit) in [(&a, 1), (&b, 7), (&c, 1_000)] {
        let mut reader = Reader::new("orders/");
        reader.rest(node, limit).await;
        assert_eq!(reader.read, expected(&keys, 4), "{limit} at a time");
    }
    // Each page at another node, of which one is killed.
    let mut reader = Reader::new("orders/");
    for node in [&a, &b, &c, &a] {
        assert!(reader.page(node, 10).await.expect("a page"));
    }
    c.kill9();
    append(&b, &keys, 4..6).await;
    let deadline = Instant::now() + REPLACED;
    loop {
        match reader.page(&a, 10).await {
            Ok(true) => {}
            Ok(false) => break,
            // A partition of the node that was killed is not served yet: nothing was read, and the positions are as they were.
            Err(why) => {
                assert!(Instant::now() < deadline, "{why}");
                assert!(why.starts_with("503"), "{why}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    assert_eq!(reader.read, expected(&keys, 6));
    // What comes later is read from there, by a node that has come back.
    let c = start(&place, "c");
    until_served(&[&a, &b, &c], &["a", "b", "c"]).await;
    append(&c, &keys, 6..7).await;
    reader.rest(&c, 7).await;
    assert_eq!(reader.read, expected(&keys, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_clustered_reads_as_a_cluster_of_one_partition() {
    let place = Place::folder();
    let log = place.serve();
    let client = Client::new(&log);
    for number in 0..5 {
        client
            .append_one("k", &number.to_string(), number == 4)
            .await;
    }
    let (mut positions, mut read) = (String::new(), 0);
    loop {
        let path = format!("/scan?prefix=&order=none&limit=2&positions={positions}");
        let page = client.get(&path).await.expect("answered").json;
        read += page["values"].as_array().expect("values").len();
        positions = format!("0:{}", page["positions"][0]["nextSequence"]);
        if page["more"] != true {
            break;
        }
    }
    assert_eq!((read, positions.as_str()), (5, "0:5"));
    let stored = log.terminate().await;
    assert_eq!(stored.code, Some(0), "{}", stored.stderr);
    let log = place.serve();
    let page = Client::new(&log)
        .get(&format!("/scan?prefix=&order=none&positions={positions}"))
        .await
        .expect("answered");
    assert_eq!(page.json["values"], json!([]), "{}", page.json);
}
