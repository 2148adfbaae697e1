//! The body of a request that is a message: received within limits and decompressed. Its content type says how it is encoded.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use log_domain::Error;
use log_domain::budget::{Budget, Permit};
use poem::http::{HeaderMap, header};
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::http::document::schema;
use crate::http::wire::coding::Coding;
use crate::http::wire::failure::{Failure, Reason};
use crate::http::wire::format::Format;
use crate::http::wire::proto::Described;
use collected::Collected;

mod collected;
mod decompress;

/// A body that has not been read yet, in a supported format: the message `M`.
pub(super) struct MessageBody<M> {
    format: Format,
    incoming: Incoming,
    message: PhantomData<fn() -> M>,
}

/// A body that has not been read yet.
pub(in crate::http) struct Incoming {
    coding: Option<Coding>,
    announced: Option<u64>,
    body: Body,
}

impl<'a, M: Described> ApiExtractor<'a> for MessageBody<M> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        schema::register::<M>(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: schema::in_both_formats::<M>(),
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self {
            format: Format::of_body(request.headers())?,
            incoming: Incoming {
                coding: Coding::of_body(request.headers())?,
                announced: announced(request.headers()),
                body: body.take()?,
            },
            message: PhantomData,
        })
    }
}

impl<M> MessageBody<M> {
    /// Reads the body into one piece. Every byte is taken from `budget` before the next one is read.
    pub(super) async fn receive(
        self,
        limit: usize,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<Received, Failure> {
        let format = self.format;
        let (body, permit) = self.incoming.receive(limit, budget, timeout).await?;
        Ok(Received {
            format,
            body,
            permit,
        })
    }
}

impl Incoming {
    /// The body of `request` as it is sent: if it is compressed, it stays so.
    pub(in crate::http) fn as_sent(request: &mut Request) -> Self {
        Self {
            coding: None,
            announced: announced(request.headers()),
            body: request.take_body(),
        }
    }

    /// The body of `request`, to be decompressed if it is compressed.
    ///
    /// # Errors
    /// [`Reason::UnsupportedContentCoding`].
    pub(in crate::http) fn of(request: &mut Request) -> Result<Self, Failure> {
        let coding = Coding::of_body(request.headers())?;
        Ok(Self {
            coding,
            ..Self::as_sent(request)
        })
    }

    /// Reads the body into one piece. Every byte is taken from `budget` before the next one is read.
    pub(in crate::http) async fn receive(
        self,
        limit: usize,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<(Bytes, Permit), Failure> {
        let whole = tokio::time::timeout(timeout, self.read(limit, budget));
        whole.await.map_err(|_| {
            Failure::new(
                Reason::DeadlineExceeded,
                format!(
                    "the request body did not arrive within {} ms; nothing was applied",
                    timeout.as_millis()
                ),
            )
        })?
    }

    async fn read(self, limit: usize, budget: &Budget) -> Result<(Bytes, Permit), Failure> {
        check_size(self.announced.unwrap_or(0), limit)?;
        let permit = budget.take(0)?;
        let chunks = received(self.body.into_bytes_stream(), limit);
        match self.coding {
            None => whole(chunks, limit, permit).await,
            Some(coding) => decompress::whole(coding, chunks, limit, permit).await,
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The body as it arrives, up to `limit` bytes of it.
fn received(
    chunks: impl Stream<Item = io::Result<Bytes>>,
    limit: usize,
) -> impl Stream<Item = Result<Bytes, Failure>> {
    let mut received = 0;
    chunks.map(move |chunk| {
        let chunk = chunk.map_err(|error| {
            Failure::invalid(format!("the request body was not received: {error}"))
        })?;
        received += chunk.len();
        check_size(received as u64, limit)?;
        Ok(chunk)
    })
}

/// A body that is not compressed, in one piece.
async fn whole(
    chunks: impl Stream<Item = Result<Bytes, Failure>>,
    limit: usize,
    mut permit: Permit,
) -> Result<(Bytes, Permit), Failure> {
    let mut chunks = std::pin::pin!(chunks);
    // Most bodies are one chunk and are used as they came; more are copied together at once, because small
    // chunks would hold on to the whole buffers that they were read into.
    let Some(first) = chunks.next().await.transpose()? else {
        return Ok((Bytes::new(), permit));
    };
    permit.grow(first.len() as u64)?;
    let Some(second) = chunks.next().await.transpose()? else {
        return Ok((first, permit));
    };
    let mut joined = Collected::new("request body in bytes", limit, permit.another(0)?);
    joined.add(&first)?;
    drop((first, permit));
    joined.add(&second)?;
    drop(second);
    while let Some(chunk) = chunks.next().await {
        joined.add(&chunk?)?;
    }
    Ok(joined.into_parts())
}

fn check_size(bytes: u64, limit: usize) -> Result<(), Error> {
    if bytes > limit as u64 {
        return Err(Error::TooLarge {
            what: "request body in bytes",
            actual: bytes,
            limit: limit as u64,
        });
    }
    Ok(())
}

/// A whole body and the room it takes.
pub(super) struct Received {
    pub(super) format: Format,
    pub(super) body: Bytes,
    /// Given back when the request is answered.
    pub(super) permit: Permit,
}
