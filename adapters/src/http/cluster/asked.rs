//! Which partition a request is about.

use std::sync::Arc;

use bytes::Bytes;
use log_domain::budget::Permit;
use log_domain::cluster::{Partition, Partitions};
use log_domain::{Append, CursorName, Durability, Error, Selection, Sequence};
use poem::Request;
use poem::http::{Method, Uri, header, uri};

use super::Cluster;
use crate::http::routes::message_body::Incoming;
use crate::http::routes::unordered::{positions, refuse_for_stream};
use crate::http::wire::append_request;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::param::{CursorInPath, Param};
use crate::http::wire::positions::Order;
use crate::http::wire::route_table::{
    self, APPEND, COMMITS, COUNT, CURSOR, CURSORS, KEY, KEYS, PARTITION, Route, SCAN, SEGMENTS,
    STREAM, TRIM,
};
use crate::http::wire::scan_query;
use crate::http::wire::scan_request::{self, ScanRequest};
use crate::http::wire::selected::Selected;

/// What a request is about.
pub(super) enum About {
    /// What a node answers by itself.
    Node,
    Partition(Partition, Asked),
    /// An append of several partitions.
    Parts(Split),
    /// A scan of all partitions.
    All(Box<Unordered>),
}

/// An append that is split.
pub(super) struct Split {
    /// In the order of the partitions.
    pub(super) parts: Vec<(Partition, Append)>,
    pub(super) durability: Durability,
    /// The room that they take.
    pub(super) permit: Permit,
}

/// A scan of all partitions.
pub(super) struct Unordered {
    pub(super) request: ScanRequest,
    /// Where it begins.
    pub(super) positions: Vec<(Partition, Sequence)>,
}

/// What a request does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Whether it may change the log.
    pub(super) changes: bool,
    /// Whether it can be sent again when it is not known what became of it.
    pub(super) is_repeatable: bool,
}

/// The body of a request that was received, which takes its room until the request is answered.
pub(super) struct Whole {
    pub(super) body: Bytes,
    _permit: Permit,
}

impl Asked {
    pub(super) const READ: Self = Self {
        changes: false,
        is_repeatable: true,
    };
    pub(super) const CHANGE: Self = Self {
        changes: true,
        is_repeatable: false,
    };
}

impl Cluster {
    /// What `request` is about. A body that has to be read for it is put back, without compression.
    pub(super) async fn about(&self, request: &mut Request) -> Result<About, Failure> {
        let route = route_table::find(request.uri().path());
        let Some(route) = route.filter(|route| is_of_partition(*route)) else {
            return Ok(About::Node);
        };
        let partitions = self.map.partitions();
        let given = given_partition(request, partitions)?;
        let mut asked = match route.changes(request.method()) {
            true => Asked::CHANGE,
            false => Asked::READ,
        };
        let is_post = request.method() == Method::POST;
        let named = match (route.path, request.method()) {
            (APPEND, &Method::POST) => {
                let limit = self.limits.of_log.request_bytes;
                let (format, body) = self.body(request, limit).await?;
                let decoded = append_request::decode(format, body, &self.limits.of_log)?;
                if !decoded.is_atomic {
                    return self.split(decoded, given);
                }
                asked.is_repeatable = decoded.append.producer().is_some();
                Some(partitions.of_append(&decoded.append)?)
            }
            (SCAN | STREAM, _) if is_post || is_unordered(request)? => {
                let request = if is_post {
                    let (format, body) = self.body(request, scan_request::BODY_BYTES).await?;
                    scan_request::decode(format, &body)?
                } else {
                    scan_query::decode(request.uri().query().unwrap_or_default())?
                };
                if let Some(positions) = self.of_all(route, &request, given)? {
                    return Ok(About::All(Box::new(Unordered { request, positions })));
                }
                self.selected(request.selected, request.cursor)?
            }
            (SCAN | STREAM | COUNT | KEY, _) => {
                let query = request.uri().query().unwrap_or_default();
                let selected = scan_query::selected(query)?;
                let cursor = Param::<Option<CursorName>>::from_query(query, "cursor", None)?;
                self.selected(selected, cursor.0)?
            }
            (CURSOR, _) => {
                let name = CursorInPath::parse(request.uri().path())?;
                Some(partitions.of_cursor(&name.0))
            }
            // Of one partition, which the request names.
            _ => None,
        };
        let partition = match (given, named) {
            (Some(given), Some(named)) if given != named => return Err(elsewhere(named, given)),
            (given, named) => given.or(named),
        };
        let missing = || {
            Failure::invalid(format!(
                "partition: missing. This is a cluster of {} partitions, and this request is about one of them, 0 to {}; a prefix with a whole tag, \
                 such as {{42}}/, has its partition, and a scan by prefix with order=none reads all of them",
                partitions.number(),
                partitions.number() - 1
            ))
        };
        Ok(About::Partition(partition.ok_or_else(missing)?, asked))
    }

    /// The parts of an append that need not be atomic.
    fn split(
        &self,
        decoded: append_request::Asked,
        given: Option<Partition>,
    ) -> Result<About, Failure> {
        let append = decoded.append;
        let permit = self
            .bodies
            .take(append.batch().bytes() + append.bookkeeping())?;
        let parts = self.map.partitions().split(append)?;
        if let Some(given) = given
            && let Some((other, _)) = parts.iter().find(|(partition, _)| *partition != given)
        {
            return Err(elsewhere(*other, given));
        }
        Ok(About::Parts(Split {
            parts,
            durability: decoded.durability,
            permit,
        }))
    }

    /// Where `request` begins, if it is a scan of all partitions: it has `order=none`, and neither a partition nor a prefix that tells it.
    fn of_all(
        &self,
        route: Route,
        request: &ScanRequest,
        given: Option<Partition>,
    ) -> Result<Option<Vec<(Partition, Sequence)>>, Failure> {
        if route.path == STREAM {
            refuse_for_stream(request)?;
            return Ok(None);
        }
        let partitions = self.map.partitions();
        let positions = positions(request, partitions)?;
        let prefix = request.selected.prefix.as_deref().unwrap_or_default();
        let is_of_one = given.is_some() || partitions.of_prefix(prefix).is_some();
        Ok(positions.filter(|_| !is_of_one))
    }

    /// The partition of what is selected and of the cursor where the read starts.
    fn selected(
        &self,
        selected: Selected,
        cursor: Option<CursorName>,
    ) -> Result<Option<Partition>, Failure> {
        let partitions = self.map.partitions();
        let selection = selected.selection(&self.limits.of_log)?;
        let partition = partitions.of_selection(&selection)?;
        let Some(cursor) = cursor else {
            return Ok(partition);
        };
        let of_cursor = partitions.of_cursor(&cursor);
        match partition {
            Some(partition) if partition != of_cursor => Err(Error::SpansPartitions {
                one: shown(&selection),
                other: cursor.to_string(),
            }
            .into()),
            _ => Ok(Some(of_cursor)),
        }
    }

    /// The body of a request, whole and without compression, which is put back.
    async fn body(&self, request: &mut Request, limit: usize) -> Result<(Format, Bytes), Failure> {
        let format = Format::of_body(request.headers())?;
        let incoming = Incoming::of(request)?;
        let received = incoming.receive(limit, &self.bodies, self.limits.body_timeout);
        let (body, permit) = received.await?;
        let headers = request.headers_mut();
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        request.set_body(body.clone());
        request.set_data(Arc::new(Whole {
            body: body.clone(),
            _permit: permit,
        }));
        Ok((format, body))
    }
}

/// Why a request that names the partition `given` is refused.
fn elsewhere(named: Partition, given: Partition) -> Failure {
    Failure::invalid(format!(
        "partition: the request names what is in partition {named}, not in {given}"
    ))
}

/// Whether the query of `request` has `order=none`.
fn is_unordered(request: &Request) -> Result<bool, Failure> {
    let query = request.uri().query().unwrap_or_default();
    let order = Param::<Option<Order>>::from_query(query, "order", None)?;
    Ok(order.0 == Some(Order::None))
}

/// Whether requests to `route` are about a partition.
fn is_of_partition(route: Route) -> bool {
    matches!(
        route.path,
        APPEND | TRIM | KEY | SCAN | KEYS | SEGMENTS | COUNT | STREAM | CURSORS | CURSOR | COMMITS
    )
}

fn shown(selection: &Selection) -> String {
    let name = match selection {
        Selection::Key(key) => Some(key.as_bytes()),
        Selection::Keys(keys) => keys.all().first().map(|key| key.as_bytes()),
        Selection::Prefix(prefix) => Some(prefix),
    };
    name.map(|name| name.escape_ascii().to_string())
        .unwrap_or_default()
}

/// The partition that the query of `request` names, if it names one.
pub(super) fn given_partition(
    request: &Request,
    partitions: Partitions,
) -> Result<Option<Partition>, Failure> {
    let query = request.uri().query().unwrap_or_default();
    let number = Param::<Option<u32>>::from_query(query, PARTITION, None)?;
    let Some(number) = number.0 else {
        return Ok(None);
    };
    let partition = partitions.get(number).ok_or_else(|| {
        Failure::invalid(format!(
            "partition: {number} is not one of this cluster's, 0 to {}",
            partitions.number() - 1
        ))
    });
    partition.map(Some)
}

/// Takes the name of the partition out of the query: a partition answers as a log of its own.
pub(super) fn without_partition(request: &mut Request) {
    let Some(query) = request.uri().query() else {
        return;
    };
    let names = |pair: &&str| pair.split_once('=').map_or(*pair, |(name, _)| name) == PARTITION;
    if !query.split('&').any(|pair| names(&pair)) {
        return;
    }
    let left: Vec<&str> = query.split('&').filter(|pair| !names(pair)).collect();
    let target = match left.is_empty() {
        true => request.uri().path().to_owned(),
        false => format!("{}?{}", request.uri().path(), left.join("&")),
    };
    let mut parts: uri::Parts = request.uri().clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}
