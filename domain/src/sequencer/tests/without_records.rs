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
    let append: Append = batch(&[1], 0).into();
    // The log reaches as far after that write as before it, so the tip does not say whether it is durable.
    let written = log.sequencer.last_number();
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
