//! The body of a request, which knows whether all of it was handed over to be sent.
//!
//! reqwest reports a connection that broke while a request was being sent and an answer that was lost with the same words. But it takes
//! a body piece by piece, as the connection takes them: while there is a piece that it has not taken, nobody can have read the whole request.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

const PIECE_BYTES: usize = 16 * 1024;

/// Whether all of a body was taken to be sent. The first that asks decides: the last piece is not sent after a failure was reported.
#[derive(Debug, Default, Clone)]
pub(crate) struct Taken(Arc<OnceLock<bool>>);

impl Taken {
    /// Whether the whole body was taken. From now on it never will be, if it was not.
    pub(crate) fn wholly(&self) -> bool {
        self.or_is(false)
    }

    fn or_is(&self, decision: bool) -> bool {
        *self.0.get_or_init(|| decision)
    }
}

/// A body, in pieces.
#[derive(Debug)]
pub(crate) struct WatchedBody {
    parts: VecDeque<Bytes>,
    left: u64,
    taken: Taken,
}

impl WatchedBody {
    /// A body of these parts, one after another.
    pub(crate) fn new(parts: impl IntoIterator<Item = Bytes>) -> (Self, Taken) {
        let parts: VecDeque<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let taken = Taken::default();
        let body = Self {
            left: parts.iter().map(|part| part.len() as u64).sum(),
            parts,
            taken: taken.clone(),
        };
        (body, taken)
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(part) = self.parts.front_mut() else {
            return Poll::Ready(None);
        };
        let piece = part.split_to(PIECE_BYTES.min(part.len()));
        if part.is_empty() {
            self.parts.pop_front();
        }
        self.left -= piece.len() as u64;
        // Before it is passed on: after that it may have been sent.
        if self.parts.is_empty() && !self.taken.or_is(true) {
            return Poll::Ready(Some(Err("the request was given up")));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    /// Exact, for `Content-Length`.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
