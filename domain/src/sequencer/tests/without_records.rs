//! Commits without records.

use super::*;

#[test]
fn ten_thousand_commits_without_records_skip_a_sequence_only_when_numbers_run_low() {
    let mut log = Log::new(policy(SMALL_TABLE));
    log.commands.insert(0, batch(&[1], 0).into());
    log.run(&[0]);
    for number in 1..=10_000 {
        // That the engine's numbers rise is asserted there.
        log.commit_without_records();
        match number % 1_000 {
            300 => log.flush(),
            600 => log.close(),
            _ => {}
        }
    }
    let skipped = log.sequencer.tip().get() - 1;
    assert!(
        (10_000 / 127..=10_000 / 115).contains(&skipped),
        "{skipped}"
    );
    assert_eq!(log.sequencer.last_number().watermark(), log.sequencer.tip());
    // A skipped sequence has no record: the next one gets the tip, in the first segment, and the key is known.
    let (tip, first) = (log.sequencer.tip(), Sequence::ZERO);
    let conflicts = Precondition {
        key: key(1),
        no_record_since: first,
    };
    let conditional = Append::new(batch(&[1], 1), vec![conflicts], None).expect("an append");
    log.commands.insert(1, conditional);
    log.commands.insert(2, batch(&[1], 2).into());
    let mut outcome = log.run(&[1, 2]);
    while outcome.judged.is_empty() {
        let ready = log.look_up(0, false);
        outcome = log.run(&ready);
    }
    let [rejected, placed] = &outcome.judged[..] else {
        panic!("both are decided: {outcome:?}");
    };
    assert!(matches!(rejected.outcome, Err(Error::Rejected(_))));
    assert_eq!(
        rejected.rests_on,
        Some(EngineNumber::of_commit(first.plus(1)))
    );
    assert_eq!(placed.outcome.as_ref().expect("placed").start, tip);
    // What is not durable is forgotten, and no sequence is given again.
    log.commit_without_records();
    log.crash();
    assert!(log.sequencer.tip() > tip);
}

#[test]
fn a_bound_that_a_commit_without_records_wrote_counts_when_that_write_is_durable() {
    let mut log = Log::new(policy(SMALL_TABLE));
    log.commit_without_records();
    log.flush();
    // More than half of the reservation is used, so the next commit writes the next bound.
    let used = Sequence::new(RESERVATION / 2 + 3);
    let number = log.sequencer.last_number();
    log.sequencer
        .reservation
        .written(used, Sequence::ZERO, number);
    log.commit_without_records();
    let written = log.sequencer.last_number();
    assert_eq!(written.watermark(), used);
    let first = Sequence::new(RESERVATION + 1);
    log.sequencer
        .reservation
        .written(first, Sequence::ZERO, number);
    let append: Append = batch(&[1], 0).into();
    // The log reaches as far after that write as before it, so the tip does not say whether it is durable.
    log.sequencer
        .durable(EngineNumber::of_commit(written.watermark()));
    let step = log.sequencer.plan(&[&append], 0).expect("not full");
    assert!(
        matches!(step, Step::AwaitDurable(number) if number == written),
        "{step:?}"
    );
    log.sequencer.durable(written);
    let step = log.sequencer.plan(&[&append], 0).expect("not full");
    assert!(matches!(step, Step::Commit(_)), "{step:?}");
}

#[test]
fn a_writer_that_only_trims_begins_with_a_reservation() {
    let mut log = Log::new(policy(SMALL_TABLE));
    log.commands.insert(0, batch(&[1, 2], 0).into());
    log.run(&[0]);
    log.close();
    // That the first write is no commit is asserted there.
    let floor = log.trim(Trim::BeforeSequence(Sequence::new(1)));
    let floor = floor.expect("trimmed");
    assert_eq!(floor.sequence.get(), 1);
    assert_eq!(log.sequencer.floor(), Sequence::ZERO, "not durable yet");
    let lower = log.trim(Trim::BeforeSequence(Sequence::ZERO));
    assert_eq!(lower.expect("in force"), floor);
    log.flush();
    log.crash();
    assert_eq!(log.sequencer.floor().get(), 1);
}

#[test]
fn a_trim_of_everything_seals_the_active_segment_unless_it_is_young() {
    let mut log = Log::new(policy(SMALL_TABLE));
    for number in 0..2 {
        log.commands.insert(number, batch(&[1, 2], number).into());
    }
    log.run(&[0]);
    let ids = |log: &Log| -> Vec<_> {
        log.all_segments()
            .iter()
            .map(|s| (s.id, s.start.get()))
            .collect()
    };
    let trimmed = |log: &mut Log, before: u64| {
        let floor = log.trim(Trim::BeforeSequence(Sequence::new(before)));
        assert_eq!(floor.expect("trimmed").sequence.get(), before);
        ids(log)
    };
    assert_eq!(trimmed(&mut log, 1), [(1, 0)]);
    assert_eq!(trimmed(&mut log, 2), [(1, 0)], "it is young");
    log.now_ms += 10_000;
    let emptied = [(1, 0), (2, 2)];
    for _ in 0..2 {
        assert_eq!(trimmed(&mut log, 2), emptied);
    }
    // It takes what comes, also of a writer that found it empty.
    log.flush();
    log.close();
    let tip = log.sequencer.tip().get();
    let mut outcome = log.run(&[1]);
    while outcome.judged.is_empty() {
        let ready = log.look_up(0, false);
        outcome = log.run(&ready);
    }
    assert_eq!(log.all_segments().len(), 2);
    let position = log
        .records()
        .last()
        .map(|record| (record.segment, record.position.in_segment));
    assert_eq!(position, Some((2, 0)));
    assert_eq!(trimmed(&mut log, tip + 1), emptied);
    log.now_ms += 10_000;
    log.flush();
    assert_eq!(trimmed(&mut log, tip + 2).len(), 3);
    // If the floor is lost in a crash, so is the segment.
    log.crash();
    assert_eq!(log.all_segments().len(), 2);
}

#[test]
fn what_is_trimmed_is_not_in_the_way_of_a_precondition_but_hides_what_it_asks_about() {
    let mut log = Log::new(policy(1 << 20));
    let conditional = |number: u64, since: u64| {
        let precondition = Precondition {
            key: key(1),
            no_record_since: Sequence::new(since),
        };
        Append::new(batch(&[2], number), vec![precondition], None).expect("an append")
    };
    log.commands.insert(0, batch(&[1, 1, 2, 2], 0).into());
    log.run(&[0]);
    log.commands.insert(1, conditional(1, 0));
    log.commands.insert(2, conditional(2, 2));
    log.commands.insert(3, conditional(3, 3));
    let trimmed = log.trim(Trim::BeforeSequence(Sequence::new(3)));
    trimmed.expect("trimmed");
    // While the floor is not durable, nothing is trimmed.
    let outcome = log.run(&[1]);
    assert!(
        matches!(&outcome.judged[0].outcome, Err(Error::Rejected(why)) if matches!(**why, Rejection::Conflict { .. })),
        "{outcome:?}"
    );
    log.flush();
    assert_eq!(log.run(&[1]).placed(), [1]);
    assert_eq!(log.run(&[3]).placed(), [3], "at the floor");
    let outcome = log.run(&[2]);
    let expected = Rejection::Trimmed {
        key: key(1).as_bytes().clone(),
        no_record_since: Sequence::new(2),
        trimmed_before: Sequence::new(3),
    };
    assert!(
        matches!(&outcome.judged[0].outcome, Err(Error::Rejected(why)) if **why == expected),
        "{outcome:?}"
    );
}
