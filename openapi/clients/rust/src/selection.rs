//! Which keys are read.

use bytes::Bytes;

use crate::arguments;
use crate::error::Error;
use crate::partition::About;

/// How many keys can be read at a time.
const MOST_KEYS: usize = 1_000;

/// Which keys are read by [`LogClient::scan_several`](crate::LogClient::scan_several) and
/// [`LogClient::tail_several`](crate::LogClient::tail_several).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// These keys: 1 to 1,000.
    Keys(Vec<Bytes>),
    /// All keys that begin with this. With an empty prefix, the whole log.
    Prefix(Bytes),
}

impl Selection {
    /// These keys: 1 to 1,000.
    pub fn keys<K: Into<Bytes>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self::Keys(keys.into_iter().map(Into::into).collect())
    }

    /// All keys that begin with this. With an empty prefix, the whole log.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        Self::Prefix(prefix.into())
    }

    /// What a read of it is about. That of a prefix without a whole tag is of `partition`.
    pub(crate) fn about(&self, partition: Option<u32>) -> About {
        let about = match self {
            Self::Keys(keys) => keys.first().map(About::key).unwrap_or_default(),
            Self::Prefix(prefix) => About::prefix(prefix),
        };
        match about.tag {
            Some(_) => about,
            None => About::partition(partition),
        }
    }

    /// Checks it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Self::Keys(keys) = self else {
            return Ok(());
        };
        keys.iter().try_for_each(|key| arguments::key(key))?;
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err(Error::invalid(format!(
                "keys must be 1 to {MOST_KEYS}, not {}: a prefix selects any number of keys",
                keys.len()
            )));
        }
        Ok(())
    }
}
