//! Appends that a client sends one behind the other in a session.

use std::time::Duration;

use bytes::Bytes;
use log_adapters::http::proto;
use prost::Message;

use super::ask::Connection;
use crate::history::{Call, Numbered, Outcome, headers_of};
use crate::hosts::server::PORT;
use crate::net::Lost;

/// What an append is refused with that the server did not answer, although it ended the session in order.
const NOT_READ: &str = "the session ended before it";

impl Connection {
    /// Sends appends behind each other, and writes down what was sent and answered.
    pub async fn ask_all(&self, calls: Vec<Call>) -> Vec<Outcome> {
        let node = self.node_for_changes();
        let operations: Vec<usize> = calls
            .iter()
            .map(|call| self.recorder().called(self.client(), node, call.clone()))
            .collect();
        let mut frames = Vec::new();
        for call in &calls {
            frames.extend(frame(call));
        }
        let host = format!("{node}:{PORT}");
        let within = self.patience() + Duration::from_millis(calls.len() as u64);
        let (received, end) = self.http().session(&host, frames.into(), within).await;
        let mut outcomes = outcomes(&received);
        outcomes.truncate(calls.len());
        let rest = match end {
            // Nothing that was read is left without an answer.
            Ok(()) => refused(503, "unavailable", NOT_READ),
            Err(Lost::NotSent) => Outcome::NotSent,
            Err(Lost::Broken) => Outcome::Broken,
            Err(Lost::Late) => Outcome::Late,
        };
        outcomes.resize(calls.len(), rest);
        for call in self.face().applies_behind(&calls, &outcomes) {
            self.exchange(&call).await;
        }
        for (operation, outcome) in operations.iter().zip(&outcomes) {
            self.recorder().answered(*operation, outcome.clone());
        }
        outcomes
    }
}

fn frame(call: &Call) -> Vec<u8> {
    let Call::Append {
        records,
        durable,
        safety,
    } = call
    else {
        return Vec::new();
    };
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let records = records.iter().map(|sent| proto::Record {
        key: bytes(&sent.key),
        value: bytes(&sent.value),
        headers: headers_of(&sent.value)
            .into_iter()
            .map(|(name, value)| proto::Header {
                name: Some(name),
                value: bytes(&value),
            })
            .collect(),
    });
    let producer = safety.numbered.clone().map(
        |Numbered {
             id,
             epoch,
             sequence,
         }| proto::Producer {
            id,
            epoch,
            sequence,
        },
    );
    let request = proto::AppendRequest {
        records: records.collect(),
        await_durable: *durable,
        producer,
        ..Default::default()
    };
    request.encode_length_delimited_to_vec()
}

/// The outcomes that were answered, as far as they arrived.
fn outcomes(received: &[u8]) -> Vec<Outcome> {
    let mut rest = received;
    let answers = std::iter::from_fn(|| proto::session_answer(&mut rest));
    answers
        .map(|answer| answer.map_or_else(failed, |answer| succeeded(&answer)))
        .collect()
}

fn succeeded(answer: &proto::AppendResponse) -> Outcome {
    let start = answer.start_sequence;
    let count = u64::try_from(answer.records_appended).unwrap_or_default();
    match answer.duplicate {
        true => Outcome::Duplicate { start, count },
        false => Outcome::Appended { start, count },
    }
}

fn failed(error: proto::ErrorResponse) -> Outcome {
    let is_rejection = error.code == "conflict" || error.code.starts_with("producer_");
    if is_rejection {
        let conflict = error.conflict.unwrap_or_default();
        return Outcome::Rejected {
            code: error.code,
            key: String::from_utf8(conflict.key.to_vec()).ok(),
            sequence: conflict.last_sequence.or(error.expected_sequence),
        };
    }
    let status = match error.code.as_str() {
        "deadline_exceeded" => 504,
        "overloaded" => 429,
        "internal" => 500,
        _ => 503,
    };
    refused(status, &error.code, &error.message)
}

fn refused(status: u16, code: &str, message: &str) -> Outcome {
    Outcome::Refused {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}
