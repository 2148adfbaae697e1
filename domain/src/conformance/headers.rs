//! Record headers.

use super::*;

pub(super) async fn headers_come_back_with_their_records<F: Fixture>(fixture: F) {
    let mut log = open(&fixture, NEVER).await;
    let large = vec![7; 8_000];
    let given: [&[(&str, &[u8])]; 5] = [
        &[],
        &[("trace", b"1")],
        &[],
        &[("b", b""), ("größe", b"\x00\xff"), ("b", b"again")],
        &[("large", &large)],
    ];
    // The same headers on three keys, so that they share commits; without a value, and with one.
    for value in [&b""[..], b"value"] {
        let limits = Limits::default();
        let records = given.iter().flat_map(|headers| {
            let headers = Headers::parse(headers.iter().copied(), &limits).expect("headers");
            [&b"a"[..], b"b", b"c"].map(|key| {
                let (key, value) = (Bytes::from_static(key), Bytes::from_static(value));
                let record = Record::parse(key, value, &limits).expect("within the limits");
                record.with_headers(headers.clone())
            })
        });
        let batch = Batch::new(records.collect(), &limits).expect("a batch");
        let appended = log.try_append(batch, Durability::Durable).await;
        appended.expect("appended");
    }
    for _ in 0..2 {
        for key in [&b"a"[..], b"b", b"c"] {
            let page = log
                .reader()
                .await
                .scan(&scan_all(key))
                .await
                .expect("scanned");
            let read = with_headers(&page);
            assert_eq!(read.len(), 2 * given.len());
            for (index, entry) in read.iter().enumerate() {
                let headers = entry.headers.iter().map(|header| header.expect("a header"));
                let headers: Vec<_> = headers.map(|header| (header.name, header.value)).collect();
                assert_eq!(headers, given[index % given.len()], "record {index}");
                let value = if index < given.len() { "" } else { "value" };
                assert_eq!(entry.value, value, "record {index}");
            }
        }
        let clock = Arc::clone(&log.clock);
        log.close().await;
        log = open_at(&fixture, NEVER, clock).await;
    }
    log.close().await;
}
