//! The manifest of a backup: which log it is of, and every object with its length and checksum.
//!
//! It is JSON, and the last object of a backup that is written. Names of objects are relative to the path of the log.

use log_domain::{Error, Result};
use serde::{Deserialize, Serialize};

pub(super) const VERSION: u8 = 1;

/// The folders of a log that a backup contains.
const FOLDERS: [&str; 3] = ["compacted", "wal", "manifest"];

/// The content of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    pub(super) version: u8,
    /// The name of the backup: when it began, in UTC, but later than in the names of all before. So the newest is the last one by name.
    pub name: String,
    /// When it began (Unix ms).
    pub begun_ms: i64,
    /// When everything was copied (Unix ms).
    pub finished_ms: i64,
    /// The object `identity` of the log.
    pub identity: String,
    /// The stored durable watermark of the log when the backup began: every record below this sequence is in the backup. It is
    /// written with some delay, so the backup can contain more.
    pub durable: Option<u64>,
    /// The SlateDB manifest that the backup contains.
    pub manifest_id: u64,
    /// The newest file of the WAL that the backup contains.
    pub last_wal_id: u64,
    /// Every object, the SlateDB manifest last.
    pub objects: Vec<BackupObject>,
}

/// An object of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupObject {
    /// Its name below the path of the log.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

impl BackupManifest {
    /// The length of all objects, in bytes.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal(format!("encode the manifest of a backup: {error}")))
    }

    /// # Errors
    /// What is wrong with it, to be put behind its name.
    pub(super) fn decode(value: &[u8]) -> std::result::Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u8,
        }
        let damaged = |error| format!("is not readable: {error}");
        let Versioned { version } = serde_json::from_slice(value).map_err(damaged)?;
        if version != VERSION {
            return Err(format!(
                "has format version {version}, this program reads version {VERSION}"
            ));
        }
        let manifest: Self = serde_json::from_slice(value).map_err(damaged)?;
        match manifest.objects.iter().find(|object| !object.is_of_a_log()) {
            Some(object) => Err(format!("names an object {:?}", object.name)),
            None => Ok(manifest),
        }
    }
}

impl BackupObject {
    /// Whether the name is that of an object of a log: it must not lead anywhere else.
    fn is_of_a_log(&self) -> bool {
        let Some((folder, file)) = self.name.split_once('/') else {
            return false;
        };
        let mut bytes = file.bytes();
        FOLDERS.contains(&folder)
            && !file.starts_with('.')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> BackupManifest {
        BackupManifest {
            version: VERSION,
            name: "2026-11-26T21-53-35.000Z".into(),
            begun_ms: 1,
            finished_ms: 2,
            identity: "{}".into(),
            durable: Some(7),
            manifest_id: 3,
            last_wal_id: 4,
            objects: vec![BackupObject {
                name: "wal/00000000000000000004.sst".into(),
                bytes: 5,
                sha256: "ab".into(),
            }],
        }
    }

    #[test]
    fn the_golden_text_is_kept() {
        let golden = r#"{"version":1,"name":"2026-11-26T21-53-35.000Z","begun_ms":1,"finished_ms":2,"identity":"{}","durable":7,"manifest_id":3,"last_wal_id":4,"objects":[{"name":"wal/00000000000000000004.sst","bytes":5,"sha256":"ab"}]}"#;
        assert_eq!(serde_json::to_string(&manifest()).expect("encoded"), golden);
        assert_eq!(BackupManifest::decode(golden.as_bytes()), Ok(manifest()));
        let encoded = manifest().encode().expect("encoded");
        assert_eq!(BackupManifest::decode(&encoded), Ok(manifest()));
    }

    #[test]
    fn an_unknown_version_damage_and_names_that_lead_elsewhere_are_refused() {
        let newer = BackupManifest::decode(br#"{"version":2}"#).expect_err("refused");
        assert!(newer.contains("format version 2"), "{newer}");
        BackupManifest::decode(b"").expect_err("refused");
        for name in [
            "", "wal", "../x", "wal/../x", "wal/a/b", "owner/a", "wal/.x",
        ] {
            let mut other = manifest();
            other.objects[0].name = name.into();
            let encoded = other.encode().expect("encoded");
            BackupManifest::decode(&encoded).expect_err(name);
        }
    }
}
