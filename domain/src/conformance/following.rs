//! Followers over a real store.

use futures::FutureExt;

use super::*;

pub(super) async fn a_follower_hears_of_its_key_only_and_goes_on_where_it_was<F: StoreFixture>(
    fixture: F,
) {
    let log = open(&fixture, SealPolicy::default()).await;
    log.applied(&[(b"k", b"0")]).await;
    let mut tail = log.writer.tail(scan_all(b"k")).expect("room");
    let page = tail.next().await.expect("open").expect("a page");
    assert_eq!(entries(&page), [(0, Bytes::from("0"))]);
    log.applied(&[(b"other", b"1")]).await;
    assert!(tail.next().now_or_never().is_none(), "nothing for this key");
    assert_eq!(tail.position().get(), 2, "but its place moved on");
    log.applied(&[(b"k", b"2"), (b"other", b"3"), (b"k", b"4")])
        .await;
    let page = tail.next().await.expect("open").expect("a page");
    assert_eq!(
        entries(&page),
        [(2, Bytes::from("2")), (4, Bytes::from("4"))]
    );
    drop(tail);
    log.close().await;
}

pub(super) async fn a_durable_follower_hears_of_durable_records_only<F: StoreFixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let mut scan = scan_all(b"k");
    scan.visibility = Visibility::Durable;
    let mut tail = log.writer.tail(scan).expect("room");
    log.append(&[(b"k", b"0")], Durability::Durable).await;
    log.append(&[(b"k", b"1")], Durability::Durable).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(entries(&tail.next().await.expect("open").expect("a page")));
        assert!(tail.position() <= log.writer.watermarks().durable);
    }
    assert_eq!(seen, [(0, Bytes::from("0")), (1, Bytes::from("1"))]);
    drop(tail);
    log.close().await;
}

pub(super) async fn a_follower_that_starts_behind_catches_up_in_pages<F: StoreFixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    for i in 0..50u8 {
        log.applied(&[(b"k", &[i]), (b"other", b"")]).await;
    }
    let mut scan = scan_all(b"k");
    scan.limit.records = 7;
    scan.range = SequenceRange::new(10.into(), 118.into()).expect("ordered");
    let mut tail = log.writer.tail(scan).expect("room");
    for i in 50..60u8 {
        log.applied(&[(b"k", &[i]), (b"other", b"")]).await;
    }
    let mut seen = Vec::new();
    while let Some(page) = tail.next().await.expect("open") {
        assert!(page.records <= 7);
        seen.extend(entries(&page).into_iter().map(|(sequence, _)| sequence));
    }
    assert_eq!(
        seen,
        (5..59).map(|i| 2 * i).collect::<Vec<u64>>(),
        "to the end of its range"
    );
    drop(tail);
    log.close().await;
}

pub(super) async fn closing_answers_a_waiting_follower<F: StoreFixture>(fixture: F) {
    let log = open(&fixture, SealPolicy::default()).await;
    let mut tail = log.writer.tail(scan_all(b"k")).expect("room");
    assert!(tail.next().now_or_never().is_none() || tail.next().now_or_never().is_none());
    let service = Arc::clone(&log.writer);
    let (answer, closed) = futures::join!(tail.next(), service.close(CLOSE));
    closed.expect("closed");
    assert_eq!(answer.expect("not an error"), None);
}

/// Followers that wait at the tip are given nothing of `k` that `hide` removes before they take it. It hides the key up to 4.
pub(super) async fn nothing_hidden_is_given_at_the_tip<F: StoreFixture>(
    log: &Opened<'_, F>,
    hide: impl AsyncFnOnce(),
) {
    log.applied(&[(b"k", b"0"), (b"other", b"1")]).await;
    let mut followers = Vec::new();
    for visibility in [Visibility::Memory, Visibility::Durable] {
        for key in [&b"k"[..], b"other"] {
            let scan = Scan {
                visibility,
                ..scan_all(key)
            };
            let mut follower = log.writer.tail(scan).expect("room");
            let page = follower.next().await.expect("open").expect("a page");
            assert_eq!(page.records, 1);
            while follower.next().now_or_never().is_some() {}
            followers.push(follower);
        }
    }
    // These wait in the inboxes of the followers.
    log.applied(&[(b"k", b"2"), (b"other", b"3")]).await;
    hide().await;
    log.applied(&[(b"k", b"4"), (b"other", b"5")]).await;
    for pair in followers.chunks_mut(2) {
        let [of_key, of_other] = pair else { continue };
        let (mut told, mut trimmed) = (Vec::new(), None);
        while told.is_empty() {
            let page = of_key.next().await.expect("open").expect("a page");
            trimmed = trimmed.or(page.trimmed_before);
            told = entries(&page);
        }
        assert_eq!(told, [(4, Bytes::from("4"))]);
        assert_eq!(trimmed, Some(4.into()));
        let mut told = Vec::new();
        while told.len() < 2 {
            let page = of_other.next().await.expect("open").expect("a page");
            assert_eq!(page.trimmed_before, None);
            told.extend(entries(&page));
        }
        assert_eq!(told[0], (3, Bytes::from("3")));
        assert_eq!(told[1], (5, Bytes::from("5")));
    }
}
