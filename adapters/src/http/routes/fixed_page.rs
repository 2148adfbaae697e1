//! What is the same for everybody who asks: pages, their files, and documents.

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::{HeaderMap, HeaderValue, header};
use poem::{Endpoint, Response};

use super::content::Content;

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
    let content = Content::new(content_type, content.into());
    make_sync(move |request| {
        let mut response = content.answer(request.headers());
        say(response.headers_mut(), kept);
        response
    })
}

/// Tells a browser what it may do with the answer, which is for it to show, and how long to keep it.
pub(super) fn say(headers: &mut HeaderMap, kept: &'static str) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, REFERRER_POLICY),
        (header::CACHE_CONTROL, kept),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
