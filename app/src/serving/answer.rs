//! Answers on their way: what a request takes is kept until the last byte of its answer is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::idle_and_stalled::Busy;
use super::requests::Admission;

/// HTTP/2 answers are handed over in pieces of so many bytes: no more of an answer waits for its stream's window at a time.
const PIECE: usize = 64 << 10;

/// The body of an answer.
pub(super) struct AnswerBody<B> {
    body: B,
    /// What of the last frame was not handed over yet.
    rest: Bytes,
    answer: Arc<Answer>,
    in_pieces: bool,
}

/// What lives until the answer is sent or given up.
struct Answer {
    busy: Busy,
    number: u64,
    /// Pieces that were handed over and not sent.
    waiting: AtomicUsize,
    _admission: Admission,
}

/// A part of an answer until it is sent.
struct Piece {
    bytes: Bytes,
    answer: Arc<Answer>,
}

impl<B> AnswerBody<B> {
    /// `body` over HTTP/1, where the socket says whether it is taken, or in pieces over HTTP/2, where each stream has a
    /// window of its own.
    pub(super) fn new(body: B, busy: Busy, admission: Admission, http2: bool) -> Self {
        let number = if http2 { busy.activity().number() } else { 0 };
        Self {
            body,
            rest: Bytes::new(),
            answer: Arc::new(Answer {
                busy,
                number,
                waiting: AtomicUsize::new(0),
                _admission: admission,
            }),
            in_pieces: http2,
        }
    }

    fn next_piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        self.answer.waiting.fetch_add(1, Ordering::Relaxed);
        self.answer.offer(true);
        let answer = Arc::clone(&self.answer);
        Frame::data(Bytes::from_owner(Piece { bytes, answer }))
    }
}

impl Answer {
    fn offer(&self, waits: bool) {
        self.busy.activity().offer(self.number, waits);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.offer(false);
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let before = self.answer.waiting.fetch_sub(1, Ordering::Relaxed);
        self.answer.offer(before > 1);
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_piece())));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) if self.in_pieces => frame,
            other => return Poll::Ready(other),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(data) if !data.is_empty() => {
                self.rest = data;
                self.next_piece()
            }
            Ok(nothing) => Frame::data(nothing),
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        if rest == 0 {
            return body;
        }
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
