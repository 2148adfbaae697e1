//! Which node has a partition, or had it last.

use log_domain::cluster::NodeName;
use log_domain::{Error, Result};
use serde::{Deserialize, Serialize};

use super::incarnation;

const FORMAT: u8 = 1;

/// The node that claimed a partition last. It keeps nodes that are alive from opening a partition at the same time; safety rests on the epochs
/// of the storage engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub node: NodeName,
    /// The process: see [`NodeState::incarnation`](super::NodeState::incarnation). A later one under the same name does not have the partition.
    pub incarnation: u64,
    /// The number of this write among those of the process: no two have the same content, which is what a version can be made of (ETag).
    pub write: u64,
    /// Whether it has it still.
    pub hold: Hold,
}

/// What the last node that claimed a partition has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It has it, unless it is dead.
    Held,
    /// It has given it up; its storage engine may still be stopping.
    Free,
    /// It has closed it.
    Closed,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u8,
    node: String,
    incarnation: String,
    write: u64,
    hold: Hold,
}

impl Owner {
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            format: FORMAT,
            node: self.node.to_string(),
            incarnation: incarnation::encode(self.incarnation),
            write: self.write,
            hold: self.hold,
        };
        serde_json::to_vec(&stored)
            .map_err(|error| Error::internal(format!("encode the owner of a partition: {error}")))
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self> {
        let damaged = |why: String| Error::Corrupt(format!("the owner of a partition: {why}"));
        let stored: Stored =
            serde_json::from_slice(value).map_err(|error| damaged(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(damaged(format!(
                "it has format version {}, this server reads version {FORMAT}",
                stored.format
            )));
        }
        let node = NodeName::parse(&stored.node);
        let incarnation = incarnation::decode(&stored.incarnation);
        Ok(Self {
            node: node.map_err(|error| damaged(error.to_string()))?,
            incarnation: incarnation.map_err(damaged)?,
            write: stored.write,
            hold: stored.hold,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_bytes_are_kept() {
        let owner = Owner {
            node: NodeName::parse("log-0").expect("a name"),
            incarnation: 0xab,
            write: 3,
            hold: Hold::Held,
        };
        for (hold, stored) in [
            (Hold::Held, "held"),
            (Hold::Free, "free"),
            (Hold::Closed, "closed"),
        ] {
            let owner = Owner {
                hold,
                ..owner.clone()
            };
            let golden = format!(
                r#"{{"format":1,"node":"log-0","incarnation":"00000000000000ab","write":3,"hold":"{stored}"}}"#
            );
            assert_eq!(owner.encode().expect("encoded"), golden.as_bytes());
            assert_eq!(Owner::decode(golden.as_bytes()).expect("decoded"), owner);
        }
    }

    #[test]
    fn what_is_damaged_or_of_another_format_is_refused() {
        for (value, why) in [
            ("", "the owner of a partition"),
            (
                r#"{"format":2,"node":"a","incarnation":"b","write":1,"hold":"held"}"#,
                "format version 2",
            ),
            (
                r#"{"format":1,"node":"a/b","incarnation":"b","write":1,"hold":"held"}"#,
                "log-0",
            ),
        ] {
            let error = Owner::decode(value.as_bytes())
                .expect_err(value)
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
