//! `GET /api/v1/log/stream`.

use futures::{FutureExt, Stream, StreamExt};

use super::*;

type Chunks = std::pin::Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

async fn open<S>(server: &Server<S>, query: &str, headers: &[(&str, &str)]) -> Chunks {
    let request = get(&format!("/api/v1/log/stream?{query}"), headers);
    let response = server.response(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.content_type(), Some("text/event-stream"));
    assert!(response.headers().contains_key("x-request-id"));
    Box::pin(response.into_body().into_bytes_stream())
}

async fn next(chunks: &mut Chunks) -> Option<String> {
    let chunk = chunks.next().await?;
    Some(String::from_utf8(chunk.expect("a chunk").to_vec()).expect("UTF-8"))
}

/// The ids of the events in `text`.
fn ids(text: &str) -> Vec<u64> {
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.map(|id| id.parse().expect("a number")).collect()
}

#[tokio::test]
async fn a_stream_sends_what_is_there_and_then_what_comes() {
    let server = memory_server();
    server.append("k", &["a", "b"]).await;
    let mut stream = open(&server, "key=k", &[]).await;
    let there = next(&mut stream).await.expect("an event");
    let [first, second] = there.split_terminator("\n\n").collect::<Vec<_>>()[..] else {
        panic!("two events, not {there}");
    };
    assert!(first.starts_with("id: 0\ndata: {\"sequence\":0,\"value\":\"YQ==\",\"timestampMs\":"));
    assert!(second.starts_with("id: 1\ndata: {\"sequence\":1,"));

    assert!(next(&mut stream).now_or_never().is_none());
    server.append("other", &["x"]).await;
    assert!(next(&mut stream).now_or_never().is_none());
    server.append("k", &["c"]).await;
    assert_eq!(ids(&next(&mut stream).await.expect("an event")), [3]);
}

#[tokio::test]
async fn a_reconnect_goes_on_exactly_after_the_last_event() {
    let server = memory_server();
    server.append("k", &["a", "b", "c", "d"]).await;
    let resumed = [("last-event-id", "1")];
    let mut stream = open(
        &server,
        "key=k&start_seq=3&start_time_ms=99999999999999",
        &resumed,
    )
    .await;
    assert_eq!(ids(&next(&mut stream).await.expect("events")), [2, 3]);
    let mut stream = open(&server, "key=k&start_seq=3", &[("last-event-id", "")]).await;
    assert_eq!(ids(&next(&mut stream).await.expect("events")), [3]);
}

#[tokio::test]
async fn a_last_event_id_that_is_none_of_ours_is_refused() {
    let request = get("/api/v1/log/stream?key=k", &[("last-event-id", "abc")]);
    let message = memory_server()
        .send(request)
        .await
        .error(400, "invalid_argument");
    assert!(message.starts_with("Last-Event-ID:"), "{message}");
}

#[tokio::test]
async fn a_stream_with_an_end_ends_there_and_is_not_taken_up_again() {
    let server = memory_server();
    server.append("k", &["a", "b", "c"]).await;
    let mut stream = open(&server, "key=k&end_seq=2", &[]).await;
    assert_eq!(ids(&next(&mut stream).await.expect("events")), [0, 1]);
    assert_eq!(next(&mut stream).await, None);
    let again = get(
        "/api/v1/log/stream?key=k&end_seq=2",
        &[("last-event-id", "1")],
    );
    assert_eq!(server.send(again).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_sends_heartbeats_and_loses_nothing_by_them() {
    let server = memory_server();
    let mut stream = open(&server, "key=k", &[]).await;
    for _ in 0..3 {
        let begun = tokio::time::Instant::now();
        let beat = next(&mut stream).await.expect("a heartbeat");
        assert!(beat.starts_with(':') && beat.ends_with("\n\n"), "{beat}");
        assert_eq!(begun.elapsed(), Duration::from_secs(15));
    }
    server.append("k", &["a"]).await;
    assert_eq!(ids(&next(&mut stream).await.expect("an event")), [0]);
}

#[tokio::test]
async fn streams_end_when_the_server_dismisses_followers() {
    let server = memory_server();
    let mut stream = open(&server, "key=k", &[]).await;
    assert!(next(&mut stream).now_or_never().is_none());
    server.service.dismiss_followers();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_stream_that_has_not_caught_up_ends_where_it_is_when_followers_are_dismissed() {
    let server = memory_server();
    let value = "x".repeat(300_000);
    for _ in 0..4 {
        server.append("k", &[&value]).await;
    }
    let mut stream = open(&server, "key=k", &[]).await;
    let first = ids(&next(&mut stream).await.expect("events"));
    assert!(first.len() < 4, "all in one page: {first:?}");
    server.service.dismiss_followers();
    assert_eq!(next(&mut stream).await, None);
    // One that begins now gets a page of what is there.
    let resumed = [("last-event-id", first.last().expect("one").to_string())];
    let resumed = resumed.each_ref().map(|(name, id)| (*name, id.as_str()));
    let mut stream = open(&server, "key=k", &resumed).await;
    let second = ids(&next(&mut stream).await.expect("events"));
    assert_eq!(second.first(), Some(&(first.len() as u64)));
}

#[tokio::test]
async fn a_store_that_fails_midway_ends_the_stream_with_one_error_event() {
    let server = failing_server(Error::Corrupt("secret".to_owned()));
    let mut stream = open(&server, "key=k", &[("x-request-id", "r-1")]).await;
    assert_eq!(
        next(&mut stream).await.as_deref(),
        Some(
            "event: error\ndata: {\"status\":\"error\",\"message\":\"internal error, see the server's log for \
             request id r-1\",\"code\":\"internal\"}\n\n"
        )
    );
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_stream_is_made_page_by_page_as_its_client_reads() {
    let server = memory_server();
    let value = "x".repeat(100_000);
    for _ in 0..8 {
        server.append("k", &[&value]).await;
    }
    let mut stream = open(&server, "key=k", &[]).await;
    let mut seen = Vec::new();
    while seen.len() < 8 {
        let chunk = next(&mut stream).await.expect("events");
        assert!(chunk.len() < 400_000, "{}", chunk.len());
        seen.extend(ids(&chunk));
    }
    assert_eq!(seen, (0..8).collect::<Vec<u64>>());
}

/// A server that is still opening the log, where so many streams are held for a moment.
fn opening(held_streams: usize) -> BoxEndpoint<'static, Response> {
    let meter = SdkMeterProvider::default().meter("test");
    let options = HttpOptions {
        held_streams,
        open_timeout: Duration::from_millis(10),
        ..HttpOptions::default()
    };
    let api = HttpApi::starting(&meter, None, options);
    api.endpoint(Side::Only).boxed()
}

#[tokio::test]
async fn what_passes_is_told_as_an_event_to_clients_that_take_nothing_else() {
    for (held, status, code) in [(0, 429, "overloaded"), (1, 503, "unavailable")] {
        let server = opening(held);
        for accept in ["text/event-stream", "Text/Event-Stream; q=0.5"] {
            let request = get("/api/v1/log/stream?key=k", &[("accept", accept)]);
            let response = server.call(request).await.expect("an answer");
            assert_eq!(response.status(), 200);
            assert_eq!(response.content_type(), Some("text/event-stream"));
            assert_eq!(response.headers()["cache-control"], "no-store");
            let body = response.into_body().into_string().await.expect("text");
            let expected = "retry: 1000\nevent: error\ndata: {\"status\":\"error\",";
            assert!(body.starts_with(expected), "{body}");
            assert!(body.ends_with("}\n\n"), "{body}");
            assert!(body.contains(&format!("\"code\":\"{code}\"")), "{body}");
        }
        for (uri, accept) in [
            (
                "/api/v1/log/stream?key=k",
                "text/event-stream, application/json",
            ),
            ("/api/v1/log/stream?key=k", "text/event-stream, */*;q=0.1"),
            ("/api/v1/log/stream?key=k", "*/*"),
            ("/api/v1/log/stream?key=k", ""),
        ] {
            let response = server.call(get(uri, &[("accept", accept)])).await;
            let response = response.expect("an answer");
            assert_eq!(response.status(), status, "{accept}");
            assert_eq!(response.content_type(), Some("application/json"));
        }
        let elsewhere = get("/api/v1/log/keys", &[("accept", "text/event-stream")]);
        let response = server.call(elsewhere).await.expect("an answer");
        assert_eq!(response.status(), 503);
    }
}

#[tokio::test]
async fn what_does_not_pass_keeps_its_status_for_every_client() {
    let server = memory_server();
    for query in ["", "?key=", "?key=k&limit=1"] {
        let uri = format!("/api/v1/log/stream{query}");
        let request = get(&uri, &[("accept", "text/event-stream")]);
        let answer = server.send(request).await;
        answer.error(400, "invalid_argument");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_room_goes_on_with_every_record_once() {
    let large = "v".repeat(10 << 10);
    let options = HttpOptions {
        stream_bytes: 40 << 10,
        ..HttpOptions::default()
    };
    let server = memory_server_with(Limits::default(), options);
    server.append("k", &["first", &large, &large]).await;
    let mut other = open(&server, "key=k&start_seq=1", &[]).await;
    let held = other.next().await.expect("events").expect("a chunk");
    assert_eq!(ids(std::str::from_utf8(&held).expect("text")), [1, 2]);

    // From a page of the store, and then from an inbox.
    let mut stream = open(&server, "key=k&start_seq=2", &[]).await;
    assert!(next(&mut stream).now_or_never().is_none());
    server.append("k", &[&large]).await;
    let leaves = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop((held, other));
    };
    let (there, ()) = tokio::join!(next(&mut stream), leaves);
    assert_eq!(ids(&there.expect("events")), [2, 3]);
    server.append("k", &["last"]).await;
    assert_eq!(ids(&next(&mut stream).await.expect("events")), [4]);
}
