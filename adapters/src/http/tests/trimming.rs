//! `trim`, and what readers and writers are told of it.

use futures::StreamExt;
use prost::Message;

use super::*;
use crate::http::proto::{self, CountResponse, PROTOBUF, ScanResponse, TrimRequest, TrimResponse};

async fn trim(server: &Server, body: &str) -> Answer {
    let request = post("/api/v1/log/trim", &[]);
    server.send(request.body(body.to_owned())).await
}

async fn protobuf<M: Message + Default>(server: &Server, uri: &str) -> M {
    let answer = server.send(get(uri, &[("accept", PROTOBUF)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    M::decode(answer.body).expect("the message")
}

#[tokio::test]
async fn readers_of_a_trimmed_part_are_told_in_both_formats_and_others_see_no_change() {
    let server = memory_server();
    server.append("k", &["0", "1", "2", "3"]).await;
    let answer = trim(&server, r#"{"beforeSequence":2}"#).await;
    assert_eq!(answer.line(), r#"{"status":"success","trimmedBefore":2}"#);
    let lower = TrimRequest {
        before_sequence: Some(1),
        before_time_ms: None,
    };
    let headers = [("content-type", PROTOBUF), ("accept", PROTOBUF)];
    let lower = post("/api/v1/log/trim", &headers).body(lower.encode_to_vec());
    let lower = TrimResponse::decode(server.send(lower).await.body).expect("the message");
    assert_eq!((&lower.status[..], lower.trimmed_before), ("success", 2));

    for (query, trimmed, records) in [
        ("key=k", Some(2), 2),
        ("key=k&start_seq=1&end_seq=3", Some(2), 1),
        ("key=k&start_seq=2", None, 2),
        ("key=k&start_seq=3", None, 1),
        ("key=none", Some(2), 0),
    ] {
        let uri = format!("/api/v1/log/scan?{query}");
        let json = server.get(&uri).await.json();
        assert_eq!(json["trimmedBefore"].as_u64(), trimmed, "{query}");
        assert_eq!(json.get("trimmedBefore").is_some(), trimmed.is_some());
        let page: ScanResponse = protobuf(&server, &uri).await;
        assert_eq!(page.trimmed_before, trimmed, "{query}");
        assert_eq!(page.values.len(), records, "{query}");
        let uri = format!("/api/v1/log/count?{query}");
        let json = server.get(&uri).await.json();
        assert_eq!(json["trimmedBefore"].as_u64(), trimmed, "{query}");
        let count: CountResponse = protobuf(&server, &uri).await;
        assert_eq!(count.trimmed_before, trimmed, "{query}");
        assert_eq!(count.count, records as u64, "{query}");
    }
}

#[tokio::test]
async fn a_trim_of_what_is_not_there_or_not_clear_is_refused() {
    let server = memory_server();
    server.append("k", &["0", "1"]).await;
    for (body, says) in [
        (r#"{"beforeSequence":3}"#, "send at most 2"),
        (
            r#"{"beforeSequence":18446744073709551615}"#,
            "send at most 2",
        ),
        (
            r#"{"beforeTimeMs":9000000000000}"#,
            "must not be in the future",
        ),
        (
            r#"{"beforeTimeMs":9223372036854775808}"#,
            "from 0 to 9223372036854775807",
        ),
        (
            r#"{"beforeTimeMs":-1}"#,
            "beforeTimeMs must be a whole number",
        ),
        (
            r#"{"beforeSequence":1.5}"#,
            "beforeSequence must be a whole number",
        ),
        (
            r#"{"beforeSequence":"x"}"#,
            "beforeSequence must be a whole number",
        ),
        ("{}", "for example {\"beforeSequence\": 1000}"),
        (
            r#"{"beforeSequence":null}"#,
            "send either beforeSequence or beforeTimeMs",
        ),
        (r#"{"beforeSequence":1,"beforeTimeMs":1}"#, "send either"),
        (
            r#"{"beforeSequence":1,"beforeSequence":1}"#,
            "more than once",
        ),
        (r#"{"beforeSequense":1}"#, "did you mean beforeSequence?"),
        ("[]", "an object with `beforeSequence`"),
        ("", "the body is not a TrimRequest"),
        (r#"{"beforeSequence":1} x"#, "the body is not a TrimRequest"),
    ] {
        let message = trim(&server, body).await.error(400, "invalid_argument");
        assert!(message.contains(says), "{body}: {message}");
    }
    let unknown = post("/api/v1/log/trim", &[("content-type", PROTOBUF)]);
    let message = server.send(unknown.body(vec![0x18, 1])).await;
    let message = message.error(400, "invalid_argument");
    assert!(
        message.contains("unknown field 3 of TrimRequest"),
        "{message}"
    );
    // Nothing of it was done; strings of digits and both spellings are taken, as in all of ProtoJSON.
    assert_eq!(server.service.floor(), Sequence::ZERO);
    let answer = trim(&server, r#"{"before_sequence":"1"}"#).await;
    assert_eq!(answer.json()["trimmedBefore"], 1);
    let now = server.get("/api/v1/log/scan?key=k").await.json();
    let last = now["values"][0]["timestampMs"].as_i64().expect("a time");
    let answer = trim(&server, &format!("{{\"beforeTimeMs\":{last}}}")).await;
    assert_eq!(answer.json()["trimmedBefore"], 1, "nothing of that time");
}

#[tokio::test]
async fn a_conflict_about_what_was_trimmed_has_the_floor_and_no_last_sequence() {
    let server = memory_server();
    server.append("orders", &["0", "1"]).await;
    trim(&server, r#"{"beforeSequence":2}"#).await;
    let conditional = |since: u64| {
        format!(
            r#"{{"records":[{{"keyText":"orders","valueText":"v"}}],"preconditions":[{{"keyText":"orders","noRecordSince":{since}}}]}}"#
        )
    };
    let answer = server.append_json(conditional(1)).await;
    answer.error(409, "conflict");
    let document = server.get("/openapi.json").await.json();
    let responses = &document["paths"]["/api/v1/log/append"]["post"]["responses"];
    let examples = &responses["409"]["content"]["application/json"]["examples"];
    assert_eq!(answer.json(), examples["conflict_trimmed"]["value"]);
    let conflict = serde_json::json!({"key": "b3JkZXJz", "trimmedBefore": 2});
    assert_eq!(answer.json()["conflict"], conflict);
    let answer = server.append_json(conditional(0)).await;
    assert_eq!(answer.status, StatusCode::OK, "the key is empty");
    let answer = server.append_json(conditional(1)).await;
    let conflict = serde_json::json!({"key": "b3JkZXJz", "lastSequence": 2});
    assert_eq!(answer.json()["conflict"], conflict);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_keeps_the_news_of_a_trim_until_it_is_answered() {
    let server = memory_server();
    server.append("k", &["0", "1"]).await;
    trim(&server, r#"{"beforeSequence":2}"#).await;
    let uri = "/api/v1/log/scan?key=k&follow=true&timeout_ms=5000";
    let begun = tokio::time::Instant::now();
    let late = server.get(uri).await.json();
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(late["values"], serde_json::json!([]));
    assert_eq!(
        (&late["nextSequence"], &late["trimmedBefore"]),
        (&2.into(), &2.into())
    );
    let append = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.append("k", &["2"]).await;
    };
    let (woken, ()) = futures::join!(server.get(uri), append);
    let woken = woken.json();
    assert_eq!(woken["values"][0]["sequence"], 2);
    assert_eq!(woken["trimmedBefore"], 2);
    let next = server.get(&format!("{uri}&start_seq=2")).await.json();
    assert!(next.get("trimmedBefore").is_none(), "{next}");
}

#[tokio::test]
async fn a_stream_says_what_was_trimmed_before_the_next_record() {
    let server = memory_server();
    let large = "v".repeat(60 << 10);
    server.append("k", &["0", "1"]).await;
    trim(&server, r#"{"beforeSequence":1}"#).await;
    for value in [&large[..], &large, "4"] {
        server.append("k", &[value]).await;
    }
    let response = server.response(get("/api/v1/log/stream?key=k", &[])).await;
    let mut chunks = Box::pin(response.into_body().into_bytes_stream());
    let mut next = async || {
        let chunk = chunks.next().await.expect("open").expect("a chunk");
        String::from_utf8(chunk.to_vec()).expect("UTF-8")
    };
    let first = next().await;
    let events: Vec<&str> = first.split_terminator("\n\n").collect();
    assert_eq!(events[0], "event: trimmed\ndata: {\"trimmedBefore\":1}");
    assert!(events[1].starts_with("id: 1\ndata: "), "{first}");
    // The client is slow, and the floor overtakes it.
    trim(&server, r#"{"beforeSequence":4}"#).await;
    let rest = next().await;
    let events: Vec<&str> = rest.split_terminator("\n\n").collect();
    assert_eq!(events[0], "event: trimmed\ndata: {\"trimmedBefore\":4}");
    assert!(events[1].starts_with("id: 4\ndata: "), "{rest}");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn a_trim_with_an_unknown_outcome_can_be_repeated() {
    let server = failing_server(Error::TrimUnknown("another writer took over".to_owned()));
    let request = post("/api/v1/log/trim", &[]).body(r#"{"beforeSequence":1}"#);
    let message = server.send(request).await.error(504, "deadline_exceeded");
    assert!(message.contains("send the trim again"), "{message}");
    let conflict = proto::Conflict::default();
    assert_eq!(conflict.trimmed_before, None);
}
