//! Appends with `atomic: false`: what became of each part, and what is answered of all.

use serde_json::json;

use super::*;
use crate::http::tests::forwarding::writers::Scripted;

/// A node that serves partition 1 and knows of one that serves partition 0, and the logs of both.
pub(super) fn both() -> (Server, [Arc<LogService<MemoryStore>>; 2]) {
    let zero = node_of(0, &Map::new(None), true, None);
    let log_zero = Arc::clone(&zero.service);
    let one = beside(Some(Arc::new(At(zero))));
    let logs = [log_zero, Arc::clone(&one.service)];
    (one, logs)
}

/// A node that serves partition 1, and takes `there` for the one that serves partition 0.
pub(super) fn beside(there: Option<Arc<dyn Writer>>) -> Server {
    node(&Map::new(there), true)
}

fn records(keys: &[&str]) -> Json {
    let records = keys.iter().enumerate();
    let records = records
        .map(|(place, key)| json!({"keyText": key, "valueText": format!("{place}"), "headers": [{"name": "h", "valueText": ""}]}));
    records.collect()
}

/// A request that need not be atomic, with `more` in it.
fn request(keys: &[&str], more: &Json) -> String {
    let mut request = json!({"records": records(keys), "atomic": false});
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    request.to_string()
}

async fn values(node: &Server, key: &str) -> Vec<String> {
    let query = form_urlencoded(key);
    let page = node
        .get(&format!("/api/v1/log/scan?key={query}&format=text"))
        .await;
    let values = page.json()["values"].as_array().expect("values").clone();
    let text = |value: &Json| value["valueText"].as_str().expect("text").to_owned();
    values.iter().map(text).collect()
}

fn form_urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn each_partition_gets_its_records_in_their_order_and_says_where_they_are() {
    let (node, logs) = both();
    let sent = request(&[ONE, ZERO, ONE, ZERO, ONE], &json!({"awaitDurable": true}));
    let answer = node.append_json(sent.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let parts = |starts: [u64; 2]| {
        json!([
            {"partition": 0, "outcome": "applied", "count": 2, "startSequence": starts[0]},
            {"partition": 1, "outcome": "applied", "count": 3, "startSequence": starts[1]},
        ])
    };
    let expected = json!({"status": "success", "recordsAppended": 5, "startSequence": 0, "parts": parts([0, 0])});
    assert_eq!(answer.json(), expected);
    assert_eq!(node.append_json(sent).await.json()["parts"], parts([2, 3]));
    assert_eq!(values(&node, ZERO).await, ["1", "3", "1", "3"]);
    assert_eq!(values(&node, ONE).await, ["0", "2", "4", "0", "2", "4"]);
    let tips = logs.map(|log| log.watermarks().tip.get());
    assert_eq!(tips, [4, 6]);
}

#[tokio::test]
async fn an_append_of_one_partition_is_answered_in_the_same_form() {
    let expected = |partition: u32, start: u64| {
        json!({
            "status": "success", "recordsAppended": 2, "startSequence": 0,
            "parts": [{"partition": partition, "outcome": "applied", "count": 2, "startSequence": start}]
        })
    };
    let (node, _) = both();
    for (key, partition) in [(ZERO, 0), (ONE, 1)] {
        for start in [0, 2] {
            let answer = node.append_json(request(&[key, key], &json!({}))).await;
            assert_eq!(answer.json(), expected(partition, start));
        }
    }
    let single = memory_server();
    for start in [0, 2] {
        let answer = single.append_json(request(&[ONE, ZERO], &json!({}))).await;
        assert_eq!(answer.json(), expected(0, start));
    }
    let condition = json!({"preconditions": [{"keyText": ONE, "noRecordSince": 0}]});
    let refused = single.append_json(request(&[ONE, ZERO], &condition)).await;
    refused.error(409, "conflict");
    let part = &refused.json()["parts"][0];
    assert_eq!(
        (&part["outcome"], &part["count"]),
        (&json!("refused"), &json!(2))
    );
    assert_eq!(part["conflict"]["lastSequence"], 2);
}

#[tokio::test]
async fn it_can_be_sent_and_answered_as_protobuf() {
    let (node, _) = both();
    let record = |key: &str| proto::Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some("v".into()),
        headers: Vec::new(),
    };
    let sent = proto::AppendRequest {
        records: vec![record(ONE), record(ZERO)],
        atomic: Some(false),
        ..Default::default()
    };
    let headers = [
        ("content-type", "application/protobuf"),
        ("accept", "application/protobuf"),
    ];
    let append = || post("/api/v1/log/append", &headers).body(sent.encode_to_vec());
    let answer = proto::AppendResponse::decode(node.send(append()).await.body).expect("an answer");
    let starts: Vec<_> = answer
        .parts
        .iter()
        .map(|part| (part.partition, part.start_sequence))
        .collect();
    assert_eq!(starts, [(0, Some(0)), (1, Some(0))]);
    let alone = beside(None);
    let refused = alone.send(append()).await;
    let error = proto::ErrorResponse::decode(refused.body).expect("an error");
    assert_eq!(error.code, "partly_applied");
    assert_eq!(error.parts[0].code.as_deref(), Some("unavailable"));
}

#[tokio::test]
async fn a_part_that_its_precondition_refuses_leaves_the_others_applied() {
    let (node, logs) = both();
    node.append(ZERO, &["first"]).await;
    let condition = json!({
        "preconditions": [{"keyText": ZERO, "noRecordSince": 0}, {"keyText": ONE, "noRecordSince": 0}],
        "cursors": [{"name": ONE, "position": 1, "expected": 0}],
    });
    let answer = node.append_json(request(&[ZERO, ONE], &condition)).await;
    let message = answer.error(409, "partly_applied");
    assert!(message.contains("1 of 2 parts were applied"), "{message}");
    assert!(message.contains("partition 0"), "{message}");
    assert!(!answer.headers.contains_key("retry-after"));
    let parts = &answer.json()["parts"];
    assert_eq!(parts[0]["outcome"], "refused");
    assert_eq!(parts[0]["code"], "conflict");
    assert_eq!(parts[0]["conflict"]["lastSequence"], 0);
    let document = node.get("/openapi.json").await.json();
    let responses = &document["paths"]["/api/v1/log/append"]["post"]["responses"];
    let examples = &responses["409"]["content"]["application/json"]["examples"];
    let shown = &examples["partly_applied"]["value"];
    let fields = |of: &Json| {
        of.as_object()
            .map(|of| of.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(fields(&answer.json()), fields(shown));
    assert_eq!(fields(&parts[1]), fields(&shown["parts"][0]));
    assert_eq!(
        parts[1],
        json!({"partition": 1, "outcome": "applied", "count": 1, "startSequence": 0})
    );
    assert_eq!(logs.map(|log| log.watermarks().tip.get()), [1, 1]);
    let cursor = node.get(&format!("/api/v1/log/cursors/{ONE}")).await;
    assert_eq!(cursor.json()["position"], 1);
    // Now nothing is applied, and the answer is that of the first part.
    let answer = node.append_json(request(&[ZERO, ONE], &condition)).await;
    let message = answer.error(409, "conflict");
    assert!(message.contains("no other part was applied"), "{message}");
    assert_eq!(
        answer.json()["conflict"],
        answer.json()["parts"][0]["conflict"]
    );
    assert_eq!(answer.json()["parts"][1]["code"], "conflict");
}

#[tokio::test]
async fn what_cannot_be_split_is_refused_before_anything_is_sent() {
    let (node, logs) = both();
    let producer = json!({"producer": {"id": "p", "epoch": 0, "sequence": 0}});
    let elsewhere = json!({"preconditions": [{"keyText": ZERO, "noRecordSince": 0}]});
    let cursor = json!({"cursors": [{"name": ZERO, "position": 0}]});
    for (more, what) in [
        (&producer, "producer"),
        (&elsewhere, "precondition"),
        (&cursor, "the cursor"),
        (&json!({"atomic": "no"}), "atomic: "),
    ] {
        let refused = node.append_json(request(&[ONE, ONE], more)).await;
        let message = refused.error(400, "invalid_argument");
        assert!(message.contains(what), "{message}");
        assert!(refused.json().get("parts").is_none());
    }
    let single = memory_server();
    let refused = single.append_json(request(&[ONE], &producer)).await;
    refused.error(400, "invalid_argument");
    for atomic in [json!(null), json!(true)] {
        let whole = node
            .append_json(request(&[ONE, ZERO], &json!({"atomic": atomic})))
            .await;
        whole.error(400, "spans_partitions");
    }
    let named = post("/api/v1/log/append?partition=1", &[]).body(request(&[ONE, ZERO], &json!({})));
    let message = node.send(named).await.error(400, "invalid_argument");
    assert!(message.contains("partition 0, not in 1"), "{message}");
    assert_eq!(logs.map(|log| log.watermarks().tip.get()), [0, 0]);
}

#[tokio::test]
async fn a_session_refuses_it() {
    let (node, ..) = two_nodes();
    let single = memory_server();
    for server in [&node, &single] {
        let mut session = Session::open(server).await;
        let record = proto::Record {
            key: Some(ONE.into()),
            value: Some("v".into()),
            headers: Vec::new(),
        };
        let request = proto::AppendRequest {
            records: vec![record],
            atomic: Some(false),
            ..Default::default()
        };
        session.send(request.encode_length_delimited_to_vec());
        let (code, message) = session.refusal().await;
        assert_eq!(code, "invalid_argument");
        assert!(message.contains("session"), "{message}");
        assert_eq!(session.answer().await, None);
    }
}

#[tokio::test]
async fn a_part_that_nobody_serves_is_refused_in_time() {
    let node = beside(None);
    let answer = node.append_json(request(&[ZERO, ONE], &json!({}))).await;
    answer.error(409, "partly_applied");
    assert_eq!(answer.json()["parts"][0]["code"], "unavailable");
    let answer = node.append_json(request(&[ZERO], &json!({}))).await;
    let message = answer.error(503, "unavailable");
    assert!(message.contains("nothing was applied"), "{message}");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["parts"][0]["outcome"], "refused");
}

#[tokio::test]
async fn a_part_without_an_answer_that_says_what_became_of_it_is_unknown() {
    let nothing = Scripted::default();
    let page = Scripted::answering(502, &[("content-type", "text/html")], "<html>");
    let other = Scripted::answering(200, &[("content-type", "text/html")], "<html>");
    let empty = Scripted::answering(503, &[], "");
    let nothing_said = Scripted::answering(200, &[], "");
    let lost = Scripted {
        answer: Some(Err(Lost::Unknown("the connection broke".to_owned()))),
        ..Scripted::default()
    };
    for writer in [nothing, page, other, empty, nothing_said, lost] {
        let seen = Arc::clone(&writer.seen);
        let node = beside(Some(Arc::new(writer)));
        let answer = node.append_json(request(&[ZERO, ONE], &json!({}))).await;
        let message = answer.error(504, "deadline_exceeded");
        assert!(!message.contains("nothing was applied"), "{message}");
        let parts = &answer.json()["parts"];
        assert_eq!(parts[0]["outcome"], "unknown", "{message}");
        assert_eq!(parts[1]["outcome"], "applied");
        assert_eq!(seen.lock().len(), 1);
    }
}
