//! A client of the HTTP contract, which trusts nothing that the server says without checking it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::server::Server;

/// A key and a value.
pub(crate) type Record = (Vec<u8>, Vec<u8>);

/// How an append ended, by what it says of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Applied, from this sequence on.
    Acknowledged(u64),
    /// Not applied: the server said so.
    Refused { status: u16, code: String },
    /// Applied or not.
    Unknown(String),
}

/// One page of a scan.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) values: Vec<(u64, Vec<u8>)>,
    pub(crate) next_sequence: u64,
}

/// Any answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// An HTTP client that goes straight to the server.
pub(crate) fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60));
    builder.build().expect("build an HTTP client")
}

/// What `/-/ready` answers.
pub(crate) async fn ready(server: &Server) -> (u16, String) {
    let asked = http().get(format!("{}/-/ready", server.url()));
    let answer = asked.send().await.expect("readiness is answered");
    (
        answer.status().as_u16(),
        answer.text().await.expect("a body"),
    )
}

/// Waits until `/-/ready` answers with this status; gives what it says.
pub(crate) async fn until_ready_is(server: &Server, status: u16, within: Duration) -> String {
    let deadline = Instant::now() + within;
    loop {
        let (found, text) = ready(server).await;
        if found == status {
            return text;
        }
        assert!(
            Instant::now() < deadline,
            "not {status} in {within:?}, but {found}: {text}"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// A client with connections of its own.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Self {
        Self::over(server, http())
    }

    /// One that reaches the server in this way.
    pub(crate) fn over(server: &Server, http: reqwest::Client) -> Self {
        Self {
            http,
            url: format!("{}/api/v1/log", server.url()),
        }
    }

    /// Appends a batch as ProtoJSON.
    pub(crate) async fn append(&self, records: &[Record], durable: bool) -> Outcome {
        let records: Vec<_> = records
            .iter()
            .map(|(key, value)| json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)}))
            .collect();
        let count = records.len();
        let body = json!({"records": records, "awaitDurable": durable}).to_string();
        self.append_body("application/protobuf+json", body.into_bytes(), count)
            .await
    }

    /// Appends `count` records that are already encoded, and reads the answer as JSON.
    pub(crate) async fn append_body(
        &self,
        content_type: &str,
        body: Vec<u8>,
        count: usize,
    ) -> Outcome {
        let sent = self
            .http
            .post(format!("{}/append", self.url))
            .header("content-type", content_type)
            .body(body)
            .send()
            .await;
        let answer = match sent {
            Ok(response) => read(response).await,
            Err(error) => return Outcome::Unknown(format!("{error:?}")),
        };
        match answer {
            Ok(Answer { status: 200, json }) => {
                assert_eq!(json["status"], "success", "{json}");
                assert_eq!(json["recordsAppended"], count, "{json}");
                Outcome::Acknowledged(number(&json["startSequence"]))
            }
            Ok(Answer { status, json }) if [400, 413, 415, 429, 503].contains(&status) => {
                let code = json["code"].as_str().unwrap_or_default().to_owned();
                Outcome::Refused { status, code }
            }
            Ok(Answer { status, json }) => Outcome::Unknown(format!("{status}: {json}")),
            Err(error) => Outcome::Unknown(error),
        }
    }

    /// Appends one record and expects it to be taken.
    pub(crate) async fn append_one(&self, key: &str, value: &str, durable: bool) -> u64 {
        let record = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        match self.append(&[record], durable).await {
            Outcome::Acknowledged(start) => start,
            other => panic!("an append of one record ended as {other:?}"),
        }
    }

    /// Asks to trim with this body.
    pub(crate) async fn trim(&self, body: Value) -> Answer {
        let sent = self.http.post(format!("{}/trim", self.url));
        let sent = sent.body(body.to_string()).send().await;
        read(sent.expect("answered")).await.expect("JSON")
    }

    /// Asks to delete records of a key, with further parameters such as `&before_seq=10`.
    pub(crate) async fn delete(&self, key: &[u8], more: &str) -> Answer {
        let url = format!("{}/key?{}{more}", self.url, key_parameter(key));
        let sent = self.http.delete(url).send().await;
        read(sent.expect("answered")).await.expect("JSON")
    }

    /// `GET path?query`, path from the log's root on.
    pub(crate) async fn get(&self, path_and_query: &str) -> Result<Answer, String> {
        let sent = self
            .http
            .get(format!("{}{path_and_query}", self.url))
            .send();
        read(sent.await.map_err(|e| format!("{e:?}"))?).await
    }

    /// What Prometheus would scrape.
    pub(crate) async fn metrics(&self) -> String {
        let url = self.url.replace("/api/v1/log", "/metrics");
        let response = self.http.get(url).send().await.expect("scrape");
        assert_eq!(response.status(), 200);
        response.text().await.expect("read the metrics")
    }

    /// Waits until a scrape has this line; gives the scrape.
    pub(crate) async fn until_metrics_say(&self, line: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            let metrics = self.metrics().await;
            if metrics.lines().any(|found| found == line) {
                return metrics;
            }
            assert!(Instant::now() < deadline, "not {line} within {within:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A request whose answer is read piece by piece.
    pub(crate) async fn stream(&self, path_and_query: &str) -> reqwest::Response {
        let response = self
            .http
            .get(format!("{}{path_and_query}", self.url))
            .send()
            .await
            .expect("open a stream");
        assert_eq!(response.status(), 200);
        response
    }

    /// One page of a scan from `start` on, with further parameters such as `&limit=10`.
    pub(crate) async fn scan(&self, key: &[u8], start: u64, more: &str) -> Result<Page, String> {
        let query = format!("/scan?{}&start_seq={start}{more}", key_parameter(key));
        let answer = self.get(&query).await?;
        if answer.status != 200 {
            return Err(format!("{}: {}", answer.status, answer.json));
        }
        let page = Page::of(&answer.json);
        let in_order = page.values.windows(2).all(|two| two[0].0 < two[1].0);
        assert!(in_order, "a page out of order: {page:?}");
        if let (Some((first, _)), Some((last, _))) = (page.values.first(), page.values.last()) {
            assert!(*first >= start, "a page from {start} on begins at {first}");
            assert!(
                page.next_sequence > *last,
                "a page that would be read twice"
            );
        }
        assert!(page.next_sequence >= start, "a scan that goes backwards");
        Ok(page)
    }

    /// Everything that a key holds, read page by page.
    pub(crate) async fn scan_all(&self, key: &[u8], limit: usize) -> Vec<(u64, Vec<u8>)> {
        let mut values = Vec::new();
        let mut start = 0;
        loop {
            let page = self
                .scan(key, start, &format!("&limit={limit}"))
                .await
                .expect("scan a page");
            assert!(page.values.len() <= limit, "a page over its limit");
            let ended = page.values.is_empty() && page.next_sequence == start;
            start = page.next_sequence;
            values.extend(page.values);
            if ended {
                return values;
            }
        }
    }

    /// One page of keys after `start_after`.
    pub(crate) async fn keys(&self, start_after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
        let after = start_after.map_or_else(String::new, |key| {
            format!("&start_after_base64={}", URL_SAFE_NO_PAD.encode(key))
        });
        let answer = self
            .get(&format!("/keys?limit={limit}{after}"))
            .await
            .expect("list keys");
        assert_eq!(answer.status, 200, "{}", answer.json);
        let keys: Vec<_> = array(&answer.json["keys"])
            .iter()
            .map(|key| bytes(&key["key"]))
            .collect();
        assert!(keys.len() <= limit, "a page over its limit");
        keys
    }

    /// All keys, read page by page; distinct and in byte order.
    pub(crate) async fn all_keys(&self, limit: usize) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        loop {
            let page = self.keys(all.last().map(Vec::as_slice), limit).await;
            let ended = page.len() < limit;
            for key in page {
                // Immediately, or a listing that starts over would be read without end.
                let repeats = all.last().is_some_and(|last| *last >= key);
                assert!(
                    !repeats,
                    "keys that repeat or are out of byte order at {key:?}"
                );
                all.push(key);
            }
            if ended {
                return all;
            }
        }
    }

    /// How many records a key holds.
    pub(crate) async fn count(&self, key: &[u8]) -> u64 {
        let answer = self
            .get(&format!("/count?{}", key_parameter(key)))
            .await
            .expect("count");
        assert_eq!(answer.status, 200, "{}", answer.json);
        // A zero may be left out, as ProtoJSON allows.
        answer.json["count"].as_u64().unwrap_or_default()
    }
}

impl Page {
    /// The page in a `ScanResponse`.
    pub(crate) fn of(json: &Value) -> Self {
        let values = array(&json["values"])
            .iter()
            .map(|value| (number(&value["sequence"]), bytes(&value["value"])))
            .collect();
        Self {
            values,
            next_sequence: number(&json["nextSequence"]),
        }
    }
}

/// The parameter that names a key: as text if it is text, else in base64.
fn key_parameter(key: &[u8]) -> String {
    if std::str::from_utf8(key).is_err() {
        return format!("key_base64={}", URL_SAFE_NO_PAD.encode(key));
    }
    let mut parameter = "key=".to_owned();
    for &byte in key {
        if byte.is_ascii_alphanumeric() {
            parameter.push(char::from(byte));
        } else {
            parameter.push_str(&format!("%{byte:02X}"));
        }
    }
    parameter
}

async fn read(response: reqwest::Response) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|e| format!("{e:?}"))?;
    let json = serde_json::from_slice(&body)
        .map_err(|e| format!("{status} with a body that is not JSON ({e}): {body:?}"))?;
    Ok(Answer { status, json })
}

fn array(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn bytes(json: &Value) -> Vec<u8> {
    let text = json.as_str().unwrap_or_default();
    STANDARD.decode(text).expect("padded standard base64")
}

fn number(json: &Value) -> u64 {
    json.as_u64()
        .unwrap_or_else(|| panic!("{json} is not a JSON number"))
}
