//! A client that tells a connection that broke while a request was being sent ([`NotSentWhole`]) from an answer that was lost.
//!
//! reqwest tells both with the same words, but it takes a body piece by piece, as the connection takes them. While there is a piece that
//! it has not taken, nobody can have read the whole request.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Extensions;
use http_body::{Frame, SizeHint};
use reqwest::{Body, Request, Response, StatusCode};
use reqwest_middleware::{
    ClientBuilder, ClientWithMiddleware, Error, Middleware, Next, Result as Outcome,
};

const PIECE_BYTES: usize = 16 * 1024;

/// Redirects that want the request as it is.
const KEEP_THE_BODY: [StatusCode; 2] = [
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];

/// The client for a `Configuration`.
pub fn client() -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new())
        .with(WholeRequests)
        .build()
}

/// The connection broke before the whole request was sent: nothing was applied.
#[derive(Debug)]
pub struct NotSentWhole(reqwest::Error);

struct WholeRequests;

#[async_trait::async_trait]
impl Middleware for WholeRequests {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Outcome<Response> {
        let bytes = request.body().and_then(Body::as_bytes).unwrap_or_default();
        if bytes.is_empty() {
            return next.run(request, extensions).await;
        }
        let was_taken = WasTaken::default();
        let watched = Watched {
            left: Bytes::copy_from_slice(bytes),
            was_taken: was_taken.clone(),
        };
        let unwatched = request.try_clone();
        *request.body_mut() = Some(Body::wrap(watched));
        match (next.clone().run(request, extensions).await, unwatched) {
            // reqwest follows these only with a body that it can send again, which one in pieces is not.
            (Ok(answer), Some(unwatched)) if KEEP_THE_BODY.contains(&answer.status()) => {
                next.run(unwatched, extensions).await
            }
            (Err(Error::Reqwest(error)), _) if !error.is_connect() && !was_taken.or_is(false) => {
                Err(Error::middleware(NotSentWhole(error)))
            }
            (outcome, _) => outcome,
        }
    }
}

/// Whether all of a body was taken to be sent. The first that asks decides: the last piece is not sent after a failure was told.
#[derive(Default, Clone)]
struct WasTaken(Arc<OnceLock<bool>>);

impl WasTaken {
    fn or_is(&self, decision: bool) -> bool {
        *self.0.get_or_init(|| decision)
    }
}

/// A body, in pieces.
struct Watched {
    left: Bytes,
    was_taken: WasTaken,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let size = PIECE_BYTES.min(self.left.len());
        let piece = self.left.split_to(size);
        // Before it is passed on: after that it may be on its way.
        if self.left.is_empty() && !self.was_taken.or_is(true) {
            return Poll::Ready(Some(Err("the request was given up")));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    /// Exact, for `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

impl fmt::Display for NotSentWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection broke while the request was being sent")
    }
}

impl std::error::Error for NotSentWhole {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
