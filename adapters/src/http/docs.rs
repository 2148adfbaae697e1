//! `/openapi.json` and `/openapi.yaml`: the document of this API, and what leads to it.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Route, get};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{
    ContactObject, ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags,
};

use super::Api;
use super::page::{NOT_KEPT, fixed};
use super::published::Published;
use super::refined::Refined;
use super::swagger_ui;
use crate::memory::MemoryStore;

/// How the document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// As YAML.
    Yaml,
    /// As JSON.
    Json,
}

/// The same for all servers of a process.
static PUBLISHED: LazyLock<Published> =
    LazyLock::new(|| Published::new(&describe(Unserved::<Api<MemoryStore>>(PhantomData))));

/// The OpenAPI document that a server of this version serves.
pub fn document(format: DocumentFormat) -> String {
    let document = match format {
        DocumentFormat::Yaml => &PUBLISHED.yaml,
        DocumentFormat::Json => &PUBLISHED.json,
    };
    String::from_utf8_lossy(document).into_owned()
}

/// What the operations are grouped by.
#[derive(Tags)]
pub(super) enum Tag {
    /// Append records to keys; read, count and follow them; list what is there.
    #[oai(rename = "log")]
    Log,
    /// For those who run the server: probes and metrics. They may be on a listener of their own.
    #[oai(rename = "operations")]
    Operations,
}

/// Describes `api`.
pub(super) fn describe<T: OpenApi>(api: T) -> OpenApiService<Refined<T>, ()> {
    let anywhere = ServerObject::new("{scheme}://{host}:{port}")
        .description("Any server.")
        .enum_variable(
            "scheme",
            "https where TLS is configured.",
            "http",
            vec!["http", "https"],
        )
        .variable("host", "Its name or address.", "localhost")
        .variable("port", "The port it listens on.", "8080");
    OpenApiService::new(Refined(api), "Log", env!("CARGO_PKG_VERSION"))
        .server(
            ServerObject::new(".").description(
                "The server that this document came from, at the path where the document is.",
            ),
        )
        .server(anywhere)
        .extra_response_header::<String, _>(
            ExtraHeader::new("x-request-id")
                .description("The client's, if it sent one, else a new one. The server's log has it too."),
        )
        .description(
            "A key-oriented append-only log on object storage. Every key is its own ordered stream of records; writing to a new key creates it. All records share one \
             sequence.\n\n\
             Messages travel as ProtoJSON or as binary protobuf, as `Content-Type` and `Accept` say. In JSON, bytes \
             are base64 (standard or URL-safe, padded or not; answers are standard and padded), and 64-bit numbers \
             are numbers. Text may be sent as `keyText` and `valueText`, and is answered so with `format=text`. \
             `openapi/log.proto` has the messages for binary protobuf. Query parameters and fields of a request \
             that this document does not have are refused.\n\n\
             Every answer to an HTTP request has the header `x-request-id`: the client's, or a new one. Every error, on \
             every path, is an `ErrorResponse`. What cannot be read as a request, or has a head over 64 KiB, is answered \
             400 or 431 without either, and the connection is closed.",
        )
        .contact(ContactObject::new().name("The maintainers of OpenData Log"))
        .license(
            LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"),
        )
}

/// Adds the routes that serve the document, and what shows it, to `routes`.
pub(super) fn serve(routes: Route) -> Route {
    let document =
        |content_type, content: &Bytes| get(fixed(content_type, content.clone(), NOT_KEPT));
    let routes = routes
        .at(
            "/openapi.json",
            document("application/json", &PUBLISHED.json),
        )
        .at(
            "/openapi.yaml",
            document("application/yaml", &PUBLISHED.yaml),
        );
    swagger_ui::serve(routes)
}

/// An API whose document is wanted, and nothing else of it.
struct Unserved<T>(PhantomData<fn() -> T>);

impl<T: OpenApi> OpenApi for Unserved<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}
