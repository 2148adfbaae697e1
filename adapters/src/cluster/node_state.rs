//! What a node says of itself to the others.

use std::collections::BTreeSet;
use std::time::Duration;

use log_domain::cluster::{Partition, Partitions};
use log_domain::{Error, Result};
use serde::{Deserialize, Serialize};

use super::incarnation;

/// The version of the format. Nodes of one cluster may be of different releases, so fields that are not known are ignored.
const FORMAT: u8 = 1;

/// The state of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Tells the processes that run under the same name apart.
    pub incarnation: u64,
    /// The URL at which other nodes and clients reach it.
    pub url: String,
    /// The zone it is in, if it knows that.
    pub zone: Option<String>,
    /// Its release.
    pub release: String,
    /// Its `cluster.dead_after`: so long it may go on to answer without a heartbeat. Zero if it does not say.
    pub dead_after: Duration,
    /// Whether it is stopping, and hands its partitions over.
    pub leaving: bool,
    /// The partitions that it serves.
    pub serving: BTreeSet<Partition>,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u8,
    incarnation: String,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    release: String,
    #[serde(default)]
    dead_after_ms: u64,
    #[serde(default)]
    leaving: bool,
    #[serde(default)]
    serving: Vec<u32>,
}

impl NodeState {
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            format: FORMAT,
            incarnation: incarnation::encode(self.incarnation),
            url: self.url.clone(),
            zone: self.zone.clone(),
            release: self.release.clone(),
            dead_after_ms: u64::try_from(self.dead_after.as_millis()).unwrap_or(u64::MAX),
            leaving: self.leaving,
            serving: self.serving.iter().map(|p| p.number()).collect(),
        };
        serde_json::to_vec(&stored)
            .map_err(|error| Error::internal(format!("encode the state of a node: {error}")))
    }

    /// Reads a state. Numbers that are none of `partitions` are left out.
    pub(super) fn decode(value: &[u8], partitions: Partitions) -> Result<Self> {
        let damaged = |why: String| Error::Corrupt(format!("the state of a node: {why}"));
        let stored: Stored =
            serde_json::from_slice(value).map_err(|error| damaged(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(damaged(format!(
                "it has format version {}, this server reads version {FORMAT}",
                stored.format
            )));
        }
        let incarnation = incarnation::decode(&stored.incarnation);
        let serving = stored.serving.into_iter();
        Ok(Self {
            incarnation: incarnation.map_err(damaged)?,
            url: stored.url,
            zone: stored.zone,
            release: stored.release,
            dead_after: Duration::from_millis(stored.dead_after_ms),
            leaving: stored.leaving,
            serving: serving
                .filter_map(|number| partitions.get(number))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions() -> Partitions {
        Partitions::new(8).expect("in range")
    }

    fn state() -> NodeState {
        NodeState {
            incarnation: 0xab,
            url: "http://log-0.log:8080".into(),
            zone: None,
            release: "1.2.3".into(),
            dead_after: Duration::from_secs(10),
            leaving: false,
            serving: partitions().all().take(2).collect(),
        }
    }

    #[test]
    fn the_golden_bytes_are_kept() {
        let golden = r#"{"format":1,"incarnation":"00000000000000ab","url":"http://log-0.log:8080","release":"1.2.3","dead_after_ms":10000,"leaving":false,"serving":[0,1]}"#;
        assert_eq!(state().encode().expect("encoded"), golden.as_bytes());
        let decoded = NodeState::decode(golden.as_bytes(), partitions());
        assert_eq!(decoded.expect("decoded"), state());
    }

    #[test]
    fn what_later_releases_add_is_ignored() {
        let later = r#"{"format":1,"incarnation":"ab","url":"http://log-0.log:8080","release":"1.2.3","dead_after_ms":10000,"serving":[0,1,99],"load":0.5}"#;
        let decoded = NodeState::decode(later.as_bytes(), partitions());
        assert_eq!(decoded.expect("decoded"), state());
    }

    #[test]
    fn what_is_damaged_or_of_another_format_is_refused() {
        for (value, why) in [
            ("", "the state of a node"),
            (
                r#"{"format":2,"incarnation":"ab","url":"","release":""}"#,
                "format version 2",
            ),
            (
                r#"{"format":1,"incarnation":"xy","url":"","release":""}"#,
                "invalid digit",
            ),
        ] {
            let error = NodeState::decode(value.as_bytes(), partitions()).expect_err(value);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
