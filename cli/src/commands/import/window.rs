//! Which batch is sent next, and what is kept until it is certain that no crash of the server can undo it.

use std::collections::VecDeque;

use opendata_log::Batch;

/// So many bytes are acknowledged at most, in all partitions together, before durability is waited for.
const UNPROVEN_BYTES: usize = 64 * 1024 * 1024;

/// A batch, with its place among all records of the import that are in its partition.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// The partition of all its keys.
    pub(super) partition: usize,
    pub(super) batch: Batch,
    /// How many records come before it.
    pub(super) start: u64,
    /// How many there are with its own.
    pub(super) end: u64,
    /// How many bytes of the source were read when it was made.
    pub(super) read: u64,
}

/// The batches of a partition that were made and are not certain yet.
#[derive(Debug)]
pub(super) struct Window {
    chunks: VecDeque<Chunk>,
    /// How many of them are acknowledged.
    acknowledged: usize,
    /// The end of what was made.
    made: u64,
    /// Whether all of it is certain.
    is_proven: bool,
    limit: usize,
}

impl Window {
    /// One for an import of which so many records are there.
    pub(super) fn new(made: u64) -> Self {
        Self {
            chunks: VecDeque::new(),
            acknowledged: 0,
            made,
            // What was imported before may have been acknowledged only.
            is_proven: made == 0,
            limit: UNPROVEN_BYTES,
        }
    }

    /// Adds the next batch.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.made = chunk.end;
        self.is_proven = false;
        self.chunks.push_back(chunk);
    }

    /// The batch to send next; `None` if another one must be made.
    pub(super) fn next(&self) -> Option<&Chunk> {
        self.chunks.get(self.acknowledged)
    }

    /// Whether to wait until the next batch is durable, while other partitions have so many bytes that are not certain.
    pub(super) fn must_be_durable(&self, others: usize) -> bool {
        let next = self.next().map_or(0, |chunk| chunk.batch.bytes());
        self.unproven_bytes() + next + others >= self.limit
    }

    /// The bytes of what is acknowledged and not certain.
    pub(super) fn unproven_bytes(&self) -> usize {
        let acknowledged = self.chunks.range(..self.acknowledged);
        acknowledged.map(|chunk| chunk.batch.bytes()).sum()
    }

    /// The bytes of what is not acknowledged.
    pub(super) fn queued_bytes(&self) -> usize {
        let queued = self.chunks.range(self.acknowledged..);
        queued.map(|chunk| chunk.batch.bytes()).sum()
    }

    /// The end of what was made.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// The batch was applied; if it is `durable`, so is everything before it.
    pub(super) fn applied(&mut self, durable: bool) {
        self.acknowledged += 1;
        if durable {
            self.proven();
        }
    }

    /// All that was acknowledged is durable.
    pub(super) fn proven(&mut self) {
        self.chunks.drain(..self.acknowledged);
        self.acknowledged = 0;
        self.is_proven = self.chunks.is_empty();
    }

    /// The end of what is acknowledged.
    pub(super) fn position(&self) -> u64 {
        let next = self.chunks.get(self.acknowledged);
        next.map_or(self.made, |chunk| chunk.start)
    }

    /// Whether a crash may still take something back.
    pub(super) fn is_unproven(&self) -> bool {
        !self.is_proven
    }

    /// The server has this many records of the import: goes on from there. False if that is not the end of any batch that is kept.
    pub(super) fn goes_on_from(&mut self, position: u64) -> bool {
        let at = self.chunks.iter().position(|chunk| chunk.start == position);
        let at = at.or((position == self.made).then_some(self.chunks.len()));
        match at {
            Some(at) => {
                self.acknowledged = at;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use opendata_log::BatchBuilder;
    use proptest::prelude::*;

    use super::*;

    fn chunk(start: u64, records: u64) -> Chunk {
        let mut batch = BatchBuilder::default();
        for number in start..start + records {
            batch
                .push(b"k", number.to_string().as_bytes(), &[])
                .expect("a record");
        }
        Chunk {
            partition: 0,
            batch: batch.finish(),
            start,
            end: start + records,
            read: 0,
        }
    }

    /// A server as its contract says: each append moves the cursor from where it must be, and a crash takes back what is not durable.
    #[derive(Default)]
    struct Server {
        cursor: u64,
        durable: u64,
        records: Vec<u64>,
    }

    impl Server {
        fn append(&mut self, chunk: &Chunk, durable: bool) -> Result<(), u64> {
            if self.cursor != chunk.start {
                return Err(self.cursor);
            }
            self.records.extend(chunk.start..chunk.end);
            self.cursor = chunk.end;
            if durable {
                self.durable = self.cursor;
            }
            Ok(())
        }

        fn crash(&mut self, keeps: u64) {
            let kept = self.durable.max(keeps);
            // Commits are whole.
            if kept < self.cursor {
                self.cursor = self.durable;
                self.records.truncate(self.durable as usize);
            }
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Fault {
        None,
        /// The request does not arrive.
        Lost,
        /// The request is applied, and the answer is lost.
        LostAnswer,
        /// The server crashes before the request comes.
        Crash,
    }

    fn fault() -> impl Strategy<Value = Fault> {
        prop_oneof![
            6 => Just(Fault::None),
            1 => Just(Fault::Lost),
            2 => Just(Fault::LostAnswer),
            1 => Just(Fault::Crash),
        ]
    }

    /// Runs until the faults end and all is imported.
    fn run(
        window: &mut Window,
        server: &mut Server,
        all: &[u64],
        faults: &mut impl Iterator<Item = Fault>,
    ) -> bool {
        let mut made = all.iter().copied();
        let mut start = window.position();
        loop {
            while window.next().is_none() {
                let Some(records) = made.next() else {
                    // Proves what is there, as a move of the cursor does that is durable.
                    if server.cursor == window.position() {
                        server.durable = server.cursor;
                        return true;
                    }
                    assert!(
                        window.goes_on_from(server.cursor),
                        "the window has all that is not durable"
                    );
                    if window.next().is_none() {
                        continue;
                    }
                    break;
                };
                window.push(chunk(start, records));
                start += records;
            }
            let fault = faults.next().unwrap_or(Fault::None);
            match fault {
                Fault::Lost => continue,
                Fault::Crash => server.crash(0),
                Fault::None | Fault::LostAnswer => {}
            }
            let durable = window.must_be_durable(0);
            let chunk = window.next().expect("one was made");
            let answer = server.append(chunk, durable);
            if matches!(fault, Fault::LostAnswer) {
                continue;
            }
            match answer {
                Ok(()) => window.applied(durable),
                Err(position) if position == chunk.end => window.applied(durable),
                Err(position) => {
                    if !window.goes_on_from(position) {
                        return false;
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_record_is_there_once_and_in_order_whatever_is_lost(
            sizes in prop::collection::vec(1u64..5, 0..20),
            faults in prop::collection::vec(fault(), 0..60),
            limit in 1usize..100,
        ) {
            let mut window = Window::new(0);
            window.limit = limit;
            let mut server = Server::default();
            let done = run(&mut window, &mut server, &sizes, &mut faults.into_iter());
            prop_assert!(done);
            let all: u64 = sizes.iter().sum();
            prop_assert_eq!(server.records, (0..all).collect::<Vec<_>>());
            prop_assert_eq!(server.durable, all);
        }
    }

    #[test]
    fn a_position_inside_of_a_batch_is_that_of_another_import() {
        let mut window = Window::new(10);
        window.push(chunk(10, 5));
        assert!(!window.goes_on_from(12));
        assert!(!window.goes_on_from(9));
        assert!(window.goes_on_from(15));
        assert_eq!(window.position(), 15);
        assert!(window.goes_on_from(10));
        assert_eq!(window.position(), 10);
    }

    #[test]
    fn what_is_made_while_the_rest_is_proven_is_still_to_be_sent() {
        let mut window = Window::new(0);
        window.push(chunk(0, 2));
        window.applied(false);
        window.push(chunk(2, 1));
        window.proven();
        assert!(window.is_unproven());
        assert_eq!(window.next().map(|chunk| chunk.start), Some(2));
        assert_eq!((window.position(), window.made()), (2, 3));
    }

    #[test]
    fn durability_is_waited_for_when_enough_bytes_are_not_certain() {
        let mut window = Window::new(0);
        window.limit = 3 * chunk(0, 1).batch.bytes();
        let mut waits = Vec::new();
        for start in 0..7 {
            window.push(chunk(start, 1));
            let durable = window.must_be_durable(0);
            window.applied(durable);
            waits.push(durable);
        }
        assert_eq!(waits, [false, false, true, false, false, true, false]);
        assert!(window.is_unproven());
        // What other partitions have counts, too.
        window.push(chunk(7, 1));
        assert!(!window.must_be_durable(0));
        assert!(window.must_be_durable(window.unproven_bytes()));
    }
}
