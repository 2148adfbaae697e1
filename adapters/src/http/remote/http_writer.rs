//! The server that writes the log, over the network.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, stream};
use poem::http::{Request, Response};
use reqwest::Certificate;
use reqwest::redirect::Policy;
use url::Url;

use super::FORWARDED_AT_ONCE;
use super::writer::{Lost, Streamed, Writer};
use crate::causes;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Connections without a request are closed after this time, before the writer closes them: a request that is sent at that moment has an unknown
/// outcome.
const IDLE: Duration = Duration::from_secs(5);

/// Bytes of an answer. Answers to changes are far smaller.
const ANSWER_BYTES: usize = 1 << 20;

/// The URL of a server, `http` or `https`, without user, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterUrl(String);

impl WriterUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// What is wrong with it, to follow its name. It is not quoted: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("is not a URL, such as http://localhost:8080: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must begin with http:// or https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "must not have a user or a password: requests are forwarded with the token of their client".to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a query or a fragment".to_owned());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The URL without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reaches the writer over connections that are kept, directly and not by a proxy.
pub struct HttpWriter {
    client: reqwest::Client,
    url: WriterUrl,
}

impl HttpWriter {
    /// The writer at `url`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(url: WriterUrl) -> Result<Self, String> {
        Self::trusting(url, &[])
    }

    /// The same; certificates of the authorities in `authorities`, which is PEM, are accepted too.
    ///
    /// # Errors
    /// When TLS cannot be set up, or `authorities` is not PEM.
    pub fn trusting(url: WriterUrl, authorities: &[u8]) -> Result<Self, String> {
        let found = Certificate::from_pem_bundle(authorities);
        let found = found.map_err(|error| causes::told(&error))?;
        if found.is_empty() && !authorities.is_empty() {
            return Err("there is no certificate in it, in PEM".to_owned());
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .tls_certs_merge(found)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(FORWARDED_AT_ONCE);
        // A session may be slowed down for as long as its client likes. Dead peers are found by keepalive.
        #[cfg(target_os = "linux")]
        let client = client.tcp_user_timeout(None);
        let client = client.build().map_err(|error| causes::told(&error))?;
        Ok(Self { client, url })
    }

    /// Sends a request, and answers with the head of the answer, which is still to be read.
    async fn begin<B: Into<reqwest::Body>>(
        &self,
        request: Request<B>,
    ) -> Result<reqwest::Response, Lost> {
        let (mut head, body) = request.into_parts();
        let target = format!("{}{}", self.url.0, head.uri);
        head.uri = target
            .parse()
            .map_err(|error| Lost::NotSent(format!("not a URL: {error}")))?;
        let request = reqwest::Request::try_from(Request::from_parts(head, body))
            .map_err(|error| Lost::NotSent(causes::told(&error)))?;
        let sent = self.client.execute(request).await;
        sent.map_err(|error| lost(error.without_url()))
    }

    async fn whole(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        let mut answer = self.begin(request).await?;
        let mut body = BytesMut::new();
        loop {
            let piece = answer.chunk().await;
            let piece = piece.map_err(|error| Lost::Unknown(causes::told(&error.without_url())))?;
            let Some(piece) = piece else { break };
            if body.len() + piece.len() > ANSWER_BYTES {
                return Err(Lost::Unknown(format!(
                    "the answer has more than {ANSWER_BYTES} bytes"
                )));
            }
            body.extend_from_slice(&piece);
        }
        Ok(answered(&answer, body.freeze()))
    }
}

/// The answer with this body.
fn answered<B>(answer: &reqwest::Response, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = answer.status();
    response.headers_mut().clone_from(answer.headers());
    response
}

/// `answer`, with its body as it comes.
fn streamed(answer: reqwest::Response) -> Response<Streamed> {
    let head = answered(&answer, ());
    let parts = stream::unfold(Some(answer), async |answer| {
        let mut answer = answer?;
        match answer.chunk().await {
            Ok(part) => Some((Ok(part?), Some(answer))),
            Err(error) => Some((Err(causes::told(&error.without_url())), None)),
        }
    });
    head.map(|()| parts.boxed())
}

impl Writer for HttpWriter {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Lost>> {
        self.whole(request).boxed()
    }

    fn stream(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        let begun = self.begin(request);
        begun.map_ok(streamed).boxed()
    }

    fn exchange(
        &self,
        request: Request<Streamed>,
    ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>> {
        let begun = self.begin(request.map(reqwest::Body::wrap_stream));
        begun.map_ok(streamed).boxed()
    }
}

fn lost(error: reqwest::Error) -> Lost {
    let why = causes::told(&error);
    match error.is_connect() || error.is_builder() {
        true => Lost::NotSent(why),
        false => Lost::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_that_of_a_server_and_has_no_secrets() {
        for (text, url) in [
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("https://log.example.com/a/", "https://log.example.com/a"),
            ("HTTP://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(WriterUrl::parse(text).expect(text).as_str(), url);
        }
        for (text, why) in [
            ("", "is not a URL"),
            ("localhost:8080", "must begin with"),
            ("//localhost", "is not a URL"),
            ("ftp://localhost", "must begin with"),
            ("http://", "is not a URL"),
            ("http://user:secret@localhost", "a user"),
            ("http://user@localhost", "a user"),
            ("http://localhost?a=b", "a query"),
            ("http://localhost#a", "a fragment"),
        ] {
            let told = WriterUrl::parse(text).expect_err(text);
            assert!(told.contains(why) && !told.contains("secret"), "{told}");
        }
    }
}
