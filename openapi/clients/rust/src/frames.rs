//! The body of an append session: frames, which the connection takes as they come.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use prost::encoding::encode_varint;

/// Where frames are added. If it is dropped, what was not taken is never sent, and the body ends.
#[derive(Debug)]
pub(crate) struct Frames(Arc<Mutex<Waiting>>);

/// What the connection takes.
#[derive(Debug)]
pub(crate) struct FramesBody(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    /// Whole frames that were not taken.
    frames: BytesMut,
    /// Bytes of all frames that were added.
    added: u64,
    /// Bytes of all frames that were taken.
    taken: u64,
    has_ended: bool,
    waker: Option<Waker>,
}

impl Frames {
    /// A body without frames yet.
    pub(crate) fn new() -> (Self, FramesBody) {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        (Self(Arc::clone(&waiting)), FramesBody(waiting))
    }

    /// Adds a frame of these parts; gives how many bytes were added up to its end.
    pub(crate) fn add(&self, parts: &[Bytes]) -> u64 {
        let mut waiting = lock(&self.0);
        let before = waiting.frames.len();
        let length: usize = parts.iter().map(Bytes::len).sum();
        encode_varint(length as u64, &mut waiting.frames);
        for part in parts {
            waiting.frames.extend_from_slice(part);
        }
        waiting.added += (waiting.frames.len() - before) as u64;
        waiting.wake();
        waiting.added
    }

    /// The body ends after the frames that were added.
    pub(crate) fn end(&self) {
        let mut waiting = lock(&self.0);
        waiting.has_ended = true;
        waiting.wake();
    }

    /// From now on nothing is taken any more; gives how many bytes were.
    pub(crate) fn give_up(&self) -> u64 {
        let mut waiting = lock(&self.0);
        waiting.frames.clear();
        waiting.has_ended = true;
        waiting.wake();
        waiting.taken
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Waiting {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Body for FramesBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut waiting = lock(&self.0);
        if !waiting.frames.is_empty() {
            let frames = waiting.frames.split().freeze();
            waiting.taken += frames.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(frames))));
        }
        if waiting.has_ended {
            return Poll::Ready(None);
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        let waiting = lock(&self.0);
        waiting.has_ended && waiting.frames.is_empty()
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    // Nothing panics while it is locked, but for a lack of memory.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
