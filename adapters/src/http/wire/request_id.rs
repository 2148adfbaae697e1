//! Request ids: what ties an answer to the lines it left in the log.

use std::fmt;

use poem::http::{HeaderMap, HeaderValue};
use poem::{FromRequest, Request, RequestBody};

/// The header that carries it, both ways.
pub(in crate::http) const HEADER: &str = "x-request-id";

/// Longer ids of clients are replaced.
const MAX_LEN: usize = 128;

/// The id of one request.
#[derive(Debug, Clone)]
pub(in crate::http) struct RequestId(HeaderValue);

impl RequestId {
    /// The one that the client sent, if it is a sane one.
    pub(in crate::http) fn sent(headers: &HeaderMap) -> Option<Self> {
        headers
            .get(HEADER)
            .filter(|sent| is_sane(sent))
            .cloned()
            .map(Self)
    }

    /// The one that another node tells, if it is a sane one.
    pub(in crate::http) fn of_text(text: &str) -> Self {
        let told = HeaderValue::from_str(text).ok().filter(is_sane);
        told.map_or_else(Self::unknown, Self)
    }

    /// The one of this number.
    pub(in crate::http) fn numbered(number: u128) -> Self {
        let id = HeaderValue::from_str(&format!("{number:032x}"));
        id.map_or_else(|_| Self::unknown(), Self)
    }

    /// What stands for the id of a request without one.
    pub(in crate::http) fn unknown() -> Self {
        Self(HeaderValue::from_static("unknown"))
    }

    pub(in crate::http) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

impl<'a> FromRequest<'a> for RequestId {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let id = request.data::<Self>();
        Ok(id.cloned().unwrap_or_else(Self::unknown))
    }
}

fn is_sane(sent: &HeaderValue) -> bool {
    let bytes = sent.as_bytes();
    (1..=MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}
