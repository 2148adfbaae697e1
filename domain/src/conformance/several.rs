//! Reads of several keys: in one order, each record with its key, and the same live.

use futures::FutureExt;

use super::*;
use crate::Page;

/// A record as a reader of several keys sees it: its sequence and its key.
type Named = (u64, Vec<u8>);

fn prefix(prefix: &[u8]) -> Selection {
    Selection::Prefix(Bytes::copy_from_slice(prefix))
}

fn keys(keys: &[&[u8]]) -> Selection {
    Selection::keys(keys.iter().map(|key| stored(key)).collect()).expect("a set")
}

fn named(page: &Page) -> Vec<Named> {
    let entries = with_headers(page).into_iter();
    let named = entries.map(|entry| {
        let key = entry.key.expect("a record of several keys names its own");
        (entry.sequence.get(), key.as_bytes().to_vec())
    });
    named.collect()
}

fn names(records: &[(u64, &[u8])]) -> Vec<Named> {
    let records = records.iter();
    records
        .map(|(sequence, key)| (*sequence, key.to_vec()))
        .collect()
}

pub(super) async fn several_keys_are_read_in_one_order_and_named<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    let all: [&[u8]; 7] = [b"a/1", b"a/2", b"a", b"a/\0", b"a0", b"\xff", b"a/1"];
    for _ in 0..3 {
        let records = all.map(|key| (key, key));
        log.applied(&records).await;
        log.clock.advance(Duration::from_secs(6));
    }
    let everything = (0..21u64).map(|sequence| (sequence, all[sequence as usize % 7].to_vec()));
    let everything: Vec<Named> = everything.collect();
    let reader = log.reader().await;
    for selection in [
        prefix(b""),
        prefix(b"a"),
        prefix(b"a/"),
        prefix(b"a/\0"),
        prefix(b"\xff"),
        prefix(b"none"),
        keys(&[b"a"]),
        keys(&[b"a/2", b"a/1", b"none"]),
        keys(&[b"\xff", b"a/\0", b"a"]),
        keys(&[b"none", b"a/3"]),
    ] {
        let expected = everything.iter().filter(|(_, key)| match &selection {
            Selection::Prefix(prefix) => key.starts_with(prefix),
            several => several.matches(&stored(key)),
        });
        let expected: Vec<Named> = expected.cloned().collect();
        let mut scan = scan_of(selection);
        for (start, end) in [(0, 100), (3, 17), (7, 14), (20, 21), (21, 30), (5, 5)] {
            scan.range = SequenceRange::new(start.into(), end.into()).expect("ordered");
            let page = reader.scan(&scan).await.expect("scanned");
            let within = expected.iter();
            let within = within.filter(|(sequence, _)| (start..end).contains(sequence));
            let within: Vec<Named> = within.cloned().collect();
            assert_eq!(named(&page), within, "{scan:?}");
            let next = end.min(21).max(start);
            assert_eq!((page.next.get(), page.complete), (next, true), "{scan:?}");
            assert!(
                with_headers(&page)
                    .iter()
                    .all(|entry| entry.key.as_ref().map(Key::as_bytes) == Some(&entry.value)),
                "each value was its key"
            );
        }
    }
    let page = reader.scan(&scan_all(b"a/1")).await.expect("scanned");
    assert!(with_headers(&page).iter().all(|entry| entry.key.is_none()));
    // The records of 6 s and 12 s, the latter in the second segment.
    let mut scan = scan_of(prefix(b"a/"));
    for (seconds, first) in [(0, 0), (1, 7), (6, 7), (7, 14), (12, 14)] {
        scan.start_time_ms = Some(log.clock.now_ms() - 18_000 + 1_000 * seconds);
        let page = reader.scan(&scan).await.expect("scanned");
        assert_eq!(named(&page)[0], (first, b"a/1".to_vec()), "{seconds} s");
    }
    scan.start_time_ms = Some(log.clock.now_ms());
    assert!(reader.scan(&scan).await.expect("scanned").is_empty());
    log.close().await;
}

pub(super) async fn pages_of_several_keys_respect_both_limits_and_lead_to_the_end<F: Fixture>(
    fixture: F,
) {
    let policy = SealPolicy {
        interval: None,
        bytes: Some(2_000),
    };
    let log = open(&fixture, policy).await;
    // More keys than are merged at a time, in any order.
    let key = |n: usize| format!("many/{:03}", n * 7 % 300).into_bytes();
    for batch in 0..15 {
        let of_batch = (0..40).map(|n| (key(batch * 40 + n), vec![b'v'; (batch * n) % 50]));
        let of_batch: Vec<_> = of_batch.collect();
        let mut records: Vec<(&[u8], &[u8])> = Vec::new();
        for (key, value) in &of_batch {
            records.push((key, value));
        }
        records.push((b"other", b"v"));
        log.applied(&records).await;
    }
    let reader = log.reader().await;
    for (selection, count) in [
        (prefix(b"many/"), 600),
        (prefix(b""), 615),
        (prefix(b"many/1"), 200),
        (keys(&[b"other", b"many/007", b"many/100"]), 19),
    ] {
        let whole = reader.scan(&scan_of(selection.clone())).await;
        let whole = named(&whole.expect("scanned"));
        assert_eq!(whole.len(), count, "{selection:?}");
        assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for limit in [
            PageLimit {
                records: 7,
                bytes: 1 << 20,
                time: None,
            },
            PageLimit {
                records: 1_000,
                bytes: 700,
                time: None,
            },
            PageLimit {
                records: 1_000,
                bytes: 20_000,
                time: None,
            },
        ] {
            let mut scan = scan_of(selection.clone());
            scan.limit = limit;
            let mut seen = Vec::new();
            loop {
                let page = reader.scan(&scan).await.expect("scanned");
                assert!(page.records as usize <= limit.records);
                assert!(page.bytes as usize <= limit.bytes || page.records == 1);
                seen.extend(named(&page));
                scan.range = scan.range.starting_at(page.next);
                if page.complete {
                    assert_eq!(page.next.get(), 615);
                    break;
                }
                assert!(page.records > 0);
            }
            assert_eq!(seen, whole, "{selection:?} {limit:?}");
        }
    }
    log.close().await;
}

pub(super) async fn readers_of_several_keys_are_told_of_floors_that_hold_for_all<F: Fixture>(
    fixture: F,
) {
    let log = open(&fixture, BY_TIME).await;
    for _ in 0..3 {
        log.applied(&[(b"a/1", b"v"), (b"b", b"v"), (b"a/2", b"v")])
            .await;
        log.clock.advance(Duration::from_secs(10));
    }
    // 0, 3 and 6 are of a/1, 1, 4 and 7 of b, 2, 5 and 8 of a/2.
    assert_eq!(log.deleted(b"a/1", Some(4)).await, 4);
    let rule = PrefixRule {
        prefix: Bytes::from("a/"),
        max_age: Duration::from_secs(15),
    };
    let rules = PrefixRules::new(vec![rule], &Limits::default()).expect("rules");
    assert_eq!(log.ruled(&rules).await, [(b"a/".to_vec(), 3)]);
    log.applied(&[(b"last", b"v")]).await;
    let reader = log.reader().await;
    for (selection, sequences, trimmed_before) in [
        (prefix(b"a/"), &[5u64, 6, 8][..], Some(3)),
        (prefix(b"a/1"), &[6], Some(3)),
        (prefix(b"a"), &[5, 6, 8], None),
        (keys(&[b"a/1", b"a/2"]), &[5, 6, 8], Some(3)),
        (keys(&[b"a/1"]), &[6], Some(3)),
        (keys(&[b"a/2", b"b"]), &[1, 4, 5, 7, 8], None),
        (prefix(b""), &[1, 4, 5, 6, 7, 8, 9], None),
    ] {
        let scan = scan_of(selection);
        let page = reader.scan(&scan).await.expect("scanned");
        let found: Vec<u64> = named(&page).into_iter().map(|(s, _)| s).collect();
        assert_eq!(found, sequences, "{scan:?}");
        let trimmed_before = trimmed_before.map(Sequence::new);
        assert_eq!(page.trimmed_before, trimmed_before, "{scan:?}");
    }
    assert_eq!(log.trimmed(5).await, 5);
    let reader = log.reader().await;
    for (selection, sequences) in [
        (prefix(b"a/"), &[5u64, 6, 8][..]),
        (keys(&[b"a/2", b"b"]), &[5, 7, 8]),
    ] {
        let scan = scan_of(selection);
        let page = reader.scan(&scan).await.expect("scanned");
        let found: Vec<u64> = named(&page).into_iter().map(|(s, _)| s).collect();
        assert_eq!(found, sequences, "{scan:?}");
        assert_eq!(page.trimmed_before, Some(5.into()), "{scan:?}");
    }
    log.close().await;
}

pub(super) async fn followers_of_several_keys_hear_of_these_in_one_order<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"a/1", b""), (b"b", b""), (b"a/2", b"")])
        .await;
    let follow = |selection| log.writer.tail(scan_of(selection)).expect("room");
    let mut of_prefix = follow(prefix(b"a/"));
    let mut of_keys = follow(keys(&[b"a/2", b"b"]));
    let mut of_all = follow(prefix(b""));
    let page = of_prefix.next().await.expect("open").expect("a page");
    assert_eq!(named(&page), names(&[(0, b"a/1"), (2, b"a/2")]));
    let page = of_keys.next().await.expect("open").expect("a page");
    assert_eq!(named(&page), names(&[(1, b"b"), (2, b"a/2")]));
    let page = of_all.next().await.expect("open").expect("a page");
    assert_eq!(page.records, 3);
    for tail in [&mut of_prefix, &mut of_keys, &mut of_all] {
        assert!(tail.next().now_or_never().is_none());
    }
    log.applied(&[(b"c", b"")]).await;
    assert!(of_prefix.next().now_or_never().is_none(), "not its prefix");
    assert_eq!(of_prefix.position().get(), 4, "but its place moved on");
    assert!(of_keys.next().now_or_never().is_none(), "not its keys");
    // The records of one commit come together, whatever the order of its keys.
    log.applied(&[
        (b"b", b""),
        (b"a/2", b""),
        (b"a/1", b""),
        (b"b", b""),
        (b"a/2", b""),
    ])
    .await;
    let page = of_prefix.next().await.expect("open").expect("a page");
    let expected = names(&[(5, b"a/2"), (6, b"a/1"), (8, b"a/2")]);
    assert_eq!(named(&page), expected);
    let page = of_keys.next().await.expect("open").expect("a page");
    let expected = names(&[(4, b"b"), (5, b"a/2"), (7, b"b"), (8, b"a/2")]);
    assert_eq!(named(&page), expected);
    assert_eq!((of_keys.position().get(), page.next.get()), (9, 9));
    let page = of_all.next().await.expect("open").expect("a page");
    assert_eq!((page.records, page.next.get()), (6, 9));
    drop((of_prefix, of_keys, of_all));
    log.close().await;
}

pub(super) async fn a_follower_of_several_keys_misses_nothing_whenever_it_begins<
    F: StoreFixture,
>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    let append = async |batch: u64| {
        let keys = [b"a/1", b"a/2", b"b/1"];
        let records = (0..=batch % 4).map(|n| (&keys[(batch + n) as usize % 3][..], &b"v"[..]));
        log.applied(&records.collect::<Vec<_>>()).await;
    };
    for batch in 0..20 {
        append(batch).await;
    }
    let selections = [prefix(b"a/"), prefix(b""), keys(&[b"a/2", b"b/1"])];
    for visibility in [Visibility::Memory, Visibility::Durable] {
        let scans = selections.iter().map(|selection| Scan {
            visibility,
            limit: PageLimit {
                records: 5,
                bytes: 1 << 20,
                time: None,
            },
            ..scan_of(selection.clone())
        });
        let scans: Vec<Scan> = scans.collect();
        let tails = scans.iter().map(|scan| log.writer.tail(scan.clone()));
        let mut tails = tails.collect::<crate::Result<Vec<_>>>().expect("room");
        let mut seen = vec![Vec::new(); tails.len()];
        // Some are at the tip soon, some stay behind, and all are read to the end at last.
        for batch in 20..60 {
            append(batch).await;
            for (at, tail) in tails.iter_mut().enumerate() {
                for _ in 0..(batch as usize + at) % 4 {
                    if let Some(page) = tail.next().now_or_never() {
                        seen[at].extend(named(&page.expect("open").expect("a page")));
                    }
                }
            }
        }
        log.append(&[(b"a/2", b"end")], Durability::Durable).await;
        let end = log.writer.watermarks().durable;
        for ((tail, seen), scan) in tails.iter_mut().zip(&mut seen).zip(scans) {
            while seen.last().is_none_or(|(last, _)| last + 1 < end.get()) {
                let page = tail.next().await.expect("open").expect("a page");
                assert!(page.records <= 5);
                seen.extend(named(&page));
            }
            let mut scan = Scan {
                limit: scan_all(b"").limit,
                ..scan
            };
            scan.range = SequenceRange::new(0.into(), end).expect("ordered");
            let all = log.writer.scan(&scan).await.expect("scanned");
            assert_eq!(*seen, named(&all), "{scan:?}");
        }
    }
    log.close().await;
}

pub(super) async fn a_follower_of_several_keys_is_given_nothing_that_is_hidden<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k/1", b"0"), (b"other", b"1")]).await;
    let selections = [
        prefix(b"k/"),
        prefix(b""),
        keys(&[b"k/1", b"k/2", b"other"]),
    ];
    let tails = selections.map(|selection| log.writer.tail(scan_of(selection)).expect("room"));
    let [mut of_prefix, mut of_all, mut of_keys] = tails;
    for tail in [&mut of_prefix, &mut of_all, &mut of_keys] {
        assert!(tail.next().await.expect("open").is_some());
        assert!(tail.next().now_or_never().is_none());
    }
    // These wait for the followers.
    log.applied(&[(b"k/1", b"2"), (b"other", b"3"), (b"k/2", b"4")])
        .await;
    assert_eq!(log.deleted(b"k/1", Some(3)).await, 3);
    for (tail, expected) in [
        (&mut of_prefix, names(&[(4, b"k/2")])),
        (&mut of_all, names(&[(3, b"other"), (4, b"k/2")])),
        (&mut of_keys, names(&[(3, b"other"), (4, b"k/2")])),
    ] {
        let page = tail.next().await.expect("open").expect("a page");
        assert_eq!(named(&page), expected);
        assert_eq!(page.trimmed_before, None, "a deleted key is not told");
        assert!(tail.next().now_or_never().is_none());
    }
    log.applied(&[(b"k/1", b"5"), (b"other", b"6"), (b"k/2", b"7")])
        .await;
    log.clock.advance(Duration::from_secs(100));
    let rule = PrefixRule {
        prefix: Bytes::from("k/"),
        max_age: Duration::from_secs(50),
    };
    let rules = PrefixRules::new(vec![rule], &Limits::default()).expect("rules");
    assert_eq!(log.ruled(&rules).await, [(b"k/".to_vec(), 8)]);
    log.applied(&[(b"k/2", b"8"), (b"other", b"9")]).await;
    for (tail, expected, trimmed) in [
        (&mut of_prefix, names(&[(8, b"k/2")]), Some(8.into())),
        (
            &mut of_all,
            names(&[(6, b"other"), (8, b"k/2"), (9, b"other")]),
            None,
        ),
        (
            &mut of_keys,
            names(&[(6, b"other"), (8, b"k/2"), (9, b"other")]),
            None,
        ),
    ] {
        let (mut seen, mut told) = (Vec::new(), None);
        while seen.len() < expected.len() {
            let page = tail.next().await.expect("open").expect("a page");
            told = told.or(page.trimmed_before);
            seen.extend(named(&page));
        }
        assert_eq!(seen, expected);
        assert_eq!(told, trimmed);
    }
    drop((of_prefix, of_all, of_keys));
    log.close().await;
}
