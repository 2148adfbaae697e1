//! Tokens: who may do what, on every route and both listeners, and what becomes of a file that changes.

use reqwest::Response;
use serde_json::Value;

use super::files::{Files, in_memory, variable};
use crate::support::client::http;
use crate::support::server::Server;

const READ: &str = "read-token-0123456789abcdef";
const APPEND: &str = "append-token-0123456789abcdef";
const ADMIN: &str = "admin-token-0123456789abcdef";
const WRONG: &str = "wrong-token-0123456789abcdef";

const ROUTES: [(&str, &str, Option<&str>); 18] = [
    ("POST", "/api/v1/log/append", Some("append")),
    ("POST", "/api/v1/log/trim", Some("admin")),
    ("DELETE", "/api/v1/log/key?key=k", Some("admin")),
    ("GET", "/api/v1/log/scan?key=k", Some("read")),
    ("GET", "/api/v1/log/keys", Some("read")),
    ("GET", "/api/v1/log/segments", Some("read")),
    ("GET", "/api/v1/log/count?key=k", Some("read")),
    ("GET", "/api/v1/log/stream?key=k&end_seq=0", Some("read")),
    ("GET", "/metrics", Some("read")),
    ("GET", "/-/healthy", None),
    ("GET", "/-/ready", None),
    ("GET", "/openapi.json", None),
    ("GET", "/openapi.yaml", None),
    ("GET", "/docs", None),
    ("GET", "/console", None),
    ("GET", "/-/access", None),
    ("GET", "/-/config", Some("admin")),
    ("GET", "/-/metrics", Some("read")),
];

async fn ask(base: &str, method: &str, path: &str, token: Option<&str>) -> Response {
    let method = method.parse().expect("a method");
    let mut request = http().request(method, format!("{base}{path}"));
    if path.ends_with("append") {
        request = request.body(r#"{"records":[{"key":"aw==","value":"dg=="}]}"#);
    }
    if path.ends_with("trim") {
        request = request.body(r#"{"beforeSequence":0}"#);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("an answer")
}

/// The code of an error, which must be as every error is.
async fn code(response: Response) -> String {
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    let error: Value =
        serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(error["status"], "error");
    let text = error.to_string();
    for token in [READ, APPEND, ADMIN, WRONG] {
        assert!(!text.contains(token), "{text}");
    }
    error["code"].as_str().expect("a code").to_owned()
}

fn tokens(files: &Files) -> Vec<(String, String)> {
    files.write(
        "tokens",
        &format!("reader read {READ}\nwriter append {APPEND}\noperator admin {ADMIN}\n"),
    );
    vec![
        variable("LOG_AUTH__TOKENS", &files.text("tokens")),
        variable("LOG_AUTH__RELOAD", "100ms"),
        variable("LOG_LOG", "trace"),
    ]
}

fn assert_silent_about_tokens(log: &str) {
    assert!(!log.is_empty());
    for token in [READ, APPEND, ADMIN, WRONG] {
        assert!(!log.contains(token), "a token is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_its_right_and_no_other() {
    let files = Files::new();
    let mut server = Server::start(&in_memory(), &tokens(&files));
    for (method, path, needs) in ROUTES {
        for (token, right) in [
            (None, None),
            (Some(WRONG), None),
            (Some(READ), Some("read")),
            (Some(APPEND), Some("append")),
            (Some(ADMIN), Some("admin")),
        ] {
            let answer = ask(server.url(), method, path, token).await;
            let status = answer.status().as_u16();
            let what = format!("{method} {path} with {token:?}: {status}");
            match (needs, right) {
                (Some(_), None) => {
                    assert_eq!(status, 401, "{what}");
                    assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{what}");
                    assert_eq!(code(answer).await, "unauthenticated");
                }
                (Some(needs), Some(right)) if right != needs && right != "admin" => {
                    assert_eq!(status, 403, "{what}");
                    assert_eq!(code(answer).await, "permission_denied");
                }
                _ => assert_eq!(status, 200, "{what}"),
            }
        }
    }
    let protobuf = http()
        .get(format!("{}/api/v1/log/keys", server.url()))
        .header("accept", "application/protobuf")
        .send();
    let protobuf = protobuf.await.expect("an answer");
    assert_eq!(protobuf.status(), 401);
    assert_eq!(protobuf.headers()["content-type"], "application/protobuf");
    assert_silent_about_tokens(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_tokens_hold_without_a_restart_and_a_bad_file_changes_nothing() {
    let files = Files::new();
    let mut server = Server::start(&in_memory(), &tokens(&files));
    let keys = "/api/v1/log/keys";
    files.write("tokens", &format!("oops {READ}\n"));
    server.until_logged("keeping the previous tokens").await;
    assert_eq!(
        ask(server.url(), "GET", keys, Some(READ)).await.status(),
        200
    );

    files.write("tokens", &format!("reader read {WRONG}\n"));
    server.until_logged("there are new tokens").await;
    assert_eq!(
        ask(server.url(), "GET", keys, Some(READ)).await.status(),
        401
    );
    assert_eq!(
        ask(server.url(), "GET", keys, Some(WRONG)).await.status(),
        200
    );
    assert_silent_about_tokens(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reads_the_tokens_again_at_once_and_never_ends_the_server() {
    let files = Files::new();
    let mut env = tokens(&files);
    env.push(variable("LOG_AUTH__RELOAD", "1h"));
    let mut server = Server::start(&in_memory(), &env);
    files.write("tokens", &format!("reader read {WRONG}\n"));
    server.signal("HUP");
    server.until_logged("there are new tokens").await;
    let answer = ask(server.url(), "GET", "/metrics", Some(WRONG)).await;
    assert_eq!(answer.status(), 200);

    let mut without = Server::start(&in_memory(), &[]);
    without.signal("HUP");
    without.until_logged("SIGHUP").await;
    assert_eq!(
        ask(without.url(), "GET", "/metrics", None).await.status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_listener_for_operators_the_public_one_has_no_metrics_and_the_other_nothing_else() {
    let files = Files::new();
    let [port] = log_testkit::ports::free_ports();
    let mut env = tokens(&files);
    env.push(variable("LOG_ADMIN__PORT", &port.to_string()));
    let server = Server::start(&in_memory(), &env);
    let admin = format!("http://127.0.0.1:{port}");
    for (method, path, _) in ROUTES {
        let for_operators = ["/metrics", "/-/healthy", "/-/ready"].contains(&path);
        let public = ask(server.url(), method, path, Some(ADMIN)).await;
        let private = ask(&admin, method, path, None).await;
        let (served, absent) = if for_operators {
            (private, public)
        } else {
            (public, private)
        };
        assert_eq!(served.status(), 200, "{path}");
        assert_eq!(absent.status(), 404, "{path}");
        assert_eq!(code(absent).await, "not_found");
    }
    assert_eq!(
        code(ask(&admin, "GET", "/nothing", None).await).await,
        "not_found"
    );
    assert_eq!(server.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_beyond_this_machine_without_tokens_or_tls_is_warned_of() {
    let files = Files::new();
    let mut everywhere = in_memory();
    everywhere.extend(["--host".to_owned(), "0.0.0.0".to_owned()]);
    let warned = |args: &[String], env: &[(String, String)]| {
        let log = Server::start(args, env).log();
        (
            log.contains("INSECURE") && log.contains("auth.tokens"),
            log.contains("INSECURE") && log.contains("tls.certificate"),
        )
    };
    assert_eq!(warned(&everywhere, &[]), (true, true));
    assert_eq!(warned(&in_memory(), &[]), (false, false));
    assert_eq!(warned(&everywhere, &tokens(&files)), (false, true));
    let mut both = tokens(&files);
    both.extend(files.tls());
    assert_eq!(warned(&everywhere, &both), (false, false));

    let operators = [
        variable("LOG_ADMIN__HOST", "0.0.0.0"),
        variable("LOG_ADMIN__PORT", "0"),
    ];
    let log = Server::start(&in_memory(), &operators).log();
    assert!(
        log.contains("INSECURE") && log.contains("admin.host"),
        "{log}"
    );
}
