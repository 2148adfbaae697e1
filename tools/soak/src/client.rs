//! A client of the HTTP API that tells exactly what an answer says of an append.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::batch;

/// How an append ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Applied, from this sequence on.
    Acknowledged(u64),
    /// Not applied.
    Refused,
    /// Applied or not.
    Unknown,
}

/// A record as it was read: its sequence and its value.
pub(crate) type Read = (u64, Vec<u8>);

/// Longer than any time limit of the server.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Idle connections are closed after this time, so that they are gone when a server's figures are taken.
const IDLE: Duration = Duration::from_secs(1);

/// Requests to one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .pool_idle_timeout(IDLE);
        Self {
            http: builder
                .build()
                .expect("an HTTP client without special settings"),
            url: url.to_owned(),
        }
    }

    /// Appends records, given by the number of each one's key and its value.
    pub(crate) async fn append(&self, records: &[(u32, Vec<u8>)], durable: bool) -> Outcome {
        let records: Vec<_> = records
            .iter()
            .map(|(key, value)| {
                json!({"key": STANDARD.encode(batch::key(*key)), "value": STANDARD.encode(value)})
            })
            .collect();
        let body = json!({"records": records, "awaitDurable": durable}).to_string();
        let sent = self
            .http
            .post(format!("{}/api/v1/log/append", self.url))
            .header("content-type", "application/json")
            .timeout(TIMEOUT)
            .body(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Outcome::Refused,
            Err(_) => return Outcome::Unknown,
        };
        let status = response.status().as_u16();
        let Ok(answer) = response.bytes().await else {
            return Outcome::Unknown;
        };
        let Ok(answer) = serde_json::from_slice::<Value>(&answer) else {
            return Outcome::Unknown;
        };
        match (status, answer["startSequence"].as_u64()) {
            (200, Some(start)) => Outcome::Acknowledged(start),
            (400..=499 | 503, _) => Outcome::Refused,
            _ => Outcome::Unknown,
        }
    }

    /// A page of a key, or `None` if the server did not give one. It is empty only at the end.
    pub(crate) async fn scan(
        &self,
        key: &str,
        mut start: u64,
        options: &str,
    ) -> Option<(Vec<Read>, u64)> {
        loop {
            let path = format!("/api/v1/log/scan?key={key}&start_seq={start}{options}");
            let page = self.get(&path).await?;
            let values = page["values"].as_array()?.iter().map(read);
            let values = values.collect::<Option<Vec<_>>>()?;
            let next = page["nextSequence"].as_u64()?;
            if !values.is_empty() || page["more"] != true {
                return Some((values, next));
            }
            start = next;
        }
    }

    /// A page of keys after `after`, or `None` if the server did not give one. It is empty only at the end.
    pub(crate) async fn keys(&self, after: Option<&str>, limit: usize) -> Option<Vec<String>> {
        let text = |key: &Value| {
            let bytes = STANDARD.decode(key.as_str()?).ok()?;
            String::from_utf8(bytes).ok()
        };
        let mut after = after.map(str::to_owned);
        loop {
            let start = after.map_or_else(String::new, |key| format!("&start_after={key}"));
            let path = format!("/api/v1/log/keys?limit={limit}{start}");
            let page = self.get(&path).await?;
            let keys = page["keys"].as_array()?.iter();
            let keys = keys.map(|key| text(&key["key"]));
            let keys = keys.collect::<Option<Vec<_>>>()?;
            after = text(&page["nextStartAfter"]);
            if !keys.is_empty() || after.is_none() {
                return Some(keys);
            }
        }
    }

    /// How many records a key has, or `None` if the server did not say.
    pub(crate) async fn count(&self, key: &str) -> Option<u64> {
        let answer = self.get(&format!("/api/v1/log/count?key={key}")).await?;
        answer["count"].as_u64()
    }

    /// Opens an event stream.
    pub(crate) async fn stream(&self, key: &str, start: u64) -> Option<reqwest::Response> {
        let path = format!("{}/api/v1/log/stream?key={key}&start_seq={start}", self.url);
        let response = self.http.get(path).send().await.ok()?;
        response.status().is_success().then_some(response)
    }

    /// Whether the server says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self.http.get(format!("{}/-/ready", self.url));
        let answer = asked.timeout(Duration::from_secs(5)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The metrics as text.
    pub(crate) async fn metrics(&self) -> Option<String> {
        let asked = self.http.get(format!("{}/metrics", self.url));
        let answer = asked.timeout(TIMEOUT).send().await.ok()?;
        answer.text().await.ok()
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let asked = self.http.get(format!("{}{path}", self.url));
        let answer = asked.timeout(TIMEOUT).send().await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }
}

/// A record of a page or of an event.
pub(crate) fn read(value: &Value) -> Option<Read> {
    let bytes = STANDARD.decode(value["value"].as_str()?).ok()?;
    Some((value["sequence"].as_u64()?, bytes))
}

/// Waits before a request is made again that had no answer.
pub(crate) async fn back_off() {
    sleep(Duration::from_millis(200)).await;
}
