//! Cursors over HTTP.

use prost::Message;
use serde_json::json;

use super::*;
use crate::http::proto::{self, CursorResponse, CursorsResponse, PROTOBUF, PutCursorRequest};

const ONE: &str = "/api/v1/log/cursors/orders-projection";

async fn move_to(server: &Server, uri: &str, body: Json) -> Answer {
    server.send(put(uri, &[]).body(body.to_string())).await
}

/// A server whose key `orders` has two records.
async fn with_records() -> Server {
    let server = memory_server();
    server.append("orders", &["first", "second"]).await;
    server
}

#[tokio::test]
async fn a_cursor_is_moved_read_listed_and_deleted_as_the_document_shows() {
    let server = with_records().await;
    let document = server.get("/openapi.json").await.json();
    let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();
    let timeless = |mut answer: Json| {
        for cursor in answer["cursors"].as_array_mut().into_iter().flatten() {
            assert!(cursor["updatedMs"].is_i64());
            cursor["updatedMs"] = json!(0);
        }
        if let Some(time) = answer.get_mut("updatedMs") {
            *time = json!(0);
        }
        answer
    };
    let missing = server.get(ONE).await.error(404, "not_found");
    assert!(missing.contains("\"orders-projection\""), "{missing}");
    let moved = move_to(&server, ONE, example("PutCursorRequest")).await;
    assert_eq!(moved.status, StatusCode::OK);
    assert_eq!(timeless(moved.json()), timeless(example("CursorResponse")));
    let conflict = move_to(&server, ONE, example("PutCursorRequest")).await;
    conflict.error(409, "conflict");
    let responses = &document["paths"]["/api/v1/log/cursors/{name}"]["put"]["responses"];
    let examples = &responses["409"]["content"]["application/json"]["examples"];
    assert_eq!(conflict.json(), examples["conflict_cursor"]["value"]);
    let found = server.get(ONE).await.json();
    assert_eq!(timeless(found), timeless(example("CursorResponse")));
    let listed = server.get("/api/v1/log/cursors").await.json();
    assert_eq!(timeless(listed), timeless(example("CursorsResponse")));
    assert_eq!(example("CursorsResponse")["cursors"][0], example("Cursor"));
    let deleted = server.send(delete(ONE, &[])).await.json();
    assert_eq!(deleted, example("DeleteCursorResponse"));
    let again = server.send(delete(ONE, &[])).await;
    assert_eq!(again.line(), r#"{"status":"success"}"#);
    server.get(ONE).await.error(404, "not_found");
}

#[tokio::test]
async fn names_of_cursors_are_percent_encoded_in_the_path_and_listed_in_byte_order() {
    let server = with_records().await;
    for (path, name) in [
        ("a%2Fb", "a/b"),
        ("a+b%20c", "a+b c"),
        ("%C3%A9", "\u{e9}"),
        ("b:c", "b:c"),
        ("100%25", "100%"),
    ] {
        let uri = format!("/api/v1/log/cursors/{path}");
        let moved = move_to(&server, &uri, json!({"position": 2})).await.json();
        assert_eq!((&moved["name"], &moved["lag"]), (&json!(name), &json!(0)));
        assert_eq!(server.get(&uri).await.json()["name"], name);
    }
    let mut uri = "/api/v1/log/cursors?limit=2".to_owned();
    let mut names = Vec::new();
    loop {
        let page = server.get(&uri).await.json();
        let cursors = page["cursors"].as_array().expect("a list");
        names.extend(cursors.iter().map(|cursor| cursor["name"].clone()));
        let Some(after) = page["nextStartAfter"].as_str() else {
            break;
        };
        let after = after.replace('%', "%25").replace('+', "%2B");
        uri = format!("/api/v1/log/cursors?limit=2&start_after={after}").replace(' ', "%20");
    }
    assert_eq!(names, ["100%", "a+b c", "a/b", "b:c", "\u{e9}"]);
    let page = server.get("/api/v1/log/cursors?prefix=a").await.json();
    assert_eq!(page["cursors"].as_array().map(Vec::len), Some(2));
    for path in ["", "a/b", "a/"] {
        let answer = server.get(&format!("/api/v1/log/cursors/{path}")).await;
        answer.error(404, "not_found");
    }
    for (path, says) in [
        ("%00", "control characters"),
        ("%FF", "invalid path"),
        (".", "must not be ."),
        ("..", "must not be ."),
    ] {
        let answer = server.get(&format!("/api/v1/log/cursors/{path}")).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{path}: {message}");
    }
    let long = format!("/api/v1/log/cursors/{}", "c".repeat(257));
    let message = server.get(&long).await.error(413, "too_large");
    assert!(message.contains("256"), "{message}");
}

#[tokio::test]
async fn a_move_that_is_not_clear_or_beyond_the_end_is_refused() {
    let server = with_records().await;
    for (body, says) in [
        ("{}", "position is missing"),
        (r#"{"position":null}"#, "position is missing"),
        (r#"{"position":3}"#, "send at most 2"),
        (r#"{"position":-1}"#, "position must be a whole number"),
        (
            r#"{"position":1,"expected":"x"}"#,
            "expected must be a whole number",
        ),
        (r#"{"position":1,"position":1}"#, "more than once"),
        (r#"{"postion":1}"#, "did you mean position?"),
        ("[]", "an object with `position`"),
        ("", "the body is not a PutCursorRequest"),
    ] {
        let message = server.send(put(ONE, &[]).body(body)).await;
        let message = message.error(400, "invalid_argument");
        assert!(message.contains(says), "{body}: {message}");
    }
    let unknown = put(ONE, &[("content-type", PROTOBUF)]).body(vec![0x18, 1]);
    let message = server.send(unknown).await.error(400, "invalid_argument");
    assert!(
        message.contains("unknown field 3 of PutCursorRequest"),
        "{message}"
    );
    let message = server
        .send(put(&format!("{ONE}?nope=1"), &[]).finish())
        .await;
    let message = message.error(400, "invalid_argument");
    assert!(
        message.contains("none is accepted here") || message.contains("nope"),
        "{message}"
    );
    server.get(ONE).await.error(404, "not_found");
    let wrong = server.send(post(ONE, &[]).finish()).await;
    wrong.error(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET, HEAD, PUT, DELETE");
}

#[tokio::test]
async fn the_same_is_said_in_protobuf() {
    let server = with_records().await;
    let headers = [("content-type", PROTOBUF), ("accept", PROTOBUF)];
    let wanted = PutCursorRequest {
        position: Some(1),
        expected: Some(0),
    };
    let moved = server
        .send(put(ONE, &headers).body(wanted.encode_to_vec()))
        .await;
    let moved = CursorResponse::decode(moved.body).expect("a CursorResponse");
    assert_eq!(
        (moved.name.as_str(), moved.position, moved.lag),
        ("orders-projection", 1, 1)
    );
    let conflict = server
        .send(put(ONE, &headers).body(wanted.encode_to_vec()))
        .await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let conflict = proto::ErrorResponse::decode(conflict.body).expect("an ErrorResponse");
    let conflict = conflict.conflict.expect("a conflict");
    assert_eq!(
        (conflict.cursor.as_deref(), conflict.position),
        (Some("orders-projection"), Some(1))
    );
    let listed = server.send(get("/api/v1/log/cursors", &headers[1..])).await;
    let listed = CursorsResponse::decode(listed.body).expect("a CursorsResponse");
    assert_eq!(listed.cursors.len(), 1);
    let append = proto::AppendRequest {
        records: vec![proto::Record {
            key: Some("results".into()),
            value: Some("r".into()),
            headers: Vec::new(),
        }],
        cursors: vec![proto::CursorMove {
            name: "orders-projection".into(),
            position: 2,
            expected: Some(1),
        }],
        ..proto::AppendRequest::default()
    };
    for status in [StatusCode::OK, StatusCode::CONFLICT] {
        let append = post("/api/v1/log/append", &headers).body(append.encode_to_vec());
        assert_eq!(server.send(append).await.status, status);
    }
    assert_eq!(server.get(ONE).await.json()["position"], 2);
}

#[tokio::test]
async fn an_append_moves_cursors_with_its_records_or_appends_nothing() {
    let server = with_records().await;
    let append = |cursors: Json| {
        json!({
            "records": [{"keyText": "results", "valueText": "r"}],
            "cursors": cursors,
        })
        .to_string()
    };
    let both = json!([{"name": "a", "position": 2, "expected": 0}, {"name": "b", "position": "1"}]);
    let answer = server.append_json(append(both)).await;
    assert_eq!(answer.json()["startSequence"], 2);
    let answer = server
        .append_json(append(json!([{"name": "a", "position": 3, "expected": 1}])))
        .await;
    let message = answer.error(409, "conflict");
    assert!(message.contains("\"a\" is at 2"), "{message}");
    let conflict = json!({"key": "", "cursor": "a", "position": 2});
    assert_eq!(answer.json()["conflict"], conflict);
    let answer = server
        .append_json(append(json!([{"name": "c", "position": 3, "expected": 1}])))
        .await;
    answer.error(409, "conflict");
    assert_eq!(answer.json()["conflict"], json!({"key": "", "cursor": "c"}));
    for (cursors, says) in [
        (json!([{"name": "a", "position": 5}]), "send at most 4"),
        (json!([{"position": 1}]), "cursor[0]: name is missing"),
        (json!([{"name": "a"}]), "cursor[0]: position is missing"),
        (
            json!([{"name": "a\n", "position": 1}]),
            "cursor[0]: the name of a cursor",
        ),
        (json!([{"name": 1, "position": 1}]), "name must be a string"),
        (
            json!([{"name": "a", "position": 1}, {"name": "a", "position": 2}]),
            "moved twice",
        ),
        (json!([{"name": "a", "pos": 1}]), "unknown field \"pos\""),
        (json!({}), "a list of cursors"),
    ] {
        let answer = server.append_json(append(cursors.clone())).await;
        let message = answer.error(400, "invalid_argument");
        assert!(message.contains(says), "{cursors}: {message}");
    }
    let many: Vec<Json> = (0..101)
        .map(|n| json!({"name": n.to_string(), "position": 0}))
        .collect();
    let answer = server.append_json(append(json!(many))).await;
    answer.error(413, "too_large");
    let alone = r#"{"records":[],"cursors":[{"name":"a","position":3}]}"#;
    let message = server
        .append_json(alone)
        .await
        .error(400, "invalid_argument");
    assert!(
        message.contains("PUT /api/v1/log/cursors/{name}"),
        "{message}"
    );
    let count = server.get("/api/v1/log/count?key=results").await.json();
    assert_eq!(count["count"], 1);
    assert_eq!(
        server.get("/api/v1/log/cursors/a").await.json()["position"],
        2
    );
}

#[tokio::test]
async fn reads_begin_where_a_cursor_is() {
    let server = with_records().await;
    move_to(&server, ONE, json!({"position": 1})).await.json();
    let uri = "/api/v1/log/scan?key=orders&cursor=orders-projection";
    let page = server.get(uri).await.json();
    assert_eq!(page["values"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["values"][0]["sequence"], 1);
    // Generated clients send defaults.
    let page = server.get(&format!("{uri}&start_seq=0")).await.json();
    assert_eq!(page["values"][0]["sequence"], 1);
    let message = server.get(&format!("{uri}&start_seq=1")).await;
    let message = message.error(400, "invalid_argument");
    assert!(message.contains("exclude each other"), "{message}");
    let before = server.get(&format!("{uri}&end_seq=1")).await.json();
    assert_eq!(before["values"], json!([]));
    let stream = "/api/v1/log/stream?key=orders&end_seq=2&cursor=";
    let events = server.get(&format!("{stream}orders-projection")).await;
    assert!(events.body.starts_with(b"id: 1\n"), "{events:?}");
    for uri in [
        "/api/v1/log/scan?key=orders&cursor=none",
        "/api/v1/log/scan?key=orders&cursor=none&follow=true",
        &format!("{stream}none"),
    ] {
        let message = server.get(uri).await.error(404, "not_found");
        assert!(message.contains("create it"), "{message}");
    }
    let message = server.get("/api/v1/log/scan?key=orders&cursor=").await;
    let message = message.error(400, "invalid_argument");
    assert!(message.starts_with("cursor: "), "{message}");
}

#[tokio::test]
async fn cursors_are_read_with_the_right_to_read_and_moved_and_deleted_with_that_to_append() {
    let open = with_records().await;
    let (service, options) = (Arc::clone(&open.service), HttpOptions::default());
    let server = serve(service, options, Ready(Ok(())), Some(Arc::new(NamedRights)));
    for (method, uri, right) in [
        (Method::PUT, ONE, "append"),
        (Method::GET, ONE, "read"),
        (Method::HEAD, ONE, "read"),
        (Method::GET, "/api/v1/log/cursors", "read"),
        (Method::DELETE, ONE, "append"),
    ] {
        for token in ["append", "read"] {
            let authorization = format!("Bearer {token}");
            let asked = request(method.clone(), uri, &[("authorization", &authorization)]);
            let answer = server.send(asked.body(r#"{"position":1}"#)).await;
            let expected = if token == right {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(answer.status, expected, "{method} {uri} with {token}");
        }
    }
}

#[tokio::test]
async fn a_change_with_an_unknown_outcome_and_one_too_many_are_told() {
    let unknown = Error::CursorUnknown("another writer took over".to_owned());
    let server = failing_server(unknown);
    for asked in [put(ONE, &[]).body(r#"{"position":1}"#), delete(ONE, &[])] {
        let message = server.send(asked).await.error(504, "deadline_exceeded");
        assert!(message.contains("read the cursor"), "{message}");
    }
    let server = failing_server(Error::Full("delete some".to_owned()));
    let answer = server.send(put(ONE, &[]).body(r#"{"position":1}"#)).await;
    // To wait would not help.
    assert!(!answer.headers.contains_key("retry-after"));
    let message = answer.error(429, "overloaded");
    assert!(message.contains("delete some"), "{message}");
}
