//! Asks the server that writes the log how far it is durable.

use std::time::Duration;

use bytes::Bytes;
use log_domain::Sequence;
use poem::http::{HeaderValue, Request, StatusCode, header};
use serde::Deserialize;
use tokio::time::timeout;

use super::writer::Writer;
use crate::http::wire::durable_sequence;
use crate::http::wire::failure::Reason;

/// An answer may take so much longer than what it was asked to wait.
const ANSWER: Duration = Duration::from_secs(10);

/// The durable watermark of the writer, once it is above `known`, or after `within` anyway. The request carries `token`, which must
/// have the right to read.
///
/// It is an empty read that waits (`at_least`), so it takes no part of the store, and a place among the followers of the writer.
///
/// # Errors
/// What went wrong, for the log of this server.
pub async fn durable_beyond(
    writer: &dyn Writer,
    token: Option<&str>,
    known: Sequence,
    within: Duration,
) -> Result<Sequence, String> {
    let target = format!(
        "/api/v1/log/scan?prefix=&start_seq=0&end_seq=0&visibility=durable&at_least={}&timeout_ms={}",
        known.get().saturating_add(1),
        within.as_millis()
    );
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = target.parse().map_err(|_| "not a URL".to_owned())?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        let token = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut token = token.map_err(|_| "the token cannot be in a header".to_owned())?;
        token.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, token);
    }
    let answer = timeout(within + ANSWER, writer.send(request)).await;
    let answer = answer.map_err(|_| "no answer in time".to_owned())?;
    let answer = answer.map_err(|lost| lost.to_string())?;
    let told = match answer.status() {
        StatusCode::OK => Some(()),
        // It is no further than that after this time.
        StatusCode::SERVICE_UNAVAILABLE if code(answer.body()) == Reason::Behind.row().code => {
            Some(())
        }
        _ => None,
    };
    let durable = answer.headers().get(durable_sequence::HEADER);
    let durable = durable.and_then(|value| value.to_str().ok()?.parse().ok());
    match (told, durable) {
        (Some(()), Some(durable)) => Ok(Sequence::new(durable)),
        (Some(()), None) => Err("the answer does not say how far the log is durable".to_owned()),
        (None, _) => Err(match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "status {}: reader.writer_token_file must hold a token of the writer that has the right read",
                answer.status().as_u16()
            ),
            status => format!("status {} {}", status.as_u16(), code(answer.body())),
        }),
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
