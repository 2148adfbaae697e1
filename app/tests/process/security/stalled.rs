//! Clients of HTTP/2 that give their streams no window: their sockets move, and their answers do not.
//!
//! With the released settings, 2,500 such connections with 128 requests each took the server from 58 to 1,518 MiB, and all of them
//! were still open after six times `timeouts.idle`.

use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use hyper::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::files::{in_memory, variable};
use crate::support::client::Client;
use crate::support::server::Server;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that takes nothing of its answers but their heads.
pub(super) struct Stalled {
    requests: SendRequest<Bytes>,
    /// Ends with the connection. Until then it answers PINGs.
    pub(super) connection: JoinHandle<Result<(), h2::Error>>,
    answers: Vec<ResponseFuture>,
    heads: Vec<hyper::Response<h2::RecvStream>>,
}

impl Stalled {
    pub(super) async fn connect(server: &Server) -> Self {
        let tcp = TcpStream::connect(server.address()).await;
        Self::over(tcp.expect("connect")).await
    }

    /// The same over a connection that is open.
    pub(super) async fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let mut client = h2::client::Builder::new();
        client.initial_window_size(0).max_header_list_size(1 << 20);
        let (requests, connection) = client.handshake(io).await.expect("HTTP/2");
        Self {
            requests,
            connection: tokio::spawn(connection),
            answers: Vec::new(),
            heads: Vec::new(),
        }
    }

    /// Asks for `path`, with `headers` empty headers.
    pub(super) async fn ask(&mut self, path: &str, headers: usize) {
        let sent = self.try_ask(path, headers).await;
        assert!(sent, "the connection is open");
    }

    /// As [`Stalled::ask`]; false when the server has ended the connection, as it does when others want the room.
    pub(super) async fn try_ask(&mut self, path: &str, headers: usize) -> bool {
        let mut request = Request::get(format!("http://localhost{path}"));
        for _ in 0..headers {
            request = request.header("x", "");
        }
        let request = request.body(()).expect("a request");
        let ready = self.requests.clone().ready().await;
        let Ok(requests) = ready else {
            return false;
        };
        self.requests = requests;
        let Ok((answer, _)) = self.requests.send_request(request, true) else {
            return false;
        };
        self.answers.push(answer);
        true
    }

    /// The statuses of all answers.
    pub(super) async fn statuses(&mut self) -> Vec<u16> {
        for answer in self.answers.drain(..) {
            let answer = timeout(PATIENCE, answer).await.expect("in time");
            self.heads.push(answer.expect("an answer"));
        }
        let statuses = self.heads.iter().map(|head| head.status().as_u16());
        statuses.collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_a_window_end_their_connection_after_the_idle_time() {
    let env = [variable("LOG_TIMEOUTS__IDLE", "2s")];
    let server = Server::start(&in_memory(), &env);
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut client = Stalled::connect(&server).await;
        for _ in 0..50 {
            client.ask("/api/v1/log/keys", 0).await;
        }
        all.push(client);
    }
    let began = Instant::now();
    let honest = Client::new(&server);
    for client in all {
        let mut connection = client.connection;
        loop {
            // Others are served all the time.
            honest.append_one("k", "v", false).await;
            match timeout(Duration::from_millis(100), &mut connection).await {
                Ok(_ended) => break,
                Err(_) => assert!(began.elapsed() < PATIENCE, "it is never closed"),
            }
        }
    }
    assert!(began.elapsed() > Duration::from_secs(1), "closed at once");
    let alone = "http_requests_in_flight 1";
    honest.until_metrics_say(alone, PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_is_asked_on_a_connection_with_a_stalled_stream_is_answered() {
    let env = [variable("LOG_TIMEOUTS__IDLE", "1s")];
    let server = Server::start(&in_memory(), &env);
    let mut client = Stalled::connect(&server).await;
    client.ask("/api/v1/log/keys", 0).await;
    let poll = "/api/v1/log/scan?key=k&follow=true&timeout_ms=4000";
    client.ask(poll, 0).await;
    assert_eq!(client.statuses().await, [200, 200]);
    let ended = timeout(PATIENCE, client.connection).await;
    drop(ended.expect("closed when only stalled streams are left"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_are_bounded_and_those_that_stall_make_way() {
    let env = [variable("LOG_LIMITS__REQUESTS", "8")];
    let server = Server::start(&in_memory(), &env);
    let mut client = Stalled::connect(&server).await;
    for _ in 0..10 {
        client.ask("/api/v1/log/keys", 0).await;
    }
    let statuses = client.statuses().await;
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(refused, 2, "{statuses:?}");
    let honest = Client::new(&server);
    let url = format!("{}/api/v1/log/keys", server.url());
    let answer = crate::support::client::http().get(url).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    // Health and metrics have room of their own.
    assert_eq!(crate::support::client::ready(&server).await.0, 200);
    honest.metrics().await;
    let began = Instant::now();
    while honest.get("/keys").await.expect("an answer").status != 200 {
        assert!(began.elapsed() < PATIENCE, "the room stays taken");
        sleep(Duration::from_millis(100)).await;
    }
    drop(timeout(PATIENCE, client.connection).await.expect("closed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_takes_no_more_than_a_quarter_of_the_room_for_answers() {
    let env = [
        variable("LOG_MEMORY__ANSWERS", "16MiB"),
        variable("LOG_LIMITS__PAGE_BYTES", "1MiB"),
    ];
    let server = Server::start(&in_memory(), &env);
    let honest = Client::new(&server);
    honest.append_one("k", &"v".repeat(700 << 10), false).await;
    let mut client = Stalled::connect(&server).await;
    for _ in 0..60 {
        client.ask("/api/v1/log/scan?key=k", 0).await;
    }
    let statuses = client.statuses().await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..=4).contains(&answered), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 429].contains(status)));
    let page = honest.scan(b"k", 0, "").await.expect("room for others");
    assert_eq!(page.values.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_takes_delays_a_stop_by_two_seconds_at_most() {
    let server = Server::start(&in_memory(), &[]);
    let honest = Client::new(&server);
    for _ in 0..8 {
        honest.append_one("k", &"v".repeat(1 << 20), false).await;
    }
    let mut streams = Stalled::connect(&server).await;
    streams.ask("/docs", 0).await;
    assert_eq!(streams.statuses().await, [200]);
    // Over HTTP/1 it is the socket that is full.
    let mut socket = std::net::TcpStream::connect(server.address()).expect("connect");
    let request = b"GET /api/v1/log/scan?key=k HTTP/1.1\r\nhost: localhost\r\n\r\n";
    std::io::Write::write_all(&mut socket, request).expect("written");
    sleep(Duration::from_millis(500)).await;
    let told = Instant::now();
    let exit = server.terminate().await;
    let took = told.elapsed();
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    assert!(took < Duration::from_secs(4), "{took:?}");
}
