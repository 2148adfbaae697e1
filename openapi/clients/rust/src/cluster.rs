//! What a client knows of a cluster: how many partitions it has, and which node serves each of them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use crate::arguments;
use crate::partition::{About, of_tag};
use crate::wire::ClusterResponse;

pub(crate) const PATH: &str = "/api/v1/cluster";

/// The node that serves the partition of a request that another node passed on.
const MOVED: &str = "log-moved";

/// The map is asked for at most once in this time, and a node that refuses is not asked for as long.
const REFRESH: Duration = Duration::from_secs(1);

/// A node that cannot be reached is not asked for this long: twice as long after each failure, up to the longest.
const AVOID: Duration = Duration::from_secs(1);
const LONGEST_AVOID: Duration = Duration::from_secs(60);

/// What a client knows of a cluster, and where it sends its requests.
///
/// Nothing is asked before an answer shows that there is a cluster. Until then, and for a log that is not clustered, all requests go to the URL of
/// the client.
#[derive(Debug)]
pub(crate) struct Cluster {
    url: String,
    /// Whether to ask before the first request; with `Some(false)`, other nodes are not asked at all.
    used: Option<bool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The URLs of the nodes that serve the partitions, as far as they are known. A log that is not clustered has one partition.
    map: Option<Arc<[Option<String>]>>,
    asked: Option<Instant>,
    /// Without the right to read, the map cannot be asked for.
    is_refused: bool,
    avoided: HashMap<String, Avoided>,
}

/// A node that could not be reached.
#[derive(Debug, Clone, Copy)]
struct Avoided {
    failures: u32,
    until: Instant,
}

impl Cluster {
    pub(crate) fn new(url: String, used: Option<bool>) -> Self {
        Self {
            url,
            used,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole, also if another thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is known if the log is clustered, or cannot be known.
    pub(crate) fn is_known(&self) -> bool {
        let state = self.state();
        state.map.is_some() || state.is_refused
    }

    /// How many partitions there are, if there are several.
    fn partitions(&self) -> Option<NonZeroU32> {
        let number = self.state().map.as_ref().map_or(0, |map| map.len());
        let number = u32::try_from(number).ok().filter(|number| *number > 1);
        number.and_then(NonZeroU32::new)
    }

    /// Whether there are several partitions.
    pub(crate) fn has_partitions(&self) -> bool {
        self.partitions().is_some()
    }

    /// The partition that a request is about. `None` if there is only one, or if the request names none.
    pub(crate) fn partition(&self, about: &About) -> Option<u32> {
        let partitions = self.partitions()?;
        let of_tag = |tag: &[u8]| of_tag(tag, partitions);
        about.partition.or_else(|| about.tag.as_deref().map(of_tag))
    }

    /// Whether the map is to be asked for before something is sent.
    pub(crate) fn is_wanted(&self) -> bool {
        self.used == Some(true) && !self.is_known()
    }

    /// Where to send a request, in this order: to the node that serves its partition, to the URL of the client, to any node. There is at least one.
    pub(crate) fn targets(&self, about: &About) -> Vec<String> {
        if self.used == Some(false) || !self.has_partitions() {
            return vec![self.url.clone()];
        }
        let partition = self.partition(about);
        let state = self.state();
        let map: &[Option<String>] = state.map.as_deref().unwrap_or_default();
        let owner = partition.and_then(|partition| map.get(partition as usize)?.as_ref());
        let now = Instant::now();
        let mut targets: Vec<String> = Vec::new();
        for url in owner
            .into_iter()
            .chain([&self.url])
            .chain(map.iter().flatten())
        {
            let is_avoided = state.avoided.get(url).is_some_and(|node| node.until > now);
            if !is_avoided && !targets.contains(url) {
                targets.push(url.clone());
            }
        }
        if targets.is_empty() {
            targets.push(self.url.clone());
        }
        targets
    }

    /// There was no connection to this node.
    pub(crate) fn unreachable(&self, url: &str) {
        let mut state = self.state();
        let failures = state.avoided.get(url).map_or(0, |node| node.failures) + 1;
        let doubled = 1_u32.checked_shl((failures - 1).min(30)).unwrap_or(1);
        let avoided = Avoided {
            failures,
            until: Instant::now() + AVOID.saturating_mul(doubled).min(LONGEST_AVOID),
        };
        state.avoided.insert(url.to_owned(), avoided);
    }

    /// Takes what an answer shows; says whether the map is to be asked for.
    pub(crate) fn answered(
        &self,
        about: &About,
        url: &str,
        status: u16,
        headers: &HeaderMap,
    ) -> bool {
        let partition = self.partition(about);
        let mut state = self.state();
        state.avoided.remove(url);
        if status == 503 && url != self.url {
            // It may have lost its partitions. Another node passes requests on to who has them.
            let avoided = Avoided {
                failures: 0,
                until: Instant::now() + REFRESH,
            };
            state.avoided.insert(url.to_owned(), avoided);
        }
        let Some(moved) = headers.get(MOVED) else {
            return false;
        };
        let usable = moved.to_str().ok().and_then(|url| self.usable(url));
        let Some(map) = &mut state.map else {
            return true;
        };
        let known = partition.and_then(|partition| map.get(partition as usize));
        if known.is_some_and(|known| *known == usable) {
            return false;
        }
        if let (Some(_), Some(partition)) = (known, partition) {
            let mut changed = map.to_vec();
            changed[partition as usize] = usable;
            *map = changed.into();
        }
        true
    }

    /// Whether the map may be asked for now. One that is known is asked for again at most once in a second.
    pub(crate) fn may_ask(&self) -> bool {
        let mut state = self.state();
        let is_recent = state.asked.is_some_and(|asked| asked.elapsed() < REFRESH);
        let is_new = state
            .map
            .as_ref()
            .is_some_and(|map| map.len() == 1 || is_recent);
        if is_new || state.is_refused {
            return false;
        }
        state.asked = Some(Instant::now());
        true
    }

    /// Where the map is asked for, after an answer of `url`.
    pub(crate) fn to_ask(&self, url: Option<&str>) -> Vec<String> {
        match url {
            Some(url) if self.used != Some(false) => vec![url.to_owned()],
            _ => self.targets(&About::default()),
        }
    }

    /// Takes the map, or why there is none, out of an answer.
    pub(crate) fn told(&self, status: u16, body: &[u8]) {
        let mut state = self.state();
        match status {
            401 | 403 => state.is_refused = true,
            // A server from before there were clusters.
            404 => state.map = Some(Arc::new([None])),
            200 => {
                let Ok(told) = ClusterResponse::decode(body) else {
                    return;
                };
                let urls = told.partitions.into_iter();
                let urls = urls.map(|partition| self.usable(partition.url.as_deref()?));
                let map: Arc<[_]> = urls.collect();
                if !map.is_empty() {
                    state.map = Some(map);
                }
            }
            _ => {}
        }
    }

    /// The URL of another node, if this client asks other nodes and can ask this one.
    pub(crate) fn other(&self, url: &str) -> Option<String> {
        let others = self.used != Some(false);
        self.usable(url).filter(|url| others && *url != self.url)
    }

    /// The URL of a node, if requests can be sent to it. What goes over TLS to this client's URL does not go without it to others.
    fn usable(&self, url: &str) -> Option<String> {
        let is_tls = |url: &str| {
            url.get(..6)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
        };
        let url = arguments::url(url).ok()?;
        (is_tls(&url) || !is_tls(&self.url)).then_some(url)
    }
}
