//! Pages that have no time: each gets a little further, and together they show everything.

use super::*;

/// As no time is left after the first row, no page gets further than that.
const NONE: Option<Duration> = Some(Duration::ZERO);

/// What pages without time show of a scan of the oldest records, and where they end.
pub(super) async fn scanned<R: LogReader>(
    reader: &LogService<R>,
    scan: &Scan,
) -> (Vec<Entry>, Sequence) {
    let mut scan = scan.clone();
    scan.limit.time = NONE;
    let (mut found, mut told) = (Vec::new(), false);
    loop {
        let page = reader.scan(&scan).await.expect("scanned");
        assert!(!(page.complete && page.more), "{scan:?}");
        assert!(!(told && page.trimmed_before.is_some()), "told twice");
        told |= page.trimmed_before.is_some();
        found.extend(with_headers(&page));
        if page.complete {
            return (found, page.next);
        }
        assert!(page.next > scan.range.start(), "no progress: {scan:?}");
        scan.range = scan.range.starting_at(page.next);
    }
}

/// The keys that pages without time list.
pub(super) async fn listed<R: LogReader>(reader: &LogService<R>, query: &KeysQuery) -> Vec<Key> {
    let mut query = query.clone();
    query.limit.time = NONE;
    let mut found = Vec::new();
    loop {
        let page = reader.keys(&query).await.expect("listed");
        found.extend(page.keys);
        let Some(after) = page.next_start_after else {
            return found;
        };
        let after = after.as_bytes().clone();
        let is_further = query.start_after.as_ref().is_none_or(|last| *last < after);
        assert!(is_further, "no progress: {query:?}");
        query.start_after = Some(after);
    }
}

pub(super) async fn pages_without_time_show_everything_once<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    let begin = log.clock.now_ms();
    for i in 0..30u8 {
        // Some segments have no record of the key.
        let key: &[u8] = if i % 10 < 6 { b"k" } else { b"other" };
        log.applied(&[(key, &[i]), (b"a", b""), (key, &[i])]).await;
        log.clock.advance(Duration::from_secs(4));
    }
    log.trimmed(8).await;
    let reader = log.reader().await;
    for (start, end) in [(0, u64::MAX), (0, 9), (20, 70), (85, 90), (500, 600)] {
        for since in [None, Some(begin + 30_000), Some(begin + 1_000_000)] {
            let mut scan = scan_all(b"k");
            scan.range = SequenceRange::new(start.into(), end.into()).expect("ordered");
            scan.start_time_ms = since;
            let all = reader.scan(&scan).await.expect("scanned");
            assert!(all.complete && !all.more);
            for records in [1, 5, 1_000] {
                scan.limit.records = records;
                let (found, next) = scanned(reader, &scan).await;
                assert_eq!((found, next), (with_headers(&all), all.next), "{scan:?}");
            }
            // Of the newest ones there is a page at once.
            scan.side = Side::Newest;
            scan.limit.time = NONE;
            let newest = reader.scan(&scan).await.expect("scanned");
            let (newest_entries, all_entries) = (with_headers(&newest), with_headers(&all));
            assert!(all_entries.ends_with(&newest_entries), "{scan:?}");
            assert_eq!(newest.is_empty(), all.is_empty(), "{scan:?}");
            let has_all = newest.records == all.records;
            assert!(newest.more || has_all, "{scan:?}");
            assert_eq!(newest.next, all.next, "{scan:?}");
        }
    }
    log.close().await;
}

pub(super) async fn pages_of_several_keys_without_time_show_everything_once<F: Fixture>(
    fixture: F,
) {
    let log = open(&fixture, BY_TIME).await;
    let begin = log.clock.now_ms();
    // More keys than are merged at a time, in several segments, and some that are in one of them only.
    for i in 0..10u64 {
        let keys = (0..40).map(|n| format!("many/{:03}", (i * 40 + n) * 7 % 300).into_bytes());
        let keys: Vec<Vec<u8>> = keys.collect();
        let one = [&b"one/"[..], &[b'0' + i as u8]].concat();
        let records = keys.iter().map(|key| (&key[..], &b"v"[..]));
        let records: Vec<_> = records.chain([(&one[..], &b"v"[..])]).collect();
        log.applied(&records).await;
        log.clock.advance(Duration::from_secs(4));
    }
    log.trimmed(8).await;
    let set = |keys: &[&[u8]]| Selection::keys(keys.iter().map(|key| stored(key)).collect());
    let reader = log.reader().await;
    for (selection, most) in [
        (Selection::Prefix(Bytes::new()), 410),
        (Selection::Prefix(Bytes::from("one/")), 10),
        (set(&[b"many/007", b"one/3", b"one/9"]).expect("a set"), 4),
        (set(&[b"none"]).expect("a set"), 0),
    ] {
        for (start, end) in [(0, u64::MAX), (100, 300), (405, 406), (500, 600)] {
            for since in [None, Some(begin + 13_000)] {
                let mut scan = scan_of(selection.clone());
                scan.range = SequenceRange::new(start.into(), end.into()).expect("ordered");
                scan.start_time_ms = since;
                let all = reader.scan(&scan).await.expect("scanned");
                assert!(all.complete && !all.more && all.records <= most, "{scan:?}");
                for records in [7, 1_000] {
                    scan.limit.records = records;
                    let (found, next) = scanned(reader, &scan).await;
                    assert_eq!((found, next), (with_headers(&all), all.next), "{scan:?}");
                }
            }
        }
    }
    log.close().await;
}

pub(super) async fn listings_without_time_show_every_key_once<F: Fixture>(fixture: F) {
    let log = open(&fixture, BY_TIME).await;
    for i in 0..60u32 {
        let key = format!("user/{:02}", i * 7 % 20);
        log.applied(&[(key.as_bytes(), b""), (b"zz", b"")]).await;
        log.clock.advance(Duration::from_secs(1));
    }
    log.applied(&[(b"newest", b"")]).await;
    log.deleted(b"user/03", None).await;
    // The floor lies at the start of the log, and within a segment.
    for floor in [0, 50] {
        log.trimmed(floor).await;
        log.applied(&[(b"newest", b"")]).await;
        let reader = log.reader().await;
        for (start, end) in [(0, u32::MAX), (0, 3), (2, 4), (4, u32::MAX), (90, u32::MAX)] {
            for prefix in ["", "user/", "user/1", "none"] {
                let mut query = all_keys(1_000);
                (query.start_segment, query.end_segment) = (start, end);
                query.prefix = Bytes::from(prefix);
                let all = reader.keys(&query).await.expect("listed");
                assert_eq!(all.next_start_after, None);
                for records in [1, 7, 1_000] {
                    query.limit.records = records;
                    let found = listed(reader, &query).await;
                    assert_eq!(found, all.keys, "{query:?} at {floor}");
                }
            }
        }
    }
    log.close().await;
}
