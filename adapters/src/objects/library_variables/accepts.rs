//! What the value of a variable must be, and what is said of one that is not.

use std::ops::RangeInclusive;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use log_domain::{Error, Result};
use url::Url;

use crate::quoted::quoted_url;
use crate::small_file::SmallFile;

/// Parameters of a query grow threefold when they are encoded, and a URL can have 64 KiB.
const MAX_PARAMETER: usize = 2 << 10;
/// A part of a URL.
const MAX_URL: usize = 2 << 10;
/// A header.
const MAX_HEADER: usize = 16 << 10;

/// A larger bundle of certificates is none.
const MAX_CERTIFICATES: u64 = 16 << 20;

/// What the value of a variable must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Accepts {
    /// Part of a header.
    Header,
    /// A key in base64, as part of a header.
    Base64,
    /// A parameter in the query of a URL.
    Parameter,
    /// Any text, with line breaks too.
    Text,
    /// The URL of a service.
    Url,
    /// The URL of a service that is only asked over TLS.
    TlsUrl,
    /// The path of a URL.
    UrlPath,
    /// The URL of a proxy; the scheme may be missing.
    Proxy,
    /// A host, perhaps with a port.
    Host,
    /// A part of a host name or of a URL's path.
    Name,
    /// The path of a file, which is read, and checked, only where it is used.
    Path,
    /// A file of certificates that is there.
    Certificates,
    /// Folders that are there, separated by colons.
    Folders,
    /// A whole number.
    Number(RangeInclusive<u64>),
}

impl Accepts {
    /// Refuses a value that the library behind this variable cannot use.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the variable, without the value if it could be a secret.
    pub(super) fn check(&self, name: &str, value: &str) -> Result<()> {
        match self {
            Self::Text => Ok(()),
            Self::Header => text(name, value),
            Self::Base64 => text(name, value).and_then(|()| match STANDARD.decode(value) {
                Ok(_) => Ok(()),
                Err(_) => Err(Error::invalid(format!(
                    "{name} must be a key in base64, of letters, digits, + and / and with = at the end where it is needed"
                ))),
            }),
            Self::Parameter => short(name, value, MAX_PARAMETER).and_then(|()| text(name, value)),
            Self::Url => url(name, value).map(drop),
            Self::TlsUrl => match url(name, value)? {
                Scheme::Https => Ok(()),
                Scheme::Http => Err(Error::invalid(format!(
                    "{name} must begin with https://: the client sends credentials there over TLS only"
                ))),
            },
            Self::UrlPath if !value.starts_with('/') => Err(Error::invalid(format!(
                "{name} must be a path that begins with a slash, for example /v2/credentials"
            ))),
            Self::UrlPath => url(name, &format!("http://host{value}")).map(drop),
            Self::Proxy => proxy(name, value),
            Self::Host => host(name, value),
            Self::Name => name_part(name, value),
            Self::Path if value.chars().any(char::is_control) => Err(Error::invalid(format!(
                "{name} contains a line break or another control character; it must be the path of a file"
            ))),
            Self::Path => Ok(()),
            Self::Certificates => certificates(name, Path::new(value)),
            Self::Folders => {
                let mut folders = std::env::split_paths(value);
                match folders.all(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
                    true => Ok(()),
                    false => Err(Error::invalid(format!(
                        "{name} must be paths of folders, for example /etc/ssl/certs"
                    ))),
                }
            }
            Self::Number(range) => {
                match value.parse().is_ok_and(|number| range.contains(&number)) {
                    true => Ok(()),
                    false => {
                        let (least, most) = (range.start(), range.end());
                        Err(Error::invalid(format!(
                            "{name} must be a whole number from {least} to {most}, for example {least}"
                        )))
                    }
                }
            }
        }
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
    short(name, value, MAX_URL)?;
    text(name, value)?;
    let scheme = match value.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => Some(Scheme::Https),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Some(Scheme::Http),
        _ => None,
    };
    match scheme {
        Some(scheme) if has_host(value) => Ok(scheme),
        _ => Err(Error::invalid(format!(
            "{name} is {}; it must be a URL such as https://storage.example.com or http://127.0.0.1:9000",
            quoted_url(value)
        ))),
    }
}

/// What the URL of a service must not have.
fn query_or_fragment(value: &str) -> Option<&'static str> {
    let begin = value.find(['?', '#'])?;
    // What is before the last `@` was meant as a user's name and password.
    let is_of_user = value.rfind('@').is_some_and(|user| begin < user);
    match value.as_bytes().get(begin) {
        _ if is_of_user => None,
        Some(b'?') => Some("a query (what follows the ?)"),
        _ => Some("a fragment (what follows the #)"),
    }
}

/// Whether an `@` is behind the host: a password with a `/` was meant, and what parsers take for the host is the user.
fn has_user_behind_host(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[end..].contains('@')
}

/// Whether both parsers that the clients of stores use take this URL: `http`'s, and `url`'s, whose rules for hosts are
/// others and whose errors the client of S3 unwraps.
fn has_host(value: &str) -> bool {
    let Ok(parsed) = value.parse::<http::Uri>() else {
        return false;
    };
    if has_user_behind_host(value) {
        return false;
    }
    let host = parsed.host().is_some_and(|host| !host.is_empty());
    let port_is_valid = parsed.authority().is_none_or(|authority| {
        let after_host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = after_host.rsplit_once(':').map(|(_, port)| port);
        port.is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok())
    });
    host && port_is_valid && Url::parse(value).is_ok() && Url::parse(&parsed.to_string()).is_ok()
}

/// A proxy that the HTTP client would use, and not pass over in silence.
fn proxy(name: &str, value: &str) -> Result<()> {
    let with_scheme = match value.contains("://") {
        true => value.to_owned(),
        false => format!("http://{value}"),
    };
    let scheme = with_scheme.split("://").next().unwrap_or_default();
    let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    // Without a scheme it is a host and perhaps a port, and nothing else.
    let is_whole = value.contains("://") || !value.contains('/');
    let usable = value.is_empty()
        || is_whole
            && known.contains(&scheme.to_ascii_lowercase().as_str())
            && text(name, value).is_ok()
            && has_host(&with_scheme);
    match usable {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{name} must be the URL of a proxy, for example http://proxy.example.com:3128"
        ))),
    }
}

fn host(name: &str, value: &str) -> Result<()> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if value.chars().all(is_part) && has_host(&format!("http://{value}/")) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{name} must be the name or address of a host, for example metadata.google.internal or 127.0.0.1:8080"
    )))
}

fn certificates(name: &str, path: &Path) -> Result<()> {
    let file = SmallFile::up_to(path, MAX_CERTIFICATES);
    let read = file.read().map(drop);
    read.map_err(|error| {
        Error::invalid(format!(
            "{name} must be the path of a regular file with certificates, for example \
             /etc/ssl/certs/ca-certificates.crt: {error}"
        ))
    })
}

/// Refuses an endpoint of a store that has a query or a fragment, or is of plain HTTP unless the variable `switch` allows
/// it: the client would only say that the scheme is not allowed.
///
/// # Errors
/// [`Error::Invalid`] that names the switch.
pub(crate) fn endpoint(
    name: &str,
    value: &str,
    switch: &str,
    allowed: Option<String>,
) -> Result<()> {
    // The client would put the names of bucket and object behind it, where no store looks for them.
    if let Some(what) = query_or_fragment(value) {
        return Err(Error::invalid(format!(
            "{name} is {}, with {what}; it must be a URL without one, such as https://storage.example.com or \
             http://127.0.0.1:9000",
            quoted_url(value)
        )));
    }
    let allowed = allowed.is_some_and(|allowed| {
        let yes = ["1", "true", "on", "yes", "y"];
        yes.contains(&allowed.to_ascii_lowercase().as_str())
    });
    match url(name, value)? {
        Scheme::Http if !allowed => Err(Error::invalid(format!(
            "{name} is {}, without TLS: anyone on the network path can read and change what is sent. If the network is \
             trusted, allow it with {switch}=true",
            quoted_url(value)
        ))),
        _ => Ok(()),
    }
}

/// A part of a host name or of a URL's path, as names of buckets, regions and accounts are.
///
/// # Errors
/// As [`url`].
pub(crate) fn name_part(name: &str, value: &str) -> Result<()> {
    short(name, value, MAX_URL)?;
    text(name, value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_part = !value.is_empty()
        && value.chars().all(allowed)
        && !value.chars().all(|c| c == '.')
        && has_host(&format!("https://a.{value}.example.com/"));
    match is_part {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{name} is {}; it may consist of letters, digits, '-', '.' and '_', for example eu-central-1",
            quoted_url(value)
        ))),
    }
}

fn short(name: &str, value: &str, most: usize) -> Result<()> {
    match value.len() <= most {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{name} is too long: it has {} bytes, and the maximum is {most}",
            value.len()
        ))),
    }
}

/// Text that fits into a header.
///
/// # Errors
/// [`Error::Invalid`] without the text.
pub(crate) fn text(name: &str, value: &str) -> Result<()> {
    short(name, value, MAX_HEADER)?;
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
