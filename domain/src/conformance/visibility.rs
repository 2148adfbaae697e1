//! A store that is written and read in one process shows what it acknowledged.

use super::*;

pub(super) async fn a_reader_sees_what_was_acknowledged_at_its_visibility<F: StoreFixture>(
    fixture: F,
) {
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
        let watermarks = log.writer.watermarks();
        assert_eq!(
            (watermarks.tip.get(), watermarks.durable.get()),
            (2 * i + 2, 2 * i + 2)
        );
    }
    log.close().await;
}

pub(super) async fn what_is_acknowledged_before_a_quiesce_is_durable_and_nothing_is_after<
    F: StoreFixture,
>(
    fixture: F,
) {
    let log = open(&fixture, NEVER).await;
    log.append(&[(b"k", b"durable")], Durability::Durable).await;
    log.applied(&[(b"k", b"applied")]).await;
    log.writer.quiesce(CLOSE).await.expect("quiesced");
    log.writer.quiesce(CLOSE).await.expect("as the first time");
    let late = log
        .writer
        .append(batch(&[(b"k", b"late")]), Durability::Applied);
    let late = late.await;
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
    let log = reopened(&fixture, log).await;
    let records = log.read(b"k", Visibility::Durable).await;
    let values: Vec<_> = records.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["durable", "applied"]);
    log.close().await;
}
