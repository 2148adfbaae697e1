//! Counts the requests that a node passes to others.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use poem::http::StatusCode;
use tokio::time::timeout;

use crate::http::remote::writer::Lost;

/// Counts them by what became of them.
#[derive(Debug, Clone)]
pub(super) struct Forwarded(Counter<u64>);

impl Forwarded {
    /// Counts in `meter`, from 0.
    pub(super) fn new(meter: &Meter) -> Self {
        let counter = meter
            .u64_counter("log_cluster_forwarded_requests_total")
            .with_description(
                "Requests that were passed to another node, by outcome: answered, misdirected (it does not serve the partition), not_sent, unknown.",
            )
            .build();
        for outcome in ["answered", "misdirected", "not_sent", "unknown"] {
            counter.add(0, &[KeyValue::new("outcome", outcome)]);
        }
        Self(counter)
    }

    /// What `answer` comes to within this time, which is counted by its status, if there is one.
    pub(super) async fn within<A>(
        &self,
        within: Duration,
        answer: impl Future<Output = Result<A, Lost>>,
        status: impl Fn(&A) -> Option<StatusCode>,
    ) -> Result<A, Lost> {
        let no_answer = || Lost::Unknown(format!("no answer within {} ms", within.as_millis()));
        let answer = timeout(within, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(no_answer()));
        let outcome = match answer.as_ref().map(status) {
            Ok(None) => return answer,
            Ok(Some(StatusCode::MISDIRECTED_REQUEST)) => "misdirected",
            Ok(Some(_)) => "answered",
            Err(Lost::NotSent(_)) => "not_sent",
            Err(Lost::Unknown(_)) => "unknown",
        };
        self.0.add(1, &[KeyValue::new("outcome", outcome)]);
        answer
    }
}
