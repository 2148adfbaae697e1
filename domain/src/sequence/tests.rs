use super::*;
use proptest::prelude::*;

/// A writer and what object storage holds of it, with every way to stop.
struct Simulated {
    allocator: Allocator,
    /// Commits that were applied, oldest first: the tip after each and the bound it carried.
    in_memory: Vec<(Sequence, Sequence)>,
    stored_bound: Sequence,
    stored_tip: Sequence,
    handed_out_below: Sequence,
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Flush,
    Crash,
    Close,
}

impl Simulated {
    fn new() -> Self {
        Self {
            allocator: Allocator::resume(Sequence::ZERO),
            in_memory: Vec::new(),
            stored_bound: Sequence::ZERO,
            stored_tip: Sequence::ZERO,
            handed_out_below: Sequence::ZERO,
        }
    }

    fn append(&mut self, count: u64) {
        loop {
            match self.allocator.plan(count) {
                Plan::Grant { start, bound } => {
                    assert!(
                        start >= self.handed_out_below,
                        "{start} was given away twice"
                    );
                    assert!(
                        start.plus(count) <= self.stored_bound,
                        "beyond the durable bound"
                    );
                    self.handed_out_below = start.plus(count);
                    self.allocator.committed(count, bound);
                    self.in_memory.push((start.plus(count), bound));
                    return;
                }
                Plan::Reserve(bound) => {
                    self.flush();
                    self.stored_bound = bound;
                    self.allocator.reserved(bound);
                }
                Plan::AwaitDurable(watermark) => {
                    self.flush();
                    assert!(self.stored_tip >= watermark, "waits for what nobody wrote");
                }
                Plan::Exhausted => panic!("a new log is not full"),
            }
        }
    }

    fn flush(&mut self) {
        if let Some((tip, bound)) = self.in_memory.last() {
            self.stored_tip = *tip;
            self.stored_bound = *bound;
            self.in_memory.clear();
        }
        self.allocator.durable(self.stored_tip);
    }

    fn crash(&mut self) {
        self.in_memory.clear();
        self.allocator = Allocator::resume(self.stored_bound);
    }

    fn close(&mut self) {
        self.flush();
        let tip = self.allocator.next();
        self.stored_bound = tip;
        self.allocator = Allocator::resume(tip);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            6 => (1..RESERVATION * 2).prop_map(Step::Append),
            6 => (1u64..200).prop_map(Step::Append),
            4 => Just(Step::Flush),
            1 => Just(Step::Crash),
            1 => Just(Step::Close),
        ],
        0..60,
    )
}

proptest! {
    #[test]
    fn no_sequence_is_given_to_two_records_whatever_crashes(steps in steps()) {
        let mut log = Simulated::new();
        for step in steps {
            match step {
                Step::Append(count) => log.append(count),
                Step::Flush => log.flush(),
                Step::Crash => log.crash(),
                Step::Close => log.close(),
            }
        }
    }
}

#[test]
fn a_clean_close_leaves_no_gap() {
    let mut log = Simulated::new();
    log.append(3);
    log.close();
    assert_eq!(
        log.allocator.plan(1),
        Plan::Reserve(Sequence::new(4 + RESERVATION))
    );
    log.append(1);
    assert_eq!(log.handed_out_below, Sequence::new(4));
}

#[test]
fn in_steady_state_nobody_waits_for_a_reservation() {
    let mut log = Simulated::new();
    log.append(1);
    for _ in 0..5_000 {
        assert!(matches!(log.allocator.plan(1_000), Plan::Grant { .. }));
        log.append(1_000);
        log.flush();
    }
}

#[test]
fn a_full_log_says_so() {
    let allocator = Allocator::resume(Sequence::LIMIT);
    assert_eq!(allocator.plan(1), Plan::Exhausted);
}
