//! Which keys a read is of, as requests say it: by one key, by several, or by a prefix.

use bytes::Bytes;
use log_domain::{Error, Key, Limits, Selection};

use super::failure::Failure;
use super::param::{self, Base64, Param, Params, Text};

/// What was given of each.
#[derive(Debug, Default)]
pub(in crate::http) struct Selected {
    pub(in crate::http) key: Option<Bytes>,
    pub(in crate::http) keys: Vec<Bytes>,
    pub(in crate::http) prefix: Option<Bytes>,
}

/// The parameters for one of these, as text and as base64.
type Either = (Param<Option<Text>>, Param<Option<Base64>>);

impl Selected {
    /// What the parameters of a query say.
    pub(in crate::http) fn of_query(
        (key, key_base64): Either,
        (keys, keys_base64): (Params<Text>, Params<Base64>),
        (prefix, prefix_base64): Either,
    ) -> Result<Self, Failure> {
        let texts = keys.0.into_iter().map(|Text(key)| key);
        let bytes = keys_base64.0.into_iter().map(|Base64(key)| key);
        Ok(Self {
            key: param::either("key", key.0, key_base64.0)?,
            keys: texts.chain(bytes).collect(),
            prefix: param::either("prefix", prefix.0, prefix_base64.0)?,
        })
    }

    /// The selection, if exactly one was given.
    pub(in crate::http) fn selection(self, limits: &Limits) -> Result<Selection, Failure> {
        match (self.key, self.keys.is_empty(), self.prefix) {
            (Some(key), true, None) => {
                let key = Key::parse(key, limits);
                Ok(Selection::Key(
                    key.map_err(|error| Failure::from(error).of("key"))?,
                ))
            }
            (None, false, None) => {
                let keys = self.keys.into_iter().enumerate().map(|(index, key)| {
                    let key = Key::parse(key, limits);
                    key.map_err(|error| Failure::from(error).of(format_args!("keys[{index}]")))
                });
                let keys = keys.collect::<Result<_, _>>()?;
                Selection::keys(keys).map_err(|error| Failure::from(error).of("keys"))
            }
            (None, true, Some(prefix)) => {
                if prefix.len() > limits.key_bytes {
                    let error = Error::TooLarge {
                        what: "prefix in bytes",
                        actual: prefix.len() as u64,
                        limit: limits.key_bytes as u64,
                    };
                    return Err(Failure::from(error).of("prefix"));
                }
                Ok(Selection::Prefix(prefix))
            }
            (None, true, None) => Err(Failure::invalid(
                "key: missing (or key_base64); several keys are read with keys or prefix",
            )),
            _ => Err(Failure::invalid(
                "key, keys and prefix exclude each other: send one of them",
            )),
        }
    }
}
