//! Stored headers may hold any bytes after damage. Whoever reads them gets headers or an error, and what was read is written as it was.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use log_domain::headers::HeadersBuilder;
use log_domain::{Headers, Limits};

fuzz_target!(|encoded: Vec<u8>| {
    let stored = Headers::stored(Bytes::from(encoded));
    let walked: Result<Vec<_>, _> = stored.iter().collect();
    let Ok(headers) = walked else { return };
    // The limits and rules of a client are narrower than what can be stored.
    let limits = Limits::default();
    let mut builder = HeadersBuilder::new(&limits);
    for header in &headers {
        if builder.push(header.name.as_bytes(), header.value).is_err() {
            return;
        }
    }
    let again = builder.take();
    let again: Vec<_> = again
        .iter()
        .map(|header| header.expect("just written"))
        .collect();
    assert_eq!(headers, again);
});
