//! `GET /-/config`: the configuration in force, without secrets. It is for the console, and no part of the document.

use poem::{Endpoint, Request, Response, Result};
use serde::Serialize;

use super::access::json;

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name, with its sections: `limits.key_bytes`; or that of a variable that the client of the object store reads.
    pub name: String,
    /// Its value as text; masked if it is a secret, and `-` if it is empty.
    pub value: String,
    /// Where it comes from: `default`, `file …`, `environment …` or `flag`.
    pub source: String,
}

/// Answers with all settings, which MUST NOT have secrets.
pub(in crate::http) struct SettingsRoute(pub(in crate::http) Vec<Setting>);

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    settings: &'a [Setting],
}

impl Endpoint for SettingsRoute {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        json(&Answer {
            status: "success",
            settings: &self.0,
        })
    }
}
