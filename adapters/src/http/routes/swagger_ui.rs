//! `/docs`: Swagger UI, without anything from outside and without a script in the page.

use poem::{Route, get};

use super::fixed_page::{NOT_KEPT, fixed};

const PAGE: &str = include_str!("swagger-ui/page.html");
const BUNDLE: &str = include_str!("swagger-ui/swagger-ui-bundle.js");
const STYLE: &str = include_str!("swagger-ui/swagger-ui.css");
const START: &str = include_str!("swagger-ui/start.js");
const ICON: &[u8] = include_bytes!("swagger-ui/favicon-32x32.png");

/// Browsers keep the files for an hour.
const KEPT: &str = "max-age=3600";

/// Adds the page and its files to `routes`.
pub(in crate::http) fn serve(routes: Route) -> Route {
    // Links relative to the page work below every path that a proxy puts it at.
    let page = |folder: &str| {
        let page = PAGE.replace("{folder}", folder);
        get(fixed("text/html; charset=utf-8", page, NOT_KEPT))
    };
    let script = |text: &'static str| get(fixed("text/javascript; charset=utf-8", text, KEPT));
    routes
        .at("/docs", page("docs/"))
        .at("/docs/", page(""))
        .at("/docs/swagger-ui-bundle.js", script(BUNDLE))
        .at("/docs/start.js", script(START))
        .at(
            "/docs/swagger-ui.css",
            get(fixed("text/css; charset=utf-8", STYLE, KEPT)),
        )
        .at(
            "/docs/favicon-32x32.png",
            get(fixed("image/png", ICON, KEPT)),
        )
}
