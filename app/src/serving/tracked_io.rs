//! A connection that reports its activity, takes back what was read of it, and lingers when it is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::idle_and_stalled::Activity;
use super::lingering::{MAX_BYTES, Place};

/// What comes to a connection that lingers is discarded in pieces of so many bytes.
const DISCARDED: usize = 8 << 10;

/// A connection whose bytes are noticed.
pub(super) struct TrackedIo<Io> {
    io: Io,
    activity: Arc<Activity>,
    /// What was read and put back.
    ahead: BytesMut,
    closing: Closing,
}

/// How much of a connection is closed.
enum Closing {
    /// Not at all.
    Open,
    /// Nothing more is sent, and so many bytes more are discarded.
    Lingering { left: u64, _place: Place },
    /// In both directions.
    Closed,
}

impl<Io> TrackedIo<Io> {
    pub(super) fn new(io: Io, activity: Arc<Activity>) -> Self {
        Self {
            io,
            activity,
            ahead: BytesMut::new(),
            closing: Closing::Open,
        }
    }

    /// What was read first is read again, before all that follows.
    pub(super) fn put_back(&mut self, first: BytesMut) {
        self.ahead = first;
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for TrackedIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(into.remaining());
            into.put_slice(&self.ahead[..length]);
            self.ahead.advance(length);
            if self.ahead.is_empty() {
                self.ahead = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, into);
        self.activity.received(&into.filled()[before..]);
        read
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TrackedIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.activity.taken(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, bytes);
        self.activity.taken(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    /// Half-closes the connection and is done when the client is, too.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &self.closing {
                Closing::Open => {
                    ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
                    self.closing = match self.activity.begin_lingering() {
                        Some(place) => Closing::Lingering {
                            left: MAX_BYTES,
                            _place: place,
                        },
                        None => Closing::Closed,
                    };
                }
                Closing::Lingering { .. } => {
                    let mut buffer = [0; DISCARDED];
                    let mut buffer = ReadBuf::new(&mut buffer);
                    let read = ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer));
                    let read = read.map_or(0, |()| buffer.filled().len() as u64);
                    self.activity.heard();
                    match &mut self.closing {
                        Closing::Lingering { left, .. } if read > 0 && read < *left => {
                            *left -= read
                        }
                        closing => *closing = Closing::Closed,
                    }
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}
