//! What is written by hand, or added by hand to the document, against the description of the messages.

use prost::Message;
use serde::Serialize;

use super::*;
use crate::http::proto::{
    AppendResponse, ClusterNode, ClusterPartition, ClusterResponse, Conflict, CountResponse,
    Cursor, CursorResponse, CursorsResponse, DeleteCursorResponse, DeleteKeyResponse, Described,
    ErrorResponse, Key, KeysResponse, PROTOBUF, ScanResponse, Segment, SegmentsResponse,
    TrimResponse, Value,
};
use crate::http::{DocumentFormat, document};

/// Asserts that the JSON at `uri` is that of the message which is there as protobuf.
async fn written_as_described<M: Message + Default + Serialize>(server: &Server, uri: &str) -> M {
    let json = server.get(uri).await;
    let protobuf = get(uri, &[("accept", PROTOBUF)]);
    let message = M::decode(server.send(protobuf).await.body).expect("the message");
    let described = serde_json::to_string(&message).expect("JSON");
    assert_eq!(json.line(), described, "{uri}");
    message
}

#[tokio::test]
async fn responses_written_by_hand_are_those_that_are_described() {
    let server = memory_server();
    let body = r#"{"records":[
        {"keyText":"a\"","valueText":"ü\n","headers":[{"name":"h\\","value":"/w=="},{"name":"h\\","value":""}]},
        {"keyText":"a\"","value":""},{"key":"/w==","valueText":"x"}]}"#;
    assert_eq!(server.append_json(body).await.status, StatusCode::OK);

    let page: ScanResponse = written_as_described(&server, "/api/v1/log/scan?key=a%22").await;
    assert_eq!(page.values.len(), 2);
    let page: ScanResponse = written_as_described(&server, "/api/v1/log/scan?key=none").await;
    assert!(page.values.is_empty());
    for query in ["prefix=", "keys=a%22&keys_base64=_w", "prefix_base64=_w"] {
        let uri = format!("/api/v1/log/scan?{query}");
        let page: ScanResponse = written_as_described(&server, &uri).await;
        assert!(!page.values.is_empty() && page.key.is_empty());
        assert!(page.values.iter().all(|value| value.key.is_some()));
    }
    let keys: KeysResponse = written_as_described(&server, "/api/v1/log/keys").await;
    assert_eq!((keys.keys.len(), keys.next_start_after), (2, None));
    let keys: KeysResponse = written_as_described(&server, "/api/v1/log/keys?limit=1").await;
    assert!(keys.next_start_after.is_some());
    let cluster: ClusterResponse = written_as_described(&server, "/api/v1/cluster").await;
    assert_eq!((cluster.partitions.len(), cluster.nodes.len()), (1, 0));
    assert_eq!(cluster.partitions[0].tip, Some(3));
    let trim = post("/api/v1/log/trim", &[]).body(r#"{"beforeSequence":1}"#);
    assert_eq!(server.send(trim).await.status, StatusCode::OK);
    let page: ScanResponse = written_as_described(&server, "/api/v1/log/scan?key=a%22").await;
    assert_eq!((page.values.len(), page.trimmed_before), (1, Some(1)));
}

/// The names of the fields of `message` in JSON, when all of them have their defaults.
fn always_there<M: Serialize + Default + Described>() -> (&'static str, Vec<String>) {
    let message = serde_json::to_value(M::default()).expect("JSON");
    let fields = message.as_object().expect("an object");
    (M::DESCRIPTION.name, fields.keys().cloned().collect())
}

#[test]
fn the_document_requires_what_responses_always_have() {
    let text = document::<MemoryStore>(DocumentFormat::Json);
    let document: Json = serde_json::from_str(&text).expect("JSON");
    for (name, mut expected) in [
        always_there::<AppendResponse>(),
        always_there::<Value>(),
        always_there::<ScanResponse>(),
        always_there::<Key>(),
        always_there::<KeysResponse>(),
        always_there::<Segment>(),
        always_there::<SegmentsResponse>(),
        always_there::<CountResponse>(),
        always_there::<TrimResponse>(),
        always_there::<DeleteKeyResponse>(),
        always_there::<Cursor>(),
        always_there::<CursorResponse>(),
        always_there::<CursorsResponse>(),
        always_there::<DeleteCursorResponse>(),
        always_there::<ClusterResponse>(),
        always_there::<ClusterPartition>(),
        always_there::<ClusterNode>(),
        always_there::<ErrorResponse>(),
        always_there::<Conflict>(),
    ] {
        let required = document["components"]["schemas"][name]["required"].as_array();
        let required = required.expect("required fields").iter();
        let mut required: Vec<_> = required
            .map(|name| name.as_str().expect("a name"))
            .collect();
        required.sort_unstable();
        expected.sort_unstable();
        assert_eq!(required, expected, "{name}");
    }
}
