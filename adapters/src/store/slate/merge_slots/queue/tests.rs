use proptest::prelude::*;

use super::*;

const NONE: Merges = Merges { short: 0, long: 0 };

fn merges(short: usize, long: usize) -> Merges {
    Merges { short, long }
}

/// A node with logs whose merges begin and end.
struct Node {
    queue: SlotQueue,
    logs: Vec<Running>,
    now: Instant,
}

#[derive(Default)]
struct Running {
    number: u64,
    running: Merges,
    wanted: Merges,
    room: u64,
    /// What had begun when the log began to wait, of each kind.
    waits: [Option<(u64, u64)>; 2],
}

impl Node {
    fn new(limit: usize, logs: usize) -> Self {
        let mut queue = SlotQueue::new(limit);
        let join = |_| Running {
            number: queue.join(),
            ..Running::default()
        };
        Self {
            logs: (0..logs).map(join).collect(),
            queue,
            now: Instant::now(),
        }
    }

    /// The log polls.
    fn polls(&mut self, at: usize) -> Merges {
        let log = &mut self.logs[at];
        let wanted = Wanted {
            merges: log.wanted,
            room: log.room,
        };
        let granted = self.queue.ask(log.number, log.running, wanted, self.now);
        log.running.short += granted.short;
        log.running.long += granted.long;
        log.wanted.short -= granted.short;
        log.wanted.long -= granted.long;
        self.queue.call(self.now);
        granted
    }

    fn ends(&mut self, at: usize, kind: Kind) {
        let log = &mut self.logs[at];
        let running = log.running.of(kind);
        *running = running.saturating_sub(1);
        self.queue.holds(log.number, log.running);
        self.queue.call(self.now);
    }

    fn running(&self) -> usize {
        self.logs.iter().map(|log| log.running.all()).sum()
    }

    fn hurries(&self, at: usize) -> bool {
        self.queue.hurries(self.logs[at].number)
    }
}

#[test]
fn the_log_with_the_least_room_for_l0_files_goes_first_and_then_who_came_first() {
    let mut node = Node::new(1, 4);
    for (at, room) in [(0, 40), (1, 40), (2, 40), (3, 3)] {
        node.logs[at].wanted = merges(1, 0);
        node.logs[at].room = room;
        node.polls(at);
    }
    let mut order = vec![];
    for _ in 1..4 {
        let runs = |log: &Running| log.running.short == 1;
        let at = node.logs.iter().position(runs).expect("one runs");
        node.ends(at, Kind::Short);
        let called: Vec<_> = (0..4).filter(|at| node.hurries(*at)).collect();
        assert_eq!(called.len(), 1);
        // Others that poll first leave the slot to the one that was called.
        for at in (0..4).filter(|at| !called.contains(at)) {
            assert_eq!(node.polls(at), NONE);
        }
        assert_eq!(node.polls(called[0]).all(), 1);
        order.extend(called);
    }
    assert_eq!(order, [3, 1, 2]);
}

#[test]
fn a_log_with_many_merges_leaves_a_slot_to_each_log_that_waits() {
    let mut node = Node::new(4, 2);
    let [a, b] = [0, 1];
    node.logs[a].wanted = merges(9, 0);
    node.logs[b].wanted = merges(9, 0);
    assert_eq!(node.polls(a).short, 4, "nobody waits");
    assert_eq!(node.polls(b), NONE);
    for _ in 0..4 {
        node.ends(a, Kind::Short);
    }
    assert_eq!(node.polls(b).short, 3);
    assert_eq!(node.polls(a).short, 1);
    for next in [b, a, b, a] {
        node.ends(b, Kind::Short);
        node.ends(a, Kind::Short);
        assert_eq!(node.polls(next).short, 1);
        assert_eq!(node.polls(1 - next).short, 1);
    }
}

#[test]
fn merges_that_take_long_leave_a_slot_and_have_their_turn_with_one_slot_too() {
    let mut node = Node::new(3, 2);
    node.logs[0].wanted = merges(0, 9);
    assert_eq!(node.polls(0), merges(0, 2));
    node.logs[1].wanted = merges(5, 0);
    assert_eq!(node.polls(1), merges(1, 0));

    let mut node = Node::new(1, 2);
    node.logs[1].wanted = merges(1, 0);
    node.polls(1);
    node.logs[0].wanted = merges(0, 1);
    node.polls(0);
    for others in 0.. {
        assert!(others <= LONG_PATIENCE);
        node.logs[1].wanted = merges(1, 0);
        node.polls(1);
        node.ends(1, Kind::Short);
        if node.hurries(0) {
            break;
        }
        assert_eq!(node.polls(1), merges(1, 0));
    }
    assert_eq!(node.polls(1), NONE);
    assert_eq!(node.polls(0), merges(0, 1));
}

#[test]
fn a_log_that_does_not_come_is_passed_over_and_keeps_its_place() {
    let mut node = Node::new(1, 3);
    for at in 0..3 {
        node.logs[at].wanted = merges(1, 0);
        node.polls(at);
    }
    node.ends(0, Kind::Short);
    assert!(node.hurries(1));
    node.now += KEPT - Duration::from_millis(1);
    assert_eq!(node.polls(2), NONE);
    node.now += Duration::from_millis(1);
    assert_eq!(node.polls(2), merges(1, 0));
    node.logs[0].wanted = merges(1, 0);
    node.polls(0);
    node.ends(2, Kind::Short);
    node.polls(1);
    assert_eq!(node.logs[1].running, merges(1, 0));
}

#[test]
fn a_log_that_leaves_gives_its_slots_back_and_gets_none_any_more() {
    let mut node = Node::new(2, 2);
    node.logs[0].wanted = merges(5, 0);
    node.polls(0);
    node.logs[1].wanted = merges(1, 0);
    assert_eq!(node.polls(1), NONE);
    node.queue.leave(node.logs[0].number);
    assert_eq!((node.queue.running(), node.queue.waiting()), (NONE, 1));
    node.logs[0].running = NONE;
    assert_eq!(node.polls(0), NONE);
    assert!(!node.hurries(0));
    assert_eq!(node.polls(1), merges(1, 0));
}

#[test]
fn merges_that_were_found_count_and_the_rest_waits_until_there_is_room() {
    let mut node = Node::new(2, 2);
    node.logs[0].running = merges(2, 2);
    node.polls(0);
    node.logs[1].wanted = merges(1, 0);
    for (end, granted) in [(Kind::Long, 0), (Kind::Short, 0), (Kind::Short, 1)] {
        assert_eq!(node.polls(1), NONE);
        node.ends(0, end);
        assert_eq!(node.polls(1).all(), granted);
    }
    assert_eq!(node.running(), 2);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A log wants more merges of both kinds, with this room.
    Wants(usize, usize, usize, u64),
    Polls(usize),
    Ends(usize),
}

fn steps(logs: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..logs, 0usize..3, 0usize..2, 0u64..20)
            .prop_map(|(log, short, long, room)| Step::Wants(log, short, long, room)),
        (0..logs).prop_map(Step::Polls),
        (0..logs).prop_map(Step::Ends),
    ];
    proptest::collection::vec(step, 0..400)
}

proptest! {
    #[test]
    fn never_more_merges_run_than_there_are_slots_and_each_log_has_its_turn(
        limit in 1usize..5,
        logs in 1usize..8,
        steps in steps(8),
    ) {
        let mut node = Node::new(limit, logs);
        // What has begun, of each kind.
        let mut begun = [0u64; 2];
        for step in steps {
            match step {
                Step::Wants(log, short, long, room) => {
                    let log = &mut node.logs[log % logs];
                    log.wanted = merges(log.wanted.short + short, log.wanted.long + long);
                    log.room = room;
                }
                Step::Polls(log) => polls(&mut node, log % logs, &mut begun)?,
                Step::Ends(log) => {
                    let kind = match node.logs[log % logs].running.short {
                        0 => Kind::Long,
                        _ => Kind::Short,
                    };
                    node.ends(log % logs, kind);
                }
            }
            prop_assert!(node.running() <= limit);
            let long: usize = node.logs.iter().map(|log| log.running.long).sum();
            prop_assert!(long <= (limit - 1).max(1));
            // Those that are called come.
            for at in 0..logs {
                if node.hurries(at) {
                    polls(&mut node, at, &mut begun)?;
                }
            }
        }
        // What is wanted is done if what runs ends.
        for _ in 0..10_000 {
            if node.logs.iter().all(|log| log.wanted == NONE && log.running == NONE) {
                break;
            }
            for at in 0..logs {
                node.ends(at, Kind::Short);
                node.ends(at, Kind::Long);
                polls(&mut node, at, &mut begun)?;
            }
            prop_assert!(node.running() <= limit);
        }
        prop_assert!(node.logs.iter().all(|log| log.wanted == NONE));
        prop_assert_eq!((node.queue.running(), node.queue.waiting()), (NONE, 0));
    }
}

/// Lets a log poll, and checks that it has not waited for longer than it may: as many merges of its kind have begun at most as its patience allows,
/// and one more of each log that had come before.
fn polls(
    node: &mut Node,
    at: usize,
    begun: &mut [u64; 2],
) -> std::result::Result<(), TestCaseError> {
    let granted = node.polls(at);
    begun[0] += granted.short as u64;
    begun[1] += granted.long as u64;
    let others = 2 * node.logs.len() as u64;
    let log = &mut node.logs[at];
    let kinds = [
        (granted.short, log.wanted.short, log.room),
        (granted.long, log.wanted.long, LONG_PATIENCE),
    ];
    for (kind, (granted, left, patience)) in kinds.into_iter().enumerate() {
        if granted > 0 || left == 0 {
            log.waits[kind] = None;
        }
        if left > 0 {
            let (since, may) = log.waits[kind].get_or_insert((begun[kind], patience));
            let waited = begun[kind] - *since;
            prop_assert!(waited <= *may + others, "{waited} {may}");
        }
    }
    Ok(())
}
