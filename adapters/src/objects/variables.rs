//! Values that the clients of object stores would panic on, or complain about without a name, refused by name.
//!
//! `object_store` puts values into headers and URLs with `unwrap` and `expect`, so a line break in a key id or an
//! endpoint without a scheme ends the process. Everything that reaches its builders passes here first.

use log_domain::{Error, Result};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The URL of a service.
    Url,
    /// The URL of a service that is only asked over TLS.
    TlsUrl,
    /// The path of a URL.
    UrlPath,
    /// A part of a host name or of a URL's path.
    Name,
    /// The path of a file.
    File,
    /// A text with line breaks.
    Any,
    /// Part of a header.
    Header,
}

/// Refuses a variable whose value its client cannot use.
///
/// # Errors
/// [`Error::Invalid`], without the value if it could be a secret.
pub(super) fn check(name: &str, value: &str) -> Result<()> {
    match kind(name) {
        Kind::Any => Ok(()),
        Kind::File if value.chars().any(char::is_control) => Err(Error::invalid(format!(
            "{name} contains a line break or another control character; it must be the path of a file"
        ))),
        Kind::File => Ok(()),
        Kind::Header => text(name, value),
        Kind::Name => name_part(name, value),
        Kind::UrlPath if !value.starts_with('/') => Err(Error::invalid(format!(
            "{name} must be a path that begins with a slash, for example /v2/credentials"
        ))),
        Kind::UrlPath => url(name, &format!("http://host{value}")).map(drop),
        Kind::Url => url(name, value).map(drop),
        Kind::TlsUrl => match url(name, value)? {
            Scheme::Https => Ok(()),
            Scheme::Http => Err(Error::invalid(format!(
                "{name} must begin with https://: the client sends credentials there over TLS only"
            ))),
        },
    }
}

fn kind(name: &str) -> Kind {
    const URLS: [&str; 14] = [
        "AWS_ENDPOINT",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_METADATA_ENDPOINT",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "GOOGLE_BASE_URL",
        "AZURE_ENDPOINT",
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_AUTHORITY_HOST",
        "AZURE_STORAGE_AUTHORITY_HOST",
        "AZURE_MSI_ENDPOINT",
        "AZURE_IDENTITY_ENDPOINT",
        "AZURE_FABRIC_TOKEN_SERVICE_URL",
        "AZURE_FABRIC_WORKLOAD_HOST",
    ];
    const NAMES: [&str; 8] = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_BUCKET",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_TENANT_ID",
        "AZURE_STORAGE_TENANT_ID",
        "AZURE_AUTHORITY_ID",
        "AZURE_STORAGE_AUTHORITY_ID",
    ];
    const FILES: [&str; 3] = [
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ];
    let ends_with = |end: &str| name.ends_with(end);
    match name {
        "AWS_ENDPOINT_URL_STS" => Kind::TlsUrl,
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" => Kind::UrlPath,
        _ if URLS.contains(&name) => Kind::Url,
        _ if NAMES.contains(&name) => Kind::Name,
        _ if FILES.contains(&name) || ends_with("_FILE") => Kind::File,
        "GOOGLE_SERVICE_ACCOUNT_KEY" => Kind::Any,
        _ if ends_with("_CA_CERTIFICATE") => Kind::Any,
        _ => Kind::Header,
    }
}

/// Whether a URL is of plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// The scheme of a URL that a client can use.
///
/// # Errors
/// [`Error::Invalid`] that says what is accepted.
fn url(name: &str, value: &str) -> Result<Scheme> {
    text(name, value)?;
    let scheme = match value.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Some(Scheme::Https),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Some(Scheme::Http),
        _ => None,
    };
    let parsed: Option<http::Uri> = value.parse().ok();
    let host = parsed.as_ref().and_then(http::Uri::host);
    let port = parsed.as_ref().and_then(http::Uri::authority);
    let port_is_valid = port.is_none_or(|authority| {
        let after_host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = after_host.rsplit_once(':').map(|(_, port)| port);
        port.is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok())
    });
    match (scheme, host) {
        (Some(scheme), Some(host)) if !host.is_empty() && port_is_valid => Ok(scheme),
        _ => Err(Error::invalid(format!(
            "{name} is {}; it must be a URL such as https://storage.example.com or http://127.0.0.1:9000",
            shown(value)
        ))),
    }
}

/// Refuses an endpoint of plain HTTP unless the variable `switch` allows it: the client would only say that the scheme
/// is not allowed.
///
/// # Errors
/// [`Error::Invalid`] that names the switch.
pub(super) fn plain_http(
    name: &str,
    value: &str,
    switch: &str,
    allowed: Option<String>,
) -> Result<()> {
    let allowed = allowed.is_some_and(|allowed| {
        let yes = ["1", "true", "on", "yes", "y"];
        yes.contains(&allowed.to_ascii_lowercase().as_str())
    });
    match url(name, value)? {
        Scheme::Http if !allowed => Err(Error::invalid(format!(
            "{name} is {}, without TLS: everybody on the way can read and change what is sent. If the network is \
             trusted, allow it with {switch}=true",
            shown(value)
        ))),
        _ => Ok(()),
    }
}

/// A part of a host name or of a URL's path, as names of buckets, regions and accounts are.
///
/// # Errors
/// As [`url`].
pub(super) fn name_part(name: &str, value: &str) -> Result<()> {
    text(name, value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if value.is_empty() || !value.chars().all(allowed) || value.chars().all(|c| c == '.') {
        return Err(Error::invalid(format!(
            "{name} is {}; it may consist of letters, digits, '-', '.' and '_', for example eu-central-1",
            shown(value)
        )));
    }
    Ok(())
}

/// Text that fits into a header.
fn text(name: &str, value: &str) -> Result<()> {
    let what = if value.ends_with(['\n', '\r']) {
        "ends with a line break; remove it (printf %s writes none)"
    } else if value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
        "begins or ends with white space; remove it"
    } else if !value.chars().all(|c| matches!(c, ' '..='~')) {
        "contains a character that cannot be sent; only printable ASCII can"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{name} {what}")))
}

/// The value of a setting that is no secret by itself, without a password that may be in it.
fn shown(value: &str) -> String {
    format!("`{}`", without_passwords(value))
}

/// The text of an error in one line, without the passwords that may be in it.
pub(super) fn in_one_line(text: &str) -> String {
    let text = without_passwords(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text with a mask where a URL in it has a user and a password.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['/', ' ', '`', ')', '?']).unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        masked.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => masked.push_str(&format!("********@{host}")),
            None => masked.push_str(authority),
        }
        masked.push_str(rest);
    }
    masked
}
