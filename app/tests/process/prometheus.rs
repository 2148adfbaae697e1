//! A real Prometheus scrapes the server, and the questions in the operator's page have answers.

use std::time::Duration;

use log_testkit::prometheus::{Prometheus, check_metrics};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http};
use crate::support::server::Server;

/// How long Prometheus may take to have scraped often enough for a rate.
const SCRAPED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_after_traffic_is_good_to_promtool() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let cache = tempfile::tempdir().expect("make a temporary folder");
    let cache = ("LOG_CACHE__DIR", cache.path().display().to_string());
    let server = Server::start(&arguments, &[(cache.0.to_owned(), cache.1)]);
    let client = Client::new(&server);
    traffic(&client).await;
    let scrape = client.metrics().await;
    for family in ["log_", "http_", "process_", "slatedb_"] {
        assert!(scrape.contains(&format!("\n{family}")), "no {family}…");
    }
    if let Err(complaint) = check_metrics(&scrape) {
        panic!("promtool check metrics: {complaint}");
    }
    check_metrics("no metrics\n").expect_err("promtool tells bad from good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promql_query_in_the_docs_has_an_answer() {
    let server = Server::start(&["--in-memory".to_owned()], &[]);
    let client = Client::new(&server);
    let (_, port) = server.address().rsplit_once(':').expect("a port");
    let prometheus = Prometheus::scraping(port.parse().expect("a port"));

    let page = std::fs::read_to_string("../docs/operations.md").expect("read the page");
    let queries: Vec<&str> = page
        .split("```promql\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(queries.len() >= 6, "found only {}", queries.len());

    let deadline = Instant::now() + SCRAPED;
    let mut unanswered = queries;
    while !unanswered.is_empty() {
        assert!(
            Instant::now() < deadline,
            "no answer to {}",
            unanswered.join("\nnor to ")
        );
        traffic(&client).await;
        sleep(Duration::from_millis(500)).await;
        let mut still = Vec::new();
        for query in unanswered {
            if !has_numbers(&answer(&prometheus, query).await) {
                still.push(query);
            }
        }
        unanswered = still;
    }

    let up = answer(&prometheus, "up{job='opendata-log'}").await;
    assert_eq!(up[0]["value"][1], "1", "{up}");
    let appended = answer(&prometheus, "log_append_records_total").await;
    let scraped: f64 = number(&appended[0]);
    assert!(scraped >= 10.0, "{appended}");
}

/// Appends and reads, and one request that is refused.
async fn traffic(client: &Client) {
    for n in 0..10 {
        client
            .append_one("key", &format!("value {n}"), n % 2 == 0)
            .await;
    }
    client.scan_all(b"key", 100).await;
    client.append_body("text/html", Vec::new(), 0).await;
}

/// The result of an instant query.
async fn answer(prometheus: &Prometheus, query: &str) -> Value {
    let url = format!("{}/api/v1/query", prometheus.url());
    let asked = http().post(url);
    let form = format!("query={}", percent_encoded(query));
    let form_type = "application/x-www-form-urlencoded";
    let sent = asked.header("content-type", form_type).body(form).send();
    let body = sent.await.expect("an answer").bytes().await;
    let body = body.expect("a body");
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    answer["data"]["result"].clone()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn has_numbers(result: &Value) -> bool {
    let series = result.as_array().expect("a vector");
    series.iter().any(|one| number(one).is_finite())
}

fn number(series: &Value) -> f64 {
    let text = series["value"][1].as_str().expect("a value");
    text.parse().unwrap_or(f64::NAN)
}
