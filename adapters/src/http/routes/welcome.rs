//! `/`: where to go from here, for people in a browser and on a terminal.

use poem::error::MethodNotAllowedError;
use poem::http::{HeaderValue, Method, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use super::fixed_page::{self, NOT_KEPT};

/// Its links are relative, so that they work below every path that a proxy puts them at.
const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>OpenData Log</title>\n</head>\n<body>\n\
     <h1>OpenData Log ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<p>A key-oriented, append-only log server.</p>\n<ul>\n\
     <li><a href=\"docs\">The HTTP API</a>, to read and to try out</li>\n\
     <li>Its OpenAPI document, as <a href=\"openapi.json\">JSON</a> and as <a href=\"openapi.yaml\">YAML</a></li>\n\
     </ul>\n</body>\n</html>\n"
);

const TEXT: &str = concat!(
    "OpenData Log ",
    env!("CARGO_PKG_VERSION"),
    ", a key-oriented, append-only log server\n\n\
     /docs          the HTTP API, to read and to try out in a browser\n\
     /openapi.json  its OpenAPI document\n\
     /openapi.yaml  the same as YAML\n"
);

/// Answers what is asked at the root: with a page to those who take one, and with text to others.
///
/// It is no route, because what `poem` nests at the root takes the root with it.
pub(in crate::http) struct Welcome<E>(pub(in crate::http) E);

impl<E: Endpoint> Endpoint for Welcome<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if request.uri().path() != "/" {
            return Ok(self.0.call(request).await?.into_response());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(MethodNotAllowedError.into());
        }
        let accepted = request.headers().get_all(header::ACCEPT).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        let (content_type, content) = if accepted.any(|types| types.contains("text/html")) {
            ("text/html; charset=utf-8", PAGE)
        } else {
            ("text/plain; charset=utf-8", TEXT)
        };
        let mut response = Response::builder().content_type(content_type).body(content);
        fixed_page::say(response.headers_mut(), NOT_KEPT);
        let varies = HeaderValue::from_static("accept");
        response.headers_mut().insert(header::VARY, varies);
        Ok(response)
    }
}
