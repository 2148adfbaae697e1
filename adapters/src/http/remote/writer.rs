//! How a read-only server reaches the server that writes the log.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use poem::http::{Request, Response};

/// Sends requests to the server that writes the log.
pub trait Writer: Send + Sync + 'static {
    /// Sends a request, whose URI is a path and a query, and answers with what the writer answered, whatever its status is. It sends the request at
    /// most once, and follows no redirect. Without an answer, the caller gives up after a while by dropping the future.
    ///
    /// # Errors
    /// [`Lost`]. It MUST be [`Lost::Unknown`] if any byte of the request may have reached the writer.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, Lost>>;

    /// The same, with an answer whose body is streamed. The caller ends it by dropping it.
    ///
    /// # Errors
    /// [`Lost`].
    fn stream(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Streamed>, Lost>>;

    /// The same, with a request whose body is streamed too, also after the answer has begun.
    ///
    /// # Errors
    /// [`Lost`].
    fn exchange(
        &self,
        request: Request<Streamed>,
    ) -> BoxFuture<'_, Result<Response<Streamed>, Lost>>;
}

/// The streamed body of a request or an answer. An error is its last part, and says for the server's log why the stream ended.
pub type Streamed = BoxStream<'static, Result<Bytes, String>>;

/// Why there is no answer; the text is for the log of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Nothing was sent: there was no connection.
    NotSent(String),
    /// The request may have been sent, and the writer may have done it.
    Unknown(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Unknown(why) => write!(f, "sent, with unknown outcome: {why}"),
        }
    }
}
