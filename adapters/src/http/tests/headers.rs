//! Headers of records: both ways in, every way out, and their limits.

use prost::Message;
use serde_json::json;

use super::*;
use crate::http::proto;

const PROTOBUF: (&str, &str) = ("content-type", "application/protobuf");
const ACCEPT_PROTOBUF: (&str, &str) = ("accept", "application/protobuf");

fn header(name: &str, value: &'static [u8]) -> proto::Header {
    proto::Header {
        name: Some(name.to_owned()),
        value: Some(value.into()),
    }
}

async fn append_protobuf(server: &Server, headers: Vec<proto::Header>) -> Answer {
    let record = proto::Record {
        key: Some("k".into()),
        value: Some("v".into()),
        headers,
    };
    let request = proto::AppendRequest {
        records: vec![record],
        await_durable: false,
        ..Default::default()
    };
    let body = request.encode_to_vec();
    let post = post("/api/v1/log/append", &[PROTOBUF]);
    server.send(post.body(body)).await
}

async fn append_headers(server: &Server, headers: impl std::fmt::Display) -> Answer {
    let record = format!(r#"{{"keyText":"k","headers":{headers},"valueText":"v"}}"#);
    let body = format!(r#"{{"records":[{record}]}}"#);
    server.append_json(body).await
}

/// A server with three records of the key `k`: one without headers between two that have the same ones, sent in both formats.
async fn three_records() -> Server {
    let server = memory_server();
    let headers = r#"[{"name":"trace","value":"/wA="},{"value_text":"größe","name":"b"},{"name":"b","valueText":"","value":null}]"#;
    let answer = append_headers(&server, headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    server.append("k", &["v"]).await;
    let headers = vec![
        header("trace", b"\xff\0"),
        header("b", "größe".as_bytes()),
        header("b", b""),
    ];
    let answer = append_protobuf(&server, headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    server
}

#[tokio::test]
async fn both_formats_take_headers_and_answer_them() {
    let server = three_records().await;
    let scan = server.get("/api/v1/log/scan?key=k").await.json();
    let expected = json!([
        {"name": "trace", "value": "/wA="},
        {"name": "b", "value": "Z3LDtsOfZQ=="},
        {"name": "b", "value": ""},
    ]);
    let values = scan["values"].as_array().expect("values");
    assert_eq!(values.len(), 3);
    assert_eq!(values[0]["headers"], expected);
    assert_eq!(values[1].get("headers"), None, "{}", values[1]);
    assert_eq!(values[2]["headers"], expected);

    let scan = get("/api/v1/log/scan?key=k", &[ACCEPT_PROTOBUF]);
    let scan = proto::ScanResponse::decode(server.send(scan).await.body).expect("a ScanResponse");
    let expected = [
        header("trace", b"\xff\0"),
        header("b", "größe".as_bytes()),
        header("b", b""),
    ];
    let headers: Vec<_> = scan.values.iter().map(|value| &value.headers[..]).collect();
    assert_eq!(headers, [&expected[..], &[], &expected]);
}

#[tokio::test]
async fn headers_that_are_text_are_answered_as_text_when_text_is_asked_for() {
    let server = three_records().await;
    let scan = server.get("/api/v1/log/scan?key=k&format=text").await;
    let expected = json!([
        {"name": "trace", "value": "/wA="},
        {"name": "b", "valueText": "größe"},
        {"name": "b", "valueText": ""},
    ]);
    assert_eq!(scan.json()["values"][0]["headers"], expected);
}

#[tokio::test]
async fn a_stream_has_the_headers_of_each_record() {
    let server = three_records().await;
    for format in ["base64", "text"] {
        let uri = format!("/api/v1/log/scan?key=k&format={format}");
        let scan = server.get(&uri).await.json();
        let uri = format!("/api/v1/log/stream?key=k&end_seq=3&format={format}");
        let stream = server.get(&uri).await;
        let text = String::from_utf8(stream.body.to_vec()).expect("UTF-8");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let data: Vec<Json> = data
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect();
        assert_eq!(Json::from(data), scan["values"]);
    }
}

#[tokio::test]
async fn an_empty_list_of_headers_is_no_headers() {
    let server = memory_server();
    for none in ["null", "[]"] {
        let answer = append_headers(&server, none).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let scan = server.get("/api/v1/log/scan?key=k").await.json();
    for value in scan["values"].as_array().expect("values") {
        assert_eq!(value.get("headers"), None, "{value}");
    }
}

#[tokio::test]
async fn malformed_headers_are_refused_and_say_where() {
    let server = memory_server();
    let good = r#"{"name":"a","value":""}"#;
    for (headers, says) in [
        ("7".to_owned(), "expected a list of headers"),
        ("[null]".to_owned(), "record[0]: header[0]: "),
        (
            format!("[{good},{{\"name\":\"a\"}}]"),
            "record[0]: header[1]: value is missing: send value (base64) or valueText",
        ),
        (
            r#"[{"value":""}]"#.to_owned(),
            "record[0]: header[0]: name is missing",
        ),
        (
            r#"[{"name":null,"value":""}]"#.to_owned(),
            "header[0]: name is missing",
        ),
        (
            r#"[{"name":7,"value":""}]"#.to_owned(),
            "expected a string as `name`",
        ),
        (
            r#"[{"name":"a","value":"!"}]"#.to_owned(),
            "header[0]: value is not base64",
        ),
        (
            r#"[{"name":"a","value":"","valueText":""}]"#.to_owned(),
            "header[0]: value and valueText exclude each other",
        ),
        (
            r#"[{"name":"a","name":"b","value":""}]"#.to_owned(),
            "header[0]: name is given more than once",
        ),
        (
            format!(r#"[{good},{{"name":"","value":""}}]"#),
            "record[0]: header[1]: a header name must have at least one character",
        ),
        (
            r#"[{"name":"a\nb","value":""}]"#.to_owned(),
            "record[0]: header[0]: a header name must not have control characters",
        ),
    ] {
        let answer = append_headers(&server, &headers).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{headers}: {message}");
    }
    let without = |name: Option<&str>, value: Option<&'static str>| proto::Header {
        name: name.map(str::to_owned),
        value: value.map(Bytes::from),
    };
    for (header, says) in [
        (without(None, Some("")), "name is missing"),
        (
            without(Some("a"), None),
            "value (an empty value must be present on the wire",
        ),
        (
            without(Some(""), Some("")),
            "a header name must have at least one character",
        ),
        (
            without(Some("\r"), Some("")),
            "a header name must not have control characters",
        ),
    ] {
        let answer = append_protobuf(&server, vec![self::header("a", b""), header]).await;
        let message = answer.error(400, "invalid_argument");
        assert!(
            message.starts_with(&format!("record[0]: header[1]: {says}")),
            "{message}"
        );
    }
    let not_utf_8 = &b"\x0a\x0d\x0a\x01k\x12\x01v\x1a\x05\x0a\x01\xff\x12\x00"[..];
    let request = post("/api/v1/log/append", &[PROTOBUF]).body(not_utf_8);
    let message = server.send(request).await.error(400, "invalid_argument");
    assert_eq!(message, "record[0]: header[0]: a header name must be UTF-8");
    let count = server.get("/api/v1/log/count?key=k").await.json();
    assert_eq!(count["count"], 0);
}

#[tokio::test]
async fn too_many_headers_and_too_long_ones_are_named_with_their_limit() {
    let limits = Limits {
        record_headers: 2,
        record_header_bytes: 20,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let both = |headers: &[(&str, &'static str)]| {
        let json = headers
            .iter()
            .map(|(name, value)| json!({"name": name, "valueText": value}));
        let protobuf = headers
            .iter()
            .map(|(name, value)| header(name, value.as_bytes()));
        (Json::from_iter(json), Vec::from_iter(protobuf))
    };
    let (json, protobuf) = both(&[("0123456789", "abcdefgh"), ("a", "b")]);
    assert_eq!(append_headers(&server, json).await.status, StatusCode::OK);
    assert_eq!(
        append_protobuf(&server, protobuf).await.status,
        StatusCode::OK
    );
    let long = "ä".repeat(257);
    for (headers, says) in [
        (
            &[("a", ""), ("b", ""), ("c", "")][..],
            "record[0]: header[2]: number of headers is 3, over the limit of 2",
        ),
        (
            &[("0123456789", "abcdefgh"), ("a", "bc")],
            "record[0]: header[1]: record headers (names and values) in bytes is 21, over the limit of 20",
        ),
        (
            &[(&long, "")],
            "record[0]: header[0]: header name in characters is 257, over the limit of 256",
        ),
    ] {
        let (json, protobuf) = both(headers);
        let said = append_headers(&server, json).await.error(413, "too_large");
        assert_eq!(said, says);
        let said = append_protobuf(&server, protobuf).await;
        assert_eq!(said.error(413, "too_large"), says);
    }
}

/// The arena of a body has room for what base64 could need. Headers give their place back, so that names take nothing of it.
#[tokio::test]
async fn a_body_of_little_but_headers_is_taken() {
    let server = memory_server();
    let header = json!({"name": "n".repeat(100), "valueText": "x".repeat(20)});
    let record = json!({"keyText": "k", "valueText": "v", "headers": vec![header; 60]});
    let body = json!({"records": vec![record; 100]}).to_string();
    let answer = server.append_json(body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let page = server
        .get("/api/v1/log/scan?key=k&format=text&limit=100")
        .await;
    let page = page.json();
    let last = &page["values"][99];
    assert_eq!(last["valueText"], "v");
    assert_eq!(last["headers"].as_array().map(Vec::len), Some(60));
    assert_eq!(last["headers"][59]["name"], "n".repeat(100));
}

#[tokio::test]
async fn headers_count_as_bytes_of_a_page_and_of_the_append_queue() {
    let limits = Limits {
        page_bytes: 2_000,
        append_queue_bytes: 5_000,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let value = "x".repeat(1_500);
    let headers = json!([{"name": "a", "valueText": value}]);
    for _ in 0..3 {
        let answer = append_headers(&server, &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let page = server.get("/api/v1/log/scan?key=k").await.json();
    assert_eq!(page["values"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["nextSequence"], 1);
    // The body fits, and the headers beside it do not.
    let headers = vec![header("a", b"1234"); 60];
    let limits = Limits {
        append_queue_bytes: 800,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let answer = append_protobuf(&server, headers).await;
    answer.error(429, "overloaded");
    let headers = vec![header("a", b"1234"); 20];
    let answer = append_protobuf(&server, headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}
