//! A compressed body, decompressed while it arrives: never more of it than a body may have, and every byte charged
//! before it is there.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures::{Stream, StreamExt};
use log_domain::Error;
use log_domain::budget::Permit;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::collected::Collected;
use crate::http::wire::coding::Coding;
use crate::http::wire::failure::Failure;

/// What gzip holds: its window of 32 KiB, tables, and a buffer of 32 KiB.
const GZIP_BYTES: u64 = 128 << 10;

/// Windows of zstd are at most 2^23 bytes, as RFC 9659 has it: a frame may ask for far more.
const WINDOW_LOG: u32 = 23;

/// Bytes that zstd decompresses into at once.
const PIECE: usize = 32 << 10;

/// Compressed bytes that are decompressed at once: at most a thousand times as much comes out of them.
const STEP: usize = 2 << 10;

/// So much comes out of a body before others have their turn.
const TURN: usize = 256 << 10;

/// What is told to be too large.
const WHAT: &str = "decompressed request body in bytes";

/// A whole body of at most `limit` bytes, and what it and the way to it take.
///
/// # Errors
/// When a chunk was not received; [`Error::TooLarge`] and [`Error::Overloaded`] as soon as more would come out; else that
/// it is not what it says that it is.
pub(super) async fn whole(
    coding: Coding,
    chunks: impl Stream<Item = Result<Bytes, Failure>>,
    limit: usize,
    permit: Permit,
) -> Result<(Bytes, Permit), Failure> {
    let mut chunks = std::pin::pin!(chunks);
    let mut decompressor = Decompressor::new(coding, limit, permit)?;
    let mut yielded = 0;
    while let Some(chunk) = chunks.next().await {
        for step in chunk?.chunks(STEP) {
            decompressor.write(step)?;
            let decompressed = decompressor.output().len();
            if decompressed - yielded >= TURN {
                yielded = decompressed;
                tokio::task::yield_now().await;
            }
        }
    }
    decompressor.finish()
}

/// A body that is being decompressed.
struct Decompressor {
    coding: Coding,
    inner: Inner,
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Collected>>),
    Zstd(Zstd),
}

impl Decompressor {
    fn new(coding: Coding, limit: usize, mut permit: Permit) -> Result<Self, Failure> {
        let inner = match coding {
            Coding::Gzip => {
                permit.grow(GZIP_BYTES)?;
                Inner::Gzip(Box::new(MultiGzDecoder::new(Collected::new(
                    WHAT, limit, permit,
                ))))
            }
            Coding::Zstd => Inner::Zstd(Zstd::new(Collected::new(WHAT, limit, permit))?),
        };
        Ok(Self { coding, inner })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let written = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.write_all(piece),
            Inner::Zstd(decoder) => decoder.write(piece),
        };
        written.map_err(|error| self.failure(&error))
    }

    fn finish(mut self) -> Result<(Bytes, Permit), Failure> {
        let ended = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.try_finish(),
            Inner::Zstd(decoder) => decoder.end(),
        };
        ended.map_err(|error| self.failure(&error))?;
        let output = match self.inner {
            Inner::Gzip(decoder) => decoder.finish().map_err(|error| not(self.coding, &error))?,
            Inner::Zstd(decoder) => decoder.output,
        };
        Ok(output.into_parts())
    }

    fn output(&mut self) -> &mut Collected {
        match &mut self.inner {
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Zstd(decoder) => &mut decoder.output,
        }
    }

    fn failure(&mut self, error: &io::Error) -> Failure {
        let refused = self.output().refusal();
        refused.map_or_else(|| not(self.coding, error), Failure::from)
    }
}

fn not(coding: Coding, error: &io::Error) -> Failure {
    Failure::invalid(format!("the body is not {}: {error}", coding.name()))
}

struct Zstd {
    context: DCtx<'static>,
    /// What the context was seen to hold, which is charged.
    held: usize,
    piece: Vec<u8>,
    /// Whether the body may end here: after a frame.
    at_end: bool,
    output: Collected,
}

impl Zstd {
    fn new(mut output: Collected) -> Result<Self, Failure> {
        let mut context =
            DCtx::try_create().ok_or_else(|| Error::internal("no memory for a context of zstd"))?;
        let limited = context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG));
        limited.map_err(|code| Error::internal(get_error_name(code)))?;
        let held = context.sizeof();
        output.charge((held + PIECE) as u64)?;
        Ok(Self {
            context,
            held,
            piece: vec![0; PIECE],
            at_end: false,
            output,
        })
    }

    fn write(&mut self, body: &[u8]) -> io::Result<()> {
        let mut input = InBuffer::around(body);
        loop {
            let mut out = OutBuffer::around(&mut self.piece[..]);
            let hint = self.context.decompress_stream(&mut out, &mut input);
            let hint = hint.map_err(|code| io::Error::other(get_error_name(code)))?;
            self.at_end = hint == 0;
            let written = out.pos();
            let held = self.context.sizeof();
            if held > self.held {
                // The window, which the frame told the size of.
                let charged = self.output.charge((held - self.held) as u64);
                charged.map_err(|error| self.output.refuse(error))?;
                self.held = held;
            }
            self.output.write_all(&self.piece[..written])?;
            if input.pos() == body.len() && written < PIECE {
                return Ok(());
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if self.at_end {
            Ok(())
        } else {
            Err(io::Error::other("it ends within a frame"))
        }
    }
}
