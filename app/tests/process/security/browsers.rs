//! Cross-origin attacks by web pages, through browsers that can reach the server.

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::files::{Files, in_memory, variable};
use crate::support::client::http;
use crate::support::server::{Server, Variable, run};

const APPEND: &str = "/api/v1/log/append";
const RECORD: &str = r#"{"records":[{"key":"aw==","value":"dg=="}]}"#;

fn serve(settings: &[(&str, &str)]) -> Server {
    let settings: Vec<Variable> = settings
        .iter()
        .map(|(name, value)| variable(name, value))
        .collect();
    Server::start(&in_memory(), &settings)
}

async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Response {
    let mut request = http().request(method.clone(), format!("{}{path}", server.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if method == Method::POST {
        request = request.body(RECORD);
    }
    request.send().await.expect("an answer")
}

/// What a refusal says, after a look at the rest of it.
async fn refused(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.headers().contains_key("x-request-id"));
    let body = answer.bytes().await.expect("a body");
    let error: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(error["code"], "permission_denied", "{error}");
    error["message"].as_str().expect("a message").to_owned()
}

async fn records(server: &Server) -> u64 {
    let answer = ask(server, Method::GET, "/api/v1/log/count?key=k", &[]).await;
    let body = answer.bytes().await.expect("a body");
    let count: Value = serde_json::from_slice(&body).expect("JSON");
    count["count"].as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_cannot_append_and_the_servers_own_can() {
    let server = serve(&[]);
    let own = server.url().to_owned();
    for headers in [
        vec![("origin", "https://evil.example")],
        // What a form or a `fetch` without CORS sends: a content type for which no browser asks first.
        vec![
            ("origin", "https://evil.example"),
            ("content-type", "text/plain"),
        ],
        vec![("origin", "null")],
        vec![("origin", "http://localhost:1")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        let message = refused(ask(&server, Method::POST, APPEND, &headers).await).await;
        assert!(message.contains("http.cors.allow_origins"), "{message}");
    }
    assert_eq!(records(&server).await, 0, "a refused append was applied");

    for headers in [
        vec![],
        vec![("origin", own.as_str())],
        // Behind a proxy that has changed the name.
        vec![
            ("origin", "https://log.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        let answer = ask(&server, Method::POST, APPEND, &headers).await;
        assert_eq!(answer.status(), StatusCode::OK, "{headers:?}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
    assert_eq!(records(&server).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_loopback_without_tokens_answers_to_no_name_but_those_of_loopback_and_those_allowed()
 {
    let server = serve(&[("LOG_HTTP__ALLOWED_HOSTS", "log.example, other.example:8443")]);
    for name in [
        "localhost",
        "127.0.0.1:8080",
        "log.example:1",
        "other.example:8443",
    ] {
        let answer = ask(&server, Method::GET, "/-/healthy", &[("host", name)]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
    }
    for name in ["evil.example", "10.0.0.1:8080", "other.example"] {
        for path in ["/-/healthy", "/api/v1/log/scan?key=k", "/docs", "/nothing"] {
            let message = refused(ask(&server, Method::GET, path, &[("host", name)]).await).await;
            assert!(message.contains("http.allowed_hosts"), "{message}");
        }
        let rebound = format!("http://{name}");
        let headers = [
            ("host", name),
            ("origin", rebound.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        refused(ask(&server, Method::POST, APPEND, &headers).await).await;
    }
    // In HTTP/2 the name is in `:authority`.
    let port = server.address().rsplit_once(':').expect("a port").1;
    let address = server.address().parse().expect("an address");
    for (name, status) in [("evil.example", 403), ("log.example", 200)] {
        let client = reqwest::Client::builder()
            .no_proxy()
            .http2_prior_knowledge()
            .resolve(name, address)
            .build()
            .expect("a client");
        let asked = client.get(format!("http://{name}:{port}/-/healthy")).send();
        assert_eq!(asked.await.expect("an answer").status().as_u16(), status);
    }
    assert_eq!(records(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tokens_or_for_others_than_this_machine_answers_to_every_name() {
    let files = Files::new();
    files.write("tokens", "reader read read-token-0123456789abcdef\n");
    let tokens = files.text("tokens");
    let with_tokens = serve(&[("LOG_AUTH__TOKENS", tokens.as_str())]);
    let for_others = serve(&[("LOG_HOST", "0.0.0.0"), ("LOG_ADMIN__PORT", "0")]);
    let answer = ask(
        &with_tokens,
        Method::GET,
        "/-/healthy",
        &[("host", "any.example")],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = ask(
        &for_others,
        Method::GET,
        "/openapi.json",
        &[("host", "any.example")],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_allowed_origins_may_use_everything_and_read_errors_too() {
    let files = Files::new();
    let token = "admin-token-0123456789abcdef";
    files.write("tokens", &format!("operator admin {token}\n"));
    let tokens = files.text("tokens");
    let server = serve(&[
        ("LOG_AUTH__TOKENS", tokens.as_str()),
        (
            "LOG_HTTP__CORS__ALLOW_ORIGINS",
            r#"["https://app.example", "http://localhost:3000"]"#,
        ),
    ]);
    let bearer = format!("Bearer {token}");
    let app = ("origin", "https://app.example");
    let preflight = [
        app,
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type",
        ),
    ];
    // A browser asks without the token.
    let answer = ask(&server, Method::OPTIONS, APPEND, &preflight).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let headers = answer.headers();
    assert_eq!(
        headers["access-control-allow-origin"],
        "https://app.example"
    );
    assert_eq!(headers["access-control-allow-methods"], "POST");
    let allowed = headers["access-control-allow-headers"]
        .to_str()
        .expect("text");
    for name in [
        "authorization",
        "content-type",
        "last-event-id",
        "x-request-id",
    ] {
        assert!(
            allowed.split(", ").any(|allowed| allowed == name),
            "{allowed}"
        );
    }
    assert!(!headers.contains_key("access-control-allow-credentials"));

    for (method, path, token, status) in [
        (Method::POST, APPEND, Some(&bearer), 200),
        (Method::GET, "/api/v1/log/scan?key=k", Some(&bearer), 200),
        (
            Method::GET,
            "/api/v1/log/stream?key=k&end_seq=1",
            Some(&bearer),
            200,
        ),
        (Method::GET, "/api/v1/log/scan?key=k", None, 401),
        (Method::GET, "/api/v1/log/scan", Some(&bearer), 400),
        (Method::GET, "/api/v1/log/nothing", Some(&bearer), 404),
        (Method::GET, APPEND, Some(&bearer), 405),
    ] {
        let mut headers = vec![app];
        headers.extend(token.map(|token| ("authorization", token.as_str())));
        let answer = ask(&server, method, path, &headers).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let headers = answer.headers();
        assert_eq!(
            headers["access-control-allow-origin"],
            "https://app.example"
        );
        assert_eq!(headers["vary"], "origin");
        let exposed = headers["access-control-expose-headers"]
            .to_str()
            .expect("text");
        assert!(exposed.contains("x-request-id") && exposed.contains("retry-after"));
    }

    // The answer to a page that is not listed, or to nobody, is not for it, and no cache may take it for another's.
    for origin in [None, Some("https://evil.example")] {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = ask(&server, Method::GET, "/api/v1/log/keys", &headers).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        assert_eq!(answer.headers()["vary"], "origin");
    }
    let evil = [("origin", "https://evil.example"), preflight[1]];
    let answer = ask(&server, Method::OPTIONS, APPEND, &evil).await;
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    refused(answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_star_lets_every_page_in_and_is_warned_of_without_tokens() {
    let mut server = serve(&[("LOG_HTTP__CORS__ALLOW_ORIGINS", "*")]);
    server
        .until_logged("INSECURE: http.cors.allow_origins")
        .await;
    let answer = ask(
        &server,
        Method::POST,
        APPEND,
        &[("origin", "https://any.example")],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(
        !answer
            .headers()
            .contains_key("access-control-allow-credentials")
    );
}

#[test]
fn origins_and_hosts_that_are_none_are_refused_with_an_example() {
    for (name, value, setting, example) in [
        (
            "LOG_HTTP__CORS__ALLOW_ORIGINS",
            "app.example",
            "http.cors.allow_origins",
            "https://app.example.com",
        ),
        (
            "LOG_HTTP__CORS__ALLOW_ORIGINS",
            "https://app.example/",
            "http.cors.allow_origins",
            "https://app.example.com",
        ),
        (
            "LOG_HTTP__CORS__ALLOW_ORIGINS",
            "7",
            "http.cors.allow_origins",
            "https://app.example.com",
        ),
        (
            "LOG_HTTP__ALLOWED_HOSTS",
            "https://log.example",
            "http.allowed_hosts",
            "log.example.com",
        ),
    ] {
        let exit = run(&["--in-memory"], &[(name, value)]);
        assert_eq!(exit.code, Some(2), "{exit:?}");
        assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
        for part in [setting, example] {
            assert!(exit.stderr.contains(part), "{}", exit.stderr);
        }
    }
}
