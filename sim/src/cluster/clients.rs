//! The host `clients`: appends and reads, at any node.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::checks::PAGE_RECORDS;
use super::node::PORT;
use super::plan::{ClusterPlan, NODES};
use super::planted::Face;
use super::record::{Call, Operation, Outcome, Recorder};
use crate::net::{Answer, HttpClient, Lost};
use crate::time::now_ms;

mod session;
mod split;

/// Its name on the network.
pub(super) const HOST: &str = "clients";

/// How long clients wait: longer than a node may take to find out where a partition is, and that node to answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// How soon a client that is to be quiet looks whether it still is.
const QUIET: Duration = Duration::from_millis(50);

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Writer,
    Producer,
    Reader,
    Splitter,
    Session,
}

/// A client of a cluster.
pub(super) struct Client {
    http: HttpClient,
    name: String,
    random: StdRng,
    recorder: Recorder,
    face: Face,
    nodes: usize,
    keys: usize,
    quiet_ms: Vec<(u64, u64)>,
}

impl Client {
    pub(super) fn new(
        name: String,
        seed: u64,
        plan: &ClusterPlan,
        recorder: Recorder,
        face: Face,
    ) -> Self {
        Self {
            http: HttpClient::default(),
            name,
            random: StdRng::seed_from_u64(seed),
            recorder,
            face,
            nodes: plan.size.nodes,
            keys: plan.keys,
            quiet_ms: plan.quiet_ms.clone(),
        }
    }

    /// Works until `until_ms`.
    pub(super) async fn work(mut self, kind: Kind, until_ms: u64) {
        let mut number = 0;
        while now_ms() < until_ms {
            if kind != Kind::Reader && self.is_quiet() {
                sleep(QUIET).await;
                continue;
            }
            match kind {
                Kind::Writer => self.write(number).await,
                Kind::Producer => self.produce(number).await,
                Kind::Reader => self.read_some().await,
                Kind::Splitter => self.split(number).await,
                Kind::Session => self.session(number).await,
            }
            number += 1;
            let pause = self.random.random_range(0..120);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Whether nothing is appended now.
    fn is_quiet(&self) -> bool {
        let now = now_ms();
        let mut quiet = self.quiet_ms.iter();
        quiet.any(|(from, until)| (*from..*until).contains(&now))
    }

    async fn write(&mut self, number: u64) {
        let key = key(self.random.random_range(0..self.keys));
        let count = self.random.random_range(1..=3);
        let values: Vec<String> = (0..count)
            .map(|place| format!("{}-{number}-{place}", self.name))
            .collect();
        let durable = self.random.random_range(0..10) < 7;
        let node = self.some_node();
        let called = self.recorder.moment();
        let outcome = self.append(node, &key, &values, durable, None).await;
        let call = Call::Append {
            key,
            values,
            durable,
            once: false,
        };
        self.did(node, call, called, outcome);
    }

    /// Sends a request until it is known what became of it.
    async fn produce(&mut self, number: u64) {
        // A producer counts in one partition.
        let key = format!("{{{}}}/{}", self.name, number % 3);
        let values = vec![format!("{}-{number}", self.name)];
        let durable = true;
        let producer = json!({ "id": STANDARD.encode(&self.name), "epoch": 0, "sequence": number });
        let called = self.recorder.moment();
        let (node, outcome) = loop {
            let node = self.some_node();
            let producer = Some(producer.clone());
            match self.append(node, &key, &values, durable, producer).await {
                outcome @ Outcome::Appended(_) => break (node, outcome),
                Outcome::Refused(why) if why.contains("producer") => {
                    break (node, Outcome::Unknown(why));
                }
                _ => sleep(Duration::from_millis(200)).await,
            }
        };
        let call = Call::Append {
            key,
            values,
            durable,
            once: true,
        };
        self.did(node, call, called, outcome);
    }

    async fn read_some(&mut self) {
        let key = key(self.random.random_range(0..self.keys));
        let from = self.random.random_range(0..40);
        let durable = self.random.random_range(0..2) == 0;
        let node = self.some_node();
        let called = self.recorder.moment();
        let outcome = self.read(node, &key, from, durable).await;
        self.did(node, Call::Read { key, from, durable }, called, outcome);
    }

    /// Everything that a key has, asked of one node after the other until one answers, or none has for long.
    pub(super) async fn read_all(&mut self, key: &str) -> Option<Vec<(u64, String)>> {
        let mut all = Vec::new();
        let mut from = 0;
        let mut failures = 0;
        loop {
            let node = self.some_node();
            match self.read(node, key, from, false).await {
                Outcome::Page(records, next) if records.is_empty() && next == from => {
                    return Some(all);
                }
                Outcome::Page(records, next) => {
                    all.extend(records);
                    from = next;
                }
                _ if failures > 100 => return None,
                _ => {
                    failures += 1;
                    sleep(Duration::from_millis(300)).await;
                }
            }
        }
    }

    /// Whether a durable append to `key` is acknowledged.
    pub(super) async fn takes(&mut self, key: &str) -> bool {
        let node = self.some_node();
        let values = [format!("{}-{}", self.name, now_ms())];
        let appended = self.append(node, key, &values, true, None).await;
        matches!(appended, Outcome::Appended(_))
    }

    async fn append(
        &self,
        node: &'static str,
        key: &str,
        values: &[String],
        durable: bool,
        producer: Option<Value>,
    ) -> Outcome {
        let count = values.len() as u64;
        if let Some(start) = self.face.acknowledges(node, key, count) {
            return Outcome::Appended(start);
        }
        let body = &body(&self.face.heard(node, key), values, durable, producer);
        let path = "/api/v1/log/append";
        let answer = self.ask(node, Method::POST, path, Some(body)).await;
        match answer {
            Ok(answer) if answer.status == StatusCode::OK => {
                let Some(start) = json_of(&answer)["startSequence"].as_u64() else {
                    return Outcome::Unknown(shown(&answer));
                };
                let by_itself = !answer.headers.contains_key("log-moved");
                self.face.acknowledged(node, key, (start, count), by_itself);
                Outcome::Appended(start)
            }
            Ok(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => {
                Outcome::Unknown(shown(&answer))
            }
            Ok(answer) => Outcome::Refused(shown(&answer)),
            Err(Lost::NotSent) => Outcome::Refused("not sent".to_owned()),
            Err(lost) => Outcome::Unknown(format!("{lost:?}")),
        }
    }

    async fn read(&self, node: &'static str, key: &str, from: u64, durable: bool) -> Outcome {
        let key = self
            .face
            .heard(node, key)
            .replace('{', "%7B")
            .replace('}', "%7D");
        let visibility = if durable { "durable" } else { "memory" };
        let path = format!(
            "/api/v1/log/scan?key={key}&start_seq={from}&limit={PAGE_RECORDS}&visibility={visibility}"
        );
        match self.ask(node, Method::GET, &path, None).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                let page = json_of(&answer);
                let records = page["values"].as_array().into_iter().flatten();
                let records = records.filter_map(|record| {
                    let value = STANDARD.decode(record["value"].as_str()?).ok()?;
                    Some((record["sequence"].as_u64()?, String::from_utf8(value).ok()?))
                });
                let next = page["nextSequence"].as_u64();
                Outcome::Page(records.collect(), next.unwrap_or_default())
            }
            Ok(answer) => Outcome::Refused(shown(&answer)),
            Err(lost) => Outcome::Unknown(format!("{lost:?}")),
        }
    }

    /// The partitions that `node` serves itself, if it answers.
    pub(super) async fn served_by(&self, node: &'static str) -> Option<Vec<u32>> {
        let path = "/api/v1/cluster";
        let answer = self.ask(node, Method::GET, path, None).await.ok()?;
        let known = json_of(&answer);
        let partitions = known["partitions"].as_array()?.iter();
        let own = partitions.filter(|partition| partition["tip"].is_u64());
        let numbers = own.filter_map(|partition| partition["partition"].as_u64());
        Some(numbers.map(|number| number as u32).collect())
    }

    pub(super) async fn ask(
        &self,
        node: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Lost> {
        let host = format!("{node}:{PORT}");
        self.http.send(method, &host, path, body, PATIENCE).await
    }

    pub(super) fn some_node(&mut self) -> &'static str {
        NODES[self.random.random_range(0..self.nodes)]
    }

    fn did(&self, node: &'static str, call: Call, called: (u64, u64), outcome: Outcome) {
        self.recorder.did(Operation {
            client: self.name.clone(),
            node,
            call,
            called,
            returned: self.recorder.moment(),
            outcome,
        });
    }
}

/// The key of this number.
pub(super) fn key(number: usize) -> String {
    match number % 4 {
        0 => format!("{{tag-{}}}/{number}", number % 8),
        _ => format!("key-{number}"),
    }
}

fn body(key: &str, values: &[String], durable: bool, producer: Option<Value>) -> Value {
    let records = values
        .iter()
        .map(|value| json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) }));
    let records: Vec<Value> = records.collect();
    let mut body = json!({ "records": records, "awaitDurable": durable });
    if let Some(producer) = producer {
        body["producer"] = producer;
    }
    body
}

pub(super) fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn shown(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    format!("{} {}", answer.status.as_u16(), text.trim_end())
}
