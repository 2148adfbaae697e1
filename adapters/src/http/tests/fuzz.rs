//! Whatever a client sends, it is answered, and never with a fault of the server.

use proptest::prelude::*;

use super::*;

/// Mostly things that are almost right.
fn parameter() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "key",
        "key_base64",
        "start_seq",
        "end_seq",
        "limit",
        "last",
        "follow",
        "timeout_ms",
        "start_time_ms",
        "visibility",
        "start_segment",
        "end_segment",
        "prefix",
        "prefix_base64",
        "keys",
        "keys_base64",
        "start_after",
        "format",
        "order",
        "positions",
        "x",
    ]);
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("durable".to_owned()),
        Just("none".to_owned()),
        "[0-9]:[0-9]{1,3}(,[0-9]:[0-9]{1,3}){0,2}",
        Just("text".to_owned()),
        Just("k".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        (-5i64..5).prop_map(|number| number.to_string()),
        "[a-zA-Z0-9+/=_%-]{0,12}",
        "(%[0-9A-F]{2}){0,6}",
    ];
    (name, value).prop_map(|(name, value)| format!("{name}={value}"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        // JSON-like and protobuf-like bytes get further than random ones.
        r#"(\{|\}|\[|\]|,|:|"records"|"key"|"value"|"keyText"|"valueText"|"keys"|"prefix"|:|"aw=="|"\\u0000"|null|1|true){0,30}"#
            .prop_map(String::into_bytes),
        prop::collection::vec(
            prop::sample::select(vec![0u8, 1, 2, 3, 8, 10, 16, 18, 26, 255]),
            0..60
        ),
    ]
}

/// A way to compress a body.
#[derive(Debug, Clone)]
struct Compressed {
    coding: &'static str,
    /// Members of gzip and frames of zstd may follow one another.
    members: usize,
}

impl Compressed {
    fn of(&self, body: &[u8]) -> Vec<u8> {
        let one = match self.coding {
            "gzip" => super::compressed::gzip(body),
            _ => super::compressed::zstd(body),
        };
        one.repeat(self.members)
    }

    /// What it stands for.
    fn times(&self, body: &[u8]) -> Vec<u8> {
        body.repeat(self.members)
    }
}

fn compressed() -> impl Strategy<Value = Compressed> {
    let coding = prop::sample::select(vec!["gzip", "zstd"]);
    (coding, 1_usize..3).prop_map(|(coding, members)| Compressed { coding, members })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_query_string_is_a_fault_of_the_server(
        path in prop::sample::select(vec!["scan", "keys", "segments", "count", "stream"]),
        parameters in prop::collection::vec(parameter(), 0..6),
        accept in prop::sample::select(vec!["application/json", "application/protobuf"]),
    ) {
        let status = run(async {
            let server = memory_server();
            server.append("k", &["a", "b"]).await;
            let uri = format!("/api/v1/log/{path}?{}", parameters.join("&"));
            server.response(get(&uri, &[("accept", accept)])).await.status()
        });
        prop_assert!(status.as_u16() < 500, "{}", status);
        // However right the others are, a parameter that no route has is refused.
        let unknown = parameters.iter().any(|parameter| parameter.starts_with("x="));
        prop_assert!(!unknown || status == StatusCode::BAD_REQUEST, "{}", status);
    }

    #[test]
    fn no_body_is_a_fault_of_the_server(
        body in body(),
        path in prop::sample::select(vec!["append", "scan"]),
        content_type in prop::sample::select(vec!["application/json", "application/protobuf"]),
    ) {
        let status = run(async {
            let server = memory_server();
            let request = post(&format!("/api/v1/log/{path}"), &[("content-type", content_type)]);
            server.send(request.body(body)).await.status
        });
        prop_assert!(status.as_u16() < 500, "{}", status);
    }

    #[test]
    fn no_compressed_body_is_a_fault_of_the_server(
        body in body(),
        compressed in compressed(),
        cut in 0_usize..300,
        flipped in prop::option::of((any::<prop::sample::Index>(), 0_u8..8)),
        content_type in prop::sample::select(vec!["application/json", "application/protobuf"]),
    ) {
        let whole = compressed.of(&body);
        let mut sent = whole[..whole.len().saturating_sub(cut)].to_vec();
        if let (Some((at, bit)), false) = (flipped, sent.is_empty()) {
            let at = at.index(sent.len());
            sent[at] ^= 1 << bit;
        }
        let status = |coding: Option<&'static str>, body: Vec<u8>| run(async move {
            let server = memory_server();
            let mut headers = vec![("content-type", content_type)];
            headers.extend(coding.map(|coding| ("content-encoding", coding)));
            server.send(post("/api/v1/log/append", &headers).body(body)).await.status
        });
        let answered = status(Some(compressed.coding), sent.clone());
        prop_assert!(answered.as_u16() < 500, "{}", answered);
        if sent == whole {
            prop_assert_eq!(answered, status(None, compressed.times(&body)));
        }
    }

    #[test]
    fn what_is_appended_in_either_format_is_read_back_in_either(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        key in prop::collection::vec(any::<u8>(), 1..20),
        binary_in: bool, binary_out: bool, url_safe: bool, padded: bool,
    ) {
        use base64::Engine;
        use base64::engine::general_purpose as engines;
        use prost::Message;
        use crate::http::proto;

        let encode = |bytes: &[u8]| match (url_safe, padded) {
            (false, true) => engines::STANDARD.encode(bytes),
            (false, false) => engines::STANDARD_NO_PAD.encode(bytes),
            (true, true) => engines::URL_SAFE.encode(bytes),
            (true, false) => engines::URL_SAFE_NO_PAD.encode(bytes),
        };
        let (content_type, body) = if binary_in {
            let header = |value: &Vec<u8>| proto::Header { name: Some("größe".to_owned()), value: Some(value.clone().into()) };
            let record = |value: &Vec<u8>| proto::Record {
                key: Some(key.clone().into()),
                value: Some(value.clone().into()),
                headers: vec![header(value); value.len() % 3],
            };
            let request = proto::AppendRequest { records: values.iter().map(record).collect(), await_durable: false, ..Default::default() };
            ("application/protobuf", request.encode_to_vec())
        } else {
            let header = |value: &Vec<u8>| serde_json::json!({"name": "größe", "value": encode(value)});
            let headers = |value: &Vec<u8>| vec![header(value); value.len() % 3];
            let record = |value: &Vec<u8>| serde_json::json!({"key": encode(&key), "value": encode(value), "headers": headers(value)});
            let records: Vec<Json> = values.iter().map(record).collect();
            ("application/json", serde_json::json!({"records": records}).to_string().into_bytes())
        };
        let accept = if binary_out { "application/protobuf" } else { "application/json" };
        let read: Vec<(Vec<u8>, Vec<Vec<u8>>)> = run(async {
            let server = memory_server();
            let request = post("/api/v1/log/append", &[("content-type", content_type)]);
            assert_eq!(server.send(request.body(body)).await.status, StatusCode::OK);
            let uri = format!("/api/v1/log/scan?key_base64={}", engines::URL_SAFE_NO_PAD.encode(&key));
            let answer = server.send(get(&uri, &[("accept", accept)])).await;
            if binary_out {
                let scan = proto::ScanResponse::decode(answer.body).expect("a ScanResponse");
                assert_eq!(scan.key, key);
                let header = |header: proto::Header| header.value.expect("a value").to_vec();
                let headers = |headers: Vec<proto::Header>| headers.into_iter().map(header).collect();
                scan.values.into_iter().map(|value| (value.value.to_vec(), headers(value.headers))).collect()
            } else {
                let decode = |value: &Json| engines::STANDARD.decode(value["value"].as_str().expect("text")).expect("base64");
                let headers = |value: &Json| value["headers"].as_array().into_iter().flatten().map(decode).collect();
                answer.json()["values"].as_array().expect("values").iter().map(|value| (decode(value), headers(value))).collect()
            }
        });
        let expected: Vec<_> = values.into_iter().map(|value| (value.clone(), vec![value.clone(); value.len() % 3])).collect();
        prop_assert_eq!(read, expected);
    }
}
