//! Deletions of keys: what they remove, and what readers are told.

use futures::FutureExt;

use super::*;
use crate::Counted;

pub(super) async fn deleted_records_are_not_read_and_readers_are_told<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    for _ in 0..3 {
        log.applied(&[(b"a", b"v"), (b"b", b"v"), (b"a", b"v"), (b"c", b"v")])
            .await;
        log.clock.advance(Duration::from_secs(10));
    }
    // `a` has 0, 2, 4, 6, 8 and 10.
    for (before, floor, left) in [(Some(5), 5, &[6u64, 8, 10][..]), (Some(3), 5, &[6, 8, 10])] {
        assert_eq!(log.deleted(b"a", before).await, floor);
        log.applied(&[(b"last", b"v")]).await;
        let reader = log.reader().await;
        let page = reader.scan(&scan_all(b"a")).await.expect("scanned");
        let sequences: Vec<u64> = entries(&page).into_iter().map(|(s, _)| s).collect();
        assert_eq!(sequences, left);
        assert_eq!(page.trimmed_before, Some(floor.into()));
        assert_eq!(reader.floor(), Sequence::ZERO, "of the log");
        let other = reader.scan(&scan_all(b"b")).await.expect("scanned");
        assert_eq!((other.records, other.trimmed_before), (3, None));
    }
    let reader = log.reader().await;
    for (start, end, records, trimmed_before) in [
        (5, 100, 3, None),
        (7, 9, 1, None),
        (0, 9, 2, Some(5)),
        (0, 5, 0, Some(5)),
        (3, 3, 0, None),
    ] {
        let range = SequenceRange::new(start.into(), end.into()).expect("ordered");
        let counted = reader.count(&stored(b"a"), range).await;
        let expected = Counted {
            records,
            trimmed_before: trimmed_before.map(Sequence::new),
        };
        assert_eq!(counted.expect("counted"), expected, "{range:?}");
    }
    assert_eq!(listed(reader, 0..u32::MAX, 2).await, "a,b,c,last");
    assert_eq!(listed(reader, 1..2, 2).await, "b,c");
    assert_eq!(listed(reader, 2..3, 2).await, "a,b,c");
    assert_eq!(log.deleted(b"a", None).await, 14);
    log.applied(&[(b"last", b"v")]).await;
    let reader = log.reader().await;
    assert_eq!(listed(reader, 0..u32::MAX, 2).await, "b,c,last");
    assert_eq!(listed(reader, 2..4, 2).await, "b,c");
    assert_eq!(log.read(b"a", Visibility::Memory).await, []);
    // The key begins anew.
    let again = log.applied(&[(b"a", b"new")]).await;
    assert_eq!(log.read(b"a", Visibility::Memory).await.len(), 1);
    let reader = log.reader().await;
    assert_eq!(listed(reader, 0..u32::MAX, 2).await, "a,b,c,last");
    assert_eq!(listed(reader, 2..4, 2).await, "b,c");
    let counted = reader.count(&stored(b"a"), SequenceRange::ALL).await;
    let expected = Counted {
        records: 1,
        trimmed_before: Some(14.into()),
    };
    assert_eq!(counted.expect("counted"), expected, "with {again}");
    // The higher floor counts.
    assert_eq!(log.trimmed(15).await, 15);
    assert_eq!(log.deleted(b"b", Some(10)).await, 15);
    log.close().await;
}

pub(super) async fn the_floor_of_a_key_stays_and_never_goes_back<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    for _ in 0..3 {
        log.applied(&[(b"k", b"v"), (b"o", b"v")]).await;
    }
    let beyond = log.writer.delete(deletion(b"k", Some(7))).await;
    match beyond {
        Err(Error::Invalid(message)) => {
            assert!(
                message.contains("(7)") && message.contains("at most 6"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(log.deleted(b"k", Some(3)).await, 3);
    assert_eq!(log.deleted(b"k", Some(2)).await, 3);
    assert_eq!(log.deleted(b"never written", None).await, 6);
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    assert_eq!(log.deleted(b"k", Some(1)).await, 3);
    let left = log.read(b"k", Visibility::Durable).await;
    assert_eq!(left.len(), 1);
    assert_eq!(log.deleted(b"k", None).await, 6);
    assert_eq!(log.read(b"k", Visibility::Durable).await, []);
    assert_eq!(log.read(b"o", Visibility::Durable).await.len(), 3);
    assert_eq!(log.applied(&[(b"k", b"v")]).await, 6, "it continues");
    log.close().await;
}

pub(super) async fn preconditions_after_a_deletion<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"1"), (b"k", b"2"), (b"o", b"")])
        .await;
    assert_eq!(log.deleted(b"k", None).await, 3);
    let unknown = log.try_append(conditional(2), Durability::Durable).await;
    assert_eq!(rejected(unknown), trimmed(2, 3));
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    let unknown = log.try_append(conditional(2), Durability::Durable).await;
    assert_eq!(rejected(unknown), trimmed(2, 3));
    let none = log.try_append(conditional(0), Durability::Durable).await;
    assert_eq!(none.expect("appended").start.get(), 3);
    let again = log.try_append(conditional(2), Durability::Durable).await;
    assert_eq!(rejected(again), conflict(2, 3));
    log.close().await;
}

pub(super) async fn a_follower_is_told_what_was_deleted_before_it_read_it<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    for i in 0..6u8 {
        log.applied(&[(b"k", &[i]), (b"other", b"")]).await;
    }
    let mut scan = scan_all(b"k");
    scan.limit.records = 2;
    let mut slow = log.writer.tail(scan.clone()).expect("room");
    let page = slow.next().await.expect("open").expect("a page");
    assert_eq!((page.records, page.trimmed_before), (2, None));
    // Waits for what is next, and has missed nothing.
    scan.range = SequenceRange::ALL.starting_at(12.into());
    let mut waiting = log.writer.tail(scan).expect("room");
    assert!(waiting.next().now_or_never().is_none());
    assert_eq!(log.deleted(b"k", None).await, 12);
    log.applied(&[(b"k", b"new")]).await;
    let page = slow.next().await.expect("open").expect("a page");
    assert_eq!(entries(&page), [(12, Bytes::from("new"))]);
    assert_eq!(page.trimmed_before, Some(12.into()));
    let page = waiting.next().await.expect("open").expect("a page");
    assert_eq!((page.records, page.trimmed_before), (1, None));
    drop((slow, waiting));
    log.close().await;
}

pub(super) async fn a_follower_at_the_tip_is_given_nothing_that_was_deleted<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    following::nothing_hidden_is_given_at_the_tip(&log, async || {
        assert_eq!(log.deleted(b"k", None).await, 4);
    })
    .await;
    log.close().await;
}
