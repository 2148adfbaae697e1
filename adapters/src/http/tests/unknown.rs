//! Names that the server does not know are refused, in every format, and the nearest one is told.

use prost::Message;

use super::*;
use crate::http::proto;

#[tokio::test]
async fn no_route_of_the_api_takes_a_parameter_that_its_document_does_not_have() {
    let server = memory_server();
    server.append("orders", &["v"]).await;
    let document = server.get("/openapi.json").await.json();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let method = method.to_uppercase().parse::<Method>().expect("a method");
            let answer = server
                .send(request(method, &format!("{path}?nope=1"), &[]).finish())
                .await;
            if !path.starts_with("/api/") {
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                continue;
            }
            let message = answer.error(400, "invalid_argument");
            assert!(
                message.starts_with("unknown query parameter \"nope\""),
                "{message}"
            );
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                assert!(
                    parameter["in"] != "query" || message.contains(name),
                    "{message}"
                );
            }
            asked += 1;
        }
    }
    assert_eq!(asked, 16);
}

#[tokio::test]
async fn every_parameter_that_the_document_has_is_known() {
    let server = memory_server();
    let document = server.get("/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let parameters = operations["get"]["parameters"].as_array();
        let parameters = parameters.into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().expect("a name");
            // A misspelt one in front of it is what is refused, so that nothing is followed.
            let answer = server.get(&format!("{path}?{name}=!&nope=1")).await;
            let message = answer.error(400, "invalid_argument");
            assert!(
                message.starts_with("unknown query parameter \"nope\""),
                "{path} {name}: {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_misspelt_parameter_is_refused_with_the_nearest_one() {
    let server = memory_server();
    for (query, says) in [
        (
            "scan?key=k&startseq=1",
            "\"startseq\"; did you mean start_seq?",
        ),
        ("scan?key=k&startSeq=1", "did you mean start_seq?"),
        ("scan?key=k&Limit=1", "did you mean limit?"),
        ("scan?key=k&timeout=1", "\"timeout\""),
        ("keys?prefx=a", "did you mean prefix?"),
        ("keys?start_segmnet=1", "did you mean start_segment?"),
        ("count?key=k&end_sq=1", "did you mean end_seq?"),
        ("segments?end-seq=1", "did you mean end_seq?"),
        ("stream?key=k&visiblity=durable", "did you mean visibility?"),
        ("scan?key=k&%FF=1", "accepted: key, key_base64, start_seq"),
        ("scan?key=k&=1", "unknown query parameter \"\""),
    ] {
        let answer = server.get(&format!("/api/v1/log/{query}")).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{query}: {message}");
    }
    let append = post("/api/v1/log/append?awaitDurable=true", &[]);
    let answer = server
        .send(append.body(r#"{"records":[{"key":"aw","value":"dg"}]}"#))
        .await;
    let message = answer.error(400, "invalid_argument");
    assert!(message.contains("none is accepted here"), "{message}");
    let long = format!("/api/v1/log/scan?key=k&{}=1", "x".repeat(10_000));
    assert!(server.get(&long).await.body.len() < 600);
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused() {
    let server = memory_server();
    for query in [
        "scan?key=k&key=k",
        "scan?key=k&limit=1&%6cimit=1",
        "keys?prefix=&prefix=",
    ] {
        let answer = server.get(&format!("/api/v1/log/{query}")).await;
        let message = answer.error(400, "invalid_argument");
        assert!(
            message.contains("given more than once"),
            "{query}: {message}"
        );
    }
}

/// What clients of OpenData Log 1.0 send: its Go client, its documents.
#[tokio::test]
async fn every_parameter_and_field_of_version_1_0_is_accepted() {
    let server = memory_server();
    for body in [
        r#"{"records":[{"key":"aw==","value":"dg=="}],"awaitDurable":false}"#,
        r#"{"records":[{"value":"dg==","key":"aw=="}],"awaitDurable":true}"#,
        r#"{"records":[{"key":"aw==","value":"dg=="}],"await_durable":true}"#,
        r#"{"records":[{"key":"aw==","value":""}]}"#,
    ] {
        let headers = [
            ("content-type", "application/protobuf+json"),
            ("accept", "application/protobuf+json"),
        ];
        let answer = server
            .send(post("/api/v1/log/append", &headers).body(body))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {answer:?}");
    }
    for query in [
        "scan?key=k&start_seq=0&end_seq=18446744073709551615&limit=32&follow=true&timeout_ms=30000",
        "count?key=k&start_seq=0&end_seq=18446744073709551615",
        "keys?start_segment=0&end_segment=4294967295&limit=32",
        "segments?start_seq=0&end_seq=18446744073709551615",
    ] {
        let answer = server.get(&format!("/api/v1/log/{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn a_misspelt_field_is_refused_with_the_nearest_one_and_nothing_is_applied() {
    let server = memory_server();
    let good = r#"{"key":"aw==","value":"dg=="}"#;
    let with = |more: &str| format!(r#"{{"records":[{good}],{more}}}"#);
    for (body, says) in [
        (with(r#""awaitDurbale":true"#), "did you mean awaitDurable?"),
        (
            with(r#""await-durable":true"#),
            "did you mean awaitDurable?",
        ),
        (with(r#""durable":true"#), "accepted: records, awaitDurable"),
        (with(r#""x":{"y":[1]}"#), "unknown field \"x\""),
        (
            with(r#""awaitDurable":true,"await_durable":true"#),
            "await_durable is given more than once",
        ),
        (
            with(&format!(r#""records":[{good}]"#)),
            "records is given more than once",
        ),
        (
            r#"{"records":[{"key":"aw==","value":"dg==","vlaue":""}]}"#.to_owned(),
            "record[0]: unknown field \"vlaue\"; did you mean value?",
        ),
        (
            format!(r#"{{"records":[{good},{{"key":"aw==","value":"dg==","offset":null}}]}}"#),
            "record[1]: unknown field \"offset\" (accepted: key, value, keyText, valueText, headers)",
        ),
        (
            r#"{"records":[{"key":"aw==","value":"dg==","headers":[{"name":"a","value":""},{"nmae":"a"}]}]}"#
                .to_owned(),
            "record[0]: header[1]: unknown field \"nmae\"; did you mean name? (accepted: name, value, valueText)",
        ),
        (
            r#"{"records":[{"key":"aw==","value":"dg==","value":"dw=="}]}"#.to_owned(),
            "record[0]: value is given more than once",
        ),
    ] {
        let answer = server.append_json(body.clone()).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{body}: {message}");
    }
    let count = server.get("/api/v1/log/count?key=k").await.json();
    assert_eq!(count["count"], 0);
}

#[tokio::test]
async fn the_fields_that_are_accepted_are_those_of_the_document() {
    let server = memory_server();
    let document = server.get("/openapi.json").await.json();
    let documented = |schema: &str| {
        let fields = &document["components"]["schemas"][schema]["properties"];
        let fields = fields.as_object().expect("properties").keys().cloned();
        fields.collect::<std::collections::BTreeSet<String>>()
    };
    for (schema, body) in [
        ("AppendRequest", r#"{"?":1}"#),
        ("Record", r#"{"records":[{"?":1}]}"#),
        ("Header", r#"{"records":[{"headers":[{"?":1}]}]}"#),
        ("Precondition", r#"{"preconditions":[{"?":1}]}"#),
        ("Producer", r#"{"producer":{"?":1}}"#),
    ] {
        let message = server
            .append_json(body)
            .await
            .error(400, "invalid_argument");
        let (_, accepted) = message.split_once("(accepted: ").expect("what is accepted");
        let (accepted, _) = accepted.split_once(')').expect("a list");
        let accepted = accepted.split(", ").map(str::to_owned).collect();
        assert_eq!(documented(schema), accepted, "{schema}");
    }
}

#[tokio::test]
async fn an_unknown_field_of_protobuf_is_refused_and_nothing_is_applied() {
    let server = memory_server();
    let good = proto::AppendRequest {
        records: vec![proto::Record {
            key: Some("k".into()),
            value: Some("v".into()),
            headers: Vec::new(),
        }],
        await_durable: true,
        ..Default::default()
    }
    .encode_to_vec();
    let with = |more: &[u8]| [&good[..], more].concat();
    for (body, says) in [
        // A varint, bytes, a fixed32, a fixed64 and a group.
        (
            with(&[0x50, 0x07]),
            "unknown field 10 of AppendRequest (accepted: records = 1, await_durable = 2, preconditions = 3, producer = 4, cursors = 5, atomic = 6)",
        ),
        (
            with(&[0x3a, 0x02, 0x01, 0x02]),
            "unknown field 7 of AppendRequest",
        ),
        (
            with(&[0x3d, 1, 2, 3, 4]),
            "unknown field 7 of AppendRequest",
        ),
        (
            with(&[0x39, 1, 2, 3, 4, 5, 6, 7, 8]),
            "unknown field 7 of AppendRequest",
        ),
        (with(&[0x3b, 0x3c]), "unknown field 7 of AppendRequest"),
        (
            with(&[0x0a, 0x08, 0x0a, 0x01, b'k', 0x12, 0x01, b'v', 0x20, 0x01]),
            "record[1]: unknown field 4 of Record (accepted: key = 1, value = 2, headers = 3)",
        ),
        (
            with(&[0x0a, 0x02, 0x18, 0x01]),
            "record[1]: headers has the wrong wire type",
        ),
        (
            with(&[0x0a, 0x04, 0x1a, 0x02, 0x18, 0x01]),
            "record[1]: header[0]: unknown field 3 of Header (accepted: name = 1, value = 2)",
        ),
        (
            with(&[0x12, 0x01, 0x01]),
            "await_durable has the wrong wire type",
        ),
        (with(&[0x18, 0x01]), "preconditions has the wrong wire type"),
        (with(&[0x20, 0x01]), "producer has the wrong wire type"),
        (
            with(&[0x1a, 0x05, 0x0a, 0x01, b'k', 0x18, 0x01]),
            "precondition[0]: unknown field 3 of Precondition",
        ),
        (
            with(&[0x22, 0x02, 0x20, 0x01]),
            "unknown field 4 of Producer (accepted: id = 1, epoch = 2, sequence = 3)",
        ),
        (with(&[0x08, 0x01]), "records has the wrong wire type"),
        (
            with(&[0x0a, 0x05, 0x08, 0x01, 0x12, 0x01, b'v']),
            "record[1]: key has the wrong wire type",
        ),
    ] {
        let request = post(
            "/api/v1/log/append",
            &[("content-type", "application/protobuf")],
        );
        let answer = server.send(request.body(body.clone())).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{body:x?}: {message}");
    }
    let count = server.get("/api/v1/log/count?key=k").await.json();
    assert_eq!(count["count"], 0);
}
