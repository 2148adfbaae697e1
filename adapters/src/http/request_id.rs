//! Request ids: what ties an answer to the lines it left in the log.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::{HeaderMap, HeaderValue};
use poem::{FromRequest, Request, RequestBody};

/// The header that carries it, both ways.
pub(super) const HEADER: &str = "x-request-id";

/// Longer ids of clients are replaced.
const MAX_LEN: usize = 128;

/// The id of one request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    pub(super) fn header_value(&self) -> HeaderValue {
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
        Ok(id
            .cloned()
            .unwrap_or_else(|| Self(HeaderValue::from_static("unknown"))))
    }
}

/// Gives every request an id: the client's if it is a sane one, else the next of a sequence that looks random.
///
/// The sequence never repeats within a process and follows from the seed, so that a simulation is repeatable.
#[derive(Debug, Clone)]
pub(super) struct RequestIds {
    seed: u64,
    given: Arc<AtomicU64>,
}

impl RequestIds {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            given: Arc::default(),
        }
    }

    pub(super) fn of(&self, headers: &HeaderMap) -> RequestId {
        match headers.get(HEADER) {
            Some(sent) if is_sane(sent) => RequestId(sent.clone()),
            _ => self.next(),
        }
    }

    fn next(&self) -> RequestId {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let high = mix(self.seed);
        let low = mix(high.wrapping_add(number));
        let id = HeaderValue::from_str(&format!("{high:016x}{low:016x}"));
        RequestId(id.unwrap_or(HeaderValue::from_static("unknown")))
    }
}

fn is_sane(sent: &HeaderValue) -> bool {
    let bytes = sent.as_bytes();
    (1..=MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// A permutation of the 64-bit numbers (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(sent));
        RequestIds::new(7).of(&headers).to_string()
    }

    #[test]
    fn a_sane_id_of_the_client_is_kept_and_any_other_is_replaced() {
        assert_eq!(id_for("abc-123/4"), "abc-123/4");
        for other in ["", "with space", "tab\tbed"] {
            assert_eq!(id_for(other).len(), 32, "{other:?}");
        }
        let long: &'static str = Box::leak("x".repeat(129).into_boxed_str());
        assert_eq!(id_for(long).len(), 32);
        assert_eq!(id_for(&long[1..]), long[1..]);
    }

    #[test]
    fn generated_ids_do_not_repeat() {
        let ids = RequestIds::new(1);
        let seen: std::collections::HashSet<String> =
            (0..1_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(seen.len(), 1_000);
    }
}
