//! Access rights and their denial.

/// A right that a token can grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read records, keys, segments, counts and metrics.
    Read,
    /// Append records.
    Append,
    /// Everything, including rights added in later versions.
    Admin,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 3] = [Self::Read, Self::Append, Self::Admin];

    /// Its name, as in a file of tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Append => "append",
            Self::Admin => "admin",
        }
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// These and `right`.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | 1 << right as u8)
    }

    /// Whether the set grants `right`. [`Right::Admin`] grants everything.
    pub const fn allow(self, right: Right) -> bool {
        self.0 & (1 << right as u8 | 1 << Right::Admin as u8) != 0
    }
}

/// The credentials of a client.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// A bearer token. Never log it.
    pub bearer: Option<&'a str>,
}

/// Why a request is not authorized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Not authenticated: no credentials, or unknown ones.
    Unauthenticated,
    /// Authenticated, but without the required right.
    Insufficient,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_allows_itself_only_but_admin_allows_everything() {
        for given in Right::ALL {
            for needed in Right::ALL {
                let allowed = Rights::default().with(given).allow(needed);
                assert_eq!(
                    allowed,
                    given == needed || given == Right::Admin,
                    "{given:?} {needed:?}"
                );
            }
        }
        let both = Rights::default().with(Right::Read).with(Right::Append);
        assert!(both.allow(Right::Read) && both.allow(Right::Append) && !both.allow(Right::Admin));
        assert!(
            Right::ALL
                .iter()
                .all(|right| !Rights::default().allow(*right))
        );
    }
}
