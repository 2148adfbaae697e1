//! `/openapi.json` and `/openapi.yaml`: the document of this API.

use std::sync::OnceLock;

use bytes::Bytes;
use log_domain::LogStore;
use poem::{Route, get};

use super::Api;
use super::fixed_page::{NOT_KEPT, fixed};
use crate::http::document::DocumentFormat;
use crate::http::document::rendered::Rendered;

/// The same for all servers of a process, whatever store they serve.
static DOCUMENT: OnceLock<Rendered> = OnceLock::new();

fn rendered<S: LogStore>() -> &'static Rendered {
    DOCUMENT.get_or_init(crate::http::document::rendered::<Api<S>>)
}

/// The OpenAPI document that a server of this version serves. It is the same for every store `S`.
pub fn document<S: LogStore>(format: DocumentFormat) -> String {
    let document = match format {
        DocumentFormat::Yaml => &rendered::<S>().yaml,
        DocumentFormat::Json => &rendered::<S>().json,
    };
    String::from_utf8_lossy(document).into_owned()
}

/// Adds the routes that serve the document to `routes`.
pub(in crate::http) fn serve<S: LogStore>(routes: Route) -> Route {
    let Rendered { json, yaml } = rendered::<S>();
    let document =
        |content_type, content: &Bytes| get(fixed(content_type, content.clone(), NOT_KEPT));
    routes
        .at("/openapi.json", document("application/json", json))
        .at("/openapi.yaml", document("application/yaml", yaml))
}
