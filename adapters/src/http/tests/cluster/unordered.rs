//! Scans with `order=none`, of all partitions and of a log that has one.

use std::collections::BTreeMap;

use serde_json::json;

use super::split::{beside, both};
use super::*;
use crate::http::tests::forwarding::writers::Scripted;
use crate::http::wire::scan_query;

const SCAN: &str = "/api/v1/log/scan?format=text&order=none&prefix=";

/// The values of each partition's key that pages of up to `limit` records have, with the number of pages. Each page continues where the one before ended.
async fn pages(node: &Server, uri: &str, limit: usize) -> (BTreeMap<String, Vec<String>>, usize) {
    let (mut read, mut positions) = (BTreeMap::<_, Vec<_>>::new(), String::new());
    for number in 1.. {
        let page = node
            .get(&format!("{uri}&limit={limit}&positions={positions}"))
            .await
            .json();
        let values = page["values"].as_array().expect("values");
        assert!(values.len() <= limit, "{page}");
        assert_eq!(
            (&page["key"], &page["nextSequence"]),
            (&json!(null), &json!(0))
        );
        for value in values {
            let text = |name: &str| value[name].as_str().expect("text").to_owned();
            read.entry(text("keyText"))
                .or_default()
                .push(text("valueText"));
        }
        positions = asked(&page["positions"]);
        if page["more"] != true {
            return (read, number);
        }
        assert_eq!(values.len(), limit, "{page}");
    }
    unreachable!("pages without an end")
}

/// Positions as a query has them.
fn asked(positions: &Json) -> String {
    let positions = positions.as_array().expect("positions").iter();
    let pairs =
        positions.map(|position| format!("{}:{}", position["partition"], position["nextSequence"]));
    pairs.collect::<Vec<_>>().join(",")
}

fn numbers(below: usize) -> Vec<String> {
    (0..below).map(|number| number.to_string()).collect()
}

async fn fill(node: &Server, of_one: usize, of_zero: usize) {
    for (key, count) in [(ONE, of_one), (ZERO, of_zero)] {
        let values = numbers(count);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        node.append(key, &values).await;
    }
}

#[tokio::test]
async fn page_by_page_all_partitions_are_read_once_each_in_its_order() {
    let (node, _) = both();
    fill(&node, 7, 4).await;
    let expected = BTreeMap::from([(ONE.to_owned(), numbers(7)), (ZERO.to_owned(), numbers(4))]);
    for (limit, least) in [(1, 11), (2, 6), (3, 4), (11, 1), (100, 1)] {
        let (read, pages) = pages(&node, SCAN, limit).await;
        assert_eq!(read, expected, "{limit}");
        // A page that is full at the end of the log does not know yet that it is the last.
        assert!((least..=least + 2).contains(&pages), "{limit}: {pages}");
    }
    // What is appended later is read from there.
    let end = node.get(SCAN).await.json();
    assert_eq!(
        end["positions"],
        json!([{"partition": 0, "nextSequence": 4}, {"partition": 1, "nextSequence": 7}])
    );
    node.append(ONE, &["new"]).await;
    let positions = asked(&end["positions"]);
    let next = node
        .get(&format!("{SCAN}&positions={positions}"))
        .await
        .json();
    assert_eq!(next["values"].as_array().map(Vec::len), Some(1), "{next}");
    assert_eq!(next["values"][0]["valueText"], "new");
}

#[tokio::test]
async fn each_page_has_some_of_each_partition() {
    let (node, _) = both();
    fill(&node, 20, 20).await;
    let page = node.get(&format!("{SCAN}&limit=10")).await.json();
    let reached = json!([{"partition": 0, "nextSequence": 5}, {"partition": 1, "nextSequence": 5}]);
    assert_eq!(page["positions"], reached);
    // One at a time, they take turns.
    let mut positions = String::new();
    for number in 0..4 {
        let page = node
            .get(&format!("{SCAN}&limit=1&positions={positions}"))
            .await
            .json();
        let key = if number % 2 == 0 { ZERO } else { ONE };
        assert_eq!(page["values"][0]["keyText"], key);
        positions = asked(&page["positions"]);
    }
}

#[tokio::test]
async fn a_page_is_full_at_the_byte_limit_of_one_log_and_others_are_read_later() {
    let (node, _) = both();
    let value = "v".repeat(3 << 20);
    for key in [ONE, ZERO] {
        node.append(key, &[&value, &value, &value]).await;
    }
    let (mut records, mut positions) = (0, String::new());
    for more in [true, true, false] {
        let page = node
            .get(&format!("{SCAN}&limit=1000&positions={positions}"))
            .await
            .json();
        let values = page["values"].as_array().expect("values").len();
        assert_eq!((values, page["more"] == true), (2, more));
        records += values;
        positions = asked(&page["positions"]);
    }
    assert_eq!(records, 6);
}

#[tokio::test]
async fn a_body_says_the_same_and_takes_positions_as_they_were_answered() {
    let (node, _) = both();
    let record =
        json!({"keyText": ONE, "valueText": "v", "headers": [{"name": "h", "valueText": "x"}]});
    let sent = json!({"records": [record, {"keyText": ZERO, "valueText": ""}], "atomic": false});
    node.append_json(sent.to_string()).await.json();
    let body = json!({"prefixText": "", "order": "none", "format": "text"});
    let asked = post("/api/v1/log/scan", &[]).body(body.to_string());
    let by_body = node.send(asked).await.json();
    assert_eq!(by_body, node.get(SCAN).await.json());
    let request = proto::ScanRequest {
        prefix: Some(Bytes::new()),
        order: Some("none".to_owned()),
        ..Default::default()
    };
    let protobuf = [
        ("content-type", "application/protobuf"),
        ("accept", "application/protobuf"),
    ];
    let send = async |request: proto::ScanRequest| {
        let asked = post("/api/v1/log/scan", &protobuf).body(request.encode_to_vec());
        let answer = node.send(asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        proto::ScanResponse::decode(answer.body).expect("a message")
    };
    let page = send(request.clone()).await;
    assert_eq!(page.values.len(), 2);
    let header = proto::Header {
        name: Some("h".to_owned()),
        value: Some("x".into()),
    };
    assert_eq!(page.values[1].headers, [header]);
    assert_eq!(page.values[1].key.as_deref(), Some(ONE.as_bytes()));
    let positions: Vec<_> = page.positions.clone();
    let rest = send(proto::ScanRequest {
        positions,
        ..request
    })
    .await;
    assert_eq!((rest.values.len(), rest.more), (0, false));
    assert_eq!(rest.positions, page.positions);
    let body = json!({"prefix": "", "order": "none", "positions": by_body["positions"]});
    let asked = post("/api/v1/log/scan", &[]).body(body.to_string());
    assert_eq!(node.send(asked).await.json()["values"], json!([]));
}

#[tokio::test]
async fn a_floor_is_told_with_the_position_of_its_partition() {
    let (node, logs) = both();
    fill(&node, 3, 2).await;
    let before = Trim::BeforeSequence(Sequence::new(2));
    logs[1].trim(before).await.expect("trimmed");
    let page = node.get(SCAN).await.json();
    let positions = json!([{"partition": 0, "nextSequence": 2}, {"partition": 1, "nextSequence": 3, "trimmedBefore": 2}]);
    assert_eq!(page["positions"], positions);
    assert_eq!(page["trimmedBefore"], json!(null));
    let body = json!({"prefix": "", "order": "none", "positions": positions});
    let asked = post("/api/v1/log/scan", &[]).body(body.to_string());
    let next = node.send(asked).await.json();
    let positions =
        json!([{"partition": 0, "nextSequence": 2}, {"partition": 1, "nextSequence": 3}]);
    assert_eq!(next["positions"], positions);
}

#[tokio::test]
async fn a_prefix_with_a_tag_and_a_partition_are_read_alone_and_have_one_position() {
    let (node, _) = both();
    fill(&node, 3, 2).await;
    let tagged = format!("{SCAN}%7Ba%7D");
    let with_partition = format!("{SCAN}&partition=1");
    for (uri, next) in [(&tagged, 3), (&with_partition, 3)] {
        let page = node.get(uri).await.json();
        assert_eq!(
            page["positions"],
            json!([{"partition": 1, "nextSequence": next}])
        );
        let refused = node.get(&format!("{uri}&positions=0:1")).await;
        let message = refused.error(400, "invalid_argument");
        assert!(
            message.contains("reads partition 1, and no other"),
            "{message}"
        );
    }
    let rest = node.get(&format!("{with_partition}&positions=1:2")).await;
    assert_eq!(rest.json()["values"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_log_that_is_not_clustered_has_partition_0() {
    let single = memory_server();
    single.append("a", &["0", "1"]).await;
    single.append("b", &["0"]).await;
    let expected = BTreeMap::from([("a".to_owned(), numbers(2)), ("b".to_owned(), numbers(1))]);
    for limit in [1, 2, 3, 4] {
        assert_eq!(pages(&single, SCAN, limit).await.0, expected);
    }
    let page = single.get(&format!("{SCAN}&limit=2")).await;
    let text = page.line();
    assert!(
        text.ends_with(
            r#""nextSequence":0,"more":true,"positions":[{"partition":0,"nextSequence":2}]}"#
        ),
        "{text}"
    );
    let refused = single.get(&format!("{SCAN}&positions=1:0")).await;
    let message = refused.error(400, "invalid_argument");
    assert!(
        message.contains("positions: 1 is not a partition"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_of_one_partition_is_refused_and_named() {
    let (node, _) = both();
    let single = memory_server();
    for (query, named) in [
        ("prefix=&start_seq=1", "start_seq"),
        ("prefix=&end_seq=1", "end_seq"),
        ("prefix=&follow=true", "follow"),
        ("prefix=&cursor=c", "cursor"),
        ("prefix=&last=1", "last"),
        ("prefix=&at_least=1", "at_least"),
        ("key=a", "key"),
        ("keys=a", "keys"),
        ("", "prefix: missing"),
        ("prefix=&positions=0", "positions: expected"),
        ("prefix=&positions=0:1,0:2", "positions"),
        ("prefix=&positions=9:1", "positions: 9"),
        ("prefix=&limit=0", "limit"),
        ("prefix=&nope=1", "nope"),
    ] {
        for server in [&node, &single] {
            let refused = server
                .get(&format!("/api/v1/log/scan?order=none&{query}"))
                .await;
            let message = refused.error(400, "invalid_argument");
            assert!(message.contains(named), "{query}: {message}");
        }
    }
    for (server, partition) in [(&node, "&partition=1"), (&single, "")] {
        // Generated clients send parameters that they were not given with their default.
        let defaults = "start_seq=0&limit=32&follow=false&timeout_ms=30000&order=sequence";
        let uri = format!("/api/v1/log/scan?prefix=&{defaults}{partition}");
        assert_eq!(server.get(&uri).await.status, StatusCode::OK);
        let uri = format!("/api/v1/log/scan?prefix=&positions=0:1{partition}");
        let message = server.get(&uri).await.error(400, "invalid_argument");
        assert!(message.contains("only with order=none"), "{message}");
        let uri = format!("/api/v1/log/scan?prefix=&order=any{partition}");
        let message = server.get(&uri).await.error(400, "invalid_argument");
        assert!(
            message.contains("order: expected sequence or none"),
            "{message}"
        );
        let body = json!({"prefix": "", "order": "none"}).to_string();
        let uri = "/api/v1/log/stream";
        let message = server.send(post(uri, &[]).body(body)).await;
        let message = message.error(400, "invalid_argument");
        assert!(message.contains("follow each partition"), "{message}");
    }
    let stream = node.get("/api/v1/log/stream?prefix=&order=none").await;
    let message = stream.error(400, "invalid_argument");
    assert!(message.contains("follow each partition"), "{message}");
}

#[tokio::test]
async fn what_a_partition_refuses_is_the_answer_of_all() {
    let alone = node(&Map::new(None), true);
    let message = alone.get(SCAN).await.error(503, "unavailable");
    assert!(message.contains("partition 0"), "{message}");
    // A node that answers something else is no partition.
    let other = Scripted::answering(200, &[("content-type", "text/html")], "<html>");
    let beside = beside(Some(Arc::new(other)));
    let message = beside.get(SCAN).await.error(503, "unavailable");
    assert!(message.contains("partition 0 cannot be read"), "{message}");
}

#[tokio::test]
async fn a_node_takes_the_parameters_of_a_scan_that_the_document_has() {
    let document = memory_server().get("/openapi.json").await.json();
    let parameters = &document["paths"]["/api/v1/log/scan"]["get"]["parameters"];
    let parameters = parameters.as_array().expect("parameters").iter();
    let mut documented: Vec<_> = parameters
        .map(|parameter| parameter["name"].as_str().expect("a name"))
        .collect();
    let mut known = scan_query::NAMES;
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}
