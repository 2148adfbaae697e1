//! Pages of a correct server.

use super::Server;
use crate::history::{Outcome, ScanCall};

impl Server {
    pub(super) fn page(&self, scan: &ScanCall) -> Outcome {
        let visible = if scan.durable {
            self.durable
        } else {
            self.next
        };
        let end = scan.end.min(visible);
        let mut values = self.between(&scan.key, scan.start, end);
        let all = values.len();
        let most = scan.limit as usize;
        match scan.newest {
            true => drop(values.drain(..all.saturating_sub(most))),
            false => values.truncate(most),
        }
        let next = match values.last() {
            Some(last) if all > most && !scan.newest => last.sequence + 1,
            _ => end
                .max(scan.start)
                .max(self.floor_of(&scan.key).min(scan.end)),
        };
        let trimmed = self.trimmed(&scan.key, scan.start, scan.end);
        Outcome::Page {
            values,
            next,
            trimmed: trimmed.filter(|_| !scan.newest || all < most),
            more: false,
            durable: Some(self.durable),
        }
    }
}
