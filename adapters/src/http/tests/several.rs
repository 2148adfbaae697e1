//! Reads of several keys: by prefix and by lists of keys, with `GET` and `POST`.

use futures::{FutureExt, StreamExt};
use prost::Message;
use serde_json::json;

use super::*;
use crate::http::proto;

const SCAN: &str = "/api/v1/log/scan";
const STREAM: &str = "/api/v1/log/stream";

async fn filled() -> Server {
    let server = memory_server();
    for key in ["a/1", "b", "a/2", "a/1", "c"] {
        server.append(key, &["v"]).await;
    }
    server
}

async fn post_json(server: &Server, path: &str, body: Json) -> Answer {
    server.send(post(path, &[]).body(body.to_string())).await
}

/// Sequences and keys of a page.
fn named(page: &Json) -> Vec<(u64, &str)> {
    let values = page["values"].as_array().expect("values").iter();
    let named = values.map(|value| {
        let sequence = value["sequence"].as_u64().expect("a sequence");
        (sequence, value["keyText"].as_str().expect("a key"))
    });
    named.collect()
}

#[tokio::test]
async fn several_keys_are_read_in_one_order_however_they_are_named() {
    let server = filled().await;
    let a = [(0, "a/1"), (2, "a/2"), (3, "a/1")];
    for (query, body, expected) in [
        ("prefix=a/", json!({"prefixText": "a/"}), &a[..]),
        ("prefix_base64=YS8", json!({"prefix": "YS8="}), &a),
        ("keys=a/1&keys=a/2", json!({"keysText": ["a/1", "a/2"]}), &a),
        (
            "keys=a/2&keys_base64=YS8x&keys=none",
            json!({"keysText": ["a/2", "none"], "keys": ["YS8x"], "key": null}),
            &a,
        ),
        (
            "keys=b&start_seq=1&end_seq=4",
            json!({"keysText": ["b"], "startSeq": 1, "end_seq": 4}),
            &[(1, "b")],
        ),
        (
            "prefix=&limit=2&start_seq=1&visibility=durable",
            json!({"prefix": "", "limit": "2", "startSeq": 1, "visibility": "durable"}),
            &[(1, "b"), (2, "a/2")],
        ),
        ("prefix=x", json!({"prefixText": "x"}), &[]),
    ] {
        let got = server.get(&format!("{SCAN}?{query}&format=text")).await;
        let mut body = body;
        body["format"] = json!("text");
        let posted = post_json(&server, SCAN, body.clone()).await;
        assert_eq!(got.line(), posted.line(), "{query}");
        assert_eq!(named(&got.json()), expected, "{query}");
        assert_eq!(got.json()["keyText"], "", "{query}");
    }
    let page = server.get(&format!("{SCAN}?prefix=a/&limit=2")).await;
    let page = page.json();
    assert_eq!(
        (&page["key"], &page["nextSequence"]),
        (&json!(""), &json!(3))
    );
    assert_eq!(page["values"][1]["key"], "YS8y");
    let of_one = post_json(&server, SCAN, json!({"keyText": "a/1"}))
        .await
        .json();
    assert_eq!(of_one["key"], "YS8x");
    assert!(of_one["values"][0].get("key").is_none());
}

#[tokio::test]
async fn both_formats_of_a_request_ask_for_the_same() {
    let server = filled().await;
    let request = proto::ScanRequest {
        keys: vec!["a/1".into(), "b".into()],
        start_seq: Some(1),
        limit: Some(5),
        follow: Some(true),
        timeout_ms: Some(5),
        start_time_ms: Some(1),
        visibility: Some("memory".to_owned()),
        ..proto::ScanRequest::default()
    };
    let headers = [
        ("content-type", "application/protobuf"),
        ("accept", "application/protobuf"),
    ];
    let answer = server
        .send(post(SCAN, &headers).body(request.encode_to_vec()))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let page = proto::ScanResponse::decode(answer.body).expect("the message");
    let named = page.values.iter().map(|value| {
        let key = value.key.clone().expect("a key");
        (value.sequence, key)
    });
    let expected = [(1, "b"), (3, "a/1")].map(|(sequence, key)| (sequence, key.into()));
    assert_eq!(named.collect::<Vec<(u64, Bytes)>>(), expected);
    let json = serde_json::to_string(&request).expect("JSON");
    let answer = server.send(post(SCAN, &[]).body(json)).await.json();
    assert_eq!(answer["values"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn what_names_no_selection_or_two_is_refused() {
    let server = filled().await;
    let many = "keys=k&".repeat(1_001);
    let long = format!("prefix={}", "p".repeat(10_000));
    for (query, status, code, says) in [
        ("", 400, "invalid_argument", "key: missing (or key_base64)"),
        (
            "key=a&prefix=a",
            400,
            "invalid_argument",
            "exclude each other",
        ),
        (
            "key=a&keys=a",
            400,
            "invalid_argument",
            "exclude each other",
        ),
        (
            "keys=a&prefix=",
            400,
            "invalid_argument",
            "exclude each other",
        ),
        (
            "prefix=a&prefix_base64=YQ",
            400,
            "invalid_argument",
            "prefix and prefix_base64 exclude each other",
        ),
        (
            "keys=a&keys=",
            400,
            "invalid_argument",
            "keys[1]: a key must",
        ),
        (
            "keys_base64=!",
            400,
            "invalid_argument",
            "keys_base64: expected base64",
        ),
        (
            &many,
            400,
            "invalid_argument",
            "keys: there are 1001 keys, at most 1000",
        ),
        (&long, 413, "too_large", "prefix: prefix in bytes is 10000"),
    ] {
        for path in [SCAN, STREAM] {
            let answer = server.get(&format!("{path}?{query}")).await;
            let message = answer.error(status, code);
            assert!(message.contains(says), "{query}: {message}");
        }
    }
    for (body, says) in [
        ("{}", "key: missing"),
        ("[]", "an object with `key`, `keys` or `prefix`"),
        (r#"{"keys":[]}"#, "key: missing"),
        (r#"{"keys":["a/="]}"#, "keys is not base64"),
        (r#"{"keys":"YQ"}"#, "a list of keys"),
        (r#"{"keys":[null]}"#, "must not be null"),
        (
            r#"{"keyText":"a","key":"YQ"}"#,
            "key and keyText exclude each other",
        ),
        (
            r#"{"keyText":"a","prefixText":"a"}"#,
            "key, keys and prefix exclude",
        ),
        (r#"{"keyText":"a","keyText":"a"}"#, "given more than once"),
        (r#"{"prefx":"a"}"#, "did you mean prefix?"),
        (
            r#"{"keyText":"a","visibility":"all"}"#,
            "visibility: expected memory or durable",
        ),
        (
            r#"{"keyText":"a","startTimeMs":-1}"#,
            "startTimeMs must be a whole number",
        ),
        (
            r#"{"keyText":"a","startSeq":2,"endSeq":1}"#,
            "must not be greater",
        ),
        (r#"{"keyText":"a"} x"#, "trailing"),
    ] {
        for path in [SCAN, STREAM] {
            let answer = server.send(post(path, &[]).body(body)).await;
            let message = answer.error(400, "invalid_argument");
            assert!(message.contains(says), "{body}: {message}");
        }
    }
    let many = json!({"keysText": vec!["k"; 1_001]});
    let message = post_json(&server, SCAN, many).await;
    let message = message.error(400, "invalid_argument");
    assert!(message.contains("more than 1000 keys"), "{message}");
    for field in [
        json!({"limit": 1}),
        json!({"follow": true}),
        json!({"timeoutMs": 1}),
    ] {
        let mut body = field;
        body["prefix"] = json!("");
        let message = post_json(&server, STREAM, body).await;
        let message = message.error(400, "invalid_argument");
        assert!(message.contains("a stream follows"), "{message}");
    }
    for body in [
        &[0x7a][..],
        b"\x7a\x00",
        b"\x0a\x05a",
        b"\x08\x00",
        b"\x22\x00",
        b"\x52\x03all",
    ] {
        let request = post(SCAN, &[("content-type", "application/protobuf")]);
        let answer = server.send(request.body(body.to_vec())).await;
        answer.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn a_stream_of_several_keys_goes_on_after_its_last_event() {
    let server = filled().await;
    let open = async |request: Request| {
        let response = server.response(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        Box::pin(response.into_body().into_bytes_stream())
    };
    let text = |chunk: Option<std::io::Result<Bytes>>| {
        let chunk = chunk.expect("an event").expect("a chunk");
        String::from_utf8(chunk.to_vec()).expect("UTF-8")
    };
    let last = [("last-event-id", "0")];
    let body = json!({"prefixText": "a/", "format": "text"}).to_string();
    let requests = [
        get(&format!("{STREAM}?prefix=a/&format=text"), &last),
        get(&format!("{STREAM}?keys=a/1&keys=a/2&format=text"), &last),
        post(STREAM, &last).body(body),
    ];
    for request in requests {
        let tip = server.service.watermarks().tip;
        let mut stream = open(request).await;
        let there = text(stream.next().await);
        assert!(
            there.starts_with("id: 2\ndata: {\"sequence\":2,"),
            "{there}"
        );
        assert!(there.contains("\"keyText\":\"a/2\""), "{there}");
        assert!(stream.next().now_or_never().is_none());
        server.append("b", &["x"]).await;
        assert!(stream.next().now_or_never().is_none());
        server.append("a/2", &["x"]).await;
        let come = text(stream.next().await);
        let expected = format!("id: {}\n", tip.get() + 1);
        assert!(come.starts_with(&expected), "{come}");
    }
}

#[tokio::test]
async fn a_scan_waits_for_the_first_record_of_several_keys() {
    let server = filled().await;
    let uri = format!("{SCAN}?prefix=n/&follow=true&format=text");
    let waiting = server.get(&uri);
    let append = async {
        tokio::task::yield_now().await;
        server.append("m", &["x"]).await;
        server.append("n/1", &["x"]).await;
    };
    let (page, ()) = futures::join!(waiting, append);
    assert_eq!(named(&page.json()), [(6, "n/1")]);
}
