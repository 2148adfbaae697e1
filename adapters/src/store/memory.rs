//! The reference store: the domain's model behind a lock. Nothing outlives it, and all it holds counts as durable.

use std::sync::Arc;
use std::time::Duration;

use log_domain::model::Model;
use log_domain::{
    Append, Appended, Clock, CommitListener, Counted, Cursor, CursorMove, CursorName, CursorsPage,
    CursorsQuery, Deletion, Durability, Key, KeysPage, KeysQuery, LogReader, LogWriter, Page,
    PrefixFloor, PrefixRules, ProducerPolicy, Result, Scan, SealPolicy, Segment, Sequence,
    SequenceRange, Status, Stopped, StoredSegment, Trim, Watermarks,
};
use parking_lot::Mutex;

/// What a memory store keeps. A store that is opened on it again finds what the one before left.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Model>>);

impl Memory {
    /// Nothing yet.
    pub fn new(policy: SealPolicy, producers: ProducerPolicy) -> Self {
        let model = Model::with_producers(policy, producers);
        Self(Arc::new(Mutex::new(model)))
    }
}

/// A store on a [`Memory`].
pub struct MemoryStore {
    memory: Memory,
    clock: Arc<dyn Clock>,
    listener: Arc<dyn CommitListener>,
    closed: Mutex<bool>,
}

impl MemoryStore {
    /// Opens `memory`, with timestamps from `clock`, and reports commits to `listener`.
    pub fn open(memory: Memory, clock: Arc<dyn Clock>, listener: Arc<dyn CommitListener>) -> Self {
        Self {
            memory,
            clock,
            listener,
            closed: Mutex::new(false),
        }
    }
}

impl LogReader for MemoryStore {
    async fn scan(&self, scan: &Scan) -> Result<Page> {
        let model = self.memory.0.lock();
        model.scan(scan, model.tip())
    }

    async fn keys(&self, query: &KeysQuery) -> Result<KeysPage> {
        Ok(self.memory.0.lock().keys(query))
    }

    async fn segments(&self, range: SequenceRange) -> Result<Vec<Segment>> {
        Ok(self.memory.0.lock().segments(range))
    }

    async fn count(&self, key: &Key, range: SequenceRange) -> Result<Counted> {
        Ok(self.memory.0.lock().count(key, range))
    }

    async fn cursor(&self, name: &CursorName) -> Result<Option<Cursor>> {
        Ok(self.memory.0.lock().cursor(name))
    }

    async fn cursors(&self, query: &CursorsQuery) -> Result<CursorsPage> {
        Ok(self.memory.0.lock().cursors(query))
    }

    fn watermarks(&self) -> Watermarks {
        let tip = self.memory.0.lock().tip();
        Watermarks { tip, durable: tip }
    }

    fn floor(&self) -> Sequence {
        self.memory.0.lock().floor()
    }

    fn prefix_floor(&self, key: &Key) -> Sequence {
        self.memory.0.lock().floor_of_prefixes(key.as_ref())
    }

    fn status(&self) -> Status {
        let watermarks = self.watermarks();
        let segments = self.memory.0.lock().segments(SequenceRange::ALL);
        Status {
            watermarks,
            segments: segments.len() as u64,
            cursors: self.memory.0.lock().cursor_count(),
            active_segment: segments.last().map_or(0, |segment| segment.id),
            stopped: self.closed.lock().then_some(Stopped::Closing),
            ..Status::default()
        }
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn stopped(&self) -> Stopped {
        std::future::pending().await
    }
}

impl LogWriter for MemoryStore {
    async fn append(&self, append: Append, _durability: Durability) -> Result<Appended> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.refusal());
        }
        let mut model = self.memory.0.lock();
        let (appended, runs) = model.append(&append, self.clock.now_ms())?;
        if !appended.duplicate {
            self.listener.applied(Some(&runs), model.tip());
            self.listener.durable(model.tip());
        }
        Ok(appended)
    }

    async fn trim(&self, trim: Trim) -> Result<Sequence> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.error());
        }
        self.memory.0.lock().trim(trim, self.clock.now_ms())
    }

    async fn delete(&self, deletion: Deletion) -> Result<Sequence> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.error());
        }
        self.memory.0.lock().delete(&deletion)
    }

    async fn apply_rules(&self, rules: &PrefixRules) -> Result<Vec<PrefixFloor>> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.error());
        }
        let now_ms = self.clock.now_ms();
        Ok(self.memory.0.lock().apply_rules(rules, now_ms))
    }

    async fn move_cursor(&self, wanted: CursorMove) -> Result<Cursor> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.error());
        }
        let now_ms = self.clock.now_ms();
        self.memory.0.lock().move_cursor(&wanted, now_ms)
    }

    async fn delete_cursor(&self, name: &CursorName) -> Result<bool> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Stopped::Closing.error());
        }
        Ok(self.memory.0.lock().delete_cursor(name))
    }

    fn stored(&self) -> Vec<StoredSegment> {
        let segments = self.memory.0.lock().segments(SequenceRange::ALL);
        let stored = segments.into_iter().map(|segment| StoredSegment {
            segment,
            bytes: 0,
            oldest_ms: segment.start_time_ms,
        });
        stored.collect()
    }

    async fn close(&self, _within: Duration) -> Result<()> {
        *self.closed.lock() = true;
        self.listener.stopped(Stopped::Closing);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use log_domain::conformance::{Options, StoreFixture, run_all};

    use super::*;

    struct SharedMemory(Mutex<Option<Memory>>);

    impl StoreFixture for SharedMemory {
        type Store = MemoryStore;

        async fn open(&self, options: Options) -> MemoryStore {
            let mut memory = self.0.lock();
            let memory =
                memory.get_or_insert_with(|| Memory::new(options.seal, ProducerPolicy::default()));
            MemoryStore::open(memory.clone(), options.clock, options.followers)
        }
    }

    #[tokio::test]
    async fn the_memory_store_conforms() {
        run_all(|| SharedMemory(Mutex::new(None))).await;
    }
}
