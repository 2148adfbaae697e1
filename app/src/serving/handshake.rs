//! A socket that takes only so much of a client that has not shaken hands.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than any greeting of a client without a certificate: some 2 KiB with keys that quantum computers do not break. The TLS library itself
/// would keep 64 KiB of each.
const MOST: usize = 16 << 10;

/// A socket below TLS.
#[derive(Debug)]
pub(super) struct Handshake<Io> {
    io: Io,
    /// What the client may still send; nothing is counted when it has shaken hands.
    left: Option<usize>,
}

impl<Io> Handshake<Io> {
    pub(super) fn new(io: Io) -> Self {
        Self {
            io,
            left: Some(MOST),
        }
    }

    /// From now on everything is taken.
    pub(super) fn is_done(&mut self) {
        self.left = None;
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Handshake<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, into);
        if let Some(left) = &mut self.left {
            let Some(rest) = left.checked_sub(into.filled().len() - before) else {
                let too_long = "more than a handshake takes";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, too_long)));
            };
            *left = rest;
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Handshake<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
