//! The header that says how far a server shows the log.

use poem::http::{HeaderMap, HeaderName, HeaderValue};

/// Its name.
pub(in crate::http) const HEADER: HeaderName = HeaderName::from_static("log-durable-sequence");

/// What it means, for the document.
pub(in crate::http) const MEANING: &str = "The durable watermark of this server: every record below this sequence is durable, and is shown here.";

/// Everything below it is durable, and shown by this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct DurableSequence(pub(in crate::http) u64);

impl DurableSequence {
    /// Adds the header.
    pub(in crate::http) fn put_on(self, headers: &mut HeaderMap) {
        headers.insert(HEADER, HeaderValue::from(self.0));
    }
}
