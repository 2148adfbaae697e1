//! The location of a log's WAL, stored with the data, so that no server opens the log without its WAL.
//!
//! SlateDB does not store it: version 2 of its manifest has no field for it. A log that is opened without its WAL
//! would silently lose the records that are only in the WAL.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use log_domain::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, PutMode};

use super::plain_objects;

/// The object that says where the WAL is, below the path of the log. Not there: the WAL is with the data.
const OBJECT: &str = "wal-location";
const VERSION: u8 = 1;

/// A store for the WAL alone.
#[derive(Debug, Clone)]
pub struct WalStore {
    /// The store. The WAL lies at the log's own path in it.
    pub objects: Arc<dyn ObjectStore>,
    /// What it is called, for as long as the log lives, for example `s3://bucket`.
    pub location: String,
}

/// Where the WAL of the log at `path` is said to be, as it is stored.
///
/// # Errors
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn find(data: &dyn ObjectStore, path: &str) -> Result<Option<Bytes>> {
    plain_objects::read(data, &plain_objects::object(path, OBJECT)).await
}

/// Holds where the WAL is to be (`wanted`; with the data, if not given) against where it is, and writes it down for a
/// log that does not exist yet.
///
/// # Errors
/// [`Error::Invalid`] when the WAL is somewhere else, [`Error::Corrupt`] when what is written is not of this version,
/// [`Error::Unavailable`] when the store does not answer.
pub(super) async fn settle(
    data: &dyn ObjectStore,
    path: &str,
    wanted: Option<&WalStore>,
) -> Result<()> {
    let is = find(data, path).await?;
    settle_found(data, path, is, wanted).await
}

/// As [`settle`], where [`find`] has found `is`.
///
/// # Errors
/// As [`settle`].
pub(super) async fn settle_found(
    data: &dyn ObjectStore,
    path: &str,
    is: Option<Bytes>,
    wanted: Option<&WalStore>,
) -> Result<()> {
    let object = plain_objects::object(path, OBJECT);
    let wanted = wanted.map(|wal| wal.location.as_str());
    match (is.as_deref().map(decode).transpose()?, wanted) {
        (None, None) => Ok(()),
        (Some(is), Some(wanted)) if is == wanted => Ok(()),
        (Some(is), None) => Err(Error::invalid(format!(
            "its WAL is in {is}, and {} is not set: without the WAL acknowledged records would be lost",
            setting(&is)
        ))),
        (Some(is), Some(wanted)) => Err(Error::invalid(format!(
            "its WAL is in {is}, but {} says {wanted}: without the WAL acknowledged records would be lost",
            setting(wanted)
        ))),
        (None, Some(wanted)) => begin(data, path, &object, wanted).await,
    }
}

async fn begin(data: &dyn ObjectStore, path: &str, object: &Path, wanted: &str) -> Result<()> {
    let manifests = plain_objects::object(path, "manifest");
    match data.list(Some(&manifests)).next().await {
        None => {}
        Some(Ok(_)) => {
            return Err(Error::invalid(format!(
                "its WAL is with its data, but {} says {wanted}: a WAL of its own is for a log that begins with it",
                setting(wanted)
            )));
        }
        Some(Err(error)) => return Err(plain_objects::unavailable(error)),
    }
    let put = data.put_opts(object, encode(wanted).into(), PutMode::Create.into());
    match put.await {
        Ok(_) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => Err(Error::unavailable(
            "another server is beginning this log at this moment",
        )),
        Err(error) => Err(plain_objects::unavailable(error)),
    }
}

/// The setting that names such a location.
fn setting(location: &str) -> &'static str {
    match location.split_once("://") {
        Some(("gs", _)) => "storage.wal.gcs.bucket",
        Some(("az", _)) => "storage.wal.azure.container",
        _ => "storage.wal.s3.bucket",
    }
}

fn encode(location: &str) -> Bytes {
    let mut value = vec![VERSION];
    value.extend_from_slice(location.as_bytes());
    value.into()
}

fn decode(value: &[u8]) -> Result<String> {
    let location = match value.split_first() {
        Some((&VERSION, location)) => std::str::from_utf8(location).ok(),
        Some((version, _)) => {
            return Err(Error::Corrupt(format!(
                "the location of the WAL has format version {version}, this server reads version {VERSION}"
            )));
        }
        None => None,
    };
    let location = location.map(str::to_owned);
    location.ok_or_else(|| Error::Corrupt("the location of the WAL is not text".into()))
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    fn wal(location: &str) -> WalStore {
        WalStore {
            objects: Arc::new(InMemory::new()),
            location: location.into(),
        }
    }

    async fn refusal(data: &InMemory, wanted: Option<&WalStore>) -> String {
        let settled = settle(data, "log", wanted).await;
        settled.expect_err("refused").to_string()
    }

    #[test]
    fn the_golden_bytes_are_kept() {
        assert_eq!(encode("s3://b").as_ref(), b"\x01s3://b");
        assert_eq!(decode(b"\x01s3://b").unwrap(), "s3://b");
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let error = decode(b"\x02s3://b").unwrap_err().to_string();
        assert!(error.contains("format version 2"), "{error}");
        decode(b"").unwrap_err();
    }

    #[tokio::test]
    async fn a_log_that_begins_with_a_wal_elsewhere_is_opened_with_that_one_only() {
        let data = InMemory::new();
        let (own, other) = (wal("s3://wal"), wal("s3://other"));
        settle(&data, "log", Some(&own)).await.unwrap();
        settle(&data, "log", Some(&own)).await.unwrap();
        let without = refusal(&data, None).await;
        assert!(without.contains("s3://wal") && without.contains("storage.wal.s3.bucket"));
        let elsewhere = refusal(&data, Some(&other)).await;
        assert!(elsewhere.contains("s3://wal") && elsewhere.contains("s3://other"));
    }

    #[tokio::test]
    async fn a_log_that_began_with_its_wal_beside_its_data_keeps_it_there() {
        let data = InMemory::new();
        settle(&data, "log", None).await.unwrap();
        let manifest = Path::from("log/manifest/00000000000000000001.manifest");
        data.put(&manifest, "begun".into()).await.unwrap();
        settle(&data, "log", None).await.unwrap();
        let refusal = refusal(&data, Some(&wal("s3://wal"))).await;
        assert!(refusal.contains("with its data"), "{refusal}");
    }
}
