//! Streams of appends between nodes that are full: what is beyond their bounds waits, and nothing is lost.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join, join_all};
use tokio::time::sleep;

use super::*;
use crate::http::wire::delimited::Delimited;
use crate::http::wire::passed_append::{BODY_BYTES, MESSAGE_BYTES, PassedAnswer, PassedAppend};

/// Appends of a stream that a node applies at the same time, and bytes of them.
const AT_ONCE: usize = 4_096;
const BYTES_AT_ONCE: usize = 16 << 20;

/// The most appends that a node has queued for a stream, those that it encodes in one turn, and bytes that are encoded but not written.
const WAITING: usize = 1_024;
const TURN: usize = 256;
const UNWRITTEN: usize = 256 << 10;

/// Nothing that can go on is left when so much time has passed by a clock that waits for that.
const MOMENT: Duration = Duration::from_millis(1);

/// An append of so many bytes.
fn body(bytes: usize) -> Bytes {
    let around = format!(r#"{{"records": [{{"keyText": "{ONE}", "valueText": ""}}]}}"#);
    let value = "v".repeat(bytes - around.len());
    let body = around.replace(r#""valueText": """#, &format!(r#""valueText": "{value}""#));
    body.into()
}

/// Passes so many appends of so many bytes to a node that cannot apply any yet. Returns how many it reads before it can. All are answered then.
async fn read_at_once(appends: usize, bytes: usize) -> usize {
    let map = Map::new(None);
    let node = node(&map, true);
    let here = map.here.lock().take();
    let read = Arc::new(AtomicUsize::new(0));
    let (reads, body) = (Arc::clone(&read), body(bytes));
    let frames = (0..appends).map(move |number| {
        reads.fetch_add(1, Ordering::Relaxed);
        let append = PassedAppend {
            number: number as u64,
            partition: 1,
            is_json: true,
            wants_json: true,
            request_id: String::new(),
            body: body.clone(),
        };
        let frame = append.encode_length_delimited_to_vec();
        Ok::<_, std::io::Error>(Bytes::from(frame))
    });
    let request = post(
        "/-/cluster/appends",
        &[DELIMITED, ("log-forwarded-by", "test")],
    );
    let request = request.body(Body::from_bytes_stream(stream::iter(frames)));
    let mut answers = node.response(request).await.into_body().into_bytes_stream();
    sleep(MOMENT).await;
    let at_once = read.load(Ordering::Relaxed);
    *map.here.lock() = here;
    map.changes.send_replace(());
    let mut received = Delimited::new(MESSAGE_BYTES);
    let mut numbers = Vec::new();
    while let Some(part) = answers.next().await {
        received.add(&part.expect("answers"));
        while let Some(frame) = received.next().expect("a message") {
            let answer = PassedAnswer::decode(frame).expect("an answer");
            assert_eq!((answer.status, answer.ends_before), (200, None));
            numbers.push(answer.number);
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..appends as u64).collect::<Vec<_>>());
    assert_eq!(node.service.watermarks().tip.get(), appends as u64);
    at_once
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_no_more_of_a_stream_than_it_may_apply_at_once_and_the_rest_later() {
    assert_eq!(read_at_once(AT_ONCE + 900, 100).await, AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn a_node_reads_no_more_bytes_of_a_stream_than_it_may_have_at_once_and_the_rest_later() {
    let most = BYTES_AT_ONCE / BODY_BYTES;
    assert_eq!(read_at_once(most + 90, BODY_BYTES).await, most);
    let most = BYTES_AT_ONCE.div_ceil(BODY_BYTES - 1_000);
    assert_eq!(read_at_once(most + 90, BODY_BYTES - 1_000).await, most);
}

/// A node that reads nothing of a stream until it is told to.
struct Slow {
    next: At,
    reads: watch::Sender<bool>,
    /// Bytes of the largest part that it read.
    largest: Arc<AtomicUsize>,
}

impl Writer for Slow {
    fn send(&self, request: Sent<Bytes>) -> BoxFuture<'_, std::result::Result<Got<Bytes>, Lost>> {
        self.next.send(request)
    }

    fn stream(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        self.next.stream(request)
    }

    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<Got<Streamed>, Lost>> {
        let mut reads = self.reads.subscribe();
        let told = async move {
            let _told = reads.wait_for(|reads| *reads).await;
        };
        let largest = Arc::clone(&self.largest);
        let request = request.map(|frames| {
            let waits = stream::once(told).filter_map(|()| ready(None));
            let frames = waits.chain(frames).inspect(move |part| {
                let bytes = part.as_ref().map_or(0, Bytes::len);
                largest.fetch_max(bytes, Ordering::Relaxed);
            });
            frames.boxed() as Streamed
        });
        self.next.exchange(request)
    }
}

/// A node that passes appends to a slow one.
fn to_slow() -> (Server, Arc<Slow>, Arc<LogService<MemoryStore>>) {
    let serving = node(&Map::new(None), true);
    let log = Arc::clone(&serving.service);
    let slow = Arc::new(Slow {
        next: At(serving),
        reads: watch::Sender::new(false),
        largest: Arc::default(),
    });
    let map = Map::new(Some(Arc::clone(&slow) as _));
    (node(&map, false), slow, log)
}

const APPENDS: usize = 4_000;
const BYTES: usize = 400;

fn appends(node: &Server) -> impl Future<Output = Vec<StatusCode>> {
    let body = body(BYTES);
    let sent = (0..APPENDS).map(move |_| {
        let request = post(
            "/api/v1/log/append",
            &[("content-type", "application/json")],
        );
        let request = request.body(body.clone());
        async move { node.send(request).await.status }
    });
    join_all(sent)
}

#[tokio::test(start_paused = true)]
async fn appends_to_a_node_that_reads_slowly_wait_and_all_are_applied() {
    let (node, slow, log) = to_slow();
    let reading = async {
        sleep(MOMENT).await;
        assert_eq!(log.watermarks().tip.get(), 0);
        slow.reads.send_replace(true);
    };
    let (statuses, ()) = join(appends(&node), reading).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::OK));
    assert_eq!(log.watermarks().tip.get(), APPENDS as u64);
    let largest = slow.largest.load(Ordering::Relaxed);
    assert!(largest >= UNWRITTEN, "{largest}");
    assert!(largest < UNWRITTEN + TURN * 2 * BYTES, "{largest}");
}

#[tokio::test(start_paused = true)]
async fn appends_beyond_the_bounds_are_not_taken_before_there_is_room() {
    let (node, slow, log) = to_slow();
    // Their clients go away. What was already queued for the stream is sent all the same.
    let gone = tokio::time::timeout(MOMENT, appends(&node)).await;
    gone.expect_err("nothing is answered");
    slow.reads.send_replace(true);
    sleep(MOMENT).await;
    let taken = log.watermarks().tip.get() as usize;
    assert!(taken > WAITING, "{taken}");
    // One write waits to be read, and the next one is full.
    let most = TURN + UNWRITTEN / BYTES + TURN + WAITING;
    assert!(taken <= most, "{taken} {most}");
}
