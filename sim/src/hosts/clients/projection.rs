//! Clients that read several keys in one order from the beginning on, and follow them, as a projection or an index does.

use rand::RngExt;

use super::{Client, key};
use crate::history::{Call, Outcome, Selected, SeveralCall};

impl Client {
    pub(super) async fn project_all(&mut self, durable: bool) {
        let keys = self.selected();
        let mut call = SeveralCall {
            keys,
            start: 0,
            end: u64::MAX,
            limit: [1, 5, 1_000][self.random.random_range(0..3)],
            durable,
            follow_ms: None,
        };
        for _ in 0..self.plan.operations {
            let follows = self.random.random_range(0..4) > 0;
            let wait = [100, 400, 1_500][self.random.random_range(0..3)];
            call.follow_ms = follows.then_some(wait);
            match self.connection.ask(Call::Several(call.clone())).await {
                Outcome::Named { next, .. } => call.start = next,
                _ => self.back_off().await,
            }
            if !follows {
                self.think().await;
            }
        }
    }

    fn selected(&mut self) -> Selected {
        let keys = self.plan.keys;
        match self.random.random_range(0..3) {
            0 => Selected::Prefix(String::new()),
            1 => Selected::Prefix(["a", "a\0", "k"][self.random.random_range(0..3)].into()),
            _ => {
                let first = self.random.random_range(0..keys);
                let chosen = (0..keys).filter(|number| *number == first || self.random.random());
                Selected::Keys(chosen.map(key).collect())
            }
        }
    }
}
