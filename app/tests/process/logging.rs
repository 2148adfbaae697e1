//! What the server says on stderr: for programs and for people, and never what clients sent.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::support::client::{Client, http, ready, until_ready_is};
use crate::support::place::Place;
use crate::support::server::{Server, binary, variables};

fn objects(log: &str) -> Vec<Value> {
    let lines = log.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_a_terminal_every_line_is_json_with_time_level_target_and_message() {
    let server = Server::start(&["--in-memory".to_owned()], &[]);
    let exit = server.terminate().await;
    let lines = objects(&exit.stderr);
    assert!(lines.len() > 4, "{lines:?}");
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field} is not in {line}");
        }
    }
    let ending = lines.last().expect("a line");
    let everything = "stopped; everything acknowledged is durable";
    assert_eq!(ending["message"], everything);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_a_warning_that_is_seen_and_then_over() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[("LOG_TIMEOUTS__CHECK", "500ms")]));
    place.pause();
    let until = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < until {
        ready(&server).await;
    }
    place.resume();
    until_ready_is(&server, 200, Duration::from_secs(30)).await;
    let exit = server.terminate().await;
    let lines = objects(&exit.stderr);
    let at = |level: &str, text: &str| {
        let said = |line: &&Value| {
            line["level"] == level
                && line["message"]
                    .as_str()
                    .is_some_and(|said| said.contains(text))
        };
        lines.iter().filter(said).count()
    };
    assert_eq!(at("WARN", "not ready"), 1, "{}", exit.stderr);
    assert_eq!(at("INFO", "ready again"), 1, "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_can_be_logged_with_its_id_route_status_and_duration_and_nothing_that_was_sent()
 {
    let asked_for = variables(&[("LOG_LOG", "info,requests=debug")]);
    let server = Server::start(&["--in-memory".to_owned()], &asked_for);
    let client = Client::new(&server);
    client
        .append_one("PRIVATE-KEY", "PRIVATE-VALUE", true)
        .await;
    let scan = format!("{}/api/v1/log/scan?key=UFJJVkFURQ&limit=x", server.url());
    let asked = http().get(scan).bearer_auth("PRIVATE-TOKEN");
    let asked = asked.header("x-request-id", "my-id-1").send().await;
    assert_eq!(asked.expect("an answer").status(), 400);

    let exit = server.terminate().await;
    for private in ["PRIVATE", "UFJJVkFURQ"] {
        assert!(!exit.stderr.contains(private), "{}", exit.stderr);
    }
    let lines = objects(&exit.stderr);
    let requests: Vec<_> = lines
        .iter()
        .filter(|line| line["target"] == "requests")
        .collect();
    assert_eq!(requests.len(), 2, "{requests:?}");
    let [append, scan] = requests[..] else {
        panic!("two requests")
    };
    for (line, method, route, status) in [
        (append, "POST", "/api/v1/log/append", 200),
        (scan, "GET", "/api/v1/log/scan", 400),
    ] {
        assert_eq!(line["method"], method);
        assert_eq!(line["route"], route);
        assert_eq!(line["status"], status);
        assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0));
    }
    assert!(
        append["request_id"]
            .as_str()
            .is_some_and(|id| id.len() == 32)
    );
    assert_eq!(scan["request_id"], "my-id-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_sent_and_no_secret_is_logged_whatever_is_asked_for() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[("LOG_LOG", "trace")]));
    let client = Client::new(&server);
    client
        .append_one("PRIVATE-KEY", "PRIVATE-VALUE", true)
        .await;
    let scan = format!("{}/api/v1/log/scan?key=PRIVATE-KEY", server.url());
    let asked = http().get(scan).bearer_auth("PRIVATE-TOKEN").send().await;
    let answer = asked.expect("an answer").text().await.expect("a page");
    let base64 = "UFJJVkFURS1WQUxVRQ";
    assert!(answer.contains(base64), "{answer}");

    let log = server.terminate().await.stderr;
    assert!(log.contains("\"TRACE\""), "nothing was asked for");
    for private in ["PRIVATE", base64, log_testkit::seaweedfs::SECRET_ACCESS_KEY] {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_only_requests_that_the_server_failed_have_a_line() {
    let lame_duck = variables(&[("LOG_SHUTDOWN__LAME_DUCK", "2s")]);
    let server = Server::start(&["--in-memory".to_owned()], &lame_duck);
    Client::new(&server).append_one("key", "value", true).await;
    server.send_sigterm();
    let mut status = 200;
    while status == 200 {
        status = ready(&server).await.0;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(status, 503);
    let lines = objects(&server.wait().await.stderr);
    let requests: Vec<_> = lines
        .iter()
        .filter(|line| line["target"] == "requests")
        .collect();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0]["level"], "WARN");
    assert_eq!(requests[0]["route"], "/-/ready");
    assert_eq!(requests[0]["status"], 503);
}

#[test]
fn on_a_terminal_lines_are_text() {
    // `script` gives its child a terminal, and hands on what is written to it.
    let server = format!(
        "{} --in-memory --port 0 & sleep 5; kill $!; wait $!",
        binary().to_string_lossy()
    );
    let seen = Command::new("script")
        .args(["--quiet", "--return", "--command", &server, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("run script (of the package bsdutils)");
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    let line = seen
        .lines()
        .find(|line| line.contains("listening on http://127.0.0.1:"));
    let line = line.unwrap_or_else(|| panic!("it did not say that it listens:\n{seen}"));
    assert!(serde_json::from_str::<Value>(line).is_err(), "{line}");
    assert!(line.contains("INFO"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_clients_without_a_token_cause_are_limited_and_counted() {
    const TIMES: usize = 300;
    let lame_duck = variables(&[("LOG_SHUTDOWN__LAME_DUCK", "20s")]);
    let server = Server::start(&["--in-memory".to_owned()], &lame_duck);
    let client = Client::new(&server);
    for n in 0..TIMES {
        reset_an_append(&server, n).await;
    }
    server.send_sigterm();
    until_ready_is(&server, 503, Duration::from_secs(5)).await;
    let ready_url = format!("{}/-/ready", server.url());
    let http = http();
    for _ in 0..TIMES {
        let answer = http.get(&ready_url).send().await.expect("an answer");
        assert_eq!(answer.status(), 503);
    }
    let metrics = client.metrics().await;
    let counted = metrics.lines().find_map(|line| {
        line.strip_prefix("log_stderr_lines_lost_total{reason=\"rate_limited\"} ")
    });
    let counted: usize = counted.and_then(|n| n.parse().ok()).expect("a count");
    let exit = server.terminate().await;
    let lines = objects(&exit.stderr);
    assert!(lines.len() < 80, "{} lines", lines.len());
    assert!(counted >= TIMES - 60, "{counted} lines counted");
    assert!(exit.stderr.contains("dropping the rest"), "{}", exit.stderr);
}

/// Half of an append, and then a reset of the connection: over HTTP/1.1, cleartext HTTP/2, or nothing that is either.
async fn reset_an_append(server: &Server, n: usize) {
    let sent: &[u8] = match n % 3 {
        0 => b"POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
               content-length: 1000\r\n\r\n{\"records\": [",
        1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\x01\0\0\0\0nobodyas",
        _ => b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    };
    let stream = tokio::net::TcpStream::connect(server.address()).await;
    let mut stream = stream.expect("connect");
    stream.write_all(sent).await.expect("sent");
    if n.is_multiple_of(10) {
        // Most resets come before the request was read.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stream.set_zero_linger().expect("a reset");
}
