//! The object that says how many partitions a cluster has. It is written once and never changed.

use log_domain::cluster::Partitions;
use log_domain::{Error, Result};
use serde::{Deserialize, Serialize};

/// Version 1: keys are hashed with 64 bits of XXH3.
const FORMAT: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u8,
    partitions: u32,
}

pub(super) fn encode(partitions: Partitions) -> Result<Vec<u8>> {
    let stored = Stored {
        format: FORMAT,
        partitions: partitions.number(),
    };
    serde_json::to_vec(&stored)
        .map_err(|error| Error::internal(format!("encode the number of partitions: {error}")))
}

pub(super) fn decode(value: &[u8]) -> Result<Partitions> {
    let damaged = |why: String| Error::Corrupt(format!("the object cluster/partitions: {why}"));
    let stored: Stored =
        serde_json::from_slice(value).map_err(|error| damaged(error.to_string()))?;
    if stored.format != FORMAT {
        return Err(damaged(format!(
            "it has format version {}, this server reads version {FORMAT}",
            stored.format
        )));
    }
    Partitions::new(stored.partitions).map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_bytes_are_kept() {
        let partitions = Partitions::new(64).expect("in range");
        let golden = br#"{"format":1,"partitions":64}"#;
        assert_eq!(encode(partitions).expect("encoded"), golden);
        assert_eq!(decode(golden).expect("decoded"), partitions);
    }

    #[test]
    fn what_is_damaged_or_of_another_format_is_refused() {
        for (value, why) in [
            ("", "cluster/partitions"),
            (r#"{"format":2,"partitions":64}"#, "format version 2"),
            (r#"{"format":1,"partitions":0}"#, "1 to 4096"),
        ] {
            let error = decode(value.as_bytes()).expect_err(value).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
