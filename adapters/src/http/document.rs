//! The OpenAPI document of this API: what is derived from the handlers and the messages, and what is added to it.

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
mod answer_examples;
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
    /// Append records to keys, read, count and follow them, and list keys and segments.
    #[oai(rename = "log")]
    Log,
    /// Probes and metrics, for operators. The server can serve them on a separate listener.
    #[oai(rename = "operations")]
    Operations,
}

/// Describes `api`.
pub(super) fn describe<T: OpenApi>(api: T) -> OpenApiService<Amended<T>, ()> {
    let anywhere = ServerObject::new("{scheme}://{host}:{port}")
        .description("Any server.")
        .enum_variable(
            "scheme",
            "https if TLS is configured.",
            "http",
            vec!["http", "https"],
        )
        .variable("host", "Host name or address of the server.", "localhost")
        .variable("port", "Port that the server listens on.", "8080");
    OpenApiService::new(Amended(api), "Log", env!("CARGO_PKG_VERSION"))
        .server(
            ServerObject::new(".").description(
                "The server that served this document, at the path of the document.",
            ),
        )
        .server(anywhere)
        .extra_response_header::<String, _>(
            ExtraHeader::new("x-request-id")
                .description("The request id: the one that the client sent, or a new one. The server logs it."),
        )
        .description(
            "A key-oriented append-only log on object storage. Each key is an ordered stream of records; appending to a new key creates it. All records share one \
             sequence.\n\n\
             Messages are ProtoJSON or binary protobuf, selected by `Content-Type` and `Accept`. In JSON, bytes \
             are base64 (requests: standard or URL-safe, padded or not; responses: standard and padded), and 64-bit numbers \
             are numbers. Text can be sent in `keyText` and `valueText`, and is returned in these fields with `format=text`. \
             `openapi/log.proto` defines the messages of binary protobuf. Query parameters and request fields \
             that this document does not define are rejected.\n\n\
             Every response to an HTTP request has the header `x-request-id`: the one that the client sent, or a new one. Every \
             error, on every path, is an `ErrorResponse`. Bytes that are not an HTTP request, or a request head over 64 KiB, are answered with \
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
