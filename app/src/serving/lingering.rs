//! Lingering close: a connection that is closed while its client still sends is half-closed, and what still comes is read and
//! discarded, or the operating system would answer it with a reset, and the client would lose the answer that it was sent.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use poem::web::RemoteAddr;
use tokio::time::Instant;

/// A client that sends nothing for so long is not waited for any more.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How many bytes of one connection are discarded at most.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// How many connections linger at the same time; more are closed without.
const MAX_LINGERING: usize = 1_024;
/// How many of them may come from one address, so that no client takes all places. A network of IPv6 (its first 64 bits) counts as one
/// address, because a client has all of it.
const MAX_OF_ADDRESS: usize = 128;
/// For how long a connection lingers once the server stops.
pub(super) const AT_STOP: Duration = Duration::from_secs(2);

/// How connections linger; one for all of a listener.
#[derive(Clone)]
pub(super) struct Linger {
    /// For how long each does; not at all if it is zero.
    time: Duration,
    places: Arc<Mutex<Places>>,
    /// Whose connections these are, if that is known.
    address: Option<IpAddr>,
}

/// How many places are taken, and from where.
#[derive(Default)]
struct Places {
    taken: usize,
    of_address: HashMap<Option<IpAddr>, usize>,
}

/// A place of a connection that lingers, until it is dropped.
pub(super) struct Place {
    places: Arc<Mutex<Places>>,
    address: Option<IpAddr>,
}

impl Linger {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time,
            places: Arc::default(),
            address: None,
        }
    }

    /// The same, for a connection from there.
    pub(super) fn of(&self, remote: &RemoteAddr) -> Self {
        let address = remote.as_socket_addr().map(|address| address.ip());
        Self {
            address: address.map(network),
            ..self.clone()
        }
    }

    /// For how long.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// A connection begins to linger, if it may.
    pub(super) fn begin(&self) -> Option<(Lingering, Place)> {
        if self.time.is_zero() {
            return None;
        }
        let mut places = self.places.lock();
        let of_address = places.of_address.get(&self.address).copied();
        let of_address = of_address.unwrap_or_default();
        if places.taken >= MAX_LINGERING || of_address >= MAX_OF_ADDRESS {
            return None;
        }
        places.taken += 1;
        places.of_address.insert(self.address, of_address + 1);
        drop(places);
        let place = Place {
            places: Arc::clone(&self.places),
            address: self.address,
        };
        let now = Instant::now();
        let lingering = Lingering {
            end: now + self.time,
            heard: now,
        };
        Some((lingering, place))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.taken -= 1;
        if let Some(taken) = places.of_address.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                places.of_address.remove(&self.address);
            }
        }
    }
}

/// The address, or what a network of IPv6 begins with.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    }
}

/// A connection that lingers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lingering {
    end: Instant,
    heard: Instant,
}

impl Lingering {
    /// Something came, and was discarded.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// When it is closed at the latest, if nothing else comes.
    pub(super) fn deadline(&self, stopping_since: Option<Instant>) -> Instant {
        let deadline = self.end.min(self.heard + PAUSE);
        stopping_since.map_or(deadline, |since| deadline.min(since + AT_STOP))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn from(linger: &Linger, address: &str) -> Linger {
        let address: SocketAddr = format!("{address}:80").parse().expect("an address");
        linger.of(&RemoteAddr(address.into()))
    }

    #[tokio::test]
    async fn no_address_has_more_than_its_part_of_the_places() {
        let linger = Linger::new(Duration::from_secs(30));
        let all_of = |linger: &Linger| -> Vec<_> {
            let places = std::iter::from_fn(|| linger.begin().map(|(_, place)| place));
            places.take(2 * MAX_LINGERING).collect()
        };
        let first = all_of(&from(&linger, "192.0.2.1"));
        assert_eq!(first.len(), MAX_OF_ADDRESS);
        assert_eq!(all_of(&from(&linger, "[::ffff:192.0.2.1]")).len(), 0);
        let network = all_of(&from(&linger, "[2001:db8::1]"));
        assert_eq!(network.len(), MAX_OF_ADDRESS);
        assert_eq!(all_of(&from(&linger, "[2001:db8::ffff:1]")).len(), 0);
        assert_eq!(all_of(&linger).len(), MAX_OF_ADDRESS);

        let others =
            (0..10).map(|number| all_of(&from(&linger, &format!("192.0.2.{}", 10 + number))));
        let others: Vec<_> = others.collect();
        assert_eq!(
            others.iter().map(Vec::len).sum::<usize>(),
            MAX_LINGERING - 2 * MAX_OF_ADDRESS
        );
        drop((first, network, others));
        assert_eq!(all_of(&from(&linger, "192.0.2.1")).len(), MAX_OF_ADDRESS);
        let places = linger.places.lock();
        assert_eq!((places.taken, places.of_address.len()), (0, 0));
    }
}
