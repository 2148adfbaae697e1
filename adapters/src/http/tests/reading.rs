//! `scan`, `keys`, `segments` and `count`: parameters, both formats, and following.

use prost::Message;

use super::*;
use crate::http::proto;

async fn get_protobuf<M: Message + Default>(server: &Server, uri: &str) -> M {
    let answer = server
        .send(get(uri, &[("accept", "application/x-protobuf")]))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/protobuf");
    M::decode(answer.body).expect("the message")
}

#[tokio::test]
async fn both_formats_say_the_same() {
    let server = memory_server();
    server.append("a", &["one", ""]).await;
    server.append("b", &["two"]).await;
    server.append("a", &["three"]).await;

    let json = server.get("/api/v1/log/scan?key=a").await.json();
    let scan: proto::ScanResponse = get_protobuf(&server, "/api/v1/log/scan?key=a").await;
    assert_eq!(scan.status, "success");
    assert_eq!(json["status"], "success");
    assert_eq!(scan.key, "a");
    assert_eq!(json["key"], "YQ==");
    assert_eq!(scan.next_sequence, 4);
    assert_eq!(json["nextSequence"], 4);
    let sequences: Vec<u64> = scan.values.iter().map(|value| value.sequence).collect();
    assert_eq!(sequences, [0, 1, 3]);
    let values: Vec<&[u8]> = scan.values.iter().map(|value| &*value.value).collect();
    assert_eq!(values, [&b"one"[..], b"", b"three"]);
    for (value, json) in scan
        .values
        .iter()
        .zip(json["values"].as_array().expect("values"))
    {
        assert_eq!(json["sequence"], value.sequence);
        assert_eq!(json["timestampMs"], value.timestamp_ms);
        assert!(value.timestamp_ms > 1_600_000_000_000);
    }
    assert_eq!(json["values"][0]["value"], "b25l");

    let json = server.get("/api/v1/log/keys").await;
    assert_eq!(
        json.line(),
        r#"{"status":"success","keys":[{"key":"YQ=="},{"key":"Yg=="}]}"#
    );
    let keys: proto::KeysResponse = get_protobuf(&server, "/api/v1/log/keys?limit=1").await;
    assert_eq!(
        (keys.keys.len(), keys.next_start_after),
        (1, Some("a".into()))
    );

    let json = server.get("/api/v1/log/segments").await.json();
    let segments: proto::SegmentsResponse = get_protobuf(&server, "/api/v1/log/segments").await;
    assert_eq!(segments.segments.len(), 1);
    assert_eq!(json["segments"][0]["id"], segments.segments[0].id);
    assert_eq!(json["segments"][0]["startSeq"], 0);
    assert_eq!(
        json["segments"][0]["startTimeMs"],
        segments.segments[0].start_time_ms
    );

    let json = server.get("/api/v1/log/count?key=a").await;
    assert_eq!(json.line(), r#"{"status":"success","count":3}"#);
    let count: proto::CountResponse =
        get_protobuf(&server, "/api/v1/log/count?key=a&start_seq=1").await;
    assert_eq!(count.count, 2);
}

#[tokio::test]
async fn a_key_with_nothing_is_an_empty_page() {
    let answer = memory_server().get("/api/v1/log/scan?key=none").await;
    assert_eq!(
        answer.line(),
        r#"{"status":"success","key":"bm9uZQ==","values":[],"nextSequence":0}"#
    );
}

#[tokio::test]
async fn pages_lead_through_a_key() {
    let server = memory_server();
    server.append("k", &["0", "1", "2", "3", "4"]).await;
    let page = server
        .get("/api/v1/log/scan?key=k&limit=2&start_seq=1&end_seq=4")
        .await
        .json();
    assert_eq!(page["values"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["nextSequence"], 3);
    let page = server
        .get("/api/v1/log/scan?key=k&limit=2&start_seq=3&end_seq=4")
        .await
        .json();
    assert_eq!(page["values"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["nextSequence"], 4);
    let max = u64::MAX;
    let uri = format!("/api/v1/log/scan?key=k&start_seq={max}&end_seq={max}&limit={max}");
    assert_eq!(server.get(&uri).await.json()["nextSequence"], max);
}

#[tokio::test]
async fn keys_in_the_query_are_percent_encoded_text_or_base64() {
    let server = memory_server();
    for (key, query) in [
        ("a b", "key=a+b"),
        ("a b", "key=a%20b"),
        ("a+b", "key=a%2Bb"),
        ("a\0b", "key=a%00b"),
        ("ä&=", "key=%C3%A4%26%3D"),
        ("ä&=", "key_base64=w6QmPQ=="),
        ("ä&=", "key_base64=w6QmPQ"),
        ("100%", "key=100%"),
        ("~~~???", "key_base64=fn5%2BPz8%2F"),
        ("~~~???", "key_base64=fn5-Pz8_"),
        ("~~~???", "key_base64=fn5+Pz8/"),
        ("k", "%6Bey=k&&="),
    ] {
        server.append(key, &["v"]).await;
        let page = server.get(&format!("/api/v1/log/scan?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}: {page:?}");
        assert!(page.json()["values"][0].is_object(), "{query}: {page:?}");
    }
}

#[tokio::test]
async fn a_binary_key_is_found_by_its_base64() {
    let server = memory_server();
    let body = r#"{"records":[{"key":"/wA=","value":""}]}"#;
    server.append_json(body).await;
    let page = server.get("/api/v1/log/count?key_base64=_wA").await.json();
    assert_eq!(page["count"], 1);
}

#[tokio::test]
async fn listings_are_limited_by_prefix_and_position() {
    let server = memory_server();
    for key in ["a", "b/1", "b/2", "b/3", "c"] {
        server.append(key, &["v"]).await;
    }
    let all = "/api/v1/log/keys?prefix=b/&limit=2";
    let page = server.get(all).await;
    assert_eq!(
        page.line(),
        r#"{"status":"success","keys":[{"key":"Yi8x"},{"key":"Yi8y"}],"nextStartAfter":"Yi8y"}"#
    );
    for rest in [
        "start_after=b/2&prefix=b/",
        "start_after_base64=Yi8y&prefix_base64=Yi8",
    ] {
        let page = server.get(&format!("/api/v1/log/keys?{rest}")).await;
        assert_eq!(
            page.line(),
            r#"{"status":"success","keys":[{"key":"Yi8z"}]}"#
        );
    }
    let none = server.get("/api/v1/log/keys?start_segment=2").await;
    assert_eq!(none.line(), r#"{"status":"success","keys":[]}"#);
}

#[tokio::test]
async fn every_malformed_parameter_is_refused_by_name() {
    let server = memory_server();
    for (path, query, says) in [
        ("scan", "", "key: missing"),
        ("scan", "key=", "key: a key must"),
        ("scan", "key=a&key_base64=YQ", "key and key_base64 exclude"),
        ("scan", "key=a&key=b", "key: given more than once"),
        ("scan", "key=%FF", "key: not UTF-8"),
        ("scan", "key_base64=%21", "key_base64: expected base64"),
        ("scan", "key=a&limit=0", "limit must be at least 1"),
        ("scan", "key=a&limit=-1", "limit: expected a number"),
        (
            "scan",
            "key=a&limit=18446744073709551616",
            "limit: expected a number",
        ),
        ("scan", "key=a&start_seq=x", "start_seq: expected a number"),
        ("scan", "key=a&start_seq=", "start_seq: expected a number"),
        ("scan", "key=a&end_seq=1.5", "end_seq: expected a number"),
        (
            "scan",
            "key=a&start_seq=3&end_seq=2",
            "start_seq (3) must not be greater than end_seq (2)",
        ),
        ("scan", "key=a&follow=yes", "follow: expected true or false"),
        (
            "scan",
            "key=a&timeout_ms=soon",
            "timeout_ms: expected a number",
        ),
        (
            "scan",
            "key=a&start_time_ms=now",
            "start_time_ms: expected a 64-bit number",
        ),
        (
            "scan",
            "key=a&visibility=all",
            "visibility: expected memory or durable",
        ),
        ("keys", "limit=0", "limit must be at least 1"),
        (
            "keys",
            "start_segment=4294967296",
            "start_segment: expected a number",
        ),
        ("keys", "end_segment=x", "end_segment: expected a number"),
        (
            "keys",
            "start_segment=2&end_segment=1",
            "start_segment (2) must not be greater",
        ),
        (
            "keys",
            "prefix=a&prefix_base64=YQ",
            "prefix and prefix_base64 exclude",
        ),
        ("keys", "prefix=%C3", "prefix: not UTF-8"),
        (
            "keys",
            "start_after=a&start_after_base64=YQ",
            "start_after and start_after_base64",
        ),
        (
            "keys",
            "start_after_base64=*",
            "start_after_base64: expected base64",
        ),
        ("segments", "start_seq=x", "start_seq: expected"),
        ("segments", "start_seq=1&end_seq=0", "start_seq (1)"),
        ("count", "", "key: missing"),
        ("count", "key=a&end_seq=x", "end_seq: expected"),
        ("count", "key=a&start_seq=1&end_seq=0", "start_seq (1)"),
        ("stream", "", "key: missing"),
        ("stream", "key=a&visibility=DURABLE", "visibility: expected"),
        ("stream", "key=a&start_seq=1&end_seq=0", "start_seq (1)"),
    ] {
        let answer = server.get(&format!("/api/v1/log/{path}?{query}")).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{path}?{query}: {message}");
    }
    let long = format!("/api/v1/log/scan?key={}", "k".repeat(8 * 1024 + 1));
    assert!(
        server
            .get(&long)
            .await
            .error(413, "too_large")
            .contains("8192")
    );
}

#[tokio::test]
async fn following_answers_at_once_if_there_is_something() {
    let server = memory_server();
    server.append("k", &["v"]).await;
    for timeout_ms in [0, 30_000] {
        let uri = format!("/api/v1/log/scan?key=k&follow=true&timeout_ms={timeout_ms}");
        assert_eq!(server.get(&uri).await.json()["values"][0]["value"], "dg==");
    }
}

#[tokio::test]
async fn following_wakes_for_a_record_of_its_key() {
    let server = memory_server();
    let mut follow = std::pin::pin!(server.get("/api/v1/log/scan?key=k&follow=true"));
    assert!(futures::poll!(&mut follow).is_pending());
    server.append("other", &["v"]).await;
    assert!(futures::poll!(&mut follow).is_pending());
    server.append("k", &["v"]).await;
    let page = follow.await.json();
    assert_eq!(page["values"][0]["sequence"], 1);
    assert_eq!(page["nextSequence"], 2);
}

#[tokio::test(start_paused = true)]
async fn following_ends_empty_after_its_timeout_and_says_where_to_go_on() {
    let server = memory_server();
    server.append("other", &["v", "w"]).await;
    let begun = tokio::time::Instant::now();
    let page = server
        .get("/api/v1/log/scan?key=k&follow=true&timeout_ms=1500")
        .await
        .json();
    assert_eq!(begun.elapsed(), Duration::from_millis(1_500));
    assert_eq!(page["values"], serde_json::json!([]));
    assert_eq!(page["nextSequence"], 2);
}

#[tokio::test(start_paused = true)]
async fn following_waits_no_longer_than_the_server_allows() {
    let begun = tokio::time::Instant::now();
    let uri = format!("/api/v1/log/scan?key=k&follow=true&timeout_ms={}", u64::MAX);
    assert_eq!(memory_server().get(&uri).await.status, StatusCode::OK);
    assert_eq!(begun.elapsed(), Duration::from_secs(300));
}

#[tokio::test]
async fn following_ends_when_the_server_dismisses_followers() {
    let server = memory_server();
    let mut follow = std::pin::pin!(server.get("/api/v1/log/scan?key=k&follow=true"));
    assert!(futures::poll!(&mut follow).is_pending());
    server.service.dismiss_followers();
    assert_eq!(follow.await.json()["values"], serde_json::json!([]));
}

#[tokio::test]
async fn too_many_followers_are_told_to_come_back() {
    let limits = Limits {
        followers: 1,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let mut first = Box::pin(server.get("/api/v1/log/scan?key=k&follow=true"));
    assert!(futures::poll!(&mut first).is_pending());
    for second in ["scan?key=k&follow=true", "stream?key=k"] {
        let answer = server.get(&format!("/api/v1/log/{second}")).await;
        answer.error(429, "overloaded");
        assert_eq!(answer.header("retry-after"), "1");
    }
    drop(first);
    let uri = "/api/v1/log/scan?key=k&follow=true&timeout_ms=0";
    assert_eq!(server.get(uri).await.status, StatusCode::OK);
}

#[tokio::test]
async fn answers_that_nobody_reads_hold_a_bounded_number_of_bytes() {
    let options = HttpOptions {
        answer_bytes: 3_000,
        ..HttpOptions::default()
    };
    let server = memory_server_with(Limits::default(), options);
    server.append("k", &["x".repeat(1_500).as_str()]).await;
    let uri = "/api/v1/log/scan?key=k";
    let unread = server.response(get(uri, &[])).await;
    assert_eq!(unread.status(), StatusCode::OK);
    let answer = server.get(uri).await;
    answer.error(429, "overloaded");
    assert_eq!(answer.header("retry-after"), "1");
    drop(unread);
    assert_eq!(server.get(uri).await.status, StatusCode::OK);
    assert_eq!(server.get(uri).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_thousand_readers_take_turns_and_all_are_answered() {
    let options = HttpOptions {
        answer_bytes: 16 << 20,
        ..HttpOptions::default()
    };
    let server = memory_server_with(Limits::default(), options);
    server.append("k", &["value"]).await;
    let uri = "/api/v1/log/scan?key=k&limit=1";
    let all = futures::future::join_all((0..1_000).map(|_| server.get(uri))).await;
    assert!(all.iter().all(|answer| answer.status == StatusCode::OK));
}
