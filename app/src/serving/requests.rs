//! Requests in flight on all connections: how many, and how much memory their heads take.

use hyper::Version;
use hyper::http::request::Parts;
use log_adapters::http::{Refused, is_for_operators};
use log_domain::Error;
use log_domain::budget::{Budget, Permit};

/// What a request takes besides its head: its task, and what its handler keeps.
const EACH: u64 = 8 << 10;
/// Bytes of a header's slot in a map of headers, and of a further value of the same header.
const SLOT: usize = 112;
const FURTHER_VALUE: usize = 2 * 72;

/// For health and metrics over HTTP/2 there is room of its own for so many requests.
const FOR_OPERATORS: u64 = 64;
/// So many requests may at the same time be told that there is no room for them. Over HTTP/2 more are reset: only clients have them
/// that do not take their answers.
const REFUSED: u64 = 1_024;

/// The budgets of requests in flight, shared by the listeners of a server.
#[derive(Debug, Clone)]
pub struct Requests {
    count: Budget,
    bytes: Budget,
    for_operators: Budget,
    refused: Budget,
}

/// Room that a request takes until its answer is sent.
#[derive(Debug, Default)]
pub(super) struct Admission {
    _permits: [Option<Permit>; 2],
}

/// What becomes of a request.
pub(super) enum Verdict {
    /// It is served.
    Served(Admission),
    /// It is answered that there is no room for it.
    Refused(Admission, Refused),
    /// There is no room to answer it either.
    Ignored,
}

impl Requests {
    /// So many requests at the same time, which together take so many bytes besides their bodies and answers.
    pub fn new(count: usize, bytes: u64) -> Self {
        Self {
            count: Budget::new("the number of requests in flight", count as u64),
            bytes: Budget::new("the memory for requests in flight, in bytes,", bytes),
            for_operators: Budget::new("the number of health checks in flight", FOR_OPERATORS),
            refused: Budget::new("the number of refused requests", REFUSED),
        }
    }

    /// Takes room for a request with this head. On a spare connection only what operators ask is served.
    pub(super) fn admit(&self, head: &Parts, spare: Option<Refused>) -> Verdict {
        // The small answers of HTTP/1 are always taken by the socket, and each connection has one at a time.
        let http1 = head.version < Version::HTTP_2;
        let for_operators = is_for_operators(head.uri.path());
        if for_operators && http1 {
            return Verdict::Served(Admission::default());
        }
        if !for_operators && let Some(refused) = spare {
            return self.refuse(refused, http1);
        }
        let bytes = || self.bytes.take(EACH + size(head) as u64);
        let count = self.count.take(1);
        let taken = count.and_then(|one| Ok([Some(one), Some(bytes()?)]));
        let reserve = || self.for_operators.take(1).map(|one| [Some(one), None]);
        let taken = taken.or_else(|full| if for_operators { reserve() } else { Err(full) });
        match taken {
            Ok(permits) => Verdict::Served(Admission { _permits: permits }),
            Err(Error::Overloaded { what, limit }) => self.refuse(Refused { what, limit }, http1),
            // A budget says nothing else.
            Err(_) => Verdict::Ignored,
        }
    }

    /// Takes room for more of a head that has not arrived whole; answers whether there is any.
    pub(super) fn hold(&self, room: &mut Option<Permit>, bytes: usize) -> bool {
        match room {
            Some(permit) => permit.grow(bytes as u64).is_ok(),
            None => {
                *room = self.bytes.take(bytes as u64).ok();
                room.is_some()
            }
        }
    }

    fn refuse(&self, refused: Refused, http1: bool) -> Verdict {
        match self.refused.take(1) {
            Err(_) if http1 => Verdict::Refused(Admission::default(), refused),
            Ok(permit) => {
                let permits = [Some(permit), None];
                Verdict::Refused(Admission { _permits: permits }, refused)
            }
            Err(_) => Verdict::Ignored,
        }
    }
}

/// About how many bytes a head takes in memory; on the wire it may be a hundredth of that.
fn size(head: &Parts) -> usize {
    let headers = &head.headers;
    let further = headers.len() - headers.keys_len();
    let texts = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    let uri = head
        .uri
        .path_and_query()
        .map_or(0, |uri| uri.as_str().len());
    headers.capacity() * SLOT + further * FURTHER_VALUE + texts.sum::<usize>() + uri
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(path: &str, headers: usize) -> Parts {
        let mut request = Request::get(path).version(Version::HTTP_2);
        for _ in 0..headers {
            request = request.header("x", "");
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn what_operators_ask_has_room_when_nothing_else_has() {
        let requests = Requests::new(2, 1 << 20);
        let scan = head("/api/v1/log/scan", 0);
        let served = |head: &Parts, spare| match requests.admit(head, spare) {
            Verdict::Served(admission) => Some(admission),
            _ => None,
        };
        let held = [served(&scan, None), served(&scan, None)];
        assert!(held.iter().all(Option::is_some));
        assert!(served(&scan, None).is_none());
        let refused = Refused {
            what: "the number of connections",
            limit: 1,
        };
        assert!(served(&head("/-/healthy", 0), Some(refused)).is_some());
        assert!(served(&head("/metrics", 0), None).is_some());
        drop(held);
        assert!(served(&scan, Some(refused)).is_none());
        assert!(served(&scan, None).is_some());
    }

    #[test]
    fn heads_are_charged_as_they_are_in_memory() {
        // Two thousand empty headers, each one byte on the wire.
        let large = head("/api/v1/log/scan", 2_000);
        assert!(size(&large) > 200 << 10, "{}", size(&large));
        let requests = Requests::new(100, 1 << 20);
        let mut held = Vec::new();
        while let Verdict::Served(admission) = requests.admit(&large, None) {
            held.push(admission);
        }
        assert!((2..6).contains(&held.len()), "{}", held.len());
    }

    #[test]
    fn refusals_are_bounded_too() {
        let requests = Requests::new(1, 1 << 20);
        let scan = head("/api/v1/log/scan", 0);
        let mut held = Vec::new();
        let ignored = (0..2 * REFUSED).any(|_| match requests.admit(&scan, None) {
            Verdict::Ignored => true,
            other => {
                held.push(other);
                false
            }
        });
        assert!(ignored);
        assert_eq!(held.len() as u64, 1 + REFUSED);
        // Over HTTP/1 health is answered even then, and the rest told.
        let mut health = head("/-/healthy", 0);
        health.version = Version::HTTP_11;
        assert!(matches!(requests.admit(&health, None), Verdict::Served(_)));
        let mut scan = scan;
        scan.version = Version::HTTP_11;
        assert!(matches!(requests.admit(&scan, None), Verdict::Refused(..)));
    }
}
