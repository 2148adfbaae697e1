//! Reads of several keys.

use super::Server;
use crate::history::{Call, Named, Outcome, Selected, SeveralCall};

impl Server {
    /// A page of all keys, from this sequence on.
    pub(super) fn read_several(&mut self, start: u64, limit: u64, durable: bool) {
        let call = SeveralCall {
            keys: Selected::Prefix("key-".into()),
            start,
            end: u64::MAX,
            limit,
            durable,
            follow_ms: None,
        };
        self.operate("projection", Call::Several(call));
    }

    pub(super) fn several(&self, call: &SeveralCall) -> Outcome {
        let visible = if call.durable {
            self.durable
        } else {
            self.next
        };
        let end = call.end.min(visible);
        let keys = self.log.keys().filter(|key| call.keys.has(key));
        let values = keys.flat_map(|key| {
            let values = self.between(key, call.start, end).into_iter();
            values.map(|seen| Named {
                key: key.clone(),
                seen,
            })
        });
        let mut values: Vec<Named> = values.collect();
        values.sort_by_key(|named| named.seen.sequence);
        let full = values.len() as u64 > call.limit;
        values.truncate(call.limit as usize);
        let next = match values.last() {
            Some(last) if full => last.seen.sequence + 1,
            _ => end.max(call.start).max(self.floor.min(call.end)),
        };
        Outcome::Named {
            values,
            next,
            trimmed: (call.start < self.floor.min(call.end)).then_some(self.floor),
            more: false,
        }
    }
}
