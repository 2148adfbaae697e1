//! `/`: where to go from here, for people in a browser and on a terminal.

use poem::error::MethodNotAllowedError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use super::fixed_page::{self, NOT_KEPT};

/// Where a browser is sent. It is relative, as the links of the page are.
const CONSOLE: HeaderValue = HeaderValue::from_static("console");

/// For browsers where there is no console. Its links are relative, so that they work below every path that a proxy puts them at.
const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>OpenData Log</title>\n</head>\n<body>\n\
     <h1>OpenData Log ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<p>A key-oriented, append-only log server.</p>\n<ul>\n\
     <li><a href=\"docs\">The HTTP API</a>, to read and to try out</li>\n\
     <li>Its OpenAPI document, as <a href=\"openapi.json\">JSON</a> and as <a href=\"openapi.yaml\">YAML</a></li>\n\
     </ul>\n</body>\n</html>\n"
);

macro_rules! text {
    ($console:literal) => {
        concat!(
            "OpenData Log ",
            env!("CARGO_PKG_VERSION"),
            ", a key-oriented, append-only log server\n\n",
            $console,
            "/docs          the HTTP API, to read and to try out in a browser\n\
             /openapi.json  its OpenAPI document\n\
             /openapi.yaml  the same as YAML\n"
        )
    };
}

const TEXT: &str = text!("/console       records, keys and metrics, to look at in a browser\n");
const TEXT_WITHOUT_CONSOLE: &str = text!("");

/// Answers what is asked at the root: browsers are sent to the console, and others get a text.
///
/// It is no route, because what `poem` nests at the root takes the root with it.
pub(in crate::http) struct Welcome<E> {
    /// Whether there is a console.
    pub(in crate::http) console: bool,
    /// Answers everything else.
    pub(in crate::http) others: E,
}

impl<E: Endpoint> Endpoint for Welcome<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if request.uri().path() != "/" {
            return Ok(self.others.call(request).await?.into_response());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(MethodNotAllowedError.into());
        }
        let accepted = request.headers().get_all(header::ACCEPT).iter();
        let mut accepted = accepted.filter_map(|value| value.to_str().ok());
        let text = |text: &'static str| {
            let response = Response::builder().content_type("text/plain; charset=utf-8");
            response.body(text)
        };
        let by_browser = accepted.any(|types| types.contains("text/html"));
        let mut response = match (by_browser, self.console) {
            (true, true) => Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, CONSOLE)
                .finish(),
            (true, false) => Response::builder()
                .content_type("text/html; charset=utf-8")
                .body(PAGE),
            (false, true) => text(TEXT),
            (false, false) => text(TEXT_WITHOUT_CONSOLE),
        };
        fixed_page::say(response.headers_mut(), NOT_KEPT);
        let varies = HeaderValue::from_static("accept");
        response.headers_mut().insert(header::VARY, varies);
        Ok(response)
    }
}
