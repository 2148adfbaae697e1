//! Append, scan, count, list, segments, close.

use super::*;

const NEVER: SealPolicy = SealPolicy {
    interval: None,
    bytes: None,
};

pub(super) async fn sequences_are_consecutive_over_all_keys_and_batches<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    assert_eq!(
        log.applied(&[(b"a", b"0"), (b"b", b"1"), (b"a", b"2")])
            .await,
        0
    );
    assert_eq!(log.applied(&[(b"b", b"3")]).await, 3);
    let expected = vec![(0, Bytes::from("0")), (2, Bytes::from("2"))];
    assert_eq!(log.read(b"a", Visibility::Memory).await, expected);
    let expected = vec![(1, Bytes::from("1")), (3, Bytes::from("3"))];
    assert_eq!(log.read(b"b", Visibility::Memory).await, expected);
    assert_eq!(log.service.watermarks().tip.get(), 4);
    log.close().await;
}

pub(super) async fn a_reader_sees_what_was_acknowledged_at_its_visibility<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    for i in 0..20u64 {
        log.applied(&[(b"k", b"applied")]).await;
        assert_eq!(
            log.read(b"k", Visibility::Memory).await.len() as u64,
            2 * i + 1
        );
        log.append(&[(b"k", b"durable")], Durability::Durable).await;
        assert_eq!(
            log.read(b"k", Visibility::Durable).await.len() as u64,
            2 * i + 2
        );
        let watermarks = log.service.watermarks();
        assert_eq!(
            (watermarks.tip.get(), watermarks.durable.get()),
            (2 * i + 2, 2 * i + 2)
        );
    }
    log.close().await;
}

pub(super) async fn keys_with_any_bytes_do_not_mix<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    let keys: Vec<Vec<u8>> = vec![
        vec![0],
        vec![0, 0],
        vec![0, 1],
        vec![0, 255],
        vec![0, 255, 0],
        b"a".to_vec(),
        b"a\0".to_vec(),
        b"a\0b".to_vec(),
        b"a\x01".to_vec(),
        b"ab".to_vec(),
        vec![255],
        vec![255, 255],
    ];
    for _ in 0..2 {
        for key in &keys {
            log.applied(&[(key, key)]).await;
        }
    }
    for (i, key) in keys.iter().enumerate() {
        let sequences = [i, i + keys.len()].map(|s| (s as u64, Bytes::from(key.clone())));
        assert_eq!(log.read(key, Visibility::Memory).await, sequences);
    }
    let listed = log.service.keys(&all_keys(100)).await.expect("listed");
    let listed: Vec<Vec<u8>> = listed
        .keys
        .iter()
        .map(|key| key.as_bytes().to_vec())
        .collect();
    assert_eq!(listed, keys, "in byte order");
    assert!(log.read(b"none", Visibility::Memory).await.is_empty());
    log.close().await;
}

pub(super) async fn empty_and_large_values_come_back<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    let large: Vec<u8> = (0..3_000_000u32).map(|i| ((i * 31) >> 3) as u8).collect();
    log.applied(&[(b"k", b""), (b"k", &large), (b"k", b"")])
        .await;
    let read = log.read(b"k", Visibility::Memory).await;
    assert_eq!(
        read,
        [
            (0, Bytes::new()),
            (1, Bytes::from(large)),
            (2, Bytes::new())
        ]
    );
    log.close().await;
}

pub(super) async fn pages_respect_both_limits_and_lead_to_the_end<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    for i in 0..30u8 {
        log.applied(&[(b"k", &[i; 100]), (b"other", b"x"), (b"k", &[i; 100])])
            .await;
    }
    let whole = log.read(b"k", Visibility::Memory).await;
    assert_eq!(whole.len(), 60);
    for (records, bytes) in [
        (1, 1 << 20),
        (7, 1 << 20),
        (1_000, 300),
        (1_000, 1),
        (3, 500),
    ] {
        let mut scan = scan_all(b"k");
        scan.limit = PageLimit { records, bytes };
        let mut seen = Vec::new();
        loop {
            let page = log.service.scan(&scan).await.expect("scanned");
            assert!(page.records as usize <= records);
            assert!(page.bytes as usize <= bytes || page.records == 1);
            seen.extend(entries(&page));
            scan.range = scan.range.starting_at(page.next);
            if page.complete {
                assert_eq!(page.next.get(), 90, "past what other keys wrote");
                break;
            }
        }
        assert_eq!(seen, whole);
    }
    log.close().await;
}

pub(super) async fn a_start_time_selects_the_first_record_of_that_time<F: Fixture>(fixture: F) {
    let policy = SealPolicy {
        interval: Some(Duration::from_secs(35)),
        bytes: None,
    };
    let log = open(&fixture, policy).await;
    let begin = log.clock.now_ms();
    for _ in 0..10 {
        log.applied(&[(b"k", b"v"), (b"other", b"v")]).await;
        log.clock.advance(Duration::from_secs(10));
    }
    for (after_s, first) in [(-5, 0), (0, 0), (1, 2), (10, 2), (41, 10), (90, 18)] {
        let mut scan = scan_all(b"k");
        scan.start_time_ms = Some(begin + after_s * 1_000);
        let page = log.service.scan(&scan).await.expect("scanned");
        assert_eq!(entries(&page)[0].0, first, "{after_s} s after the begin");
    }
    let mut scan = scan_all(b"k");
    scan.start_time_ms = Some(begin + 91_000);
    assert!(log.service.scan(&scan).await.expect("scanned").is_empty());
    log.close().await;
}

pub(super) async fn segments_are_sealed_by_time_and_by_bytes<F: Fixture>(fixture: F) {
    let policy = SealPolicy {
        interval: Some(Duration::from_secs(60)),
        bytes: Some(1_000),
    };
    let log = open(&fixture, policy).await;
    let begin = log.clock.now_ms();
    assert!(
        log.service
            .segments(SequenceRange::ALL)
            .await
            .expect("listed")
            .is_empty()
    );
    log.applied(&[(b"k", b"first")]).await;
    log.clock.advance(Duration::from_secs(59));
    log.applied(&[(b"k", b"still the first")]).await;
    log.clock.advance(Duration::from_secs(1));
    log.applied(&[(b"k", &[0; 1_200])]).await;
    let log = {
        let clock = Arc::clone(&log.clock);
        log.close().await;
        open_at(&fixture, policy, clock).await
    };
    log.applied(&[(b"k", b"the third, by bytes")]).await;
    let segments = log
        .service
        .segments(SequenceRange::ALL)
        .await
        .expect("listed");
    let told: Vec<_> = segments
        .iter()
        .map(|s| (s.id, s.start.get(), s.start_time_ms - begin))
        .collect();
    assert_eq!(told, [(1, 0, 0), (2, 2, 60_000), (3, 3, 60_000)]);
    let range = SequenceRange::new(1.into(), 3.into()).expect("ordered");
    let overlap = log.service.segments(range).await.expect("listed");
    assert_eq!(overlap.iter().map(|s| s.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        log.read(b"k", Visibility::Memory).await.len(),
        4,
        "across segments"
    );
    log.close().await;
}

pub(super) async fn keys_are_listed_once_in_order_in_pages<F: Fixture>(fixture: F) {
    let policy = SealPolicy {
        interval: None,
        bytes: Some(100),
    };
    let log = open(&fixture, policy).await;
    for i in 0..40u32 {
        let key = format!("user/{:02}", i * 7 % 20);
        log.applied(&[(key.as_bytes(), &[0; 30]), (b"zz", b"")])
            .await;
    }
    let mut query = all_keys(6);
    query.prefix = Bytes::from("user/");
    let mut seen = Vec::new();
    loop {
        let page = log.service.keys(&query).await.expect("listed");
        seen.extend(page.keys.iter().map(|key| key.as_bytes().clone()));
        match page.next_start_after {
            Some(after) => query.start_after = Some(after.as_bytes().clone()),
            None => break,
        }
    }
    let expected: Vec<Bytes> = (0..20)
        .map(|i| Bytes::from(format!("user/{i:02}")))
        .collect();
    assert_eq!(seen, expected);
    let mut first_segment = all_keys(100);
    first_segment.end_segment = 2;
    let page = log.service.keys(&first_segment).await.expect("listed");
    assert!(page.keys.len() < 21 && !page.keys.is_empty());
    first_segment.start_segment = 2;
    assert!(
        log.service
            .keys(&first_segment)
            .await
            .expect("listed")
            .keys
            .is_empty()
    );
    log.close().await;
}

pub(super) async fn a_clean_close_loses_nothing_and_leaves_no_gap<F: Fixture>(fixture: F) {
    for round in 0..4u64 {
        let log = open(&fixture, NEVER).await;
        assert_eq!(log.service.watermarks().tip.get(), round * 5);
        assert_eq!(log.service.watermarks().durable.get(), round * 5);
        let first = log
            .applied(&[(b"k", b"0"), (b"l", b"1"), (b"k", b"2"), (b"k", b"3")])
            .await;
        assert_eq!(first, round * 5);
        assert_eq!(log.applied(&[(b"k", b"4")]).await, round * 5 + 4);
        log.close().await;
        open(&fixture, NEVER).await.close().await;
    }
    let log = open(&fixture, NEVER).await;
    assert_eq!(log.read(b"k", Visibility::Memory).await.len(), 16);
    let key = Key::stored(Bytes::from("k"));
    let range = SequenceRange::new(2.into(), 9.into()).expect("ordered");
    assert_eq!(log.service.count(&key, range).await.expect("counted"), 6);
    assert_eq!(
        log.service
            .count(&key, SequenceRange::ALL)
            .await
            .expect("counted"),
        16
    );
    assert_eq!(
        log.service
            .segments(SequenceRange::ALL)
            .await
            .expect("listed")
            .len(),
        1
    );
    log.close().await;
}

pub(super) async fn a_closed_store_refuses_appends_as_not_applied<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"v")]).await;
    log.service.close(CLOSE).await.expect("closed");
    let refused = log
        .service
        .append(batch(&[(b"k", b"late")]), Durability::Applied)
        .await;
    assert!(
        matches!(refused, Err(Error::Unavailable { .. })),
        "{refused:?}"
    );
    let log = open(&fixture, NEVER).await;
    assert_eq!(log.read(b"k", Visibility::Memory).await.len(), 1);
    log.close().await;
}

pub(super) async fn concurrent_appends_share_the_sequence_without_overlap<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    let appends = (0..64usize).map(|i| {
        let log = &log;
        async move {
            let key = format!("k{}", i % 5);
            let records = vec![(key.as_bytes(), b"v".as_slice()); 1 + i % 7];
            let durability = if i % 3 == 0 {
                Durability::Durable
            } else {
                Durability::Applied
            };
            let start = log.append(&records, durability).await;
            (start, records.len() as u64)
        }
    });
    let mut given = futures::future::join_all(appends).await;
    given.sort_unstable();
    let mut next = 0;
    for (start, count) in given {
        assert_eq!(start, next);
        next += count;
    }
    assert_eq!(log.service.watermarks().tip.get(), next);
    log.close().await;
}
