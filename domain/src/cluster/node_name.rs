//! Names of nodes.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// Length of a name, in bytes. Names of hosts and pods are at most as long (RFC 1035, section 2.3.4).
pub const MAX_NAME_BYTES: usize = 253;

/// The name of a node in its cluster: 1 to 253 ASCII letters, digits, `-`, `_` and `.`, beginning with a letter or a digit.
///
/// A node keeps its name over restarts. It is a segment of the name of an object, and a label of metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(name: &str) -> Result<Self> {
        let fits = (1..=MAX_NAME_BYTES).contains(&name.len());
        let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let is_taken = |other: char| other.is_ascii_alphanumeric() || "-_.".contains(other);
        match fits && begins && name.chars().all(is_taken) {
            true => Ok(Self(name.into())),
            false => Err(Error::invalid(format!(
                "{name:?} cannot be the name of a node: use 1 to {MAX_NAME_BYTES} letters, digits, '-', '_' and '.', beginning with a letter or a \
                 digit, for example log-0"
            ))),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names are in the order of their bytes, as texts are.
impl Borrow<str> for NodeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_and_pods_are_names_of_nodes() {
        for name in ["log-0", "n1", "ip-10-0-0-1.ec2.internal", "A_b"] {
            assert_eq!(NodeName::parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_an_example() {
        for name in ["", ".", "..", "-a", "a/b", "größe", "a b", &"a".repeat(254)] {
            let error = NodeName::parse(name).expect_err(name).to_string();
            assert!(error.contains("log-0"), "{error}");
        }
    }
}
