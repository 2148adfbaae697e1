//! One client's connection: calls become requests, answers become outcomes, both are written down.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Current, Surroundings};
use crate::history::{
    Call, HeadersSeen, Move, Named, Numbered, Outcome, Recorder, ReplicaCall, ReplicaCount,
    ScanCall, Seen, SegmentSeen, Selected, SeveralCall, headers_of,
};
use crate::hosts::server::PORT;
use crate::net::{Answer, HttpClient, Lost};
use crate::planted::Face;
use crate::time::now_ms;

/// How long a read-only server may take to show what a client knows.
const REPLICA_MS: u64 = 4_000;

/// What a client asks the log through.
#[derive(Clone)]
pub struct Connection {
    client: String,
    recorder: Recorder,
    current: Current,
    node: &'static str,
    /// Where changes are sent, if not to `node`.
    changes_at: Option<&'static str>,
    http: HttpClient,
    patience: Duration,
    face: Face,
}

impl Connection {
    /// To the current server, as `client`, who waits for answers for `patience`.
    pub fn new(client: String, surroundings: Surroundings) -> Self {
        let Surroundings {
            recorder,
            current,
            patience,
            face,
            forwarded: _,
        } = surroundings;
        Self {
            client,
            recorder,
            node: current.get(),
            current,
            changes_at: None,
            http: HttpClient::default(),
            patience,
            face,
        }
    }

    /// To this server, whichever is the current one.
    pub fn to(self, node: &'static str) -> Self {
        Self { node, ..self }
    }

    /// With changes at this server, whichever is the current one.
    pub fn changing_at(self, node: &'static str) -> Self {
        Self {
            changes_at: Some(node),
            ..self
        }
    }

    /// Goes to the server that is the current one now.
    pub fn look_up(&mut self) {
        self.node = self.current.get();
    }

    /// The end of what was acknowledged as durable so far.
    pub fn known_durable(&self) -> u64 {
        self.recorder.durable_end()
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn face(&self) -> &Face {
        &self.face
    }

    /// Where changes are sent.
    pub(super) fn node_for_changes(&self) -> &'static str {
        self.changes_at.unwrap_or(self.node)
    }

    /// Whether it is a server that writes the log, as far as it knows.
    pub(super) fn has_sessions(&self) -> bool {
        self.changes_at.is_none() && self.face.has_sessions()
    }

    /// Who asks.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Asks, and writes down what was asked and answered.
    pub async fn ask(&self, call: Call) -> Outcome {
        let operation = self
            .recorder
            .called(&self.client, self.node_for(&call), call.clone());
        if let Some((outcome, later)) = self.face.answers_early(&call) {
            let connection = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(later).await;
                connection.exchange(&call).await;
            });
            self.recorder.answered(operation, outcome.clone());
            return outcome;
        }
        let asked_ms = now_ms();
        let mut first = None;
        for heard in self.face.heard(operation, &call) {
            let outcome = self.exchange(&heard).await;
            first.get_or_insert(outcome);
        }
        let mut outcome = first.unwrap_or(Outcome::NotSent);
        if let Some(again) = self.face.judges_again(operation, &call, &outcome).await {
            outcome = self.exchange(&again).await;
        }
        let outcome = self.face.says(operation, &call, outcome, asked_ms);
        let outcome = outcome.await;
        self.recorder.answered(operation, outcome.clone());
        outcome
    }

    fn node_for(&self, call: &Call) -> &'static str {
        let is_change = matches!(
            call,
            Call::Append { .. } | Call::Trim { .. } | Call::Delete { .. } | Call::PutCursor(_)
        );
        match is_change {
            true => self.node_for_changes(),
            false => self.node,
        }
    }

    pub(super) async fn exchange(&self, call: &Call) -> Outcome {
        let (method, path, body) = request(call);
        let follow_ms = match call {
            Call::Scan(ScanCall { follow_ms, .. })
            | Call::Several(SeveralCall { follow_ms, .. }) => follow_ms.unwrap_or(0),
            Call::Replica(_) | Call::ReplicaCount(_) => REPLICA_MS,
            _ => 0,
        };
        let within = self.patience + Duration::from_millis(follow_ms);
        let host = format!("{}:{PORT}", self.node_for(call));
        let sent = self.http.send(method, &host, &path, body.as_ref(), within);
        match sent.await {
            Ok(answer) => {
                outcome(call, &answer).unwrap_or_else(|| Outcome::Garbled(format!("{answer:?}")))
            }
            Err(Lost::NotSent) => Outcome::NotSent,
            Err(Lost::Broken) => Outcome::Broken,
            Err(Lost::Late) => Outcome::Late,
        }
    }

    /// Asks for a page.
    pub async fn scan(&self, scan: ScanCall) -> Outcome {
        self.ask(Call::Scan(scan)).await
    }
}

fn request(call: &Call) -> (Method, String, Option<Value>) {
    let get = |path: String| (Method::GET, format!("/api/v1/log/{path}"), None);
    match call {
        Call::Append {
            records,
            durable,
            safety,
        } => {
            let records: Vec<Value> = records
                .iter()
                .map(|sent| {
                    let headers: Vec<Value> = headers_of(&sent.value)
                        .iter()
                        .map(|(name, value)| json!({ "name": name, "value": STANDARD.encode(value) }))
                        .collect();
                    let (key, value) = (STANDARD.encode(&sent.key), STANDARD.encode(&sent.value));
                    json!({ "key": key, "value": value, "headers": headers })
                })
                .collect();
            let mut body = json!({ "records": records, "awaitDurable": durable });
            let conditions = safety.conditions.iter().map(
                |condition| json!({ "key": STANDARD.encode(&condition.key), "noRecordSince": condition.since }),
            );
            body["preconditions"] = conditions.collect();
            if let Some(Numbered {
                id,
                epoch,
                sequence,
            }) = &safety.numbered
            {
                body["producer"] = json!({ "id": id, "epoch": epoch, "sequence": sequence });
            }
            if !safety.moves.is_empty() {
                let moves = safety.moves.iter().map(moved);
                body["cursors"] = moves.collect();
            }
            (Method::POST, "/api/v1/log/append".into(), Some(body))
        }
        Call::Scan(scan) => get(scan_path(scan)),
        Call::Several(call) => several(call),
        Call::Replica(ReplicaCall {
            start,
            at_least,
            follow_ms,
        }) => {
            let mut path = format!("scan?prefix=&start_seq={start}&limit=1000");
            if let Some(wait) = follow_ms {
                let _ = write!(path, "&follow=true&timeout_ms={wait}");
            } else if let Some(at_least) = at_least {
                // Writing to a string cannot fail.
                let _ = write!(path, "&at_least={at_least}&timeout_ms={REPLICA_MS}");
            }
            get(path)
        }
        Call::ReplicaCount(ReplicaCount { key, below }) => get(format!(
            "count?key_base64={}&end_seq={below}&at_least={below}",
            URL_SAFE_NO_PAD.encode(key)
        )),
        Call::Count { key, start, end } => get(format!(
            "count?key_base64={}&start_seq={start}&end_seq={end}",
            URL_SAFE_NO_PAD.encode(key)
        )),
        Call::Keys {
            start_segment,
            end_segment,
            start_after,
            limit,
        } => {
            let mut path = format!(
                "keys?start_segment={start_segment}&end_segment={end_segment}&limit={limit}"
            );
            if let Some(after) = start_after {
                let after = URL_SAFE_NO_PAD.encode(after);
                // Writing to a string cannot fail.
                let _ = write!(path, "&start_after_base64={after}");
            }
            get(path)
        }
        Call::Segments => get("segments".into()),
        Call::Trim { before } => {
            let body = json!({ "beforeSequence": before });
            (Method::POST, "/api/v1/log/trim".into(), Some(body))
        }
        Call::Delete { key, before } => {
            let key = URL_SAFE_NO_PAD.encode(key);
            let before = before.map_or_else(String::new, |before| format!("&before_seq={before}"));
            let path = format!("/api/v1/log/key?key_base64={key}{before}");
            (Method::DELETE, path, None)
        }
        Call::GetCursor { name } => get(format!("cursors/{name}")),
        Call::PutCursor(wanted) => {
            let path = format!("/api/v1/log/cursors/{}", wanted.name);
            let body = json!({ "position": wanted.position, "expected": wanted.expected });
            (Method::PUT, path, Some(body))
        }
    }
}

fn moved(wanted: &Move) -> Value {
    json!({ "name": wanted.name, "position": wanted.position, "expected": wanted.expected })
}

fn scan_path(scan: &ScanCall) -> String {
    let ScanCall {
        start, end, limit, ..
    } = scan;
    let key = URL_SAFE_NO_PAD.encode(&scan.key);
    let mut path = match scan.newest {
        true => format!("scan?key_base64={key}&end_seq={end}&last={limit}"),
        false => format!("scan?key_base64={key}&start_seq={start}&end_seq={end}&limit={limit}"),
    };
    if scan.durable {
        path.push_str("&visibility=durable");
    }
    if let Some(wait) = scan.follow_ms {
        // Writing to a string cannot fail.
        let _ = write!(path, "&follow=true&timeout_ms={wait}");
    }
    path
}

/// With a query for those with a prefix, and with a body for a list of keys.
fn several(call: &SeveralCall) -> (Method, String, Option<Value>) {
    let visibility = if call.durable { "durable" } else { "memory" };
    match &call.keys {
        Selected::Prefix(prefix) => {
            let mut path = format!(
                "/api/v1/log/scan?prefix_base64={}&start_seq={}&end_seq={}&limit={}&visibility={visibility}",
                URL_SAFE_NO_PAD.encode(prefix),
                call.start,
                call.end,
                call.limit
            );
            if let Some(wait) = call.follow_ms {
                // Writing to a string cannot fail.
                let _ = write!(path, "&follow=true&timeout_ms={wait}");
            }
            (Method::GET, path, None)
        }
        Selected::Keys(keys) => {
            let keys: Vec<String> = keys.iter().map(|key| STANDARD.encode(key)).collect();
            let mut body = json!({
                "keys": keys,
                "startSeq": call.start,
                "endSeq": call.end,
                "limit": call.limit,
                "visibility": visibility,
            });
            if let Some(wait) = call.follow_ms {
                body["follow"] = json!(true);
                body["timeoutMs"] = json!(wait);
            }
            (Method::POST, "/api/v1/log/scan".into(), Some(body))
        }
    }
}

fn seen(value: &Value) -> Option<Seen> {
    Some(Seen {
        sequence: value["sequence"].as_u64()?,
        value: text(&value["value"])?,
        headers: headers(&value["headers"])?,
        timestamp_ms: value["timestampMs"].as_i64()?,
    })
}

/// Up to where the log is durable, as the answer says.
fn durable(answer: &Answer) -> Option<u64> {
    let told = answer.headers.get("log-durable-sequence")?;
    told.to_str().ok()?.parse().ok()
}

/// What an answer says, if it is one that a log gives to this call.
fn outcome(call: &Call, answer: &Answer) -> Option<Outcome> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    if answer.status == StatusCode::CONFLICT {
        let last = &body["conflict"]["lastSequence"];
        return Some(Outcome::Rejected {
            code: body["code"].as_str()?.to_owned(),
            key: text(&body["conflict"]["key"]),
            sequence: last.as_u64().or(body["expectedSequence"].as_u64()),
        });
    }
    if answer.status == StatusCode::NOT_FOUND && matches!(call, Call::GetCursor { .. }) {
        return Some(Outcome::Cursor { position: None });
    }
    if answer.status != StatusCode::OK {
        return Some(Outcome::Refused {
            status: answer.status.as_u16(),
            code: body["code"].as_str()?.to_owned(),
            message: body["message"].as_str()?.to_owned(),
        });
    }
    Some(match call {
        Call::Append { .. } if body["duplicate"] == true => Outcome::Duplicate {
            start: body["startSequence"].as_u64()?,
            count: body["recordsAppended"].as_u64()?,
        },
        Call::Append { .. } => Outcome::Appended {
            start: body["startSequence"].as_u64()?,
            count: body["recordsAppended"].as_u64()?,
        },
        Call::Scan(_) => Outcome::Page {
            values: all(&body["values"], seen)?,
            next: body["nextSequence"].as_u64()?,
            trimmed: body["trimmedBefore"].as_u64(),
            more: body["more"] == true,
            durable: durable(answer),
        },
        Call::Several(_) | Call::Replica(_) => Outcome::Named {
            values: all(&body["values"], |value| {
                Some(Named {
                    key: text(&value["key"])?,
                    seen: seen(value)?,
                })
            })?,
            next: body["nextSequence"].as_u64()?,
            trimmed: body["trimmedBefore"].as_u64(),
            more: body["more"] == true,
        },
        Call::Count { .. } | Call::ReplicaCount(_) => Outcome::Count {
            count: body["count"].as_u64()?,
            trimmed: body["trimmedBefore"].as_u64(),
        },
        Call::Trim { .. } => Outcome::Trimmed {
            floor: body["trimmedBefore"].as_u64()?,
        },
        Call::Delete { .. } => Outcome::Deleted {
            floor: body["trimmedBefore"].as_u64()?,
        },
        Call::GetCursor { .. } | Call::PutCursor(_) => Outcome::Cursor {
            position: Some(body["position"].as_u64()?),
        },
        Call::Keys { .. } => Outcome::Keys {
            keys: all(&body["keys"], |key| text(&key["key"]))?,
            next_start_after: match &body["nextStartAfter"] {
                Value::Null => None,
                after => Some(text(after)?),
            },
        },
        Call::Segments => Outcome::Segments(all(&body["segments"], |segment| {
            Some(SegmentSeen {
                id: u32::try_from(segment["id"].as_u64()?).ok()?,
                start: segment["startSeq"].as_u64()?,
                start_time_ms: segment["startTimeMs"].as_i64()?,
            })
        })?),
    })
}

fn all<T>(list: &Value, one: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list.as_array()?.iter().map(one).collect()
}

fn headers(list: &Value) -> Option<HeadersSeen> {
    if list.is_null() {
        return Some(Vec::new());
    }
    all(list, |header| {
        let name = header["name"].as_str()?.to_owned();
        Some((name, text(&header["value"])?))
    })
}

fn text(base64: &Value) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64.as_str()?).ok()?).ok()
}
