//! Trims of a log whose server is killed, stopped and started again.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::place::Place;

/// Reads events until there are `count`.
async fn events(response: &mut reqwest::Response, count: usize) -> Vec<String> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let chunk = response.chunk().await.expect("an open stream");
        text.push_str(std::str::from_utf8(&chunk.expect("an event")).expect("UTF-8"));
    }
    text.split_terminator("\n\n").map(str::to_owned).collect()
}

async fn get(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.expect("answered");
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    answer.json
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_trimmed_stays_trimmed_after_a_kill_and_readers_are_told() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    for i in 0..4 {
        let first = client.append_one("k", &i.to_string(), false).await;
        assert_eq!(first, 2 * i);
        client.append_one("other", "v", false).await;
    }
    client.append_one("old", "v", false).await;
    client.append_one("k", "last", false).await;
    let mut follower = client.stream("/stream?key=k&start_seq=6").await;
    assert_eq!(events(&mut follower, 2).await.len(), 2);
    let answer = client.trim(json!({"beforeSequence": 11})).await;
    assert_eq!(
        (answer.status, &answer.json["code"]),
        (400, &"invalid_argument".into())
    );
    let message = answer.json["message"].as_str().expect("a message");
    assert!(message.contains("the end of the log, 10"), "{message}");
    let answer = client.trim(json!({"beforeSequence": 5})).await;
    let trimmed = json!({"status": "success", "trimmedBefore": 5});
    assert_eq!((answer.status, &answer.json), (200, &trimmed));
    // Killed at once: the answer came when the floor was durable, and everything below it is.
    server.kill9();

    let server = place.serve();
    let client = Client::new(&server);
    let page = get(&client, "/scan?key=k").await;
    assert_eq!(page["trimmedBefore"], 5);
    assert_eq!(page["values"][0]["sequence"], 6);
    assert_eq!(
        get(&client, "/count?key=k").await,
        json!({"status": "success", "count": 2, "trimmedBefore": 5})
    );
    assert!(
        get(&client, "/scan?key=k&start_seq=5")
            .await
            .get("trimmedBefore")
            .is_none()
    );
    let mut stream = client.stream("/stream?key=k&start_seq=2").await;
    let told = events(&mut stream, 3).await;
    assert_eq!(told[0], "event: trimmed\ndata: {\"trimmedBefore\":5}");
    assert!(
        told[1].starts_with("id: 6\n") && told[2].starts_with("id: 9\n"),
        "{told:?}"
    );
    // A trim is the only thing that this server has written, and the next one is trimmed even further.
    assert_eq!(
        client.trim(json!({"beforeSequence": 4})).await.json,
        trimmed
    );
    let answer = client.trim(json!({"beforeSequence": 9})).await;
    assert_eq!(answer.json["trimmedBefore"], 9);
    server.kill9();

    let server = place.serve();
    let client = Client::new(&server);
    assert_eq!(client.all_keys(1).await, [b"k"]);
    // It takes nothing of what was there for new, and continues after it.
    let next = client.append_one("old", "v", true).await;
    assert!(next >= 10, "{next}");
    assert_eq!(client.all_keys(1).await, [&b"k"[..], b"old"]);
    let rust = opendata_log::LogClient::builder(server.url()).no_proxy();
    let rust = rust.build().expect("a client");
    assert_eq!(rust.trim_before(7).await.expect("trimmed"), 9);
    assert_eq!(rust.trim_before_time(1).await.expect("trimmed"), 9);
    let mut records = rust.tail("k", 3);
    let record = records.next().await.expect("open").expect("a record");
    assert_eq!((record.sequence, records.trimmed_before()), (9, Some(9)));
    let soon = json!({"beforeTimeMs": 9_000_000_000_000_u64});
    let answer = client.trim(soon).await;
    assert_eq!(answer.status, 400, "{}", answer.json);
    let page = get(&client, "/scan?key=old").await;
    let time = page["values"][0]["timestampMs"].as_i64().expect("a time");
    let answer = client.trim(json!({"beforeTimeMs": time})).await;
    assert_eq!(answer.json["trimmedBefore"], 9, "all in one segment");
    assert_eq!(client.count(b"old").await, 1);
}
