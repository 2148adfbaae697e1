//! Clients that process the records of a key from where a cursor is, and move the cursor: together with what they make of the records, or
//! alone. Several share a cursor. Each reads it again before the next batch, so an outcome that is not known does not matter.

use rand::RngExt;

use super::{Client, failed};
use crate::history::{
    CONSUMED, Call, Move, Outcome, RESULTS, Safety, ScanCall, Sent, cursor_of, key, made_of,
};

impl Client {
    pub(super) async fn consume_all(&mut self, appends: bool, durable_percent: u32) {
        for round in 0..self.plan.operations {
            self.think().await;
            let number = self.random.random_range(0..self.plan.keys.min(CONSUMED));
            if !self.consume(number, round, appends, durable_percent).await {
                self.back_off().await;
            }
        }
    }

    /// Processes one batch. Whether the server answered.
    async fn consume(
        &mut self,
        number: usize,
        round: u32,
        appends: bool,
        durable_percent: u32,
    ) -> bool {
        let name = cursor_of(number, appends);
        let asked = Call::GetCursor { name: name.clone() };
        let Outcome::Cursor { position } = self.connection.ask(asked).await else {
            return false;
        };
        let position = position.unwrap_or(0);
        let mut scan = ScanCall {
            key: key(number),
            start: position,
            end: u64::MAX,
            limit: self.random.random_range(1..=5),
            newest: false,
            durable: false,
            follow_ms: None,
        };
        let (values, next) = loop {
            match self.connection.scan(scan.clone()).await {
                Outcome::Page {
                    values, next, more, ..
                } => match values.is_empty() {
                    true if more => scan.start = next,
                    true => return true,
                    false => break (values, next),
                },
                _ => return false,
            }
        };
        let moved = Move {
            name: name.clone(),
            position: next,
            expected: Some(position),
        };
        let call = if appends {
            let results = values.iter().enumerate().map(|(index, seen)| Sent {
                key: key(RESULTS),
                value: made_of(
                    &format!("{}.{round}.{index}", self.plan.number),
                    &name,
                    seen.sequence,
                ),
            });
            Call::Append {
                records: results.collect(),
                durable: self.chance(durable_percent),
                safety: Safety {
                    moves: vec![moved],
                    ..Safety::default()
                },
            }
        } else {
            Call::PutCursor(moved)
        };
        !failed(&self.connection.ask(call).await)
    }
}
