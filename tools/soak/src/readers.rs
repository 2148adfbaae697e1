//! Clients that read: long polls, event streams and scans, each of which must see sequences in order, without repeats.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::batch;
use crate::client::{self, Read, back_off};
use crate::history::History;
use crate::server::Current;

/// A stream that is silent for longer has lost its server. (The server sends a comment every 15 s.)
const SILENCE: Duration = Duration::from_secs(25);
/// The time between two scans of one client.
const BETWEEN_SCANS: Duration = Duration::from_millis(50);

/// One client.
pub(crate) struct Reader {
    pub(crate) number: u32,
    pub(crate) seed: u64,
    pub(crate) current: watch::Receiver<Current>,
    pub(crate) history: Arc<History>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Reader {
    /// Follows a key with long polls, of what is durable, so that all it sees must be there in the end.
    pub(crate) async fn long_polls(self, key: String) {
        let mut next = 0;
        while !self.is_stopping() {
            let server = self.current.borrow().clone();
            let options = "&limit=500&follow=true&timeout_ms=2000&visibility=durable";
            match server.client.scan(&key, next, options).await {
                Some((values, next_sequence)) => {
                    self.check(&key, next, &values, true);
                    next = next_sequence;
                }
                None => back_off().await,
            }
        }
    }

    /// Follows a key with event streams; each one resumes where the last one ended.
    ///
    /// It sees applied records, which a crash may take back. A server that was killed may so give the sequences below
    /// its successor's first one to nobody, but never to others.
    pub(crate) async fn streams(self, key: String) {
        let mut next = 0;
        while !self.is_stopping() {
            let server = self.current.borrow().clone();
            let Some(mut response) = server.client.stream(&key, next).await else {
                back_off().await;
                continue;
            };
            let mut pending = Vec::new();
            while !self.is_stopping() {
                let Ok(Ok(Some(chunk))) = timeout(SILENCE, response.chunk()).await else {
                    break;
                };
                pending.extend_from_slice(&chunk);
                while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=end).collect();
                    if let Some(record) = event(&line) {
                        let sequence = record.0;
                        self.check(&key, next, &[record], false);
                        next = sequence + 1;
                    }
                }
            }
        }
    }

    /// Scans keys, drawn at random.
    pub(crate) async fn scans(self, keys: u32) {
        let mut random = StdRng::seed_from_u64(self.seed ^ u64::from(self.number + 1));
        while !self.is_stopping() {
            let server = self.current.borrow().clone();
            let key = batch::key(random.random_range(0..keys));
            match server.client.scan(&key, 0, "&limit=200").await {
                Some((values, _)) => {
                    self.check(&key, 0, &values, false);
                    sleep(BETWEEN_SCANS).await;
                }
                None => back_off().await,
            }
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn check(&self, key: &str, from: u64, values: &[Read], durable: bool) {
        self.history.read_a_page();
        let mut least = from;
        for (sequence, value) in values {
            if *sequence < least {
                self.history.violation(format!(
                    "a reader of {key} was shown {sequence} where {least} or more must come"
                ));
            }
            least = sequence + 1;
            match batch::origin(value) {
                Some(origin) => self.history.saw(*sequence, origin, durable),
                None => self.history.violation(format!(
                    "a reader of {key} was shown a value at {sequence} that nobody appended"
                )),
            }
        }
    }
}

/// The record of a `data:` line.
fn event(line: &[u8]) -> Option<Read> {
    let data = line.strip_prefix(b"data:")?;
    let value: Value = serde_json::from_slice(data).ok()?;
    client::read(&value)
}
