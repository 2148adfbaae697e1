//! Listings of all partitions: those of each, merged.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use log_domain::budget::Permit;
use log_domain::cluster::Partition;
use log_domain::cluster::listing::{Listing, share};
use log_domain::{Key, KeysPage, PageLimit};
use poem::{FromRequest, Request, Response, Result};
use prost::Message;
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;

use super::asked::Asked;
use super::page::{AT_ONCE, Page};
use super::{Cluster, derived};
use crate::http::routes::keys::KeysAnswer;
use crate::http::routes::peer::Peer;
use crate::http::routes::selection::default_limit;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::json::ByteFormat;
use crate::http::wire::param::{Base64, Param, Text, either};
use crate::http::wire::proto::{self, Cursor, CursorsResponse, KeysResponse};
use crate::http::wire::reply::Reply;
use crate::http::wire::route_table::{CURSORS, KEYS, PARTITION};

/// Parameters whose values mean something in one partition only.
const OF_ONE: [&str; 3] = ["start_segment", "end_segment", "at_least"];

/// What a listing of names consists of.
struct Kind<M, T> {
    /// The page that a message has.
    page: fn(M) -> Listing<T>,
    name: fn(&T) -> Bytes,
    /// The parameter for the page after a name.
    after: fn(&Bytes) -> String,
}

impl Cluster {
    /// Answers a listing that names no partition.
    pub(super) async fn listing(&self, request: Request) -> Result<Response> {
        let query = request.uri().query().unwrap_or_default();
        for name in OF_ONE {
            let given = Param::<Option<String>>::from_query(query, name, None)?.0;
            // Generated clients send parameters that they were not given with their default.
            if given.is_some_and(|given| (name, given.as_str()) != ("start_segment", "0")) {
                let why = "it is about one partition: name that with the parameter partition";
                return Err(Failure::invalid(why).of(name).into());
            }
        }
        let limit = Param::<u64>::from_query(query, "limit", Some(default_limit))?.0;
        let limit = PageLimit::new(limit, &self.limits.of_log)
            .map_err(Failure::from)?
            .records;
        let format = Format::accepted(request.headers());
        if request.uri().path() == CURSORS {
            return self.cursors(&request, limit, format).await;
        }
        let prefix = Param::<Option<Text>>::from_query(query, "prefix", None)?;
        let prefix_base64 = Param::<Option<Base64>>::from_query(query, "prefix_base64", None)?;
        let prefix = either("prefix", prefix.0, prefix_base64.0)?.unwrap_or_default();
        match self.map.partitions().of_prefix(&prefix) {
            Some(partition) => self.to(partition, Asked::READ, request).await,
            None => self.keys(&request, limit, format).await,
        }
    }

    async fn keys(&self, request: &Request, limit: usize, format: Format) -> Result<Response> {
        let query = request.uri().query().unwrap_or_default();
        let bytes = Param::<Option<ByteFormat>>::from_query(query, "format", None)?.0;
        let kind = Kind {
            page: |page: KeysResponse| Listing {
                items: page.keys.into_iter().map(|key| key.key).collect(),
                next_start_after: page.next_start_after,
            },
            name: Bytes::clone,
            after: |name| format!("start_after_base64={}", URL_SAFE_NO_PAD.encode(name)),
        };
        let listed = match self.listed(request, limit, &kind).await? {
            Ok(listed) => listed,
            Err(refused) => return Ok(refused),
        };
        let page = KeysPage {
            keys: listed.items.into_iter().map(Key::stored).collect(),
            next_start_after: listed.next_start_after.map(Key::stored),
        };
        let bytes = bytes.unwrap_or_default();
        let answer = Reply::new(format, &KeysAnswer { page, bytes });
        self.held(request, answer).await
    }

    async fn cursors(&self, request: &Request, limit: usize, format: Format) -> Result<Response> {
        let kind = Kind {
            page: |page: CursorsResponse| Listing {
                items: page.cursors,
                next_start_after: page.next_start_after.map(Bytes::from),
            },
            name: |cursor: &Cursor| Bytes::copy_from_slice(cursor.name.as_bytes()),
            after: |name| format!("start_after={}", byte_serialize(name).collect::<String>()),
        };
        let listed = match self.listed(request, limit, &kind).await? {
            Ok(listed) => listed,
            Err(refused) => return Ok(refused),
        };
        let after = listed.next_start_after;
        let answer = CursorsResponse {
            status: proto::SUCCESS.to_owned(),
            cursors: listed.items,
            next_start_after: after.map(|after| String::from_utf8_lossy(&after).into_owned()),
        };
        self.held(request, Reply::<CursorsResponse>::new(format, &answer))
            .await
    }

    /// A page of all partitions, full unless it is the last one, has many bytes, or took long; or what one of them refused.
    async fn listed<M: Message + Default, T>(
        &self,
        request: &Request,
        limit: usize,
        kind: &Kind<M, T>,
    ) -> Result<Result<Listing<T>, Response>> {
        let of_log = &self.limits.of_log;
        let (began, mut bytes) = (Instant::now(), of_log.page_bytes);
        let peer = Peer::from_request_without_body(request).await?;
        let mut permit = peer.passed(&self.bodies).take(0).map_err(Failure::from)?;
        let mut each = share(limit, self.map.partitions().number());
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let asked = (each, after.as_ref(), limit - items.len(), bytes);
            let round = match self.round(request, asked, kind, &mut permit).await? {
                Ok(round) => round,
                Err(refused) => return Ok(Err(refused)),
            };
            let names = round.items.iter().map(|item| (kind.name)(item).len());
            bytes = bytes.saturating_sub(names.sum());
            items.extend(round.items);
            after = round.next_start_after;
            let is_full = items.len() >= limit || bytes == 0;
            if after.is_none() || is_full || began.elapsed() >= of_log.page_time {
                let next_start_after = after;
                return Ok(Ok(Listing {
                    items,
                    next_start_after,
                }));
            }
            // Few partitions have most of it.
            each = limit.min(2 * each);
        }
    }

    /// Asks each partition for so many items after a name, and merges the answers as they come, to so many items and bytes of names; or what one of
    /// them refused. What is there at a time takes room of `permit`.
    async fn round<M: Message + Default, T>(
        &self,
        request: &Request,
        (each, after, limit, bytes): (usize, Option<&Bytes>, usize, usize),
        kind: &Kind<M, T>,
        permit: &mut Permit,
    ) -> Result<Result<Listing<T>, Response>> {
        let start = after.map(kind.after);
        let mut answers = stream::iter(self.map.partitions().all())
            .map(|partition| {
                let asked = of_partition(request, partition, each, start.as_deref());
                self.page::<M>(request, partition, asked)
            })
            .buffered(AT_ONCE);
        let mut merged = Listing {
            items: Vec::new(),
            next_start_after: None,
        };
        permit.shrink_to(0);
        while let Some((page, size)) = answers.try_next().await? {
            permit.grow(size).map_err(Failure::from)?;
            let page = match page {
                Page::Read(page) => (kind.page)(page),
                Page::Refused(answer) => return Ok(Err(answer)),
            };
            merged = Listing::merged(vec![merged, page], limit, bytes.max(1), kind.name);
            let names = merged
                .items
                .iter()
                .map(|item| (kind.name)(item).len() as u64);
            permit.shrink_to(names.sum());
        }
        Ok(Ok(merged))
    }
}

/// The same listing of one partition, from `start` on if that is given.
fn of_partition(
    request: &Request,
    partition: Partition,
    limit: usize,
    start: Option<&str>,
) -> Request {
    let query = request.uri().query().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        let starts = matches!(name, "start_after" | "start_after_base64");
        let is_ours = name == "limit" || name == "format" && request.uri().path() == KEYS;
        !(name.is_empty() || is_ours || starts && start.is_some())
    });
    let mut pairs: Vec<String> = pairs.map(str::to_owned).collect();
    pairs.extend(start.map(str::to_owned));
    pairs.push(format!("limit={limit}"));
    pairs.push(format!("{PARTITION}={partition}"));
    let target = format!("{}?{}", request.uri().path(), pairs.join("&"));
    derived::of(request, &target)
}
