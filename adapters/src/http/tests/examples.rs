//! What the OpenAPI document shows, against what the server answers.

use log_domain::{Credentials, Denied, Right};
use serde_json::json;

use super::*;

/// Nobody may do anything; whoever has a token is known.
struct Closed;

impl Authorizer for Closed {
    fn authorize(&self, credentials: Credentials<'_>, _: Right) -> std::result::Result<(), Denied> {
        Err(match credentials.bearer {
            Some(_) => Denied::Insufficient,
            None => Denied::Unauthenticated,
        })
    }
}

fn long_key() -> String {
    "k".repeat(10_000)
}

/// A request that ends in the example of `operation` for `status`, if a client can bring it about by itself.
fn request_for(operation: &str, path: &str, status: &str) -> Option<Request> {
    let append = |content_type, body: Json| {
        post(path, &[("content-type", content_type)]).body(body.to_string())
    };
    let remove = |query: &str| delete(&format!("{path}?{query}"), &[]);
    let query = |query: &str| get(&format!("{path}?{query}"), &[]);
    // The path of a cursor is that of no cursor.
    let cursor = |name: &str| path.replace("{name}", name);
    let known = [("authorization", "Bearer known")];
    let base64 = |text: String| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    Some(match (operation, status) {
        ("append", "400") => append("application/json", json!({"records": []})),
        ("append", "413") => {
            let record = json!({"key": base64(long_key()), "value": ""});
            append("application/json", json!({"records": [record]}))
        }
        ("session", "400") => post(&format!("{path}?durable=1"), &[]).finish(),
        ("append" | "session", "415") => append("text/plain", json!({})),
        ("trim" | "scanKeys" | "streamKeys", "400") => append("application/json", json!({})),
        ("scanKeys" | "streamKeys", "413") => {
            append("application/json", json!({"key": base64(long_key())}))
        }
        ("scanKeys" | "streamKeys", "415") => append("text/plain", json!({})),
        ("trim", "413") => append("application/json", Json::String("k".repeat(9_998))),
        ("trim", "415") => append("text/plain", json!({})),
        ("deleteKey", "400") => remove("before_seq=1"),
        ("deleteKey", "413") => remove(&format!("key={}", long_key())),
        ("deleteKey", "401") => remove("key=orders"),
        ("deleteKey", "403") => {
            let headers = [("authorization", "Bearer known")];
            delete(path, &headers)
        }
        ("append" | "session" | "trim" | "scanKeys" | "streamKeys", "401") => {
            append("application/json", json!({}))
        }
        ("append" | "session" | "trim" | "scanKeys" | "streamKeys", "403") => {
            post(path, &[("authorization", "Bearer known")]).finish()
        }
        ("getCursor", "400") => get(&cursor("%0A"), &[]),
        ("getCursor", "404") => get(&cursor("orders-projection"), &[]),
        ("getCursor", "413") => get(&cursor(&long_key()), &[]),
        ("putCursor", "400") => put(&cursor("%0A"), &[]).body(r#"{"position":0}"#),
        ("putCursor", "401") => put(&cursor("c"), &[]).finish(),
        ("putCursor", "403") => put(&cursor("c"), &known).finish(),
        ("putCursor", "413") => put(&cursor(&long_key()), &[]).body(r#"{"position":0}"#),
        ("putCursor", "415") => put(&cursor("c"), &[("content-type", "text/plain")]).finish(),
        ("deleteCursor", "400") => delete(&cursor("%0A"), &[]),
        ("deleteCursor", "401") => delete(&cursor("c"), &[]),
        ("deleteCursor", "403") => delete(&cursor("c"), &known),
        ("deleteCursor", "413") => delete(&cursor(&long_key()), &[]),
        ("listCursors", "400") => query("limit=0"),
        ("scan" | "stream", "404") => query("key=orders&cursor=orders-projection"),
        ("scanKeys" | "streamKeys", "404") => {
            let body = json!({"prefix": "", "cursor": "orders-projection"});
            append("application/json", body)
        }
        ("scan", "400") => query("key=orders&limit=0"),
        ("listKeys", "400") => query("limit=0"),
        ("listSegments", "400") => query("start_seq=5&end_seq=3"),
        (_, "400") => query("key=orders&start_seq=5&end_seq=3"),
        (_, "413") => query(&format!("key={}", long_key())),
        (_, "401") => query(""),
        (_, "403") => get(path, &[("authorization", "Bearer known")]),
        _ => return None,
    })
}

#[tokio::test]
async fn the_examples_of_errors_are_what_the_server_answers() {
    let open = memory_server();
    let (service, options) = (Arc::clone(&open.service), HttpOptions::default());
    let closed = serve(service, options, Ready(Ok(())), Some(Arc::new(Closed)));
    let document = open.get("/openapi.json").await.json();
    let mut answered = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for operation in operations.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an operationId");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let examples = &response["content"]["application/json"]["examples"];
                if status.starts_with('2') {
                    continue;
                }
                let examples = examples.as_object().expect("an error has examples");
                for (code, example) in examples {
                    let named = code
                        .trim_end_matches("_trimmed")
                        .trim_end_matches("_cursor");
                    assert_eq!(example["value"]["code"], named, "{id} {status}");
                    assert_eq!(example["value"]["status"], "error", "{id} {status}");
                    let message = example["value"]["message"].as_str().expect("a message");
                    assert!(!message.is_empty(), "{id} {status}");
                }
                let Some(request) = request_for(id, path, status) else {
                    continue;
                };
                let server = if ["401", "403"].contains(&status.as_str()) {
                    &closed
                } else {
                    &open
                };
                let answer = server.send(request).await;
                assert_eq!(answer.status.as_str(), status, "{id}");
                let example = examples.values().next().expect("one");
                assert_eq!(answer.json(), example["value"], "{id} {status}");
                answered += 1;
            }
        }
    }
    // 400 of fifteen operations, 401 and 403 of seventeen, 404 of five, 413 of eleven, 415 of six.
    assert_eq!(answered, 15 + 17 + 17 + 5 + 11 + 6);
}

#[tokio::test]
async fn the_examples_of_answers_are_what_the_server_answers() {
    let server = memory_server();
    let document = server.get("/openapi.json").await.json();
    let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();
    let body = example("AppendRequest").to_string();
    let append = post(
        "/api/v1/log/append",
        &[("content-type", "application/json")],
    )
    .body(body);
    assert_eq!(server.send(append).await.json(), example("AppendResponse"));
    for (query, schema) in [
        ("scan?key=orders&limit=1", "ScanResponse"),
        ("count?key=orders", "CountResponse"),
        ("keys", "KeysResponse"),
        ("segments", "SegmentsResponse"),
    ] {
        let answer = server.get(&format!("/api/v1/log/{query}")).await.json();
        assert_eq!(timeless(answer), timeless(example(schema)), "{query}");
    }
    for (operation, schema) in [("scan", "ScanResponse"), ("count", "CountResponse")] {
        let path = &document["paths"][format!("/api/v1/log/{operation}")]["get"];
        let examples = &path["responses"]["200"]["content"]["application/json"]["examples"];
        assert_eq!(
            examples["complete"]["value"],
            example(schema),
            "{operation}"
        );
    }
    let trim = post("/api/v1/log/trim", &[]).body(example("TrimRequest").to_string());
    assert_eq!(server.send(trim).await.json(), example("TrimResponse"));
    for (operation, query) in [("scan", "scan?key=orders"), ("count", "count?key=orders")] {
        let answer = server.get(&format!("/api/v1/log/{query}")).await.json();
        let path = &document["paths"][format!("/api/v1/log/{operation}")]["get"];
        let examples = &path["responses"]["200"]["content"]["application/json"]["examples"];
        let trimmed = examples["trimmed"]["value"].clone();
        assert_eq!(timeless(answer), timeless(trimmed), "{query}");
    }
    let events = server.get("/api/v1/log/stream?key=orders&end_seq=1").await;
    assert_eq!(
        events.body,
        "event: trimmed\ndata: {\"trimmedBefore\":1}\n\n"
    );
    let deleted = delete("/api/v1/log/key?key=orders", &[]);
    assert_eq!(
        server.send(deleted).await.json(),
        example("DeleteKeyResponse")
    );
    let value = &example("ScanResponse")["values"][0];
    assert_eq!(*value, example("Value"));
    assert_eq!(example("KeysResponse")["keys"][0], example("Key"));
    assert_eq!(
        example("SegmentsResponse")["segments"][0],
        example("Segment")
    );
    let records = &example("AppendRequest")["records"];
    assert_eq!(records[0], example("Record"));
    assert_eq!(records[1]["headers"][0], example("Header"));
}

/// Without what the clock says.
fn timeless(mut answer: Json) -> Json {
    for list in ["values", "segments"] {
        for one in answer[list].as_array_mut().into_iter().flatten() {
            for time in ["timestampMs", "startTimeMs"] {
                if let Some(time) = one.get_mut(time) {
                    assert!(time.is_i64(), "{time}");
                    *time = json!(0);
                }
            }
        }
    }
    answer
}

#[tokio::test]
async fn links_lead_from_what_exists_to_what_exists() {
    let document = memory_server().get("/openapi.json").await.json();
    let operations: Vec<&Json> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|path| path.as_object().expect("operations").values())
        .collect();
    let mut found = 0;
    for operation in &operations {
        let answer = &operation["responses"]["200"];
        let example = &answer["content"]["application/json"]["schema"]["$ref"];
        for (name, link) in answer["links"].as_object().into_iter().flatten() {
            found += 1;
            let target = operations
                .iter()
                .find(|each| each["operationId"] == link["operationId"]);
            let target = target.unwrap_or_else(|| panic!("{name} leads nowhere"));
            for (parameter, expression) in link["parameters"].as_object().expect("parameters") {
                let parameters = target["parameters"].as_array().expect("parameters");
                assert!(
                    parameters.iter().any(|each| each["name"] == *parameter),
                    "{name}: {parameter}"
                );
                let expression = expression.as_str().expect("an expression");
                let Some(field) = expression.strip_prefix("$response.body#/") else {
                    assert_eq!(expression, "$request.body#/records/0/key", "{name}");
                    continue;
                };
                let schema = example
                    .as_str()
                    .and_then(|reference| reference.rsplit('/').next())
                    .expect("a schema");
                let field = field.split('/').next().expect("a field");
                let fields = &document["components"]["schemas"][schema]["properties"];
                assert!(fields[field].is_object(), "{name}: {schema}.{field}");
            }
        }
    }
    assert_eq!(found, 12);
}
