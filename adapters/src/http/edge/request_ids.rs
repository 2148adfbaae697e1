//! Request ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::HeaderMap;

use crate::http::wire::request_id::RequestId;

/// Gives every request an id: the client's if it is a sane one, else the next of a sequence that looks random.
///
/// The sequence never repeats within a process and follows from the seed, so that a simulation is repeatable.
#[derive(Debug, Clone)]
pub(in crate::http) struct RequestIds {
    seed: u64,
    given: Arc<AtomicU64>,
}

impl RequestIds {
    pub(in crate::http) fn new(seed: u64) -> Self {
        Self {
            seed,
            given: Arc::default(),
        }
    }

    pub(in crate::http) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::sent(headers).unwrap_or_else(|| self.next())
    }

    fn next(&self) -> RequestId {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let high = mix(self.seed);
        let low = mix(high.wrapping_add(number));
        RequestId::numbered(u128::from(high) << 64 | u128::from(low))
    }
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
    use poem::http::HeaderValue;

    use super::*;
    use crate::http::wire::request_id::HEADER;

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
