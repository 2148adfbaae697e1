//! The first bytes of a connection: they tell which version of HTTP its client speaks.
//!
//! hyper-util finds that out, too. But it hands on what it read for that, 24 bytes at most, as a read of its own, after which hyper doubles its
//! buffer: 8 KiB more for each connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So many bytes are read at first. Few heads are longer.
const FIRST: usize = 4 << 10;

/// A connection whose first bytes were read, and come again.
pub(super) struct FirstBytes<Io> {
    io: Io,
    first: BytesMut,
}

impl<Io: AsyncRead + Unpin> FirstBytes<Io> {
    /// Reads until it is certain whether the client speaks HTTP/2, and says so. A client that leaves before does not.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn read(mut io: Io) -> io::Result<(Self, bool)> {
        let mut first = BytesMut::with_capacity(FIRST);
        while PREFACE.starts_with(&first) {
            if io.read_buf(&mut first).await? == 0 {
                break;
            }
            if first.starts_with(PREFACE) {
                return Ok((Self { io, first }, true));
            }
        }
        Ok((Self { io, first }, false))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for FirstBytes<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, into);
        }
        let length = self.first.len().min(into.remaining());
        into.put_slice(&self.first[..length]);
        self.first.advance(length);
        if self.first.is_empty() {
            self.first = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for FirstBytes<Io> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What is read of a client that sends these pieces, and whether it speaks HTTP/2.
    async fn read(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let reading = tokio::spawn(FirstBytes::read(server));
        for piece in pieces {
            client.write_all(piece).await.expect("a server");
            tokio::task::yield_now().await;
        }
        drop(client);
        let (mut io, is_http2) = reading.await.expect("a task").expect("a connection");
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.expect("a connection");
        (all, is_http2)
    }

    #[tokio::test]
    async fn the_preface_is_that_of_http2_in_whatever_pieces_it_comes() {
        let sent = [PREFACE, b"frames"].concat();
        for at in 0..sent.len() {
            let (one, other) = sent.split_at(at);
            assert_eq!(read(&[one, other]).await, (sent.clone(), true), "{at}");
        }
    }

    #[tokio::test]
    async fn all_else_is_http1_and_nothing_of_it_is_lost() {
        let long = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 3 * FIRST]].concat();
        let others: [&[u8]; 6] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"PUT /", b"\r\n", &long];
        for sent in others {
            assert_eq!(read(&[sent]).await, (sent.to_vec(), false));
        }
        let split: [&[u8]; 2] = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"no"];
        assert_eq!(read(&split).await, (split.concat(), false));
    }
}
