//! Cursors, and consumers that move them.

use super::client;
use super::fake::{Fake, Reply, Step};
use crate::{AppendOptions, ErrorKind};

async fn filled(records: u64) -> Fake {
    let server = Fake::start([]).await;
    for number in 0..records {
        server.put("orders", number.to_string());
    }
    server
}

#[tokio::test]
async fn a_cursor_is_moved_read_listed_and_deleted() {
    let server = filled(3).await;
    let client = client(&server.url(), 1);
    assert_eq!(client.cursor("a/b c").await.unwrap(), None);
    let moved = client.move_cursor("a/b c", 2, 0).await.unwrap();
    assert_eq!(
        (moved.name.as_str(), moved.position, moved.lag),
        ("a/b c", 2, 1)
    );
    let path = &server.requests().last().unwrap().path.clone();
    assert_eq!(path, "/api/v1/log/cursors/a%2Fb%20c");
    assert_eq!(client.cursor("a/b c").await.unwrap(), Some(moved));
    let error = client.move_cursor("a/b c", 3, 1).await.unwrap_err();
    let ErrorKind::Conflict(conflict) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(conflict.cursor.as_deref(), Some("a/b c"));
    assert_eq!(conflict.position, Some(2));
    let error = client.move_cursor("a/b c", 4, None).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidArgument);
    for name in ["b", "c", "d"] {
        client.move_cursor(name, 0, None).await.unwrap();
    }
    let all = client.cursors("").await.unwrap();
    let names: Vec<_> = all.iter().map(|cursor| cursor.name.as_str()).collect();
    assert_eq!(names, ["a/b c", "b", "c", "d"]);
    assert_eq!(client.cursors("a").await.unwrap().len(), 1);
    assert!(client.delete_cursor("a/b c").await.unwrap());
    assert!(!client.delete_cursor("a/b c").await.unwrap());
    for name in ["", ".", "..", "a\n", &"c".repeat(257)] {
        let error = client.cursor(name).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidArgument, "{name:?}");
    }
}

#[tokio::test]
async fn a_move_whose_answer_is_lost_is_found_out_to_have_been_made() {
    let server = filled(3).await;
    let patient = client(&server.url(), 3);
    let late = Step::Answer(Reply::error(504, "deadline_exceeded"));
    server.does([Step::LostAnswer, late]);
    let moved = patient.move_cursor("c", 2, 0).await.unwrap();
    assert_eq!(moved.position, 2);
    // What somebody else did is not taken for it.
    server.does([Step::LostAnswer]);
    let error = patient.move_cursor("c", 1, 0).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict(_)), "{error}");
    let error = patient.move_cursor("c", 2, 0).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Conflict(_)),
        "the first attempt: {error}"
    );
}

#[tokio::test]
async fn a_consumer_continues_where_the_one_before_has_committed() {
    let server = filled(3).await;
    let client = client(&server.url(), 1);
    let mut first = client.consume("orders", "c").await.unwrap();
    assert_eq!(first.next().await.unwrap().len(), 3);
    first.commit().await.unwrap();
    assert_eq!(first.committed(), 3);
    let sent = server.requests().len();
    first.commit().await.unwrap();
    assert_eq!(server.requests().len(), sent, "there is nothing to commit");
    for number in 3..5 {
        server.put("orders", number.to_string());
        // What was not committed is read again.
        let mut second = client.consume("orders", "c").await.unwrap();
        assert_eq!(second.next().await.unwrap()[0].sequence, 3);
    }
    let mut second = client.consume("orders", "c").await.unwrap();
    second.next().await.unwrap();
    second.commit().await.unwrap();
    // The first one is overtaken, and changes nothing.
    first.next().await.unwrap();
    let error = first.commit().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict(_)), "{error}");
    assert_eq!(client.cursor("c").await.unwrap().unwrap().position, 5);
}

#[tokio::test]
async fn results_are_appended_with_the_cursor_or_not_at_all() {
    let server = filled(2).await;
    let client = client(&server.url(), 3);
    let mut consumer = client.consume("orders", "c").await.unwrap();
    let batch = consumer.next().await.unwrap();
    let results = batch.into_iter().map(|record| ("results", record.value));
    server.does([Step::LostAnswer]);
    let appended = consumer
        .append(results, AppendOptions::new())
        .await
        .unwrap();
    assert_eq!((appended.start, appended.count), (Some(2), 2));
    assert_eq!(client.count("results", ..).await.unwrap().count, 2);
    let moved = client.cursor("c").await.unwrap().unwrap();
    assert_eq!((moved.position, consumer.committed()), (2, 2));
    client.move_cursor("c", 1, None).await.unwrap();
    server.put("orders", "2");
    consumer.next().await.unwrap();
    let options = AppendOptions::new();
    let error = consumer
        .append([("results", "r")], options)
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict(_)), "{error}");
    assert_eq!(client.count("results", ..).await.unwrap().count, 2);
    let options = AppendOptions::new().move_cursor("", 0, None);
    let error = client
        .append_with([("results", "r")], options)
        .await
        .unwrap_err();
    assert!(error.message().contains("cursors[0]: "), "{error}");
}
