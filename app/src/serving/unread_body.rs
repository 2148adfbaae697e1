//! The rest of a request's body, when the answer comes before its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{HeaderMap, header};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use super::lingering::PAUSE;

/// When no more than so many bytes of a body are left they are read, so that the connection can be used again.
const SMALL: u64 = 64 << 10;

/// What becomes of a request's body, which its handler may read or not.
pub(super) struct UnreadBody {
    rest: Arc<Mutex<Rest>>,
    /// The client waits to be told to send its body.
    expects: bool,
}

#[derive(Default)]
enum Rest {
    /// It was read to its end.
    #[default]
    Nothing,
    /// The handler gave it up before its end.
    Body(Incoming),
    /// It is not HTTP, or its end never came, or was given up.
    Broken,
}

/// What is left of a body when the request is answered.
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Little: what is read and discarded while the answer is sent.
    Little(Incoming),
    /// More, or an unknown amount: the connection cannot be used again.
    Much(Option<Incoming>),
}

impl UnreadBody {
    /// `body`, and what will be left of it; nothing if there is nothing to be read.
    pub(super) fn watch(
        body: Incoming,
        headers: &HeaderMap,
        http2: bool,
    ) -> (WatchedBody, Option<Self>) {
        if body.is_end_stream() {
            let nothing = WatchedBody {
                body: None,
                rest: None,
                keeps: false,
            };
            return (nothing, None);
        }
        let rest = Arc::default();
        let unread = Self {
            rest: Arc::clone(&rest),
            expects: headers.contains_key(header::EXPECT),
        };
        let body = WatchedBody {
            body: Some(body),
            rest: Some(rest),
            // Over HTTP/1 nothing arrives that was not requested.
            keeps: !http2,
        };
        (body, Some(unread))
    }

    /// What is left now that the handler has ended.
    pub(super) fn left(self) -> Left {
        match std::mem::take(&mut *self.rest.lock()) {
            Rest::Nothing => Left::Nothing,
            Rest::Broken => Left::Much(None),
            Rest::Body(body) => {
                let small = body.size_hint().exact().is_some_and(|rest| rest <= SMALL);
                if small && !self.expects {
                    Left::Little(body)
                } else {
                    Left::Much(Some(body))
                }
            }
        }
    }
}

/// Reads `body` to its end within `limit`; answers whether it got there.
pub(super) async fn discard(body: &mut Incoming, limit: Duration) -> bool {
    let read = async {
        loop {
            match timeout(PAUSE, body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(_discarded))) => {}
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
    };
    timeout_at(Instant::now() + limit, read)
        .await
        .unwrap_or(false)
}

/// A body that leaves what was not read of it to its [`UnreadBody`].
pub(super) struct WatchedBody {
    body: Option<Incoming>,
    rest: Option<Arc<Mutex<Rest>>>,
    /// Whether the body is kept when it is given up, else it is dropped.
    keeps: bool,
}

impl WatchedBody {
    fn leave(&mut self, rest: Rest) {
        if let Some(place) = self.rest.take() {
            *place.lock() = rest;
        }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        match &frame {
            Some(Ok(_)) => {}
            None => self.leave(Rest::Nothing),
            Some(Err(_)) => self.leave(Rest::Broken),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let nothing = SizeHint::with_exact(0);
        self.body.as_ref().map_or(nothing, Body::size_hint)
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !body.is_end_stream()
        {
            self.leave(if self.keeps {
                Rest::Body(body)
            } else {
                Rest::Broken
            });
        }
    }
}
