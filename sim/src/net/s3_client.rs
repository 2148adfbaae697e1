//! The network under the product's S3 client: pooled connections and time-outs as its own network has them.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio::time::{Instant, Sleep};

use super::stream::Connect;

/// Carries the requests of the product's S3 client over the simulated network, with the time-outs that the client
/// was configured with.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimNetwork;

impl HttpConnector for SimNetwork {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let time = |key| {
            let text = options.get_config_value(&key)?;
            humantime::parse_duration(&text).ok()
        };
        let forever = Duration::from_secs(1 << 20);
        let connect = Connect {
            within: time(ClientConfigKey::ConnectTimeout).unwrap_or(forever),
        };
        Ok(HttpClient::new(Service {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connect),
            within: time(ClientConfigKey::Timeout).unwrap_or(forever),
        }))
    }
}

#[derive(Debug)]
struct Service {
    client: Client<Connect, HttpRequestBody>,
    within: Duration,
}

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let deadline = Instant::now() + self.within;
        let answered = tokio::time::timeout_at(deadline, self.client.request(request)).await;
        let response = answered.map_err(|_| late())?.map_err(|error| {
            let kind = match error.is_connect() {
                true => HttpErrorKind::Connect,
                false => kind_of(&error),
            };
            HttpError::new(kind, error)
        })?;
        Ok(response.map(|body| {
            HttpResponseBody::new(Timed {
                body,
                deadline: Box::pin(tokio::time::sleep_until(deadline)),
            })
        }))
    }
}

fn late() -> HttpError {
    HttpError::new(
        HttpErrorKind::Timeout,
        std::io::Error::from(std::io::ErrorKind::TimedOut),
    )
}

/// As the product's own client tells errors apart.
fn kind_of(error: &(dyn StdError + 'static)) -> HttpErrorKind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted())
        {
            return HttpErrorKind::Request;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as Io;
            match error.kind() {
                Io::TimedOut => return HttpErrorKind::Timeout,
                Io::ConnectionAborted
                | Io::ConnectionReset
                | Io::BrokenPipe
                | Io::UnexpectedEof => return HttpErrorKind::Interrupted,
                _ => {}
            }
        }
        cause = error.source();
    }
    HttpErrorKind::Unknown
}

/// A body that must have arrived by the deadline of its request.
struct Timed {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| {
                frame.map_err(|error| {
                    let kind = kind_of(&error);
                    HttpError::new(kind, error)
                })
            }));
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(late()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
