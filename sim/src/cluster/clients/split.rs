//! Appends with `atomic: false`: to keys of several partitions, of which each has a part that is an append of its own.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use rand::RngExt;
use serde_json::{Value, json};

use super::{Client, json_of, key, shown};
use crate::cluster::record::{Call, Outcome};
use crate::net::Lost;

impl Client {
    /// Appends to several keys with one request, and writes down what became of each record.
    pub(super) async fn split(&mut self, number: u64) {
        let count = self.random.random_range(2..=5);
        let records: Vec<(String, String)> = (0..count)
            .map(|place| {
                let key = key(self.random.random_range(0..self.keys));
                (key, format!("{}-{number}-{place}", self.name))
            })
            .collect();
        let durable = self.random.random_range(0..10) < 7;
        let node = self.some_node();
        let called = self.recorder.moment();
        let outcomes = self.append_split(node, &records, durable).await;
        if self.face.splits_again() {
            let (key, value) = &records[0];
            let again = [value.clone()];
            // Its answer is nobody's.
            let _ = self.append(node, key, &again, durable, None).await;
        }
        for ((key, value), outcome) in records.into_iter().zip(outcomes) {
            let call = Call::Append {
                key,
                values: vec![value],
                durable,
                once: false,
            };
            self.did(node, call, called, outcome);
        }
    }

    /// What became of each record.
    async fn append_split(
        &self,
        node: &'static str,
        records: &[(String, String)],
        durable: bool,
    ) -> Vec<Outcome> {
        let heard = records.iter().map(|(key, _)| self.face.heard(node, key));
        let heard: Vec<String> = heard.collect();
        let sent = heard.iter().zip(records).map(|(key, (_, value))| {
            json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) })
        });
        let sent: Vec<Value> = sent.collect();
        let body = json!({ "records": sent, "awaitDurable": durable, "atomic": false });
        let path = "/api/v1/log/append";
        let answer = match self.ask(node, Method::POST, path, Some(&body)).await {
            Ok(answer) => answer,
            Err(Lost::NotSent) => return same(records, &Outcome::Refused("not sent".to_owned())),
            Err(lost) => return same(records, &Outcome::Unknown(format!("{lost:?}"))),
        };
        let told = json_of(&answer);
        let parts = told["parts"].as_array().into_iter().flatten();
        let parts: BTreeMap<Option<u64>, &Value> = parts
            .map(|part| (part["partition"].as_u64(), part))
            .collect();
        let mut places: BTreeMap<u64, u64> = BTreeMap::new();
        let outcomes = heard.iter().map(|key| {
            let partition = u64::from(self.face.partition(key).number());
            let place = places.entry(partition).or_default();
            *place += 1;
            let part = parts.get(&Some(partition)).copied();
            match part.and_then(|part| part["outcome"].as_str()) {
                Some("applied") => part
                    .and_then(|part| part["startSequence"].as_u64())
                    .map_or_else(
                        || Outcome::Unknown(shown(&answer)),
                        |start| Outcome::Appended(start + *place - 1),
                    ),
                Some("refused") => Outcome::Refused(shown(&answer)),
                None if refuses(answer.status) => Outcome::Refused(shown(&answer)),
                _ => Outcome::Unknown(shown(&answer)),
            }
        });
        outcomes.collect()
    }
}

/// Whether an answer without parts says that nothing was applied.
fn refuses(status: StatusCode) -> bool {
    !status.is_success() && status != StatusCode::GATEWAY_TIMEOUT
}

fn same(records: &[(String, String)], outcome: &Outcome) -> Vec<Outcome> {
    records.iter().map(|_| outcome.clone()).collect()
}
