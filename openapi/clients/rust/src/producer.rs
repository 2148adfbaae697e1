//! Producers: what makes an append safe to send again.
//!
//! The server applies each sequence of a producer once, and remembers the answers of its last few requests. A client has as many producers
//! as it has appends on their way, each with one request at a time: so an append is never ahead of its turn, its answer is never
//! forgotten, and one that waits for its retry holds nobody up. Appends that are awaited one after another use the same producer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prost::Message;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::record::Appended;
use crate::wire;

/// How many appends that a crash may undo are remembered for each producer. Of older ones only the number is known.
const MOST_UNDURABLE: usize = 1000;

/// The producers of a client.
pub(crate) struct Producers {
    /// Those without a request. The one that was used last is used first.
    idle: Mutex<Vec<Producer>>,
    /// Bounds how many there are.
    places: Semaphore,
}

/// One producer, with one request at a time.
#[derive(Debug)]
struct Producer {
    id: String,
    epoch: u64,
    /// The sequence of the next request.
    next: u64,
    /// The requests of this epoch below this sequence are durable.
    durable_below: u64,
    /// What was answered since then.
    undurable: VecDeque<(u64, Appended)>,
}

/// The use of a producer for one append. If it is dropped before its outcome is known, the producer takes a new epoch, which keeps
/// the server from applying what may still be on its way.
pub(crate) struct Turn<'a> {
    producers: &'a Producers,
    /// Present until it is dropped.
    producer: Option<Producer>,
    is_open: bool,
    _place: SemaphorePermit<'a>,
}

impl Producers {
    /// No more than `most` appends are on their way at a time; others wait in the order in which they came.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(most.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// A producer for one append, once there is room.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let place = self.places.acquire().await;
        let producer = self.idle().pop();
        Turn {
            producers: self,
            producer: Some(producer.unwrap_or_else(Producer::new)),
            is_open: true,
            _place: place.expect("the semaphore is never closed"),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Producer>> {
        // A push or a pop is whole, whatever happened beside it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The field of an append request that names the producer and the request.
    pub(crate) fn field(&mut self) -> Bytes {
        let producer = self.producer();
        let request = wire::AppendRequest {
            producer: Some(wire::Producer {
                id: producer.id.clone(),
                epoch: producer.epoch,
                sequence: producer.next,
            }),
            ..Default::default()
        };
        request.encode_to_vec().into()
    }

    /// The request was applied.
    pub(crate) fn applied(&mut self, appended: Appended, durable: bool) {
        let producer = self.producer();
        if durable {
            // So are all that came before it.
            producer.durable_below = producer.next + 1;
            producer.undurable.clear();
        } else {
            if producer.undurable.len() == MOST_UNDURABLE {
                producer.undurable.pop_front();
            }
            producer.undurable.push_back((producer.next, appended));
        }
        producer.next += 1;
        self.is_open = false;
    }

    /// The request was not applied; the next one has its sequence.
    pub(crate) fn refused(&mut self) {
        self.is_open = false;
    }

    /// The sequence of the request.
    pub(crate) fn sequence(&mut self) -> u64 {
        self.producer().next
    }

    /// The requests below this sequence are durable, whatever the server still knows of them.
    pub(crate) fn durable_below(&mut self) -> u64 {
        self.producer().durable_below
    }

    /// The server does not know what was answered for this sequence and all after it: gives what is remembered of these.
    pub(crate) fn undurable_from(&mut self, sequence: u64) -> Vec<Appended> {
        let undurable = self.producer().undurable.iter();
        let lost = undurable.filter(|(each, _)| *each >= sequence);
        lost.map(|(_, appended)| *appended).collect()
    }

    /// The producer begins anew, with the next epoch.
    pub(crate) fn restart(&mut self) {
        let producer = self.producer();
        producer.epoch += 1;
        producer.next = 0;
        producer.durable_below = 0;
        producer.undurable.clear();
    }

    /// The producer is replaced by a new one.
    pub(crate) fn replace(&mut self) {
        self.producer = Some(Producer::new());
    }

    fn producer(&mut self) -> &mut Producer {
        self.producer.get_or_insert_with(Producer::new)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.restart();
        }
        if let Some(producer) = self.producer.take() {
            self.producers.idle().push(producer);
        }
    }
}

impl Producer {
    /// One that no other client has.
    fn new() -> Self {
        Self {
            id: format!("{:032x}", rand::random::<u128>()),
            epoch: 0,
            next: 0,
            durable_below: 0,
            undurable: VecDeque::new(),
        }
    }
}
