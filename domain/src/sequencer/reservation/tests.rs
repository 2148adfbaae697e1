use super::*;
use proptest::prelude::*;

/// A writer and what object storage holds of it, with every way to stop.
struct Simulated {
    reservation: Reservation,
    /// Writes that were applied, oldest first: the number of each and the bound it carried.
    in_memory: Vec<(EngineNumber, Sequence)>,
    last_number: EngineNumber,
    stored_bound: Sequence,
    stored_number: EngineNumber,
    granted_below: Sequence,
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Flush,
    /// Of what was written, only this part becomes durable.
    FlushOldest(usize),
    Crash,
    Close,
}

impl Simulated {
    fn new() -> Self {
        Self {
            reservation: Reservation::resume(Sequence::ZERO),
            in_memory: Vec::new(),
            last_number: EngineNumber::default(),
            stored_bound: Sequence::ZERO,
            stored_number: EngineNumber::default(),
            granted_below: Sequence::ZERO,
        }
    }

    fn append(&mut self, count: u64) {
        loop {
            let start = self.reservation.next();
            match self.reservation.plan(count) {
                Plan::Grant(bound) => {
                    assert!(start >= self.granted_below, "{start} was granted twice");
                    let tip = start.plus(count);
                    assert!(tip <= self.stored_bound, "beyond the durable bound");
                    self.granted_below = tip;
                    self.write(EngineNumber::of_commit(tip), tip, bound);
                    return;
                }
                Plan::Reserve(bound) => {
                    let number = self.last_number.next_metadata(start);
                    self.write(number, start, bound);
                }
                Plan::AwaitDurable(number) => {
                    self.flush();
                    assert!(self.stored_number >= number, "waits for what nobody wrote");
                }
                Plan::Exhausted => panic!("a new log is not full"),
            }
        }
    }

    fn write(&mut self, number: EngineNumber, tip: Sequence, bound: Sequence) {
        self.reservation.written(tip, bound, number);
        self.in_memory.push((number, bound));
        self.last_number = number;
    }

    fn flush(&mut self) {
        self.flush_oldest(self.in_memory.len());
    }

    fn flush_oldest(&mut self, writes: usize) {
        let writes = writes.min(self.in_memory.len());
        if let Some((number, bound)) = self.in_memory.drain(..writes).next_back() {
            self.stored_number = number;
            self.stored_bound = bound;
        }
        self.reservation.durable(self.stored_number);
    }

    fn crash(&mut self) {
        self.in_memory.clear();
        self.last_number = self.stored_number;
        self.reservation = Reservation::resume(self.stored_bound);
    }

    fn close(&mut self) {
        self.flush();
        let tip = self.reservation.next();
        self.stored_bound = tip;
        self.reservation = Reservation::resume(tip);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            6 => (1..RESERVATION * 2).prop_map(Step::Append),
            6 => (1u64..200).prop_map(Step::Append),
            4 => Just(Step::Flush),
            4 => (0usize..3).prop_map(Step::FlushOldest),
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
                Step::FlushOldest(writes) => log.flush_oldest(writes),
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
        log.reservation.plan(1),
        Plan::Reserve(Sequence::new(4 + RESERVATION))
    );
    log.append(1);
    assert_eq!(log.granted_below, Sequence::new(4));
}

#[test]
fn in_steady_state_nobody_waits_for_a_reservation() {
    let mut log = Simulated::new();
    log.append(1);
    for _ in 0..5_000 {
        assert!(matches!(log.reservation.plan(1_000), Plan::Grant { .. }));
        log.append(1_000);
        log.flush();
    }
}

#[test]
fn nobody_waits_for_a_reservation_when_storage_takes_two_thirds_of_what_comes() {
    let mut log = Simulated::new();
    log.append(1);
    for appends in 0..20_000 {
        assert!(
            matches!(log.reservation.plan(1_000), Plan::Grant { .. }),
            "after {appends} appends"
        );
        log.append(1_000);
        log.flush_oldest((appends % 3).min(1));
    }
}

#[test]
fn a_crash_of_a_log_that_is_durable_skips_at_most_one_reservation() {
    let mut log = Simulated::new();
    for _ in 0..5_000 {
        log.append(1_000);
        log.flush();
        let skipped = log.stored_bound.get() - log.reservation.next().get();
        assert!(skipped <= RESERVATION + 1_000, "{skipped}");
    }
}

#[test]
fn a_full_log_says_so() {
    let reservation = Reservation::resume(Sequence::LIMIT);
    assert_eq!(reservation.plan(1), Plan::Exhausted);
}
