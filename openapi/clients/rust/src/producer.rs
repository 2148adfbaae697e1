//! Producers: what makes an append safe to send again.
//!
//! The server applies each sequence of a producer once, and remembers the answers of its last few requests. A client has as many producers
//! as it has appends on their way, each with one request at a time: so an append is never ahead of its turn, its answer is never
//! forgotten, and one that waits for its retry holds nobody up. Appends that are awaited one after another use the same producer.
//!
//! Each stream of appends has a producer of its own, so it and other appends do not depend on each other. One that ended in order leaves it to
//! the next one.
//!
//! Sequences count per partition, so in a cluster a producer is of one partition. As long as it is not known whether there is a cluster, all
//! producers are those of one log; the first request that a producer makes of another partition is refused, and then the client asks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prost::Message;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cluster::Cluster;
use crate::partition::About;
use crate::record::Appended;
use crate::wire;

/// How many appends that a crash may undo are remembered for each producer. Of older ones only the number is known.
const MOST_UNDURABLE: usize = 1000;

/// Producers that are kept for streams of appends to come.
const MOST_APART: usize = 16;

/// Producers without a request: in a cluster, those of each partition; else all of them, for no partition. The one that was used last is used first.
type Idle = HashMap<Option<u32>, Vec<Producer>>;

/// The producers of a client.
pub(crate) struct Producers {
    cluster: Arc<Cluster>,
    idle: Mutex<Idle>,
    /// Those of streams of appends that ended in order.
    apart: Mutex<Idle>,
    /// Bounds how many there are.
    places: Semaphore,
}

/// One producer.
#[derive(Debug)]
pub(crate) struct Producer {
    id: String,
    epoch: u64,
    /// The sequence of the next request.
    next: u64,
    /// The requests of this epoch below this sequence are durable.
    durable_below: u64,
    /// What was answered since then.
    undurable: VecDeque<(u64, Appended)>,
    /// What its last request was about that was applied.
    about: About,
    /// In a cluster, the partition that it is of; `None` if it was not used yet.
    partition: Option<u32>,
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
    pub(crate) fn new(most: usize, cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            idle: Mutex::default(),
            apart: Mutex::default(),
            places: Semaphore::new(most.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// A producer for one append, once there is room.
    pub(crate) async fn turn(&self, about: &About) -> Turn<'_> {
        let place = self.places.acquire().await;
        Turn {
            producers: self,
            producer: Some(self.taken(&self.idle, about)),
            is_open: true,
            _place: place.expect("the semaphore is never closed"),
        }
    }

    /// A producer for a stream of appends, which is not one of those that are on their way.
    pub(crate) fn of_stream(&self) -> Producer {
        let mut apart = lock(&self.apart);
        let kept = apart.values_mut().find_map(Vec::pop);
        kept.unwrap_or_else(Producer::new)
    }

    /// A stream of appends ended in order, with an outcome for each of them: its producer is as good for the next one.
    pub(crate) fn settled(&self, producer: Producer) {
        if lock(&self.apart).values().map(Vec::len).sum::<usize>() < MOST_APART {
            self.keep(&self.apart, producer);
        }
    }

    /// The producer for a stream of appends that begins: another one, if it is of another partition than what it is to be used for.
    pub(crate) fn exchanged(&self, producer: Producer, about: &About) -> Producer {
        if self.partition_of(&producer) == self.cluster.partition(about) {
            return producer;
        }
        self.keep(&self.apart, producer);
        self.taken(&self.apart, about)
    }

    /// The partition that a producer is of; `None` if it can be that of any partition.
    fn partition_of(&self, producer: &Producer) -> Option<u32> {
        let of_last = || self.cluster.partition(&producer.about);
        producer.partition.or_else(of_last)
    }

    fn keep(&self, idle: &Mutex<Idle>, mut producer: Producer) {
        producer.partition = self.partition_of(&producer);
        let mut idle = lock(idle);
        idle.entry(producer.partition).or_default().push(producer);
    }

    fn taken(&self, idle: &Mutex<Idle>, about: &About) -> Producer {
        let partition = self.cluster.partition(about);
        if partition.is_some() {
            // Some may be from before the partitions were known.
            let unknown = lock(idle).remove(&None).unwrap_or_default();
            for producer in unknown {
                self.keep(idle, producer);
            }
        }
        let mut idle = lock(idle);
        let mut of = |partition| idle.get_mut(&partition).and_then(Vec::pop);
        let producer = of(partition).or_else(|| of(None));
        let mut producer = producer.unwrap_or_else(Producer::new);
        producer.partition = partition;
        producer
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    // A push or a pop is whole, also if another thread panicked.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn<'_> {
    /// Who makes the append.
    pub(crate) fn producer(&mut self) -> &mut Producer {
        self.producer.get_or_insert_with(Producer::new)
    }

    /// From now on it has a producer of the partition that it is about.
    pub(crate) fn exchange(&mut self, about: &About) {
        let other = self.producers.taken(&self.producers.idle, about);
        if let Some(producer) = self.producer.replace(other) {
            self.producers.keep(&self.producers.idle, producer);
        }
    }

    /// It is known what became of the append.
    pub(crate) fn settled(&mut self) {
        self.is_open = false;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.producer().restart();
        }
        if let Some(producer) = self.producer.take() {
            self.producers.keep(&self.producers.idle, producer);
        }
    }
}

impl Producer {
    /// One that no other client has.
    pub(crate) fn new() -> Self {
        Self {
            id: format!("{:032x}", rand::random::<u128>()),
            epoch: 0,
            next: 0,
            durable_below: 0,
            undurable: VecDeque::new(),
            about: About::default(),
            partition: None,
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What its last request was about that was applied.
    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// Its last request, about this, was applied.
    pub(crate) fn was_about(&mut self, about: &About) {
        if self.about != *about {
            self.about = about.clone();
        }
    }

    /// Another one, for the same partition.
    pub(crate) fn replace(&mut self) {
        let partition = self.partition;
        *self = Self {
            partition,
            ..Self::new()
        };
    }

    /// The field of an append request that names the producer and the request: the one that is so many after the next.
    pub(crate) fn field(&self, after: u64) -> Bytes {
        let request = wire::AppendRequest {
            producer: Some(wire::Producer {
                id: self.id.clone(),
                epoch: self.epoch,
                sequence: self.next + after,
            }),
            ..Default::default()
        };
        request.encode_to_vec().into()
    }

    /// The next request was applied.
    pub(crate) fn applied(&mut self, appended: Appended, durable: bool) {
        if durable {
            // So are all that came before it.
            self.durable_below = self.next + 1;
            self.undurable.clear();
        } else {
            if self.undurable.len() == MOST_UNDURABLE {
                self.undurable.pop_front();
            }
            self.undurable.push_back((self.next, appended));
        }
        self.next += 1;
    }

    /// The sequence of the next request.
    pub(crate) fn sequence(&self) -> u64 {
        self.next
    }

    /// The requests below this sequence are durable, whatever the server still knows of them.
    pub(crate) fn durable_below(&self) -> u64 {
        self.durable_below
    }

    /// The server does not know what was answered for this sequence and all after it: gives what is remembered of these.
    pub(crate) fn undurable_from(&self, sequence: u64) -> Vec<Appended> {
        let undurable = self.undurable.iter();
        let lost = undurable.filter(|(each, _)| *each >= sequence);
        lost.map(|(_, appended)| *appended).collect()
    }

    /// Begins anew, with the next epoch.
    pub(crate) fn restart(&mut self) {
        self.epoch += 1;
        self.next = 0;
        self.durable_below = 0;
        self.undurable.clear();
    }
}
