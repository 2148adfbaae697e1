//! Commands that wait for lookups, and what is found out at leisure.

use super::*;

impl Log {
    /// Answers the lookup at `at`, or lets it fail. Returns the commands that waited for it.
    pub(super) fn look_up(&mut self, at: usize, fails: bool) -> Vec<u64> {
        let Some((ticket, subjects)) = self.lookups.remove(at) else {
            return Vec::new();
        };
        if fails {
            self.sequencer.not_learnt(ticket);
        } else {
            let read = self.read.remove(&ticket);
            let facts = read.unwrap_or_else(|| self.facts(&subjects));
            self.sequencer.learn(ticket, facts);
        }
        let (ready, aside) = self.aside.iter().partition(|(asked, _)| *asked == ticket);
        self.aside = aside;
        let ready: Vec<(Ticket, u64)> = ready;
        ready.into_iter().map(|(_, command)| command).collect()
    }
}

#[test]
fn a_command_that_waits_does_not_hold_up_the_others() {
    let mut log = Log::new(policy(SMALL_TABLE));
    // Until a key is forgotten and has to be looked up.
    let mut forgotten = None;
    for number in 0..60 {
        log.commands
            .insert(number, batch(&[number as u8 % 30], number).into());
        if log.run(&[number]).judged.is_empty() {
            forgotten = Some(number);
            break;
        }
    }
    let waits = forgotten.expect("the table is small");
    let (also_waits, known) = (100, 101);
    let key = waits as u8 % 30;
    log.commands
        .insert(also_waits, batch(&[key, 50], also_waits).into());
    log.commands
        .insert(known, batch(&[(waits as u8 - 1) % 30], known).into());

    assert_eq!(log.run(&[also_waits, known]).placed(), [known]);

    // The key is looked up once, and an answer that comes later than the other one is waited for too.
    assert_eq!(log.lookups.len(), 2);
    let of_the_other = log.look_up(1, false);
    assert_eq!(of_the_other, [also_waits]);
    assert_eq!(log.run(&of_the_other).placed(), []);
    let ready = log.look_up(0, false);
    assert_eq!(ready, [waits, also_waits]);
    assert_eq!(log.run(&ready).placed(), [waits, also_waits]);
}

#[test]
fn requests_of_a_producer_wait_behind_one_that_waits() {
    let mut log = Log::new(policy(SMALL_TABLE));
    log.commands.insert(0, batch(&[1, 2], 0).into());
    log.run(&[0]);
    log.flush();
    // After a crash in mid-segment nothing is known of a key.
    log.crash();
    let request = |sequence: u64, key: u8| {
        let producer = Producer::parse("p", 0, sequence).expect("a producer");
        Append::new(batch(&[key], sequence), Vec::new(), Some(producer)).expect("an append")
    };
    log.commands.insert(1, request(0, 1));
    log.commands.insert(2, batch(&[2], 2).into());
    log.commands.insert(3, request(1, 3));
    log.commands.insert(4, request(2, 4));
    assert!(log.run(&[1]).judged.is_empty());
    assert!(log.run(&[2]).judged.is_empty());
    assert!(log.run(&[3]).judged.is_empty());
    // The lookup of another producer is answered: this one still waits.
    let other = log
        .lookups
        .iter()
        .position(|(_, subjects)| subjects[0].key == key(2));
    let ready = log.look_up(other.expect("asked"), false);
    assert_eq!(log.run(&ready).placed(), [2]);
    assert!(log.run(&[4]).judged.is_empty());
    let mut ready = Vec::new();
    while !log.lookups.is_empty() {
        ready.extend(log.look_up(0, false));
    }
    assert_eq!(log.run(&ready).placed(), [1, 3, 4]);
}

#[test]
fn what_was_left_open_in_the_directory_is_settled_with_the_next_commit() {
    let mut log = Log::new(Policy {
        seal: SealPolicy {
            interval: Some(Duration::from_secs(1)),
            bytes: None,
        },
        ..policy(1 << 20)
    });
    for number in 0..4 {
        log.commands.insert(number, batch(&[1, 2], number).into());
    }
    log.run(&[0]);
    log.flush();
    log.crash();
    // The next segment begins after a restart: no append waits to know how many records came before.
    log.now_ms += 1_000;
    assert_eq!(log.run(&[1]).placed(), [1]);
    assert_eq!(log.directory()[&(key(1), 2)], None);
    log.settle();
    log.settle();
    log.run(&[2]);
    for number in [1, 2] {
        assert_eq!(log.directory()[&(key(number), 2)], Some(1));
    }
    log.now_ms += 1_000;
    log.run(&[3]);
    assert_eq!(log.directory()[&(key(1), 3)], Some(3));
}

#[test]
fn a_lookup_that_fails_is_asked_again() {
    let policy = policy(SMALL_TABLE);
    let mut log = Log::new(policy);
    log.commands.insert(0, batch(&[1], 0).into());
    log.run(&[0]);
    log.flush();
    log.crash();
    // After a crash in mid-segment nothing is known of a key.
    log.commands.insert(1, batch(&[1], 1).into());
    assert_eq!(log.run(&[1]).placed(), []);
    assert_eq!(log.look_up(0, true), [1]);
    assert_eq!(log.run(&[1]).placed(), []);
    assert_eq!(log.look_up(0, false), [1]);
    assert_eq!(log.run(&[1]).placed(), [1]);
}

#[test]
fn a_bound_below_the_records_is_reported_as_damage() {
    let recovered = Recovered {
        last_number: EngineNumber::of_commit(Sequence::new(5)),
        ..Recovered::default()
    };
    let policy = policy(SMALL_TABLE);
    let refused = Sequencer::recover(recovered, policy);
    assert!(matches!(refused, Err(Error::Corrupt(_))));
}
