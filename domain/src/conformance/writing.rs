//! What a writer does: sequences, segments, close.

use super::*;

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
    assert_eq!(log.reader().await.watermarks().tip.get(), 4);
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
        log.reader()
            .await
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
        .reader()
        .await
        .segments(SequenceRange::ALL)
        .await
        .expect("listed");
    let told: Vec<_> = segments
        .iter()
        .map(|s| (s.id, s.start.get(), s.start_time_ms - begin))
        .collect();
    assert_eq!(told, [(1, 0, 0), (2, 2, 60_000), (3, 3, 60_000)]);
    let range = SequenceRange::new(1.into(), 3.into()).expect("ordered");
    let overlap = log.reader().await.segments(range).await.expect("listed");
    assert_eq!(overlap.iter().map(|s| s.id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        log.read(b"k", Visibility::Memory).await.len(),
        4,
        "across segments"
    );
    log.close().await;
}

pub(super) async fn a_clean_close_loses_nothing_and_leaves_no_gap<F: Fixture>(fixture: F) {
    for round in 0..4u64 {
        let log = open(&fixture, NEVER).await;
        assert_eq!(log.reader().await.watermarks().tip.get(), round * 5);
        assert_eq!(log.reader().await.watermarks().durable.get(), round * 5);
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
    assert_eq!(
        log.reader()
            .await
            .count(&key, range)
            .await
            .expect("counted")
            .records,
        6
    );
    assert_eq!(
        log.reader()
            .await
            .count(&key, SequenceRange::ALL)
            .await
            .expect("counted")
            .records,
        16
    );
    assert_eq!(
        log.reader()
            .await
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
    log.writer.close(CLOSE).await.expect("closed");
    let refused = log
        .try_append(batch(&[(b"k", b"late")]), Durability::Applied)
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
    assert_eq!(log.reader().await.watermarks().tip.get(), next);
    log.close().await;
}
