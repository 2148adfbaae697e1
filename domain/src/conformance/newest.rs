//! The newest records of a key.

use super::*;

/// The last `records` of `k`.
fn newest(records: usize) -> Scan {
    let mut scan = scan_all(b"k");
    scan.side = Side::Newest;
    scan.limit.records = records;
    scan
}

pub(super) async fn the_newest_records_are_the_end_of_a_scan<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    let empty = log.reader().await.scan(&newest(5)).await.expect("scanned");
    assert!(empty.is_empty() && empty.complete);
    let begin = log.clock.now_ms();
    // Some segments have no record of the key, the others have several rows of it.
    for i in 0..30u8 {
        let key: &[u8] = if i % 10 < 6 { b"k" } else { b"other" };
        log.applied(&[(b"a", b""), (key, &[i; 100]), (key, &[i; 10]), (b"z", b"")])
            .await;
        log.clock.advance(Duration::from_secs(4));
    }
    let reader = log.reader().await;
    let tip = reader.watermarks().tip;
    let end = |end: u64| SequenceRange::new(0.into(), end.into()).expect("ordered");
    let ranges = [
        SequenceRange::ALL,
        SequenceRange::ALL.starting_at(70.into()),
        SequenceRange::ALL.starting_at(tip.plus(5)),
        end(0),
        end(2),
        end(43),
        end(tip.get() - 2),
        end(tip.get()),
    ];
    for range in ranges {
        for since in [None, Some(begin + 30_000), Some(begin + 1_000_000)] {
            let mut scan = scan_all(b"k");
            (scan.range, scan.start_time_ms) = (range, since);
            let all = reader.scan(&scan).await.expect("scanned");
            for records in [1, 2, 3, 17, 1_000] {
                for bytes in [8 << 20, 150, 1_000] {
                    let mut scan = newest(records);
                    (scan.range, scan.start_time_ms, scan.limit.bytes) = (range, since, bytes);
                    let page = reader.scan(&scan).await.expect("scanned");
                    let (found, all_entries) = (with_headers(&page), with_headers(&all));
                    let left_out = all_entries.len() - found.len();
                    assert_eq!(found, all_entries[left_out..], "{scan:?}");
                    assert_eq!((page.next, page.complete), (all.next, true), "{scan:?}");
                    assert!(page.records as usize <= records, "{scan:?}");
                    assert!(page.bytes as usize <= bytes || page.records == 1);
                    assert!(left_out == 0 || !found.is_empty(), "{scan:?}");
                    if bytes == 8 << 20 {
                        assert_eq!(found.len(), records.min(all_entries.len()), "{scan:?}");
                    }
                }
            }
        }
    }
    log.close().await;
}

pub(super) async fn the_newest_record_is_answered_whatever_its_size<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    log.applied(&[(b"k", b"small"), (b"k", &[1; 1_000_000])])
        .await;
    for (bytes, records) in [(1, 1), (1_000_010, 1), (1_000_100, 2)] {
        let mut scan = newest(10);
        scan.limit.bytes = bytes;
        let page = log.reader().await.scan(&scan).await.expect("scanned");
        assert_eq!(page.records, records, "{bytes}");
        let newest = entries(&page).pop().expect("a record");
        assert_eq!((newest.0, newest.1.len()), (1, 1_000_000));
        assert_eq!(page.next.get(), 2);
    }
    log.close().await;
}

pub(super) async fn only_a_page_with_room_left_tells_of_a_trim<F: Fixture>(fixture: F) {
    let log = open(&fixture, NEVER).await;
    for i in 0..6u8 {
        log.applied(&[(b"k", &[i]), (b"other", &[i])]).await;
    }
    log.trimmed(5).await;
    for (records, found, told) in [(2, 2, None), (3, 3, None), (4, 3, Some(Sequence::new(5)))] {
        let page = log.reader().await.scan(&newest(records)).await;
        let page = page.expect("scanned");
        assert_eq!((page.records, page.trimmed_before), (found, told));
    }
    log.close().await;
}
