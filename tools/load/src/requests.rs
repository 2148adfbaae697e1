//! The requests of one connection.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::arguments::Arguments;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Makes requests and reads their answers. `Ok` holds how many records an answer was about.
pub(crate) struct Requests {
    http: reqwest::Client,
    url: String,
    value: String,
    /// The headers of every record.
    headers: Vec<Value>,
    keys: u64,
    records: u64,
    durable: bool,
    /// The key of the next record; connections begin at different ones.
    next_key: u64,
}

impl Requests {
    pub(crate) fn new(arguments: &Arguments, connection: u64) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(1)
            .build()
            .expect("an HTTP client without special settings");
        let value_bytes = usize::try_from(arguments.value_bytes).expect("bounded by its parser");
        Self {
            http,
            url: arguments.url.trim_end_matches('/').to_owned(),
            value: STANDARD.encode(vec![b'v'; value_bytes]),
            headers: (0..arguments.headers).map(header).collect(),
            keys: arguments.keys,
            records: arguments.records,
            durable: arguments.durable,
            next_key: connection * arguments.keys / arguments.connections,
        }
    }

    pub(crate) async fn check_health(&self) -> Result<(), String> {
        let request = self.http.get(format!("{}/-/healthy", self.url));
        send(request).await.map(drop)
    }

    /// Appends a batch whose records go to the keys in turn.
    pub(crate) async fn append(&mut self) -> Result<u64, String> {
        let records = (0..self.records).map(|_| self.take_key()).collect();
        self.append_records(records, self.durable).await
    }

    /// Appends a batch to one key.
    pub(crate) async fn append_to(&self, key: u64, durable: bool) -> Result<u64, String> {
        let records = (0..self.records).map(|_| name(key)).collect();
        self.append_records(records, durable).await
    }

    async fn append_records(&self, keys: Vec<String>, durable: bool) -> Result<u64, String> {
        let records: Vec<_> = keys
            .iter()
            .map(|key| {
                let mut record = json!({"key": STANDARD.encode(key), "value": self.value});
                if !self.headers.is_empty() {
                    record["headers"] = self.headers.clone().into();
                }
                record
            })
            .collect();
        let request = self
            .http
            .post(format!("{}/api/v1/log/append", self.url))
            .header("content-type", "application/protobuf+json")
            .body(json!({"records": records, "awaitDurable": durable}).to_string());
        let answer = json_of(send(request).await?)?;
        Ok(answer["recordsAppended"].as_u64().unwrap_or_default())
    }

    /// Reads the first page of the next key.
    pub(crate) async fn scan(&mut self) -> Result<u64, String> {
        let (key, records) = (self.take_key(), self.records);
        let path = format!("{}/api/v1/log/scan?key={key}&limit={records}", self.url);
        let answer = json_of(send(self.http.get(path)).await?)?;
        Ok(answer["values"]
            .as_array()
            .map_or(0, |values| values.len() as u64))
    }

    /// Counts the next key; an answer is about one number, however large.
    pub(crate) async fn count(&mut self) -> Result<u64, String> {
        let key = self.take_key();
        let path = format!("{}/api/v1/log/count?key={key}", self.url);
        json_of(send(self.http.get(path)).await?)?;
        Ok(1)
    }

    fn take_key(&mut self) -> String {
        let key = self.next_key;
        self.next_key = (key + 1) % self.keys;
        name(key)
    }
}

/// A name of 8 bytes and a value of 24.
fn header(number: u64) -> Value {
    json!({"name": format!("load-{number:03}"), "value": STANDARD.encode([b'h'; 24])})
}

/// Plain in a URL.
fn name(key: u64) -> String {
    format!("load-{key:08}")
}

async fn send(request: reqwest::RequestBuilder) -> Result<Vec<u8>, String> {
    let response = request.send().await.map_err(|e| format!("{e:?}"))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|e| format!("{e:?}"))?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&body)))
}

fn json_of(body: Vec<u8>) -> Result<Value, String> {
    serde_json::from_slice(&body).map_err(|e| format!("an answer that is not JSON: {e}"))
}
