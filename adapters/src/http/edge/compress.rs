//! Compression of answers while they are sent, for clients that accept it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use log_domain::budget::{Budget, Permit};
use poem::ResponseParts;
use poem::http::{HeaderValue, header};

use crate::http::wire::coding::Coding;
use crate::http::wire::encoder::{Encoder, LEAST_BYTES, PIECE, VARIES};

/// What an answer that is being compressed holds besides itself, at most: the state of zstd or gzip, and their output.
const ENCODER_BYTES: u64 = 1 << 20;

/// Bytes that are compressed before the task yields.
const TURN: usize = 256 << 10;

/// Compresses answers, on the account of what answers may hold.
#[derive(Clone)]
pub(in crate::http) struct Compression(pub(in crate::http) Budget);

impl Compression {
    /// The body of an answer, compressed if that is asked for, if it is worth it and if there is room for it. Events are
    /// never compressed: each is to arrive when it happens. Nor are errors, which are also for those without any right.
    pub(in crate::http) fn of(
        &self,
        coding: Option<Coding>,
        head: &mut ResponseParts,
        body: BoxBody<Bytes, io::Error>,
    ) -> BoxBody<Bytes, io::Error> {
        if !is_compressible(head) {
            return body;
        }
        let varies = HeaderValue::from_static(VARIES);
        head.headers.append(header::VARY, varies);
        let length = body.size_hint().exact().unwrap_or(0);
        let worth_it = length >= LEAST_BYTES && head.status.is_success();
        let Some(coding) = coding.filter(|_| worth_it) else {
            return body;
        };
        // An answer that is sent as it is takes nothing more.
        let Ok(permit) = self.0.take(ENCODER_BYTES) else {
            return body;
        };
        let Ok(encoder) = Encoder::new(coding) else {
            return body;
        };
        head.headers.remove(header::CONTENT_LENGTH);
        let name = HeaderValue::from_static(coding.name());
        head.headers.insert(header::CONTENT_ENCODING, name);
        let compressed = Compressed {
            body,
            waiting: Bytes::new(),
            encoder: Some(encoder),
            _permit: permit,
        };
        compressed.boxed()
    }
}

fn is_compressible(head: &ResponseParts) -> bool {
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let is_stream = content_type.is_none_or(|kind| kind == "text/event-stream");
    !is_stream && !head.headers.contains_key(header::CONTENT_ENCODING)
}

/// A body, compressed piece by piece as it is taken.
struct Compressed {
    body: BoxBody<Bytes, io::Error>,
    /// What the body gave and is not compressed yet.
    waiting: Bytes,
    /// Until the end was written.
    encoder: Option<Encoder>,
    _permit: Permit,
}

impl Body for Compressed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let mut taken = 0;
        while let Some(encoder) = &mut this.encoder {
            if this.waiting.is_empty() {
                match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                    Some(frame) => this.waiting = frame?.into_data().unwrap_or_default(),
                    None => {
                        let last = encoder.end()?;
                        this.encoder = None;
                        return Poll::Ready(Some(Ok(Frame::data(last))));
                    }
                }
                continue;
            }
            let length = this.waiting.len().min(PIECE);
            let compressed = encoder.add(&this.waiting.split_to(length))?;
            if !compressed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(compressed))));
            }
            taken += length;
            if taken >= TURN {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_holds_while_it_is_compressed_is_what_is_charged() {
        let mut encoder = Encoder::new(Coding::Zstd).expect("an encoder");
        let noise: Vec<u8> = (0..PIECE as u32).map(|i| ((i * i) >> 3) as u8).collect();
        let mut longest = 0;
        for _ in 0..100 {
            longest = encoder.add(&noise).expect("compressed").len().max(longest);
        }
        let Encoder::Zstd(context) = &encoder else {
            panic!("zstd");
        };
        let held = (context.sizeof() + longest + PIECE) as u64;
        assert!(held <= ENCODER_BYTES, "{held}");
    }
}
