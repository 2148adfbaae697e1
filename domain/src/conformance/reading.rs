//! What a reader shows: scans, pages, listings.

use super::*;

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
    let listed = log
        .reader()
        .await
        .keys(&all_keys(100))
        .await
        .expect("listed");
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
        scan.limit = PageLimit {
            records,
            bytes,
            time: None,
        };
        let mut seen = Vec::new();
        loop {
            let page = log.reader().await.scan(&scan).await.expect("scanned");
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
        let page = log.reader().await.scan(&scan).await.expect("scanned");
        assert_eq!(entries(&page)[0].0, first, "{after_s} s after the begin");
    }
    let mut scan = scan_all(b"k");
    scan.start_time_ms = Some(begin + 91_000);
    assert!(
        log.reader()
            .await
            .scan(&scan)
            .await
            .expect("scanned")
            .is_empty()
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
        let page = log.reader().await.keys(&query).await.expect("listed");
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
    let page = log
        .reader()
        .await
        .keys(&first_segment)
        .await
        .expect("listed");
    assert!(page.keys.len() < 21 && !page.keys.is_empty());
    first_segment.start_segment = 2;
    assert!(
        log.reader()
            .await
            .keys(&first_segment)
            .await
            .expect("listed")
            .keys
            .is_empty()
    );
    log.close().await;
}
