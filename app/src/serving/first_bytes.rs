//! The first bytes of a connection: they tell which version of HTTP its client speaks.
//!
//! hyper-util finds that out, too. But it hands on what it read for that, 24 bytes at most, as a read of its own, after which hyper doubles its
//! buffer: 8 KiB more for each connection.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So many bytes are read at first. Few heads are longer.
const FIRST: usize = 4 << 10;

/// Reads until it is certain whether the client speaks HTTP/2, and says so, with what was read. A client that leaves before does not.
///
/// # Errors
/// Those of the connection.
pub(super) async fn read(io: &mut (impl AsyncRead + Unpin)) -> io::Result<(BytesMut, bool)> {
    let mut first = BytesMut::with_capacity(FIRST);
    while PREFACE.starts_with(&first) {
        if io.read_buf(&mut first).await? == 0 {
            break;
        }
        if first.starts_with(PREFACE) {
            return Ok((first, true));
        }
    }
    Ok((first, false))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::serving::idle_and_stalled::tests::activity;
    use crate::serving::tracked_io::TrackedIo;

    /// What a connection gives of a client that sends these pieces, and whether that speaks HTTP/2.
    async fn given(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let reading = tokio::spawn(async {
            let mut io = TrackedIo::new(server, activity());
            let (first, is_http2) = read(&mut io).await.expect("a connection");
            io.put_back(first);
            (io, is_http2)
        });
        for piece in pieces {
            client.write_all(piece).await.expect("a server");
            tokio::task::yield_now().await;
        }
        drop(client);
        let (mut io, is_http2) = reading.await.expect("a task");
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.expect("a connection");
        (all, is_http2)
    }

    #[tokio::test]
    async fn the_preface_is_that_of_http2_in_whatever_pieces_it_comes() {
        let sent = [PREFACE, b"frames"].concat();
        for at in 0..sent.len() {
            let (one, other) = sent.split_at(at);
            assert_eq!(given(&[one, other]).await, (sent.clone(), true), "{at}");
        }
    }

    #[tokio::test]
    async fn all_else_is_http1_and_nothing_of_it_is_lost() {
        let long = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 3 * FIRST]].concat();
        let others: [&[u8]; 6] = [b"", b"P", b"PRI * HTTP/2.0\r\n", b"PUT /", b"\r\n", &long];
        for sent in others {
            assert_eq!(given(&[sent]).await, (sent.to_vec(), false));
        }
        let split: [&[u8]; 2] = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"no"];
        assert_eq!(given(&split).await, (split.concat(), false));
    }
}
