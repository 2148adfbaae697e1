//! Clients that are producers: they send each request until they know what became of it.

use rand::RngExt;

use super::Client;
use crate::history::{Call, Numbered, Outcome, Safety, Sent};

/// How often the same request is sent. No fault lasts so long.
const ATTEMPTS: u32 = 100;
/// Records of a request.
const RECORDS: usize = 4;
/// In how many of a hundred rounds a second instance of the client takes over.
const TAKE_OVER_PERCENT: u32 = 15;
/// In how many of a hundred rounds an instance from before, which does not know yet, sends its next request.
const ZOMBIE_PERCENT: u32 = 25;

/// Where a producer is.
#[derive(Clone, Copy, Default)]
struct Place {
    epoch: u64,
    sequence: u64,
}

impl Place {
    /// A later instance, or the same after it noticed that something undurable was lost.
    fn next_epoch(self) -> Self {
        Self {
            epoch: self.epoch + 1,
            sequence: 0,
        }
    }
}

impl Client {
    pub(super) async fn produce_all(&mut self, durable_percent: u32) {
        let mut place = Place::default();
        let mut zombie = None;
        for round in 0..self.plan.operations {
            self.think().await;
            let durable = self.random.random_range(0..100) < durable_percent;
            if self.random.random_range(0..100) < TAKE_OVER_PERCENT {
                zombie = Some(place);
                place = place.next_epoch();
            }
            let Some(next) = self.send_until_known(place, round, durable).await else {
                return;
            };
            place = next;
            if self.random.random_range(0..100) < ZOMBIE_PERCENT
                && let Some(earlier) = zombie.take()
            {
                let records = self.request(round, "z");
                let call = self.numbered(earlier, records, durable);
                self.connection.ask(call).await;
            }
        }
    }

    /// Sends a request until it is answered, and says where the producer is then. Nothing if it never was.
    async fn send_until_known(
        &mut self,
        mut place: Place,
        round: u32,
        durable: bool,
    ) -> Option<Place> {
        let mut records = self.request(round, "");
        for _ in 0..ATTEMPTS {
            let call = self.numbered(place, records.clone(), durable);
            match self.connection.ask(call).await {
                Outcome::Appended { .. } | Outcome::Duplicate { .. } => {
                    place.sequence += 1;
                    return Some(place);
                }
                // What was acknowledged before it was durable is lost, and with it where the producer was. In the new epoch
                // this is another request, with values of its own, so that the log shows which of them was applied.
                Outcome::Rejected { code, .. }
                    if code == "producer_out_of_order" || code == "producer_unknown" =>
                {
                    place = place.next_epoch();
                    records = self.request(round, &format!("e{}", place.epoch));
                }
                // Everything else that is rejected would be a bug: it is in the history.
                Outcome::Rejected { .. } => return None,
                _ => self.back_off().await,
            }
        }
        None
    }

    fn request(&mut self, round: u32, mark: &str) -> Vec<Sent> {
        let name = format!("{}.{round}{mark}", self.plan.number);
        (0..self.random.random_range(1..=RECORDS))
            .map(|index| Sent {
                key: self.some_key(),
                value: format!("{name}.{index}:"),
            })
            .collect()
    }

    fn numbered(&self, place: Place, records: Vec<Sent>, durable: bool) -> Call {
        let numbered = Numbered {
            id: format!("producer-{}", self.plan.number),
            epoch: place.epoch,
            sequence: place.sequence,
        };
        let safety = Safety {
            conditions: Vec::new(),
            numbered: Some(numbered),
        };
        Call::Append {
            records,
            durable,
            safety,
        }
    }
}
