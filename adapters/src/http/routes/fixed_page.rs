//! What is the same for everybody who asks: pages, their files, and documents.

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::header;
use poem::{Endpoint, Response};

/// Nothing but files of this server, and requests to it; no other page may show this one in a frame.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                              connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where a browser says that somebody came from: to this server, and no other.
const REFERRER_POLICY: &str = "same-origin";

/// What is asked for anew each time.
pub(in crate::http) const NOT_KEPT: &str = "no-cache";

/// Always answers with `content`, which caches keep as `kept` says.
pub(in crate::http) fn fixed(
    content_type: &'static str,
    content: impl Into<Bytes>,
    kept: &'static str,
) -> impl Endpoint<Output = Response> + 'static {
    let content = content.into();
    make_sync(move |_| answer(content_type, content.clone(), kept))
}

/// An answer that is for a browser to show.
pub(in crate::http) fn answer(content_type: &str, content: Bytes, kept: &str) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY)
        .header(header::REFERRER_POLICY, REFERRER_POLICY)
        .header(header::CACHE_CONTROL, kept)
        .body(content)
}
