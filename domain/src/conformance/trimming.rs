//! Trims of the log: what they remove, and what readers are told.

use futures::FutureExt;

use super::*;
use crate::{Counted, Producer};

pub(super) async fn nothing_below_the_floor_is_read_and_readers_are_told<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    for _ in 0..3 {
        log.applied(&[(b"a", b"v"), (b"b", b"v"), (b"a", b"v"), (b"c", b"v")])
            .await;
        log.applied(&[(b"last", b"v")]).await;
        log.clock.advance(Duration::from_secs(10));
    }
    log.applied(&[(b"only the third", b"v"), (b"b", b"v")])
        .await;
    let untrimmed = log.reader().await.scan(&scan_all(b"a")).await;
    assert_eq!(untrimmed.expect("scanned").trimmed_before, None);
    // In the middle of the second segment, which is 5..10.
    assert_eq!(log.trimmed(7).await, 7);
    let reader = log.reader().await;
    assert_eq!(reader.floor().get(), 7);
    let page = reader.scan(&scan_all(b"a")).await.expect("scanned");
    let sequences: Vec<u64> = entries(&page).into_iter().map(|(s, _)| s).collect();
    assert_eq!(sequences, [7, 10, 12]);
    assert_eq!(page.trimmed_before, Some(Sequence::new(7)));
    for (start, end, records, trimmed_before, next) in [
        (7, 100, 3, None, 17),
        (8, 11, 1, None, 11),
        (3, 11, 2, Some(7), 11),
        (0, 7, 0, Some(7), 7),
        (2, 5, 0, Some(7), 5),
        (3, 3, 0, None, 3),
    ] {
        let range = SequenceRange::new(start.into(), end.into()).expect("ordered");
        let trimmed_before = trimmed_before.map(Sequence::new);
        let mut scan = scan_all(b"a");
        scan.range = range;
        let page = reader.scan(&scan).await.expect("scanned");
        assert_eq!(page.records, records, "{range:?}");
        assert_eq!(page.trimmed_before, trimmed_before, "{range:?}");
        assert_eq!((page.next.get(), page.complete), (next, true), "{range:?}");
        let counted = reader.count(&stored(b"a"), range).await.expect("counted");
        let expected = Counted {
            records,
            trimmed_before,
        };
        assert_eq!(counted, expected, "{range:?}");
    }
    for (floor, keys, segments) in [
        (7, "a,b,c,last,only the third", &[2u32, 3, 4][..]),
        (10, "a,b,c,last,only the third", &[3, 4]),
        (11, "a,b,c,last,only the third", &[3, 4]),
        (13, "b,c,last,only the third", &[3, 4]),
        (14, "b,last,only the third", &[3, 4]),
        (16, "b", &[4]),
        (17, "", &[4]),
    ] {
        assert_eq!(log.trimmed(floor).await, floor);
        let reader = log.reader().await;
        for page in [1, 2, 100] {
            let listed = listed(reader, 0..u32::MAX, page).await;
            assert_eq!(listed, keys, "at {floor}, {page} at a time");
        }
        let found = reader.segments(SequenceRange::ALL).await.expect("listed");
        let ids: Vec<_> = found.iter().map(|segment| segment.id).collect();
        assert_eq!(ids, segments, "at {floor}");
        let below = SequenceRange::new(0.into(), floor.into()).expect("ordered");
        assert_eq!(
            reader.segments(below).await.expect("listed"),
            [],
            "below {floor}"
        );
        // A segment begins where it began, also when the floor lies in it.
        let start = [(7, 5), (10, 10), (16, 15), (17, 15)]
            .iter()
            .find_map(|(at, start)| (*at == floor).then_some(*start));
        assert!(start.is_none_or(|start| found[0].start.get() == start));
    }
    // Of a log that was trimmed as a whole, the newest segment goes too, after a while. What is appended then is in the next one.
    log.clock.advance(Duration::from_secs(10));
    for before in [16, 17] {
        assert_eq!(log.trimmed(before).await, 17);
    }
    log.clock.advance(Duration::from_secs(10));
    log.applied(&[(b"again", b"v")]).await;
    let found = log.reader().await.segments(SequenceRange::ALL).await;
    let found = found.expect("listed");
    assert_eq!((found.len(), found[0].id, found[0].start.get()), (1, 5, 17));
    log.close().await;
}

pub(super) async fn a_floor_stays_and_never_goes_back<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    let refused = |trimmed: crate::Result<Sequence>| match trimmed {
        Err(Error::Invalid(message)) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(log.trimmed(0).await, 0, "of an empty log");
    let message = refused(log.trim(Trim::BeforeSequence(1.into())).await);
    assert!(message.contains("at most 0"), "{message}");
    let begin = log.clock.now_ms();
    for _ in 0..5 {
        log.applied(&[(b"k", b"v"), (b"k", b"v")]).await;
        log.clock.advance(Duration::from_secs(6));
    }
    assert_eq!(log.trimmed(3).await, 3);
    assert_eq!(log.trimmed(2).await, 3, "a lower one says what is in force");
    let message = refused(log.trim(Trim::BeforeSequence(11.into())).await);
    assert!(
        message.contains("(11)") && message.contains("at most 10"),
        "{message}"
    );
    let tomorrow = log.clock.now_ms() + 1;
    let message = refused(log.trim(Trim::BeforeTime(tomorrow)).await);
    assert!(message.contains("future"), "{message}");
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, BY_TIME, clock).await;
    assert_eq!(log.reader().await.floor().get(), 3, "after a close");
    assert_eq!(log.read(b"k", Visibility::Durable).await.len(), 7);
    // Segments begin at 0 s, 12 s and 24 s, with 0, 4 and 8.
    for (seconds, floor) in [(12, 3), (13, 4), (24, 4), (25, 10)] {
        let time = begin + 1_000 * seconds;
        let trimmed = log.trim(Trim::BeforeTime(time)).await.expect("trimmed");
        assert_eq!(trimmed.get(), floor, "{seconds} s");
        let mut scan = scan_all(b"k");
        scan.start_time_ms = Some(time);
        let left = log.reader().await.scan(&scan).await.expect("scanned");
        let of_that_time = (0..5).filter(|n| 6 * n >= seconds).count() as u64 * 2;
        assert_eq!(left.records, of_that_time, "{seconds} s");
    }
    assert_eq!(log.read(b"k", Visibility::Durable).await, []);
    // It continues where it was.
    assert_eq!(log.applied(&[(b"k", b"v")]).await, 10);
    assert_eq!(log.read(b"k", Visibility::Memory).await.len(), 1);
    log.close().await;
}

pub(super) async fn preconditions_and_producers_after_a_trim<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    let request = |sequence| {
        let producer = Producer::parse("producer", 0, sequence).expect("a producer");
        Append::new(batch(&[(b"p", b"v")]), Vec::new(), Some(producer)).expect("an append")
    };
    let first = log.try_append(request(0), Durability::Durable).await;
    let first = first.expect("appended");
    log.applied(&[(b"k", b"1"), (b"k", b"2"), (b"o", b"")])
        .await;
    assert_eq!(log.trimmed(3).await, 3);
    let unknown = log.try_append(conditional(1), Durability::Durable).await;
    assert_eq!(rejected(unknown), trimmed(1, 3));
    // A key without a record above the floor is empty, also for a writer that has forgotten the key.
    let clock = Arc::clone(&log.clock);
    log.close().await;
    let log = open_at(&fixture, NEVER, clock).await;
    let unknown = log.try_append(conditional(1), Durability::Durable).await;
    assert_eq!(rejected(unknown), trimmed(1, 3));
    let none = log.try_append(conditional(0), Durability::Durable).await;
    assert_eq!(none.expect("appended").start.get(), 4);
    // Now it has one.
    let again = log.try_append(conditional(1), Durability::Durable).await;
    assert_eq!(rejected(again), conflict(1, 4));
    let duplicate = log.try_append(request(0), Durability::Durable).await;
    let duplicate = duplicate.expect("known");
    assert_eq!((duplicate.start, duplicate.duplicate), (first.start, true));
    log.close().await;
}

pub(super) async fn a_follower_is_told_what_was_trimmed_before_it_read_it<F: StoreFixture>(
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
    let mut waiting = log.writer.tail(scan.clone()).expect("room");
    assert!(waiting.next().now_or_never().is_none());
    // Has records in memory that it has not taken.
    let mut behind = log.writer.tail(scan.clone()).expect("room");
    assert!(behind.next().now_or_never().is_none());
    log.applied(&[(b"k", b"12"), (b"k", b"13")]).await;
    let page = waiting.next().await.expect("open").expect("a page");
    assert_eq!((page.records, page.trimmed_before), (2, None));
    assert_eq!(log.trimmed(13).await, 13);
    let mut told = [(slow, "slow"), (behind, "behind")];
    for (tail, what) in &mut told {
        let page = tail.next().await.expect("open").expect("a page");
        assert_eq!(entries(&page), [(13, Bytes::from("13"))], "{what}");
        assert_eq!(page.trimmed_before, Some(13.into()), "{what}");
    }
    for (mut tail, what) in told {
        log.applied(&[(b"k", b"more")]).await;
        let page = tail.next().await.expect("open").expect("a page");
        assert_eq!(page.trimmed_before, None, "{what} is told once");
    }
    let all = log.applied(&[(b"k", b"last")]).await + 1;
    assert_eq!(log.trimmed(all).await, all);
    // Of a key without records, what was trimmed is told without a wait, and then it waits.
    scan.range = SequenceRange::ALL;
    let mut tail = log.writer.tail(scan).expect("room");
    let page = tail.next().await.expect("open").expect("a page");
    assert_eq!((page.records, page.trimmed_before), (0, Some(all.into())));
    assert!(tail.next().now_or_never().is_none());
    // What `waiting` had not taken is gone; it is told so with what comes next.
    log.applied(&[(b"k", b"new")]).await;
    let page = waiting.next().await.expect("open").expect("a page");
    assert_eq!(page.trimmed_before, Some(all.into()));
    assert_eq!(entries(&page), [(all, Bytes::from("new"))]);
    drop((tail, waiting));
    log.close().await;
}
