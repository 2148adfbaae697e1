//! TLS, spoken by reqwest, openssl and curl.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::files::{Files, in_memory};
use crate::support::server::Server;

/// What `openssl s_client` says, with these arguments.
fn openssl(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            server.address(),
            "-servername",
            "localhost",
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("run openssl");
    let (said, complained) = (output.stdout, output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(&said),
        String::from_utf8_lossy(&complained)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_trust_the_authority_are_served_over_http_2_and_1() {
    let files = Files::new();
    let server = Server::start(&in_memory(), &files.tls());
    assert!(server.url().starts_with("https://"));
    let url = format!("{}/-/healthy", server.url());
    let answer = files.client().get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);

    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let curl = Command::new("curl")
            .args([
                "-sS",
                flag,
                "-w",
                " %{http_version}",
                "--cacert",
                &files.text("ca.pem"),
                &url,
            ])
            .output()
            .expect("run curl");
        assert_eq!(
            String::from_utf8_lossy(&curl.stdout),
            format!("OK {version}"),
            "{curl:?}"
        );
    }
    let stranger = Files::new().client().get(&url).send().await;
    assert!(stranger.is_err(), "a client that trusts somebody else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_1_3_and_1_2_are_spoken_and_nothing_older_or_weaker() {
    let files = Files::new();
    let server = Server::start(&in_memory(), &files.tls());
    let modern = openssl(&server, &["-tls1_3"]);
    assert!(modern.contains("New, TLSv1.3, Cipher is TLS_"), "{modern}");
    let older = openssl(&server, &["-tls1_2"]);
    assert!(older.contains("New, TLSv1.2, Cipher is ECDHE-"), "{older}");
    // At security level 0 openssl itself would speak all of these.
    for arguments in [
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        [
            "-tls1_2",
            "-cipher",
            "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0",
        ],
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
    ] {
        let refused = openssl(&server, &arguments);
        assert!(
            refused.contains("Cipher is (NONE)"),
            "{arguments:?}: {refused}"
        );
        let by_server = refused.contains("alert protocol version")
            || refused.contains("alert handshake failure");
        assert!(by_server, "{arguments:?}: {refused}");
    }
}

/// The head of an answer, which curl asks `name` for.
fn head(url: &str, name: &str, port: &str) -> String {
    let curl = Command::new("curl")
        .args(["-sS", "-k", "-D", "-", "-o", "/dev/null", "--resolve"])
        .args([&format!("{name}:{port}:127.0.0.1"), url])
        .output()
        .expect("run curl");
    String::from_utf8_lossy(&curl.stdout).to_lowercase()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_are_told_to_keep_to_tls_but_not_for_names_of_loopback() {
    const HSTS: &str = "\r\nstrict-transport-security: max-age=31536000\r\n";
    let files = Files::new();
    let allowed = super::files::variable("LOG_HTTP__ALLOWED_HOSTS", "log.example");
    let mut env = files.tls();
    env.push(allowed.clone());
    for (env, scheme) in [(env, "https"), (vec![allowed], "http")] {
        let server = Server::start(&in_memory(), &env);
        let (_, port) = server.address().rsplit_once(':').expect("a port");
        for (name, path, status) in [
            ("log.example", "/-/healthy", "200"),
            ("log.example", "/api/v1/log/keys", "200"),
            ("log.example", "/api/v1/log/scan", "400"),
            ("log.example", "/nothing", "404"),
            ("other.example", "/-/healthy", "403"),
            ("localhost", "/-/healthy", "200"),
            ("127.0.0.1", "/-/healthy", "200"),
        ] {
            let head = head(&format!("{scheme}://{name}:{port}{path}"), name, port);
            let first = head.lines().next().unwrap_or_default();
            assert!(first.contains(status), "{scheme}://{name}{path}: {head}");
            let expected = scheme == "https" && name.ends_with(".example");
            assert_eq!(
                head.contains(HSTS),
                expected,
                "{scheme}://{name}{path}: {head}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_to_new_clients_and_drops_nobody() {
    let files = Files::new();
    let mut server = Server::start(&in_memory(), &files.tls());
    let stream = format!("{}/api/v1/log/stream?key=k", server.url());
    let client = files.client();
    let mut open = client.get(&stream).send().await.expect("a stream");
    let before = serial(&server);

    files.write("tls.key", "half of a renewal\n");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("keeping the previous certificate") {
        assert!(Instant::now() < deadline, "no word of a bad certificate");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(serial(&server), before);

    files.renew();
    while serial(&server) == before {
        assert!(
            Instant::now() < deadline,
            "the old certificate is still shown"
        );
        sleep(Duration::from_millis(20)).await;
    }
    let appended = client
        .post(format!("{}/api/v1/log/append", server.url()))
        .body(r#"{"records":[{"key":"aw==","value":"dg=="}]}"#)
        .send();
    assert_eq!(appended.await.expect("an answer").status(), 200);
    let event = open.chunk().await.expect("still open").expect("an event");
    assert!(event.starts_with(b"id: 0\n"), "{event:?}");
}

fn serial(server: &Server) -> String {
    let shown = openssl(server, &["-showcerts"]);
    let from = shown.find("-----BEGIN").expect("a certificate");
    let to = shown.find("-----END").expect("a certificate");
    shown[from..to].to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_to_the_tls_port_is_cut_off_and_says_nothing() {
    let files = Files::new();
    let mut server = Server::start(&in_memory(), &files.tls());
    let mut plain = TcpStream::connect(server.address()).expect("connect");
    plain
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    plain
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\n\r\n")
        .expect("written");
    let mut answer = Vec::new();
    // A reset is as good an end as any.
    let _ = plain.read_to_end(&mut answer);
    assert!(answer.len() <= 7, "more than a TLS alert: {answer:?}");
    assert_eq!(health(&files, &server).await, 200);
    server.assert_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_shakes_hands_is_cut_off_and_keeps_nobody_waiting() {
    let files = Files::new();
    let mut env = files.tls();
    env.push(super::files::variable("LOG_TIMEOUTS__HEADERS", "1s"));
    let server = Server::start(&in_memory(), &env);
    let mut silent = TcpStream::connect(server.address()).expect("connect");
    silent
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    let began = Instant::now();
    assert_eq!(health(&files, &server).await, 200);
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "waited for the silent one"
    );
    assert_eq!(silent.read(&mut [0; 1]).expect("an end"), 0);
}

/// What the server answers when it is asked over TLS whether it is alive.
async fn health(files: &Files, server: &Server) -> u16 {
    let asked = files.client().get(format!("{}/-/healthy", server.url()));
    asked.send().await.expect("an answer").status().as_u16()
}
