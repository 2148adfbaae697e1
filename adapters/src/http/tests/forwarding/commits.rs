//! The stream of commits, on the server that writes the log and as a read-only server follows it.

use log_domain::commit_feed::FILE_BYTES;
use log_domain::{CommitFeed, CommitNews};

use super::*;
use crate::http::CommitStream;

/// A server that writes a log, and its feed.
fn writing(
    limits: Limits,
    options: HttpOptions,
    authorizer: Option<Arc<dyn Authorizer>>,
) -> (Server, Arc<CommitFeed>) {
    let server = memory_server_with(limits, HttpOptions::default());
    let feed = Arc::new(CommitFeed::default());
    let meter = SdkMeterProvider::default().meter("test");
    let api = HttpApi::starting(&meter, authorizer, options);
    api.open(HttpParts {
        service: Arc::clone(&server.service),
        readiness: Arc::new(Ready(Ok(()))),
        render_metrics: Arc::new(String::new),
        feed: Some(Arc::clone(&feed)),
    });
    feed.is_of("which".into());
    let endpoint = Arc::new(api.endpoint(Side::Only).boxed());
    (Server { endpoint, ..server }, feed)
}

fn written() -> (Server, Arc<CommitFeed>) {
    writing(Limits::default(), HttpOptions::default(), None)
}

fn offer(feed: &CommitFeed, id: u64, length: usize) {
    feed.offer(id, Some(|| vec![id as u8; length].into()));
}

/// What a stream tells without a wait.
async fn told(stream: &mut CommitStream) -> Vec<CommitNews> {
    let mut all = Vec::new();
    while let Ok(news) = tokio::time::timeout(Duration::from_millis(1), stream.next()).await {
        all.push(news.expect("news"));
    }
    all
}

fn files(news: Vec<CommitNews>) -> Vec<(u64, Option<usize>)> {
    let files = news.into_iter().filter_map(|news| news.file);
    files
        .map(|file| (file.id, file.content.map(|content| content.len())))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_follower_is_told_which_log_it_is_and_then_of_each_file_and_of_what_is_durable() {
    let (server, feed) = written();
    feed.durable(Sequence::new(4));
    let writer = At(server);
    let opened = CommitStream::open(&writer, None, 0).await;
    let mut stream = opened.expect("a stream");
    assert_eq!(stream.log(), "which");
    let first = stream.next().await.expect("news");
    assert_eq!(first.durable, Some(Sequence::new(4)));
    told(&mut stream).await;
    offer(&feed, 7, 100_000);
    feed.offer(8, None::<fn() -> Bytes>);
    offer(&feed, 9, FILE_BYTES + 1);
    offer(&feed, 10, 0);
    feed.durable(Sequence::new(9));
    let news = told(&mut stream).await;
    let durable = news.last().and_then(|news| news.durable);
    assert_eq!(durable, Some(Sequence::new(9)));
    let content = news[0].file.as_ref().and_then(|file| file.content.clone());
    assert!(content.expect("content").iter().all(|byte| *byte == 7));
    let expected = [(7, Some(100_000)), (8, None), (9, None), (10, Some(0))];
    assert_eq!(files(news), expected);
    // What is held is sent to one that comes back; and without anything new, it hears that there is nothing.
    let opened = CommitStream::open(&writer, None, 9).await;
    let mut again = opened.expect("a stream");
    assert_eq!(files(told(&mut again).await), [(10, Some(0))]);
    let began = tokio::time::Instant::now();
    let heartbeat = again.next().await.expect("a heartbeat");
    assert_eq!(heartbeat.durable, Some(Sequence::new(9)));
    assert!(began.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_reads_slowly_holds_nobody_up_and_no_memory_and_is_told_what_it_missed() {
    let options = HttpOptions {
        stream_bytes: 1 << 20,
        ..HttpOptions::default()
    };
    let (server, feed) = writing(Limits::default(), options, None);
    let writer = At(server);
    let opened = CommitStream::open(&writer, None, 0).await;
    let mut stream = opened.expect("a stream");
    for id in 1..200 {
        offer(&feed, id, 256 << 10);
        assert!(feed.held_bytes() <= 16 << 20);
    }
    let found = files(told(&mut stream).await);
    let (first, last) = (found[0].0, found[found.len() - 1].0);
    assert!(first > 100 && last == 199, "{first} to {last}");
    assert_eq!(found.len() as u64, last - first + 1);
    // There is no room for this one.
    offer(&feed, 200, 2 << 20);
    offer(&feed, 201, 10);
    let found = files(told(&mut stream).await);
    assert_eq!(found, [(200, None), (201, Some(10))]);
    drop(stream);
    assert_eq!((feed.readers(), feed.held_bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_a_follower_and_ends_when_the_server_stops() {
    let limits = Limits {
        followers: 1,
        ..Limits::default()
    };
    let (server, feed) = writing(limits, HttpOptions::default(), None);
    let service = Arc::clone(&server.service);
    let writer = At(server);
    let opened = CommitStream::open(&writer, None, 0).await;
    let mut stream = opened.expect("a stream");
    let refused = CommitStream::open(&writer, None, 0).await.err();
    assert_eq!(refused.as_deref(), Some("status 429 overloaded"));
    told(&mut stream).await;
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        service.dismiss_followers();
    };
    let (ended, ()) = tokio::join!(stream.next(), stopping);
    assert!(ended.expect_err("an end").contains("ended"));
    drop(stream);
    assert_eq!(feed.readers(), 0);
    let refused = CommitStream::open(&writer, None, 0).await.err();
    assert!(refused.expect("refused").contains("503"));
}

#[tokio::test]
async fn it_needs_the_right_to_read_and_takes_one_parameter() {
    let authorizer: Arc<dyn Authorizer> = Arc::new(NamedRights);
    let (server, _feed) = writing(Limits::default(), HttpOptions::default(), Some(authorizer));
    let writer = At(server);
    for token in [None, Some("append"), Some("admin")] {
        let refused = CommitStream::open(&writer, token, 0).await.err();
        let refused = refused.expect("refused");
        assert!(refused.contains("reader.writer_token_file"), "{refused}");
    }
    let opened = CommitStream::open(&writer, Some("read"), 0).await;
    assert!(opened.is_ok());
    let (server, _feed) = written();
    for query in ["after=x", "after=1&after=2", "before=1"] {
        let answer = server.get(&format!("/-/commits?{query}")).await;
        answer.error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn a_server_that_does_not_write_the_log_has_no_commits() {
    let server = memory_server();
    server.get("/-/commits").await.error(421, "not_writer");
    let refused = CommitStream::open(&At(server), None, 0).await.err();
    assert!(refused.expect("refused").contains("reader.writer_url"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_of_commits_is_told_apart() {
    let kind = [("content-type", "application/vnd.opendata-log.commits")];
    let json = [("content-type", "application/json")];
    for (writer, why) in [
        (Scripted::default(), "no answer in time"),
        (Scripted::answering(200, &json, "{}"), "status 200"),
        (
            Scripted::answering(401, &json, "{}"),
            "reader.writer_token_file",
        ),
        (
            Scripted::answering(404, &json, "<html>"),
            "an older version",
        ),
        (
            Scripted::answering(503, &json, r#"{"code": "unavailable"}"#),
            "status 503 unavailable",
        ),
        (Scripted::answering(200, &kind, ""), "ended"),
        (Scripted::answering(200, &kind, "\x02\x10\x05"), "which log"),
        (Scripted::answering(200, &kind, "\x7f"), "ended"),
    ] {
        let told = CommitStream::open(&writer, Some("a-token"), 3).await;
        let told = told.err().expect("no stream");
        assert!(told.contains(why), "{told}");
        let seen = writer.seen.lock();
        assert_eq!(seen[0].headers()["authorization"], "Bearer a-token");
        assert_eq!(seen[0].uri(), "/-/commits?after=3");
    }
}

#[tokio::test]
async fn a_writer_over_the_network_is_followed_until_the_connection_breaks() {
    let address = port_that_answers(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.opendata-log.commits\r\ntransfer-encoding: chunked\r\n\r\n\
          6\r\n\x09\x0a\x05whi\r\n4\r\nch\x10\x01\r\n3\r\n\x02\x10\x05\r\n",
    )
    .await;
    let writer = writer_at(address);
    let opened = CommitStream::open(&writer, None, 0).await;
    let mut stream = opened.expect("a stream");
    assert_eq!(stream.log(), "which");
    for durable in [1, 5] {
        let news = stream.next().await.expect("news");
        assert_eq!(news.durable, Some(Sequence::new(durable)));
    }
    stream.next().await.expect_err("the connection broke");
}
