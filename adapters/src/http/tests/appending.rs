//! `POST /api/v1/log/append`: formats, what is required, and limits.

use futures::StreamExt;
use prost::Message;

use super::*;
use crate::http::proto;

const PROTOBUF: (&str, &str) = ("content-type", "application/protobuf");
const ACCEPT_PROTOBUF: (&str, &str) = ("accept", "application/protobuf");

fn small_limits() -> Limits {
    Limits {
        request_bytes: 1_000,
        key_bytes: 4,
        value_bytes: 8,
        batch_records: 3,
        ..Limits::default()
    }
}

fn record(key: &'static [u8], value: &'static [u8]) -> proto::Record {
    proto::Record {
        key: Some(key.into()),
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

async fn append_protobuf(server: &Server, body: Vec<u8>) -> Answer {
    server
        .send(post("/api/v1/log/append", &[PROTOBUF]).body(body))
        .await
}

#[tokio::test]
async fn both_formats_append_and_answer_the_same() {
    let server = memory_server();
    let answer = server
        .append_json(r#"{"records":[{"key":"aw==","value":"dg=="},{"key":"aw==","value":""}],"awaitDurable":true}"#)
        .await;
    assert_eq!(
        answer.line(),
        r#"{"status":"success","recordsAppended":2,"startSequence":0}"#
    );
    assert_eq!(answer.header("content-type"), "application/json");

    let request = proto::AppendRequest {
        records: vec![record(b"k", b"w"), record(b"l", b"")],
        await_durable: true,
        ..Default::default()
    };
    let request =
        post("/api/v1/log/append", &[PROTOBUF, ACCEPT_PROTOBUF]).body(request.encode_to_vec());
    let answer = server.send(request).await;
    assert_eq!(answer.header("content-type"), "application/protobuf");
    let message = proto::AppendResponse::decode(answer.body).expect("an AppendResponse");
    assert_eq!(
        (
            message.status.as_str(),
            message.records_appended,
            message.start_sequence
        ),
        ("success", 2, 2)
    );

    let page = server.get("/api/v1/log/scan?key=k").await.json();
    let values: Vec<_> = page["values"].as_array().expect("values").iter().collect();
    assert_eq!(values.len(), 3);
    assert_eq!(values[0]["value"], "dg==");
    assert_eq!(values[1]["value"], "");
    assert_eq!(values[2]["value"], "dw==");
}

#[tokio::test]
async fn every_variant_of_base64_and_of_names_is_understood() {
    let server = memory_server();
    for (sent, answered) in [
        ("+/8=", "+/8="),
        ("-_8=", "+/8="),
        ("+/8", "+/8="),
        ("-_8", "+/8="),
        (r"+\/8=", "+/8="),
        ("", ""),
    ] {
        let body =
            format!(r#"{{"await_durable":null,"records":[{{"key":"aw","value":"{sent}"}}]}}"#);
        let answer = server.append_json(body).await;
        assert_eq!(answer.status, StatusCode::OK, "{sent}: {answer:?}");
        let at = answer.json()["startSequence"].as_u64().expect("a number");
        let uri = format!("/api/v1/log/scan?key=k&start_seq={at}");
        assert_eq!(
            server.get(&uri).await.json()["values"][0]["value"],
            answered
        );
    }
}

#[tokio::test]
async fn a_body_without_a_content_type_is_json() {
    let request = post("/api/v1/log/append", &[]);
    let request = request.body(r#"{"records":[{"key":"aw","value":"dg"}]}"#);
    assert_eq!(memory_server().send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn malformed_json_is_refused_and_says_where() {
    let server = memory_server();
    let good = r#"{"key":"aw==","value":"dg=="}"#;
    let after = |records: &str| format!(r#"{{"records":[{good},{good},{good},{records}]}}"#);
    for (body, says) in [
        (String::new(), "AppendRequest"),
        ("null".to_owned(), "AppendRequest"),
        ("[]".to_owned(), "records"),
        ("{}".to_owned(), "records is empty"),
        (r#"{"records":[]}"#.to_owned(), "records is empty"),
        (r#"{"records":null}"#.to_owned(), "records is empty"),
        (r#"{"records":{}}"#.to_owned(), "list of records"),
        (format!(r#"{{"records":[{good}]}} x"#), "trailing"),
        (
            format!(r#"{{"records":[{good}],"awaitDurable":"yes"}}"#),
            "awaitDurable: expected true or false at line 1 column 63, and not string \"yes\"",
        ),
        (after(r#"{"value":"dg=="}"#), "record[3]: key is missing"),
        (after(r#"{"key":"aw=="}"#), "record[3]: value is missing"),
        (
            after(r#"{"key":"aw==","value":null}"#),
            "record[3]: value is missing",
        ),
        (
            after(r#"{"key":"","value":""}"#),
            "record[3]: a key must have at least one byte",
        ),
        (
            after(r#"{"key":"!","value":""}"#),
            "record[3]: key is not base64",
        ),
        (
            after(r#"{"key":"-_+/","value":""}"#),
            "record[3]: key is not base64",
        ),
        (
            after(r#"{"key":"aw==","value":7}"#),
            "record[3]: expected a base64 string as `value`",
        ),
        (after("null"), "record[3]"),
    ] {
        let message = server
            .append_json(body.clone())
            .await
            .error(400, "invalid_argument");
        assert!(message.contains(says), "{body}: {message}");
    }
}

#[tokio::test]
async fn malformed_protobuf_is_refused_and_says_where() {
    let server = memory_server();
    let with = |record| proto::AppendRequest {
        records: vec![self::record(b"k", b"v"), record],
        await_durable: false,
        ..Default::default()
    };
    let no_key = with(proto::Record {
        key: None,
        value: Some(Bytes::new()),
        headers: Vec::new(),
    });
    let no_value = with(proto::Record {
        key: Some("k".into()),
        value: None,
        headers: Vec::new(),
    });
    for (body, says) in [
        (Vec::new(), "records is empty"),
        (vec![0xff], "AppendRequest"),
        (vec![0x0a, 0x05, 0x0a], "longer than what is left"),
        (vec![0x08, 0x01], "wrong wire type"),
        (no_key.encode_to_vec(), "record[1]: key is missing"),
        (
            no_value.encode_to_vec(),
            "record[1]: value (an empty value must be present on the wire",
        ),
        (
            with(record(b"", b"")).encode_to_vec(),
            "record[1]: a key must have at least one byte",
        ),
    ] {
        let message = append_protobuf(&server, body.clone())
            .await
            .error(400, "invalid_argument");
        assert!(message.contains(says), "{body:x?}: {message}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_named_with_its_limit() {
    let server = memory_server_with(small_limits(), HttpOptions::default());
    let record = r#"{"key":"aw==","value":"dg=="}"#;
    for (body, says) in [
        (
            format!("{{\"records\":[{record}]}}{}", " ".repeat(1_000)),
            "request body in bytes is 1043, over the limit of 1000",
        ),
        (
            r#"{"records":[{"key":"MTIzNDU","value":""}]}"#.to_owned(),
            "key in bytes is 5, over the limit of 4",
        ),
        (
            r#"{"records":[{"key":"aw","value":"MTIzNDU2Nzg5"}]}"#.to_owned(),
            "record value in bytes is 9, over the limit of 8",
        ),
        (
            format!("{{\"records\":[{record},{record},{record},{record}]}}"),
            "batch in records is 4, over the limit of 3",
        ),
    ] {
        let message = server.append_json(body).await.error(413, "too_large");
        assert!(message.contains(says), "{message}");
    }
    let four = proto::AppendRequest {
        records: vec![self::record(b"k", b""); 4],
        await_durable: false,
        ..Default::default()
    };
    let message = append_protobuf(&server, four.encode_to_vec())
        .await
        .error(413, "too_large");
    assert!(message.contains("batch in records is 4"), "{message}");
}

#[tokio::test]
async fn an_announced_body_that_is_too_large_is_refused_unread() {
    let server = memory_server_with(small_limits(), HttpOptions::default());
    let never = Body::from_bytes_stream(futures::stream::pending::<std::io::Result<Bytes>>());
    let request = post("/api/v1/log/append", &[("content-length", "1001")]).body(never);
    server.send(request).await.error(413, "too_large");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let server = memory_server_with(small_limits(), HttpOptions::default());
    let endless =
        futures::stream::repeat_with(|| std::io::Result::Ok(Bytes::from_static(&[b' '; 100])));
    let request = post("/api/v1/log/append", &[]).body(Body::from_bytes_stream(endless));
    let message = server.send(request).await.error(413, "too_large");
    assert!(message.contains("1100"), "{message}");
}

#[tokio::test]
async fn a_body_in_many_pieces_is_put_together() {
    let server = memory_server();
    let body = br#"{"records":[{"key":"aw==","value":"dg=="}]}"#;
    let pieces = futures::stream::iter(body.chunks(3))
        .map(|piece| std::io::Result::Ok(Bytes::from_static(piece)));
    let pieces: Vec<_> = pieces.collect().await;
    let body = Body::from_bytes_stream(futures::stream::iter(pieces));
    let answer = server
        .send(post("/api/v1/log/append", &[]).body(body))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn bodies_share_one_budget_and_are_told_to_wait_when_it_is_spent() {
    let limits = Limits {
        append_queue_bytes: 300,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    let stuck = futures::stream::iter([std::io::Result::Ok(Bytes::from_static(&[b' '; 150]))])
        .chain(futures::stream::pending());
    let stuck = post("/api/v1/log/append", &[]).body(Body::from_bytes_stream(stuck));
    let mut stuck = std::pin::pin!(server.send(stuck));
    assert!(futures::poll!(&mut stuck).is_pending());

    let answer = server.append_json(vec![b' '; 160]).await;
    answer.error(429, "overloaded");
    assert_eq!(answer.header("retry-after"), "1");
    server.append("k", &["fits"]).await;
}

#[tokio::test]
async fn the_budget_is_given_back_by_every_append_and_by_clients_that_leave() {
    let limits = Limits {
        append_queue_bytes: 300,
        ..Limits::default()
    };
    let server = memory_server_with(limits, HttpOptions::default());
    for _ in 0..5 {
        server.append("k", &["a value"]).await;
        server
            .append_json(vec![b' '; 150])
            .await
            .error(400, "invalid_argument");
        let stuck = futures::stream::iter([std::io::Result::Ok(Bytes::from_static(&[b' '; 150]))])
            .chain(futures::stream::pending());
        let stuck = post("/api/v1/log/append", &[]).body(Body::from_bytes_stream(stuck));
        let mut left = Box::pin(server.send(stuck));
        assert!(futures::poll!(&mut left).is_pending());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_ends_as_not_applied() {
    let server = memory_server();
    let never = Body::from_bytes_stream(futures::stream::pending::<std::io::Result<Bytes>>());
    let answer = server
        .send(post("/api/v1/log/append", &[]).body(never))
        .await;
    let message = answer.error(504, "deadline_exceeded");
    assert!(
        message.contains("30000 ms; nothing was applied"),
        "{message}"
    );
}

#[tokio::test]
async fn another_content_type_is_not_supported() {
    let request = post("/api/v1/log/append", &[("content-type", "text/plain")]);
    let answer = memory_server().send(request.body("{}")).await;
    answer.error(415, "unsupported_media_type");
}

#[tokio::test]
async fn an_error_does_not_send_back_what_was_sent_at_length() {
    let body = format!(
        r#"{{"awaitDurable":"{}","records":[]}}"#,
        "ä".repeat(100_000)
    );
    let answer = memory_server().append_json(body).await;
    answer.error(400, "invalid_argument");
    assert!(answer.body.len() < 1_000, "{}", answer.body.len());
}

#[tokio::test]
async fn json_takes_room_for_what_is_decoded_of_it_too() {
    let value = "v".repeat(600);
    let body = format!(r#"{{"records":[{{"keyText":"k","valueText":"{value}"}}]}}"#);
    for (room, status) in [(1_000, 429), (2_000, 200)] {
        let limits = Limits {
            append_queue_bytes: room,
            ..Limits::default()
        };
        let server = memory_server_with(limits, HttpOptions::default());
        let answer = server.append_json(body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        let again = server.append_json(body.clone()).await;
        assert_eq!(again.status, answer.status, "the room was given back");
    }
}
