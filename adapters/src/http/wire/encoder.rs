//! Compression of what is sent, piece by piece or as a whole.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzEncoder;
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, get_error_name};

use super::coding::Coding;

/// Shorter answers are sent as they are: they fit into a packet anyway.
pub(in crate::http) const LEAST_BYTES: u64 = 1_024;

/// What an answer that may be compressed depends on, as `Vary` says it.
pub(in crate::http) const VARIES: &str = "accept, accept-encoding";

/// Both are as fast as they get: the network inside a data centre is faster than a better compression.
const LEVEL: i32 = 1;

/// Windows of zstd have 2^17 bytes, which bounds what an answer holds.
const WINDOW_LOG: u32 = 17;

/// Bytes that are compressed at once.
pub(in crate::http) const PIECE: usize = 32 << 10;

/// A content that does not change, compressed; nothing if it is too short for that.
pub(in crate::http) fn compressed(coding: Coding, content: &[u8]) -> Option<Bytes> {
    if (content.len() as u64) < LEAST_BYTES {
        return None;
    }
    let mut encoder = Encoder::new(coding).ok()?;
    let mut compressed = Vec::new();
    for piece in content.chunks(PIECE) {
        compressed.extend(encoder.add(piece).ok()?);
    }
    compressed.extend(encoder.end().ok()?);
    compressed.shrink_to_fit();
    Some(compressed.into())
}

/// What compresses one content.
pub(in crate::http) enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(CCtx<'static>),
}

impl Encoder {
    pub(in crate::http) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => {
                let level = flate2::Compression::new(LEVEL.unsigned_abs());
                Self::Gzip(GzEncoder::new(Vec::new(), level))
            }
            Coding::Zstd => {
                let context = CCtx::try_create();
                let mut context = context.ok_or(io::ErrorKind::OutOfMemory)?;
                for parameter in [
                    CParameter::CompressionLevel(LEVEL),
                    CParameter::WindowLog(WINDOW_LOG),
                ] {
                    context.set_parameter(parameter).map_err(failed)?;
                }
                Self::Zstd(context)
            }
        })
    }

    /// Takes a piece; gives what is ready to be sent.
    pub(in crate::http) fn add(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Zstd(context) => {
                let mut out = Vec::new();
                let mut input = InBuffer::around(piece);
                while input.pos() < piece.len() {
                    grow(&mut out, |space| context.compress_stream(space, &mut input))?;
                }
                Ok(out.into())
            }
        }
    }

    /// The rest.
    pub(in crate::http) fn end(&mut self) -> io::Result<Bytes> {
        match self {
            Self::Gzip(encoder) => {
                encoder.try_finish()?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Zstd(context) => {
                let mut out = Vec::new();
                while grow(&mut out, |space| context.end_stream(space))? > 0 {}
                Ok(out.into())
            }
        }
    }
}

/// Lets `write` write behind what is in `out`.
fn grow(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> Result<usize, usize>,
) -> io::Result<usize> {
    out.reserve(PIECE);
    let length = out.len();
    let mut space = OutBuffer::around_pos(out, length);
    write(&mut space).map_err(failed)
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}
