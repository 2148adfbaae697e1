//! Writers that requests are forwarded to.

use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use poem::http::Request as Sent;

use crate::http::tests::*;
use crate::http::wire::route_table::NODE_APPENDS;
use crate::http::{Lost, Streamed, Writer};

/// A writer in this process.
pub(in crate::http::tests) struct At(pub(in crate::http::tests) Server);

/// The request as this server gets it.
fn got<B: Into<Body>>(request: Sent<B>) -> Request {
    let (head, body) = request.into_parts();
    let mut request = Request::builder()
        .method(head.method)
        .uri(head.uri)
        .header("host", "localhost")
        .body(body);
    request.headers_mut().extend(head.headers);
    request
}

impl At {
    async fn begin(
        &self,
        request: Request,
    ) -> std::result::Result<poem::http::Response<Streamed>, Lost> {
        let (head, body) = self.0.response(request).await.into_parts();
        let parts = body.into_bytes_stream();
        let parts = parts.map(|part| part.map_err(|error| error.to_string()));
        let mut response = poem::http::Response::new(parts.boxed());
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        Ok(response)
    }
}

impl Writer for At {
    fn stream(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Streamed>, Lost>> {
        self.begin(got(request)).boxed()
    }

    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Streamed>, Lost>> {
        let body = |parts: Streamed| Body::from_bytes_stream(parts.map_err(std::io::Error::other));
        self.begin(got(request.map(body))).boxed()
    }

    fn send(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Bytes>, Lost>> {
        async move {
            let answer = self.0.send(got(request)).await;
            let mut response = poem::http::Response::new(answer.body);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        }
        .boxed()
    }
}

/// A writer that answers each request in the same way, and keeps them. It takes no streams of appends.
#[derive(Clone, Default)]
pub(in crate::http::tests) struct Scripted {
    /// No answer ever, if there is none.
    pub(in crate::http::tests) answer:
        Option<std::result::Result<poem::http::Response<Bytes>, Lost>>,
    pub(in crate::http::tests) seen: Arc<Mutex<Vec<Sent<Bytes>>>>,
}

impl Scripted {
    pub(in crate::http::tests) fn answering(
        status: u16,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Self {
        let answer = poem::http::Response::builder().status(status);
        let answer = headers
            .iter()
            .fold(answer, |answer, (name, value)| answer.header(*name, *value));
        Self {
            answer: Some(Ok(answer.body(body.into()).expect("an answer"))),
            seen: Arc::default(),
        }
    }
}

impl Writer for Scripted {
    fn exchange(
        &self,
        request: Sent<Streamed>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Streamed>, Lost>> {
        if request.uri().path() == NODE_APPENDS {
            let mut refusal = poem::http::Response::new(futures::stream::empty().boxed());
            *refusal.status_mut() = StatusCode::NOT_FOUND;
            return async { Ok(refusal) }.boxed();
        }
        self.stream(request.map(|_| Bytes::new()))
    }

    fn stream(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Streamed>, Lost>> {
        let answer = self.send(request);
        async {
            let answer = answer.await?;
            Ok(answer.map(|body| futures::stream::iter([Ok(body)]).boxed()))
        }
        .boxed()
    }

    fn send(
        &self,
        request: Sent<Bytes>,
    ) -> BoxFuture<'_, std::result::Result<poem::http::Response<Bytes>, Lost>> {
        self.seen.lock().push(request);
        match self.answer.clone() {
            Some(answer) => async { answer }.boxed(),
            None => std::future::pending().boxed(),
        }
    }
}
