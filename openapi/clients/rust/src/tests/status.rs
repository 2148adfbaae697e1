//! What a client is told of a server.

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::ErrorKind;
use crate::wire::{SUCCESS, Segment, SegmentsResponse};

fn segments() -> Step {
    let reply = Reply::message(
        200,
        &SegmentsResponse {
            status: SUCCESS.to_owned(),
            segments: vec![Segment {
                id: 3,
                start_seq: 7,
                start_time_ms: 9,
            }],
        },
    );
    Step::Answer(reply.header("log-durable-sequence", "12"))
}

#[tokio::test]
async fn the_status_has_what_is_durable_and_the_segments() {
    let server = Fake::start([Step::Answer(Reply::page(200)), segments()]).await;
    let status = client(&server.url(), 1).status().await.unwrap();
    assert_eq!((status.ready, status.reason), (Some(true), None));
    assert_eq!(status.durable_sequence, Some(12));
    let segments = status.segments.unwrap();
    assert_eq!((segments.len(), segments[0].start_sequence), (1, 7));
}

#[tokio::test]
async fn a_server_that_is_not_ready_and_one_that_does_not_say_it_are_no_errors() {
    let starting = || Step::Answer(Reply::error(503, "unavailable"));
    let server = Fake::start([starting(), starting()]).await;
    let status = client(&server.url(), 1).status().await.unwrap();
    assert_eq!(status.ready, Some(false));
    assert_eq!(status.reason.as_deref(), Some("scripted"));
    assert_eq!((status.durable_sequence, status.segments), (None, None));
    let hidden = Step::Answer(Reply::error(404, "not_found"));
    let server = Fake::start([hidden, segments()]).await;
    let status = client(&server.url(), 1).status().await.unwrap();
    assert_eq!(status.ready, None);
    assert!(status.segments.is_some());
}

#[tokio::test]
async fn a_server_that_is_not_there_and_one_that_refuses_to_be_read_are_errors() {
    let refused = Step::Answer(Reply::error(403, "permission_denied"));
    let server = Fake::start([Step::Answer(Reply::page(200)), refused]).await;
    let error = client(&server.url(), 1).status().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PermissionDenied);
    let error = client("http://127.0.0.1:1", 1).status().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
}
