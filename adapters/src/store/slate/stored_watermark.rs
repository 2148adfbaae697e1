//! The durable watermark, stored outside of the WAL.
//!
//! The WAL alone says where it ends. When its last files are deleted or emptied, the storage engine opens what is left, and
//! would reuse the sequences of the missing records. So the durable watermark is also stored in an object, with some
//! delay, and a log whose tip is below it is not opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use log_domain::{Error, Result, Sequence};
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::plain_objects;
use super::shared::Shared;

/// The object with the durable watermark, below the path of the log.
const OBJECT: &str = "watermark";
/// The name that an operator gives it to open the log without the missing records.
const LOST: &str = "watermark-lost";
const VERSION: u8 = 1;

/// A log that lost records continues this far above the watermark: more than a server can append before the next update.
const SKIPPED: u64 = 1 << 32;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u8,
    durable: u64,
}

/// What is stored of the watermark of a log that is not open.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    durable: Option<Sequence>,
    lost: Option<Sequence>,
    path: String,
}

/// Reads what is stored for the log at `path`.
///
/// # Errors
/// [`Error::Corrupt`] when it cannot be read, [`Error::Unavailable`] when the store does not answer.
pub(super) async fn read(objects: &dyn ObjectStore, path: &str) -> Result<Recorded> {
    let durable = find(objects, path, OBJECT).await?;
    let lost = match durable {
        Some(_) => None,
        None => find(objects, path, LOST).await?,
    };
    Ok(Recorded {
        durable,
        lost,
        path: path.to_owned(),
    })
}

async fn find(objects: &dyn ObjectStore, path: &str, name: &str) -> Result<Option<Sequence>> {
    let object = plain_objects::object(path, name);
    let Some(found) = plain_objects::read(objects, &object).await? else {
        return Ok(None);
    };
    decode(&found).map(Some).map_err(|why| {
        Error::Corrupt(format!(
            "{object}, which stores the durable watermark, {why}"
        ))
    })
}

impl Recorded {
    /// Every record below this sequence was durable.
    pub(super) fn durable(&self) -> Option<Sequence> {
        self.durable
    }

    /// Whether an operator has the log opened without what is missing.
    pub(super) fn accepts_loss(&self) -> bool {
        self.lost.is_some()
    }

    /// Where the log continues that was found durable up to `reached`, at the least.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it was durable further than that.
    pub(super) fn floor(&self, reached: Sequence) -> Result<Sequence> {
        if let Some(durable) = self.durable
            && durable > reached
        {
            let path = &self.path;
            return Err(Error::invalid(format!(
                "the log was durable up to sequence {durable}, but what is left of it ends at {reached}: files of its WAL \
                 were deleted or emptied. Restore {path}/wal from a copy. To open the log without the records from \
                 {reached} on, rename the object {path}/{OBJECT} to {path}/{LOST}; no sequence is assigned twice"
            )));
        }
        match self.lost {
            Some(durable) if durable > reached => {
                let floor = Sequence::new(durable.get().saturating_add(SKIPPED));
                tracing::warn!(
                    "records from sequence {reached} on are lost, as {}/{LOST} accepts; the log continues at {floor}",
                    self.path
                );
                Ok(floor)
            }
            _ => Ok(Sequence::ZERO),
        }
    }
}

/// Stores the durable watermark.
pub(super) struct StoredWatermark {
    objects: Arc<dyn ObjectStore>,
    path: String,
    written: AtomicU64,
    /// Whether the log may be that of another writer. It is held while the object is written.
    given_up: Mutex<bool>,
    /// Where the log was opened: after a crash, above everything that it holds.
    opened: Sequence,
    /// The end of what it held then.
    reached: Sequence,
}

impl StoredWatermark {
    /// Of a log of which this is recorded, and which was opened at `opened` and found to end at `reached`.
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        recorded: Recorded,
        opened: Sequence,
        reached: Sequence,
    ) -> Self {
        let written = recorded.durable.unwrap_or_default();
        Self {
            objects,
            path: recorded.path,
            written: AtomicU64::new(written.get()),
            given_up: Mutex::new(false),
            opened,
            reached,
        }
    }

    /// Writes that everything below `durable` is durable, if that is news and the log was not given up.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the store does not take it.
    pub(super) async fn write(&self, durable: Sequence) -> Result<()> {
        // The log may not hold a single record between the two.
        let durable = match durable <= self.opened {
            true => self.reached,
            false => durable,
        };
        let given_up = self.given_up.lock().await;
        if *given_up || durable.get() <= self.written.load(Ordering::Acquire) {
            return Ok(());
        }
        let object = plain_objects::object(&self.path, OBJECT);
        let put = self.objects.put(&object, encode(durable)?.into()).await;
        put.map_err(plain_objects::unavailable)?;
        self.written.store(durable.get(), Ordering::Release);
        Ok(())
    }

    /// Writes nothing any more once this resolves: what is being written is waited for, so that it does not come after what the next writer writes.
    pub(super) async fn give_up(&self) {
        *self.given_up.lock().await = true;
    }
}

/// Stores the durable watermark when it has changed, at most once per `every`.
pub(super) async fn keep(watermark: Arc<StoredWatermark>, shared: Arc<Shared>, every: Duration) {
    loop {
        let written = Sequence::new(watermark.written.load(Ordering::Acquire));
        let written = written.max(watermark.opened);
        tokio::select! {
            biased;
            _ = shared.until_stopped() => return,
            durable = shared.durable_beyond(written) => {
                // What is gone must not be begun again.
                if shared.is_there()
                    && let Err(error) = watermark.write(durable).await
                {
                    tracing::debug!(%error, "could not store the durable watermark");
                }
            }
        }
        tokio::select! {
            biased;
            _ = shared.until_stopped() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// The object that stores the watermark of the log at `path`.
pub(super) fn object(path: &str) -> object_store::path::Path {
    plain_objects::object(path, OBJECT)
}

/// What is stored for this watermark.
pub(super) fn encode(durable: Sequence) -> Result<Bytes> {
    let written = Written {
        version: VERSION,
        durable: durable.get(),
    };
    let encoded = serde_json::to_vec(&written)
        .map_err(|error| Error::internal(format!("encode the watermark: {error}")))?;
    Ok(encoded.into())
}

fn decode(value: &[u8]) -> std::result::Result<Sequence, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u8,
    }
    let damaged = |error| format!("is not readable: {error}. Restore it from a copy");
    let Versioned { version } = serde_json::from_slice(value).map_err(damaged)?;
    if version != VERSION {
        return Err(format!(
            "has format version {version}, this server reads version {VERSION}"
        ));
    }
    let written: Written = serde_json::from_slice(value).map_err(damaged)?;
    Ok(Sequence::new(written.durable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_bytes_are_kept_and_an_unknown_version_is_refused() {
        let golden = br#"{"version":1,"durable":7}"#;
        let seven = Sequence::new(7);
        assert_eq!(encode(seven).expect("encoded").as_ref(), golden);
        assert_eq!(decode(golden), Ok(seven));
        let newer = decode(br#"{"version":2}"#).expect_err("refused");
        assert!(newer.contains("format version 2"), "{newer}");
        decode(b"").expect_err("refused");
    }
}
