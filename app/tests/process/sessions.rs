//! Append sessions on real processes.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::session::{DELIMITED, Session, refused, request};

const SESSIONS: usize = 100;
/// Requests of each session.
const REQUESTS: u64 = 300;
/// Requests of a session without an answer.
const OUTSTANDING: u64 = 20;
/// Acknowledged requests of all sessions after which the server is told to stop.
const STOP_AFTER: u64 = 5_000;
/// What a busy machine may take for anything here.
const LONG: Duration = Duration::from_secs(60);

const MIB: u64 = 1 << 20;

fn clients() -> [reqwest::Client; 2] {
    let builder = || reqwest::Client::builder().no_proxy();
    let http_1 = builder().http1_only().build();
    let http_2 = builder().http2_prior_knowledge().build();
    [http_1, http_2].map(|client| client.expect("a client"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_appends_over_http_1_and_over_http_2() {
    let place = Place::folder();
    let server = place.serve();
    for (round, http) in clients().iter().enumerate() {
        let first = 1_000 * round as u64;
        let opened = Session::open(http, server.url()).await;
        let mut session = opened.expect("opened");
        for number in 0..1_000 {
            session.send(request("k", &number.to_string(), None));
        }
        for number in 0..1_000 {
            let answer = session.answer().await.expect("answered");
            assert_eq!(answer, Some(Ok(first + number)));
        }
        session.end();
        assert_eq!(session.answer().await.expect("ended"), None);
    }
    assert_eq!(Client::new(&server).count(b"k").await, 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_hundred_sessions_loses_nothing_acknowledged() {
    let place = Place::folder();
    let server = place.serve();
    let url = server.url().to_owned();
    let clients = clients();
    let (acknowledged, mut total) = tokio::sync::mpsc::unbounded_channel();
    let mut sessions = JoinSet::new();
    for number in 0..SESSIONS {
        let (http, url) = (clients[number % 2].clone(), url.clone());
        let acknowledged = acknowledged.clone();
        sessions.spawn(async move {
            let name = format!("session-{number}");
            let mut session = Session::open(&http, &url).await.expect("opened");
            let (mut sent, mut answered) = (0, 0);
            loop {
                while sent < REQUESTS && sent < answered + OUTSTANDING {
                    session.send(request(&name, &sent.to_string(), Some((&name, sent))));
                    sent += 1;
                }
                match session.answer().await {
                    Ok(Some(answer)) => {
                        answer.expect("applied");
                        answered += 1;
                        let _ = acknowledged.send(());
                        if answered == REQUESTS {
                            session.end();
                        }
                    }
                    // The server ends each session in order, between two answers.
                    Ok(None) => return (number, answered),
                    Err(error) => panic!("{name} broke off after {answered} answers: {error}"),
                }
            }
        });
    }
    for _ in 0..STOP_AFTER {
        timeout(LONG, total.recv()).await.expect("in time");
    }
    let exit = server.terminate().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    let mut answered = vec![0; SESSIONS];
    for (number, count) in sessions.join_all().await {
        answered[number] = count;
    }
    let unfinished = answered.iter().filter(|count| **count < REQUESTS).count();
    assert!(
        unfinished > SESSIONS / 2,
        "the stop came too late: {answered:?}"
    );
    let server = place.serve();
    let client = Client::new(&server);
    for (number, answered) in answered.into_iter().enumerate() {
        let name = format!("session-{number}");
        let there = client.count(name.as_bytes()).await;
        assert!(there >= answered, "{name}: {there} of {answered}");
        // What has no answer is sent again.
        let opened = Session::open(&clients[0], server.url()).await;
        let mut session = opened.expect("opened");
        for sequence in answered..REQUESTS {
            session.send(request(
                &name,
                &sequence.to_string(),
                Some((&name, sequence)),
            ));
        }
        session.end();
        while let Some(answer) = session.answer().await.expect("answered") {
            let was_applied = answer
                .as_ref()
                .map_or_else(|code| code == "producer_sequence_too_old", |_start| true);
            assert!(was_applied, "{name}: {answer:?}");
        }
        let values = client.scan_all(name.as_bytes(), 1_000).await;
        let values = values.into_iter().map(|(_, value)| value);
        let expected = (0..REQUESTS).map(|number| number.to_string().into_bytes());
        assert!(values.eq(expected), "{name}");
    }
}

/// What the client of a session does wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    ReadsNoAnswer,
    SendsGarbage,
    IsCutOff,
    IsSlow,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_go_wrong_take_bounded_memory_and_nothing_from_others() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    client.append_one("other", "v", true).await;
    let before = server.peak_memory();
    let kinds = [
        Wrong::ReadsNoAnswer,
        Wrong::SendsGarbage,
        Wrong::IsCutOff,
        Wrong::IsSlow,
    ];
    let mut threads = Vec::new();
    for kind in kinds {
        for _ in 0..25 {
            let address = server.address().to_owned();
            threads.push(std::thread::spawn(move || misbehave(kind, &address)));
        }
    }
    let until = Instant::now() + Duration::from_secs(5);
    let mut slowest = Duration::ZERO;
    while Instant::now() < until {
        let began = Instant::now();
        client.append_one("other", "v", false).await;
        slowest = slowest.max(began.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    for thread in threads {
        thread.join().expect("ended");
    }
    let more = server.peak_memory() - before;
    println!("{} MiB more, and {slowest:?} for an append", more / MIB);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(more < 256 * MIB, "{} MiB more", more / MIB);
    let in_flight = "http_requests_in_flight 1";
    client.until_metrics_say(in_flight, LONG).await;
    assert_eq!(server.terminate().await.code, Some(0));
}

/// Begins a session over HTTP/1.1 and does it wrong for some seconds.
fn misbehave(kind: Wrong, address: &str) {
    let mut stream = TcpStream::connect(address).expect("connected");
    let wait = Some(Duration::from_millis(500));
    stream.set_write_timeout(wait).expect("a timeout");
    let head = format!(
        "POST /api/v1/log/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: {DELIMITED}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let value = "v".repeat(10_000);
    let frame = match kind {
        // Nothing of it is written: records that wait to be flushed take memory too, and hide what the sessions take.
        Wrong::ReadsNoAnswer => refused("wrong", &value, "other"),
        _ => request("wrong", &value, None),
    };
    let end = Instant::now() + Duration::from_secs(4);
    let mut chunk = |content: &[u8]| {
        let sent = write!(stream, "{:x}\r\n", content.len())
            .and_then(|()| stream.write_all(content))
            .and_then(|()| stream.write_all(b"\r\n"));
        sent.is_ok()
    };
    match kind {
        Wrong::ReadsNoAnswer => while chunk(&frame) && Instant::now() < end {},
        Wrong::SendsGarbage => while chunk(&[0xff; 1_000]) && Instant::now() < end {},
        Wrong::IsCutOff => {
            chunk(&frame);
            chunk(&frame[..frame.len() / 2]);
        }
        Wrong::IsSlow => {
            for byte in &frame[..] {
                if !chunk(&[*byte]) || Instant::now() > end {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
    // Those that read nothing stay a while.
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
}
