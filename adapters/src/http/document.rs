//! The OpenAPI document of this API: what the handlers say of themselves, and what has to be added to it.

use std::collections::HashMap;
use std::marker::PhantomData;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{
    ContactObject, ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject, Tags,
};

use amended::Amended;
use rendered::Rendered;

mod amended;
mod error_examples;
mod links;
pub(super) mod parameters;
pub(super) mod rendered;
mod responses;
pub(super) mod schema;

/// How the document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// As YAML.
    Yaml,
    /// As JSON.
    Json,
}

/// Writes the document of the API `T`.
pub(super) fn rendered<T: OpenApi>() -> Rendered {
    Rendered::new(&describe(Unserved::<T>(PhantomData)))
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
pub(super) fn describe<T: OpenApi>(api: T) -> OpenApiService<Amended<T>, ()> {
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
    OpenApiService::new(Amended(api), "Log", env!("CARGO_PKG_VERSION"))
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
