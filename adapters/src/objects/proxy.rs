//! The proxy between the server and its store, so that errors can name it: an unexpected one explains most of them.

use hyper_util::client::proxy::matcher::Matcher;

/// The proxy for requests to `url`: the one that the client was configured with, or the one that the environment names
/// by `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, except for hosts in `NO_PROXY`. The same code as in the HTTP client
/// reads them.
pub(super) fn of(url: &str, configured: Option<String>) -> Option<String> {
    if let Some(proxy) = configured {
        return Some(format!("the configured proxy {proxy}"));
    }
    let url = url.parse().ok()?;
    let proxy = Matcher::from_env().intercept(&url)?;
    Some(format!(
        "the proxy {} of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY (exceptions go into NO_PROXY)",
        proxy.uri()
    ))
}
