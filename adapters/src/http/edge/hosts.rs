//! The names that a server answers to: the defence against DNS rebinding.
//!
//! A web page can have its own name resolve to 127.0.0.1. To the browser, the server there then has the page's
//! origin, and only the name in `Host` shows the attack. A request with an address instead of a name cannot come from such
//! a page.

use std::net::IpAddr;

use poem::Request;
use poem::http::header;
use poem::http::uri::Authority;

use crate::http::wire::failure::{Failure, Reason};
use crate::quoted::{quoted, quoted_entry};

/// An example of an allowed host, for messages.
const EXAMPLE: &str = "log.example.com or log.example.com:8443";

/// The names that requests may carry in `Host` or `:authority`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Allowed);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Allowed {
    #[default]
    Any,
    /// The names of this machine to itself, and these.
    Loopback(Vec<Host>),
    /// Those, and every address.
    LoopbackAndAddresses(Vec<Host>),
}

/// A name in lower case, and a port if only that one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Host {
    pub(in crate::http) name: String,
    pub(in crate::http) port: Option<u16>,
}

impl AllowedHosts {
    /// The names in `listed`, and those of loopback. `loopback_only` is for a server that trusts its clients because they are on
    /// the same machine: one on loopback without tokens. Another one answers to every name if nothing is listed, else
    /// also to every address. `*` allows every name.
    ///
    /// # Errors
    /// One line about the first entry that is neither a host nor `*`, with an example.
    pub fn new(listed: &[String], loopback_only: bool) -> Result<Self, String> {
        let hosts: Vec<_> = listed
            .iter()
            .filter(|entry| *entry != "*")
            .map(|entry| {
                let refused = || {
                    let entry = quoted_entry(entry, listed);
                    format!("{entry} is not a host; expected, for example, {EXAMPLE}")
                };
                Host::parse(entry).ok_or_else(refused)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(if hosts.len() < listed.len() {
            Allowed::Any
        } else if loopback_only {
            Allowed::Loopback(hosts)
        } else if hosts.is_empty() {
            Allowed::Any
        } else {
            Allowed::LoopbackAndAddresses(hosts)
        }))
    }

    /// Refuses a request that is for another name. One without a name (HTTP/1.0) comes from no browser.
    pub(in crate::http) fn check(&self, request: &Request) -> Result<(), Failure> {
        if self.0 == Allowed::Any {
            return Ok(());
        }
        match names(request).find(|name| !self.allows(name)) {
            Some(name) => Err(refusal(name)),
            None => Ok(()),
        }
    }

    fn allows(&self, authority: &str) -> bool {
        let Some(host) = Host::parse(authority) else {
            return false;
        };
        let (listed, any_address) = match &self.0 {
            Allowed::Any => return true,
            Allowed::Loopback(listed) => (listed, false),
            Allowed::LoopbackAndAddresses(listed) => (listed, true),
        };
        host.is_loopback()
            || any_address && host.address().is_some()
            || listed.iter().any(|allowed| {
                allowed.name == host.name && (allowed.port.is_none() || allowed.port == host.port)
            })
    }
}

/// Whether the request is for a name of loopback.
pub(in crate::http) fn names_loopback(request: &Request) -> bool {
    names(request).any(|name| Host::parse(name).is_some_and(|host| host.is_loopback()))
}

/// What the request says that it is for: its target (`:authority` in HTTP/2) and `Host`.
fn names(request: &Request) -> impl Iterator<Item = &str> {
    let target = request.uri().authority().map(Authority::as_str);
    let sent = request.headers().get_all(header::HOST).iter();
    let sent = sent.map(|value| value.to_str().unwrap_or("?"));
    target.into_iter().chain(sent)
}

impl Host {
    fn is_loopback(&self) -> bool {
        self.name == "localhost"
            || self.name.ends_with(".localhost")
            || self
                .address()
                .is_some_and(|address| address.to_canonical().is_loopback())
    }

    fn address(&self) -> Option<IpAddr> {
        self.name.trim_matches(['[', ']']).parse().ok()
    }

    /// A host and perhaps a port, as in `Host`.
    pub(in crate::http) fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let name = authority.host().trim_end_matches('.');
        let port = authority.as_str().strip_prefix(authority.host())?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if port.is_empty() => None,
            None => return None,
        };
        (!name.is_empty() && !name.contains('*')).then(|| Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }
}

fn refusal(name: &str) -> Failure {
    let name = quoted(name);
    Failure::new(
        Reason::PermissionDenied,
        format!(
            "this server does not answer to the name {name}; use localhost or 127.0.0.1, or add the name to the \
             setting http.allowed_hosts"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(listed: &[&str], loopback_only: bool) -> AllowedHosts {
        let listed: Vec<_> = listed.iter().copied().map(str::to_owned).collect();
        AllowedHosts::new(&listed, loopback_only).expect("hosts")
    }

    const LOOPBACK: [&str; 9] = [
        "localhost",
        "LocalHost:8080",
        "localhost.:8080",
        "log.localhost:1",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.8.9.10:8080",
        "[::1]:8080",
        "[::ffff:127.0.0.1]",
    ];
    const OTHERS: [&str; 10] = [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.evil.example",
        "user@localhost",
        "localhost:many",
        "",
        "?",
        "[::",
    ];
    const ADDRESSES: [&str; 3] = ["10.1.2.3:8080", "[fd00::1]:8080", "0.0.0.0:8080"];

    #[test]
    fn a_server_that_only_this_machine_reaches_answers_to_loopback_names_only() {
        let hosts = allowed(&[], true);
        for name in LOOPBACK {
            assert!(hosts.allows(name), "{name}");
        }
        for name in OTHERS.iter().chain(&ADDRESSES) {
            assert!(!hosts.allows(name), "{name}");
        }
    }

    #[test]
    fn listed_names_are_allowed_with_every_port_or_the_one_that_they_name() {
        let hosts = allowed(&["log.example", "Other.Example:8443"], true);
        for name in ["log.example", "LOG.example:1", "other.example:8443"] {
            assert!(hosts.allows(name), "{name}");
        }
        for name in ["other.example", "other.example:1", "x.log.example"] {
            assert!(!hosts.allows(name), "{name}");
        }
    }

    #[test]
    fn elsewhere_every_name_is_allowed_unless_some_are_listed_and_then_addresses_still_are() {
        let hosts = allowed(&["log.example"], false);
        for name in LOOPBACK.iter().chain(&ADDRESSES).chain(&["log.example:80"]) {
            assert!(hosts.allows(name), "{name}");
        }
        for name in OTHERS {
            assert!(!hosts.allows(name), "{name}");
        }
        assert_eq!(allowed(&[], false), AllowedHosts::default());
        assert_eq!(
            allowed(&["log.example", "*"], true),
            AllowedHosts::default()
        );
    }

    #[test]
    fn an_entry_that_is_no_host_is_refused_with_an_example() {
        for entry in [
            "http://log",
            "log/",
            "*.example",
            "u@log",
            "",
            "log:x",
            "a b",
        ] {
            let refused = AllowedHosts::new(&[entry.to_owned()], true).expect_err(entry);
            assert!(refused.contains(EXAMPLE), "{refused}");
        }
    }
}
