//! Headers of records on a real store: what was acknowledged as durable has them after a kill.

use serde_json::{Value, json};

use crate::support::client::{Client, Outcome};
use crate::support::place::Place;

const LIVES: u64 = 3;
const RECORDS: u64 = 40;

/// The headers of the record with this number: none of every third, up to 8 KiB of the others.
fn headers(number: u64) -> Option<Value> {
    let large = "v".repeat(usize::try_from(number).expect("a small number") * 60);
    match number % 3 {
        0 => None,
        1 => Some(json!([{"name": "größe", "valueText": large}])),
        _ => Some(json!([
            {"name": "of", "valueText": number.to_string()},
            {"name": "of", "value": "/wA="},
            {"name": "empty", "valueText": ""},
        ])),
    }
}

fn record(number: u64) -> Value {
    let mut record = json!({"keyText": "k", "valueText": number.to_string()});
    if let Some(headers) = headers(number) {
        record["headers"] = headers;
    }
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_come_back_from_a_bucket_after_each_kill() {
    let place = Place::s3();
    let mut server = place.serve();
    for life in 0..LIVES {
        let numbers = life * RECORDS..(life + 1) * RECORDS;
        let records: Vec<Value> = numbers.map(record).collect();
        let body = json!({"records": records, "awaitDurable": true}).to_string();
        let appended = Client::new(&server)
            .append_body("application/json", body.into_bytes(), records.len())
            .await;
        assert!(matches!(appended, Outcome::Acknowledged(_)), "{appended:?}");
        server.kill9();

        server = place.serve();
        let scan = "/scan?key=k&format=text&limit=1000";
        let page = Client::new(&server).get(scan).await.expect("scanned");
        let values = page.json["values"].as_array().expect("values");
        assert_eq!(values.len() as u64, (life + 1) * RECORDS);
        for (number, value) in (0..).zip(values) {
            assert_eq!(value["valueText"], number.to_string());
            assert_eq!(value.get("headers"), headers(number).as_ref(), "{number}");
        }
    }
}
