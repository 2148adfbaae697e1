//! What a client is told of a server.

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::wire::{
    ClusterNode, ClusterPartition, ClusterResponse, SUCCESS, Segment, SegmentsResponse,
};
use crate::{ErrorKind, PartitionState};

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

/// The map of two partitions, of which the server knows the end of the one that it serves.
fn map(mine: u32, urls: [&str; 2]) -> Step {
    let partitions = (0..).zip(urls).map(|(partition, url)| ClusterPartition {
        partition,
        node: Some(format!("n{partition}")),
        url: Some(url.to_owned()),
        state: "serving".to_owned(),
        tip: (partition == mine).then_some(7 + u64::from(partition)),
        durable: (partition == mine).then_some(5),
    });
    let node = ClusterNode {
        node: "n0".to_owned(),
        url: urls[0].to_owned(),
        zone: Some("z".to_owned()),
        version: "1".to_owned(),
        alive: true,
    };
    Step::Answer(Reply::message(
        200,
        &ClusterResponse {
            status: SUCCESS.to_owned(),
            partitions: partitions.collect(),
            nodes: vec![node],
        },
    ))
}

#[tokio::test]
async fn the_ends_of_partitions_are_asked_of_the_nodes_that_serve_them() {
    let (one, other) = (Fake::start([]).await, Fake::start([]).await);
    let (first, second) = (one.url(), other.url());
    let urls = [first.as_str(), second.as_str()];
    one.does([map(0, urls), map(0, urls)]);
    other.does([map(1, urls)]);
    let log = client(&first, 1);
    let known = log.cluster().await.unwrap();
    let ends = |known: &crate::ClusterStatus| {
        let ends = known.partitions.iter().map(|each| each.tip);
        ends.collect::<Vec<_>>()
    };
    assert_eq!(ends(&known), [Some(7), None]);
    assert_eq!(known.nodes[0].zone.as_deref(), Some("z"));
    assert_eq!(known.partitions[1].state, PartitionState::Serving);
    assert!(other.requests().is_empty());
    let known = log.cluster_with_ends().await.unwrap();
    assert_eq!(ends(&known), [Some(7), Some(8)]);
    // A node that cannot be reached is no error.
    let gone = [first.as_str(), "http://127.0.0.1:1"];
    one.does([map(0, gone)]);
    let known = client(&first, 1).cluster_with_ends().await.unwrap();
    assert_eq!(ends(&known), [Some(7), None]);
}

#[tokio::test]
async fn a_server_from_before_clusters_has_one_partition_and_a_refusal_is_an_error() {
    let server = Fake::start([Step::Answer(Reply::page(404))]).await;
    let known = client(&server.url(), 1).cluster().await.unwrap();
    assert_eq!((known.partitions.len(), known.nodes.len()), (1, 0));
    let server = Fake::start([Step::Answer(Reply::error(403, "permission_denied"))]).await;
    let error = client(&server.url(), 1).cluster().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn the_status_of_a_cluster_has_no_sequence_unless_it_is_that_of_a_partition() {
    let missing = || Step::Answer(Reply::error(400, "invalid_argument"));
    let server = Fake::start([]).await;
    let url = server.url();
    server.does([
        Step::Answer(Reply::page(200)),
        missing(),
        map(0, [url.as_str(), url.as_str()]),
    ]);
    let log = client(&url, 1);
    let status = log.status().await.unwrap();
    assert_eq!((status.ready, status.durable_sequence), (Some(true), None));
    server.does([Step::Answer(Reply::page(200)), segments()]);
    let status = log.of_partition(1).status().await.unwrap();
    assert_eq!(status.durable_sequence, Some(12));
}
