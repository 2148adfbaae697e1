//! Preconditions and producers.

use futures::future::join_all;

use super::*;
use crate::{Precondition, Producer, Rejection};

fn conditional(key: &[u8], value: &[u8], on: &[(&[u8], u64)]) -> Append {
    let preconditions = on.iter().map(|(key, since)| Precondition {
        key: Key::stored(Bytes::copy_from_slice(key)),
        no_record_since: Sequence::new(*since),
    });
    Append::new(batch(&[(key, value)]), preconditions.collect(), None).expect("an append")
}

fn request(epoch: u64, sequence: u64, value: &str) -> Append {
    let producer = Producer::parse("producer", epoch, sequence).expect("a producer");
    let batch = batch(&[(b"k", value.as_bytes()), (b"k", b"")]);
    Append::new(batch, Vec::new(), Some(producer)).expect("an append")
}

/// The answer, or why the append was rejected.
async fn outcome<F: Fixture>(log: &Opened<'_, F>, append: Append) -> Result<Appended, Rejection> {
    match log.try_append(append, Durability::Durable).await {
        Ok(appended) => Ok(appended),
        Err(Error::Rejected(why)) => Err(*why),
        Err(error) => panic!("{error}"),
    }
}

pub(super) async fn an_append_is_applied_only_if_its_preconditions_hold<F: Fixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let conflict = |key: &'static [u8], no_record_since, last| {
        Err(Rejection::Conflict {
            key: Bytes::from_static(key),
            no_record_since: Sequence::new(no_record_since),
            last: Sequence::new(last),
        })
    };
    let first = outcome(&log, conditional(b"a", b"1", &[(b"a", 0), (b"b", 0)])).await;
    assert_eq!(first.expect("applied").start.get(), 0);
    let again = outcome(&log, conditional(b"a", b"2", &[(b"a", 0)])).await;
    assert_eq!(again, conflict(b"a", 0, 0));
    // The key need not be one that is written to, and all of them must hold.
    let other = outcome(&log, conditional(b"b", b"3", &[(b"b", 0), (b"a", 0)])).await;
    assert_eq!(other, conflict(b"a", 0, 0));
    let held = outcome(&log, conditional(b"b", b"4", &[(b"a", 1), (b"b", 0)])).await;
    assert_eq!(held.expect("applied").start.get(), 1);
    let log = reopened(&fixture, log).await;
    let stale = outcome(&log, conditional(b"c", b"5", &[(b"b", 1)])).await;
    assert_eq!(stale, conflict(b"b", 1, 1));
    let beyond = outcome(&log, conditional(b"c", b"6", &[(b"b", 2), (b"never", 0)])).await;
    assert!(beyond.is_ok());
    assert_eq!(log.read(b"a", Visibility::Durable).await.len(), 1);
    assert_eq!(log.read(b"b", Visibility::Durable).await.len(), 1);
    log.close().await;
}

pub(super) async fn of_appends_that_race_exactly_one_is_applied<F: Fixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let mut next = 0;
    for round in 0..10u8 {
        let race = |racer| outcome(&log, conditional(b"k", &[round, racer], &[(b"k", next)]));
        let outcomes = join_all((0..10).map(race)).await;
        let applied: Vec<_> = outcomes.iter().flatten().collect();
        assert_eq!(applied.len(), 1, "round {round}");
        next = applied[0].end().get();
    }
    assert_eq!(log.read(b"k", Visibility::Durable).await.len(), 10);
    log.close().await;
}

pub(super) async fn requests_of_a_producer_are_applied_once_and_in_order<F: Fixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let unknown = outcome(&log, request(3, 1, "1")).await;
    assert_eq!(unknown, Err(Rejection::ProducerUnknown));
    for number in 0..7 {
        let appended = outcome(&log, request(3, number, &number.to_string())).await;
        let appended = appended.expect("applied");
        assert_eq!(
            (appended.start.get(), appended.duplicate),
            (2 * number, false)
        );
    }
    let log = reopened(&fixture, log).await;
    for number in 2..7 {
        let appended = outcome(&log, request(3, number, &number.to_string())).await;
        let appended = appended.expect("known");
        assert_eq!(
            (appended.start.get(), appended.duplicate),
            (2 * number, true)
        );
        assert_eq!(appended.count, 2);
    }
    let refused = |append| outcome(&log, append);
    assert_eq!(
        refused(request(3, 1, "1")).await,
        Err(Rejection::SequenceTooOld)
    );
    let reused = Rejection::SequenceReused { sequence: 6 };
    assert_eq!(refused(request(3, 6, "other")).await, Err(reused));
    let ahead = Rejection::OutOfOrder {
        sequence: 9,
        expected: 7,
    };
    assert_eq!(refused(request(3, 9, "9")).await, Err(ahead));
    assert!(refused(request(5, 0, "new epoch")).await.is_ok());
    let fenced = Rejection::ProducerFenced { current: 5 };
    assert_eq!(refused(request(3, 7, "7")).await, Err(fenced));
    assert_eq!(log.read(b"k", Visibility::Durable).await.len(), 16);
    log.close().await;
}

pub(super) async fn a_duplicate_gets_its_first_answer_whatever_its_preconditions_say_now<
    F: Fixture,
>(
    fixture: F,
) {
    let log = open(&fixture, SealPolicy::default()).await;
    let request = |sequence| {
        let producer = Producer::parse("producer", 0, sequence).expect("a producer");
        let preconditions = vec![Precondition {
            key: Key::stored(Bytes::from_static(b"k")),
            no_record_since: Sequence::ZERO,
        }];
        Append::new(batch(&[(b"k", b"v")]), preconditions, Some(producer)).expect("an append")
    };
    let first = outcome(&log, request(0)).await.expect("applied");
    let again = outcome(&log, request(0)).await.expect("a duplicate");
    assert_eq!(
        again,
        Appended {
            duplicate: true,
            ..first
        }
    );
    // What is rejected uses up no sequence.
    let rejected = outcome(&log, request(1)).await;
    assert!(matches!(rejected, Err(Rejection::Conflict { .. })));
    let producer = Producer::parse("producer", 0, 1).expect("a producer");
    let unconditional = Append::new(batch(&[(b"k", b"w")]), Vec::new(), Some(producer));
    let next = outcome(&log, unconditional.expect("an append")).await;
    assert!(!next.expect("applied").duplicate);
    log.close().await;
}
