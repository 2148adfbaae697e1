//! What a scrape shows of a server with the HTTP API, the memory store and the metrics together.

use std::sync::Arc;

use futures::future::BoxFuture;
use log_adapters::clock::SystemClock;
use log_adapters::http::{HttpApi, HttpOptions, HttpParts, Readiness, Side};
use log_adapters::store::memory::{Memory, MemoryStore};
use log_adapters::telemetry::Metrics;
use log_domain::follow::Followers;
use log_domain::{Limits, LogService, ProducerPolicy, SealPolicy};
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request, Response};

struct AlwaysReady;

impl Readiness for AlwaysReady {
    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

fn server() -> BoxEndpoint<'static, Response> {
    let limits = Limits::default();
    let followers = Arc::new(Followers::new(&limits));
    let memory = Memory::new(SealPolicy::default(), ProducerPolicy::default());
    let store = MemoryStore::open(memory, Arc::new(SystemClock), Arc::clone(&followers) as _);
    let metrics = Metrics::new().expect("metrics");
    let telemetry = Arc::new(metrics.clone());
    let service = LogService::new(store, followers, telemetry, limits);
    let api = HttpApi::starting(&metrics.meter(), None, HttpOptions::default());
    api.open(HttpParts {
        service: Arc::new(service),
        readiness: Arc::new(AlwaysReady),
        render_metrics: Arc::new(move || metrics.render()),
        feed: None,
    });
    api.endpoint(Side::Only).boxed()
}

async fn send(
    server: &BoxEndpoint<'static, Response>,
    method: &str,
    uri: &str,
    body: &str,
) -> String {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let uri = uri.parse().expect("a URI");
    let request = Request::builder().method(method).uri(uri);
    let request = request.header("host", "localhost");
    let response = server.call(request.body(body.to_owned())).await;
    let body = response.expect("an answer").into_body().into_string().await;
    body.expect("text")
}

/// The sample with this name and these labels.
fn sample(text: &str, name_and_labels: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name_and_labels));
    line?.strip_prefix(' ')?.parse().ok()
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_clients_make_up() {
    let server = server();
    let record = r#"{"records":[{"key":"aw==","value":"dg=="}]}"#;
    send(&server, "POST", "/api/v1/log/append", record).await;
    send(&server, "GET", "/api/v1/log/scan?key=k", "").await;
    send(&server, "GET", "/api/v1/log/scan", "").await;
    for made_up in ["/made/up/1", "/made/up/2", "/api/v1/log/scan/made-up"] {
        send(&server, "GET", made_up, "").await;
    }
    send(&server, "BREW", "/docs", "").await;
    let text = send(&server, "GET", "/metrics", "").await;

    for (name_and_labels, value) in [
        (
            r#"http_requests_total{endpoint="/api/v1/log/append",method="POST",status="200"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{endpoint="/api/v1/log/scan",method="GET",status="200"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{endpoint="/api/v1/log/scan",method="GET",status="400"}"#,
            1.0,
        ),
        (
            r#"http_requests_total{endpoint="unmatched",method="GET",status="404"}"#,
            3.0,
        ),
        (
            r#"http_requests_total{endpoint="/docs",method="OTHER",status="405"}"#,
            1.0,
        ),
        (
            r#"http_request_duration_seconds_count{endpoint="/api/v1/log/scan",method="GET"}"#,
            2.0,
        ),
        ("http_requests_in_flight", 1.0),
        ("log_append_records_total", 1.0),
        ("log_append_bytes_total", 2.0),
        ("log_records_scanned_total", 1.0),
    ] {
        assert_eq!(
            sample(&text, name_and_labels),
            Some(value),
            "{name_and_labels} in\n{text}"
        );
    }
    for unwanted in [
        "made",
        "BREW",
        "otel_scope",
        "target_info",
        "_total_total",
        "_seconds_seconds",
    ] {
        assert!(!text.contains(unwanted), "{unwanted} in\n{text}");
    }
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = family.split(' ').next().unwrap_or_default();
        assert!(text.contains(&format!("# HELP {name} ")), "{family}");
        assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1);
    }
}

#[tokio::test]
async fn a_stream_is_in_flight_until_it_ends() {
    let server = server();
    let request = Request::builder()
        .uri_str("/api/v1/log/stream?key=k")
        .header("host", "localhost")
        .finish();
    let stream = server.call(request).await.expect("an answer");
    let text = send(&server, "GET", "/metrics", "").await;
    assert_eq!(sample(&text, "http_requests_in_flight"), Some(2.0));
    drop(stream);
    let text = send(&server, "GET", "/metrics", "").await;
    assert_eq!(sample(&text, "http_requests_in_flight"), Some(1.0));
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_out() {
    let server = server();
    let mut follow = Box::pin(send(
        &server,
        "GET",
        "/api/v1/log/scan?key=k&follow=true",
        "",
    ));
    assert!(futures::poll!(&mut follow).is_pending());
    let text = send(&server, "GET", "/metrics", "").await;
    assert_eq!(sample(&text, "http_requests_in_flight"), Some(2.0));
    drop(follow);
    let text = send(&server, "GET", "/metrics", "").await;
    assert_eq!(sample(&text, "http_requests_in_flight"), Some(1.0));
    let left = r#"http_requests_total{endpoint="/api/v1/log/scan",method="GET",status="499"}"#;
    assert_eq!(sample(&text, left), Some(1.0));
}
