//! Deletions of keys, and what readers are told of them.

use super::client;
use super::fake::{Fake, Reply, Step, header};
use crate::{Error, ErrorKind};

async fn filled() -> Fake {
    let server = Fake::start([]).await;
    for number in 0..3 {
        server.put("orders", number.to_string());
        server.put("others", "x");
    }
    server
}

#[tokio::test]
async fn a_deletion_tells_the_floor_and_readers_and_counts_are_told_what_is_gone() {
    let server = filled().await;
    let client = client(&server.url(), 1);
    assert_eq!(client.delete_key("orders", 3).await.unwrap(), 3);
    let request = &server.requests()[0];
    assert!(request.head.starts_with("DELETE "), "{}", request.head);
    assert_eq!(
        request.path,
        "/api/v1/log/key?key_base64=b3JkZXJz&before_seq=3"
    );
    assert_eq!(
        header(&request.head, "accept"),
        Some("application/protobuf")
    );
    let mut records = client.scan("orders", ..);
    assert_eq!(records.next().await.unwrap().unwrap().sequence, 4);
    assert_eq!(records.trimmed_before(), Some(3));
    let counted = client.count("orders", ..).await.unwrap();
    assert_eq!((counted.count, counted.trimmed_before), (1, Some(3)));
    let counted = client.count("orders", 3..).await.unwrap();
    assert_eq!((counted.count, counted.trimmed_before), (1, None));

    assert_eq!(client.delete_key("orders", None).await.unwrap(), 6);
    let path = &server.requests().last().unwrap().path.clone();
    assert_eq!(path, "/api/v1/log/key?key_base64=b3JkZXJz");
    let mut records = client.scan("orders", ..);
    assert!(records.next().await.is_none());
    assert_eq!(records.trimmed_before(), Some(6));
    let counted = client.count("others", ..).await.unwrap();
    assert_eq!((counted.count, counted.trimmed_before), (3, None));
    // A tail of what is gone waits for what comes.
    server.put("orders", "new");
    let mut records = client.tail("orders", 0);
    assert_eq!(records.next().await.unwrap().unwrap().sequence, 6);
    assert_eq!(records.trimmed_before(), Some(6));
}

#[tokio::test]
async fn a_deletion_of_all_records_is_sent_again_only_if_it_was_certainly_not_applied() {
    let server = filled().await;
    let patient = client(&server.url(), 3);
    let late = Step::Answer(Reply::error(504, "deadline_exceeded"));
    for (lost, sent) in [(Step::LostAnswer, 1), (late, 2)] {
        server.does([lost]);
        let error = patient.delete_key("orders", None).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::OutcomeUnknown, "{error}");
        assert_eq!(server.requests().len(), sent, "it is not sent again");
    }
    let busy = Reply::error(429, "overloaded").header("retry-after", "0");
    server.does([Step::Answer(busy)]);
    assert_eq!(patient.delete_key("orders", None).await.unwrap(), 6);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_deletion_that_may_have_been_applied_is_sent_again_and_one_that_is_refused_is_not() {
    let server = filled().await;
    let late = Step::Answer(Reply::error(504, "deadline_exceeded"));
    server.does([Step::LostAnswer, late.clone()]);
    let patient = client(&server.url(), 3);
    assert_eq!(patient.delete_key("orders", 2).await.unwrap(), 2);
    assert_eq!(server.requests().len(), 3);
    let refused = |error: Error, kind: &ErrorKind| {
        assert_eq!(error.kind(), kind);
        let url = server.url();
        let request = format!("(DELETE {url}/api/v1/log/key)");
        assert!(error.to_string().ends_with(&request), "{error}");
    };
    let error = patient.delete_key("orders", 7).await.unwrap_err();
    refused(error, &ErrorKind::InvalidArgument);
    server.does([Step::Answer(Reply::error(403, "permission_denied"))]);
    let error = patient.delete_key("orders", 7).await.unwrap_err();
    refused(error, &ErrorKind::PermissionDenied);
    assert_eq!(server.requests().len(), 5);
    server.does(vec![late; 3]);
    let error = patient.delete_key("orders", 7).await.unwrap_err();
    refused(error, &ErrorKind::DeadlineExceeded);
    assert_eq!(server.requests().len(), 8);
}
