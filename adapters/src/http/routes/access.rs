//! `GET /-/access`: what the token of a request may do, and what this server does with changes. It is for the console, and no part of the document.

use log_domain::{Right, Rights};
use poem::http::header;
use poem::{Endpoint, Request, Response, Result};
use serde::Serialize;

/// What the sender of a request may do, which the edge tells with the request.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Granted {
    /// Whether tokens are asked for at all.
    pub(in crate::http) authentication: bool,
    /// The rights of its token; all without authentication, and nothing for a token that is not known.
    pub(in crate::http) rights: Option<Rights>,
}

/// What becomes of requests that change the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) enum Changes {
    /// This server writes the log.
    Applied,
    /// Another one does, and is sent them.
    Forwarded,
    /// Another one does.
    Refused,
}

pub(in crate::http) struct AccessRoute {
    pub(in crate::http) changes: Changes,
    /// The URL of the server that writes the log, if this one is not it and knows it.
    pub(in crate::http) writer: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: &'static str,
    version: &'static str,
    authentication: bool,
    known: bool,
    rights: Vec<&'static str>,
    changes: Changes,
    #[serde(skip_serializing_if = "Option::is_none")]
    writer: Option<&'a str>,
}

impl Endpoint for AccessRoute {
    type Output = Response;

    /// Answers everybody with 200, also those whose token is not known: asking is how a page finds that out.
    async fn call(&self, request: Request) -> Result<Response> {
        let granted = request.data::<Granted>().copied();
        let granted = granted.unwrap_or(Granted {
            authentication: true,
            rights: None,
        });
        let rights = granted.rights.unwrap_or_default();
        let allowed = Right::ALL.into_iter().filter(|right| rights.allow(*right));
        let answer = Answer {
            status: "success",
            version: env!("CARGO_PKG_VERSION"),
            authentication: granted.authentication,
            known: granted.rights.is_some(),
            rights: allowed.map(Right::name).collect(),
            changes: self.changes,
            // Only those who may use this server are told of another one.
            writer: self.writer.as_deref().filter(|_| granted.rights.is_some()),
        };
        json(&answer)
    }
}

/// An answer that is not kept.
pub(in crate::http) fn json(answer: &impl Serialize) -> Result<Response> {
    let body = serde_json::to_vec(answer).map_err(|error| {
        let error = log_domain::Error::internal(format!("an answer cannot be written: {error}"));
        crate::http::wire::failure::Failure::from(error)
    })?;
    Ok(Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(body))
}
