//! Requests for streams that come while the log is being opened: they wait for it, within bounds.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use log_testkit::ports::free_ports;
use tokio::time::{Instant, sleep};

use crate::support::client::http;
use crate::support::server::{Server, variables};

const PLACES: usize = 2;
const OPEN: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: &str = "text/event-stream";

/// A store that takes connections and says nothing, and a server that is opening its log there.
async fn opening(open: Duration) -> (TcpListener, Server) {
    let store = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", store.local_addr().expect("an address"));
    let env = variables(&[
        ("LOG_LIMITS__FOLLOWERS", &PLACES.to_string()),
        ("LOG_TIMEOUTS__OPEN", &format!("{}s", open.as_secs())),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let arguments = ["--s3-bucket", "silent"].map(str::to_owned);
    let server = Server::begin(&arguments, &env, free_ports::<1>()[0]);
    let began = Instant::now();
    let healthy = format!("{}/-/healthy", server.url());
    while http().get(&healthy).send().await.is_err() {
        assert!(began.elapsed() < PATIENCE, "it does not listen");
        sleep(Duration::from_millis(20)).await;
    }
    (store, server)
}

fn follow(server: &Server, accept: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let request = format!(
        "GET /api/v1/log/stream?key=k HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    stream
}

/// The whole answer, and after how long it was there.
fn answer(mut stream: TcpStream) -> (Duration, String) {
    let began = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    (began.elapsed(), answer)
}

/// The answers to one more than may be held, the first one first.
fn answers(server: &Server, accept: &str) -> Vec<(Duration, String)> {
    let all = (0..=PLACES).map(|_| follow(server, accept));
    let all: Vec<_> = all
        .map(|stream| std::thread::spawn(|| answer(stream)))
        .collect();
    let answers = all
        .into_iter()
        .map(|answer| answer.join().expect("no panic"));
    let mut answers: Vec<_> = answers.collect();
    answers.sort();
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_are_held_while_the_log_is_opened_so_many_and_for_so_long() {
    let (_store, mut server) = opening(OPEN).await;
    for (accept, refused, late) in [
        ("*/*", "HTTP/1.1 429 ", "HTTP/1.1 503 "),
        (EVENTS, "HTTP/1.1 200 ", "HTTP/1.1 200 "),
    ] {
        let answers = answers(&server, accept);
        let (took, first) = &answers[0];
        assert!(first.starts_with(refused), "{first}");
        assert!(first.contains(r#""code":"overloaded""#), "{first}");
        assert!(*took < OPEN / 2, "{took:?}");
        for (took, held) in &answers[1..] {
            assert!(held.starts_with(late), "{held}");
            assert!(held.contains(r#""code":"unavailable""#), "{held}");
            assert!(*took > OPEN / 2, "{took:?}");
        }
        let told = answers
            .iter()
            .filter(|(_, answer)| answer.contains("\nretry: 1000\n"));
        let expected = if accept == EVENTS { PLACES + 1 } else { 0 };
        assert_eq!(told.count(), expected, "{answers:?}");
    }
    server.assert_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_that_are_held_do_not_delay_a_stop() {
    let (_store, server) = opening(PATIENCE).await;
    let held: Vec<_> = (0..PLACES).map(|_| follow(&server, EVENTS)).collect();
    // They are held when there is no place for another one.
    let began = Instant::now();
    loop {
        let mut another = follow(&server, "*/*");
        let soon = Some(Duration::from_millis(500));
        another.set_read_timeout(soon).expect("a time-out");
        if another.read(&mut [0; 12]).is_ok_and(|read| read > 0) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is held");
    }
    let told = Instant::now();
    let exit = server.terminate().await;
    let took = told.elapsed();
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    assert!(took < Duration::from_secs(1), "{took:?}");
    for mut stream in held {
        // A browser comes back after an end of this kind.
        let mut rest = Vec::new();
        let _reset_or_end = stream.read_to_end(&mut rest);
    }
}
