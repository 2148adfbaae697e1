//! `/openapi.json`, `/openapi.yaml` and `/docs`: the document of this API, and Swagger UI without anything from outside.

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::header;
use poem::{Endpoint, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::secured::Secured;

/// Nothing but what is in the page itself, and requests to this server.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                              img-src data:; connect-src 'self'";

/// Describes `api`.
pub(super) fn describe<T: OpenApi>(api: T) -> OpenApiService<Secured<T>, ()> {
    OpenApiService::new(Secured(api), "Log", env!("CARGO_PKG_VERSION"))
        .description(
            "A key-oriented append-only log on object storage. Every key is its own ordered stream of records; writing to a new key creates it. All records share one \
             sequence.\n\n\
             Messages travel as ProtoJSON or as binary protobuf, as `Content-Type` and `Accept` say. In JSON, bytes \
             are base64 (standard or URL-safe, padded or not; answers are standard and padded), and 64-bit numbers \
             are numbers. `openapi/log.proto` has the messages for binary protobuf.\n\n\
             Every answer has the header `x-request-id`: the client's, or a new one. Every error, on every path, is \
             an `ErrorResponse`.",
        )
        .license("Apache-2.0")
}

/// Adds the routes that serve the document of `service` to `routes`.
pub(super) fn serve<T: OpenApi + 'static>(routes: Route, service: &OpenApiService<T, ()>) -> Route {
    routes
        .at(
            "/openapi.json",
            get(fixed("application/json", service.spec())),
        )
        .at(
            "/openapi.yaml",
            get(fixed("application/yaml", service.spec_yaml())),
        )
        .at(
            "/docs",
            get(fixed("text/html; charset=utf-8", service.swagger_ui_html())),
        )
}

fn fixed(content_type: &'static str, content: String) -> impl Endpoint + 'static {
    let content = Bytes::from(content);
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY)
            .body(content.clone())
    })
}
