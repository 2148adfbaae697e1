//! Follows the commits of the server that writes the log, for a read-only server.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use log_domain::CommitNews;
use poem::http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Deserialize;
use tokio::time::timeout;

use super::writer::{Streamed, Writer};
use crate::http::wire::commit_frame::{CONTENT_TYPE, CommitFrame, Frames};
use crate::http::wire::route_table::COMMITS;

/// The writer answers within this time, and tells something as often, also if nothing happens.
const SILENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that is no stream, which are read for its code.
const ERROR_BYTES: usize = 64 << 10;

/// What the server that writes the log tells, as it happens.
pub struct CommitStream {
    log: Bytes,
    parts: Streamed,
    frames: Frames,
    first: Option<CommitNews>,
}

impl CommitStream {
    /// Asks `writer` for its commits, but for those in files up to `after`. The request carries `token`, which must have the right to read.
    ///
    /// # Errors
    /// What went wrong, and what to do about it, for the log of this server.
    pub async fn open(
        writer: &dyn Writer,
        token: Option<&str>,
        after: u64,
    ) -> Result<Self, String> {
        let mut request = Request::new(Bytes::new());
        let target = format!("{COMMITS}?after={after}");
        *request.uri_mut() = target.parse().map_err(|_| "not a URL".to_owned())?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(token) = token {
            let token = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut token = token.map_err(|_| "the token cannot be in a header".to_owned())?;
            token.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, token);
        }
        let answer = timeout(SILENCE, writer.stream(request)).await;
        let answer = answer.map_err(|_| "no answer in time".to_owned())?;
        let answer = answer.map_err(|lost| lost.to_string())?;
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind == CONTENT_TYPE);
        if answer.status() != StatusCode::OK || !is_stream {
            return Err(refusal(answer).await);
        }
        let mut stream = Self {
            log: Bytes::new(),
            parts: answer.into_body(),
            frames: Frames::default(),
            first: None,
        };
        let mut first = stream.frame().await?;
        let log = first.log.take();
        stream.log = log.ok_or("the first frame does not say which log it is of")?;
        stream.first = Some(first.news());
        Ok(stream)
    }

    /// What identifies the log that the writer writes.
    pub fn log(&self) -> &Bytes {
        &self.log
    }

    /// The next news. The writer says how far the log is durable each few seconds, if nothing happens.
    ///
    /// # Errors
    /// Why there is nothing more, for the log of this server.
    pub async fn next(&mut self) -> Result<CommitNews, String> {
        match self.first.take() {
            Some(first) => Ok(first),
            None => self.frame().await.map(CommitFrame::news),
        }
    }

    async fn frame(&mut self) -> Result<CommitFrame, String> {
        loop {
            if let Some(frame) = self.frames.next()? {
                return Ok(frame);
            }
            match timeout(SILENCE, self.parts.next()).await {
                Ok(Some(part)) => self.frames.add(&part?),
                Ok(None) => return Err("it ended the stream of commits".to_owned()),
                Err(_) => return Err(format!("it was silent for {} s", SILENCE.as_secs())),
            }
        }
    }
}

/// What an answer says that is no stream.
async fn refusal(answer: Response<Streamed>) -> String {
    let (head, mut parts) = answer.into_parts();
    let mut body = Vec::new();
    let read = async {
        while let Some(Ok(part)) = parts.next().await {
            body.extend_from_slice(&part);
            if body.len() > ERROR_BYTES {
                return;
            }
        }
    };
    // What was read of it will do.
    let _late = timeout(SILENCE, read).await;
    let status = head.status.as_u16();
    match head.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
            "status {status}: reader.writer_token_file must hold a token of the writer that has the right read"
        ),
        StatusCode::NOT_FOUND => format!(
            "status {status}: it has no stream of commits. It is another program or an older version, or a proxy in front of it does not \
             pass {COMMITS} on"
        ),
        StatusCode::MISDIRECTED_REQUEST => format!(
            "status {status}: it is a read-only server. reader.writer_url must be the URL of the server that writes the log"
        ),
        _ => format!("status {status} {}", code(&body)),
    }
}

/// The code of an error; empty if there is none.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Told {
        code: String,
    }
    let told: Result<Told, _> = serde_json::from_slice(body);
    told.map(|told| told.code).unwrap_or_default()
}
