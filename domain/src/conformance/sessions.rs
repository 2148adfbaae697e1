//! Requests of a session.

use super::*;
use crate::Producer;

/// A request of the producer `id`, if there is one, that holds if `k` has no record since then.
fn request(value: &str, of_producer: Option<u64>, since: Option<u64>) -> (Append, Durability) {
    let preconditions = since.map(|since| Precondition {
        key: stored(b"k"),
        no_record_since: Sequence::new(since),
    });
    let producer = of_producer.map(|sequence| Producer::parse("session", 0, sequence));
    let append = Append::new(
        batch(&[(b"k", value.as_bytes())]),
        preconditions.into_iter().collect(),
        producer.map(|producer| producer.expect("a producer")),
    );
    (append.expect("an append"), Durability::Durable)
}

pub(super) async fn requests_of_a_session_are_applied_in_their_order<F: Fixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let first = log.append_all(vec![
        request("1", None, None),
        request("no", None, Some(0)),
        request("2", None, Some(1)),
    ]);
    let first = first.await;
    assert_eq!(first.len(), 3);
    assert_eq!(first[0].as_ref().expect("applied").start.get(), 0);
    let refused = rejected(first[1].clone());
    assert_eq!(refused, conflict(0, 0), "it does not end the session");
    assert_eq!(first[2].as_ref().expect("applied").start.get(), 1);
    assert_eq!(log.append_all(Vec::new()).await.len(), 0);
    // Where the key stands has to be looked up for some of them.
    let log = reopened(&fixture, log).await;
    let many = (3..200).map(|number| {
        let since = (number % 3 == 0).then_some(number - 1);
        request(&number.to_string(), None, since)
    });
    let many = log.append_all(many.collect()).await;
    assert!(many.iter().all(Result::is_ok), "{many:?}");
    let read = log.read(b"k", Visibility::Durable).await;
    let values = read.iter().map(|(_, value)| value.to_vec());
    let expected = (1..200).map(|number: u64| number.to_string().into_bytes());
    assert!(values.eq(expected), "{read:?}");
    log.close().await;
}

pub(super) async fn nothing_is_applied_behind_a_request_of_a_producer_that_failed<F: Fixture>(
    fixture: F,
) {
    let log = open(&fixture, SealPolicy::default()).await;
    let outcomes = log.append_all(vec![
        request("1", Some(0), None),
        request("1", Some(0), None),
        request("2", Some(1), None),
        request("no", Some(2), Some(0)),
        request("behind", Some(2), None),
        request("behind", None, None),
    ]);
    let outcomes = outcomes.await;
    assert!(outcomes[1].as_ref().expect("applied before").duplicate);
    assert!(matches!(outcomes[3], Err(Error::Rejected(_))));
    for behind in &outcomes[4..] {
        assert!(
            matches!(behind, Err(Error::Unavailable { .. })),
            "{behind:?}"
        );
    }
    let read = log.read(b"k", Visibility::Durable).await;
    assert_eq!(read.len(), 2);
    // The session is over, and the producer continues.
    let more = vec![request("3", Some(2), None), request("4", Some(3), None)];
    let more = log.append_all(more).await;
    assert!(more.iter().all(Result::is_ok), "{more:?}");
    log.close().await;
}
