//! `GET /-/commits`: what read-only servers follow on the server that writes their log. It is between servers, and no part of the document.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};
use log_domain::budget::Budget;
use log_domain::commit_feed::FollowingFeed;
use log_domain::{CommitFeed, CommitNews, Error, LogReader, LogService};
use poem::http::header;
use poem::{Body, Endpoint, Request, Response};
use tokio::time::timeout;

use super::follower_place;
use super::peer::Peer;
use crate::http::wire::commit_frame::{CONTENT_TYPE, CommitFrame};
use crate::http::wire::failure::Failure;
use crate::http::wire::param::{Param, refuse_unknown};
use crate::http::wire::reply::held;

/// How often the durable watermark is told if nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(2);

pub(in crate::http) struct CommitsRoute<S> {
    pub(in crate::http) service: Arc<LogService<S>>,
    /// What is told; nothing on a read-only server.
    pub(in crate::http) feed: Option<Arc<CommitFeed>>,
    /// Bytes that were not written out yet.
    pub(in crate::http) room: Budget,
}

impl<S: LogReader> Endpoint for CommitsRoute<S> {
    type Output = Response;

    /// Streams each file of the WAL that is written from now on, and how far the log is durable, until the client goes or the server stops
    /// to write the log. With `after=n`, files up to *n* are not sent, and those behind it that are held for other read-only servers are.
    async fn call(&self, request: Request) -> poem::Result<Response> {
        let query = request.uri().query().unwrap_or_default();
        refuse_unknown(query, &["after".to_owned()])?;
        let after = Param::<Option<u64>>::from_query(query, "after", None)?;
        let feed = self.feed.as_ref();
        let feed = feed.ok_or_else(|| Failure::from(Error::NotWriter))?;
        let log = feed.log().cloned();
        let log =
            log.ok_or_else(|| Failure::from(Error::unavailable("the log is being opened")))?;
        let place = follower_place::take(&self.service)?;
        let following = feed.follow(after.0.unwrap_or(0));
        let first = CommitFrame {
            log: Some(log),
            durable_sequence: Some(following.durable().get()),
            ..CommitFrame::default()
        };
        let peer = request.data::<Peer>().cloned().unwrap_or_default();
        let room = peer.streams(&self.room).clone();
        let (first, _) = first.into_parts();
        let frames = stream::iter([Ok(first)]).chain(frames(following, place, room));
        Ok(Response::builder()
            .content_type(CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .header("x-accel-buffering", "no")
            .body(Body::from_bytes_stream(frames)))
    }
}

/// The frames of a feed, each made when the client has taken the one before, for as long as `place` pends.
fn frames(
    following: FollowingFeed,
    place: BoxFuture<'static, ()>,
    room: Budget,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let parts = stream::unfold((following, place), move |(mut following, mut place)| {
        let room = room.clone();
        async move {
            let news = tokio::select! {
                biased;
                () = &mut place => return None,
                news = timeout(HEARTBEAT, following.next()) => news,
            };
            let news = news.unwrap_or_else(|_| CommitNews {
                durable: Some(following.durable()),
                file: None,
            });
            Some((parts_of(news, &room), (following, place)))
        }
    });
    parts.flat_map(|parts| stream::iter(parts.into_iter().map(Ok)))
}

/// A frame, whose file takes room until it is written out. Without room, the file is only named.
fn parts_of(mut news: CommitNews, room: &Budget) -> Vec<Bytes> {
    let mut permit = None;
    if let Some(file) = &mut news.file
        && let Some(content) = &file.content
    {
        match room.take(content.len() as u64) {
            Ok(taken) => permit = Some(taken),
            Err(_) => file.content = None,
        }
    }
    let (head, content) = CommitFrame::of(news).into_parts();
    let content = content.zip(permit);
    let content = content.map(|(content, permit)| held(content, permit));
    std::iter::once(head).chain(content).collect()
}
