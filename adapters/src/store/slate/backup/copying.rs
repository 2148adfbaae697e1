//! Copies and digests of objects, in bounded memory.

use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use futures::StreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, Result};
use tokio::io::AsyncWriteExt;

use super::progress::Progress;

/// Objects that are copied at the same time. Each holds at most [`PARTS`] + 1 parts in memory.
pub(super) const COPIES: usize = 4;

/// Bytes of a part of an object that is uploaded in parts, and parts of an object that are on their way.
const PART_BYTES: usize = 8 << 20;
const PARTS: usize = 2;

/// What was read of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub(super) sha256: String,
}

/// Copies an object. Where an upload fails, nothing of it is seen at `into`.
pub(super) async fn copy(
    (from, at): (&dyn ObjectStore, &Path),
    (to, into): (&Arc<dyn ObjectStore>, &Path),
    progress: &dyn Progress,
) -> Result<Digest> {
    let mut read = Reading::default();
    let mut chunks = from.get(at).await?.into_stream();
    let mut writer = BufWriter::with_capacity(Arc::clone(to), into.clone(), PART_BYTES)
        .with_max_concurrency(PARTS);
    let mut copied = Ok(());
    while let Some(chunk) = chunks.next().await {
        copied = match chunk {
            Ok(chunk) => {
                read.add(&chunk, progress);
                writer.put(chunk).await
            }
            Err(error) => Err(error),
        };
        if copied.is_err() {
            break;
        }
    }
    if copied.is_ok() {
        copied = writer
            .shutdown()
            .await
            .map_err(|error| object_store::Error::Generic {
                store: "backup",
                source: error.into(),
            });
    }
    if let Err(error) = copied {
        // What it has uploaded is not seen, and a store deletes it by its own rules if this fails.
        let _ = writer.abort().await;
        return Err(error);
    }
    Ok(read.finish())
}

/// Reads an object.
pub(super) async fn digest(
    from: &dyn ObjectStore,
    at: &Path,
    progress: &dyn Progress,
) -> Result<Digest> {
    let mut read = Reading::default();
    let mut chunks = from.get(at).await?.into_stream();
    while let Some(chunk) = chunks.next().await {
        read.add(&chunk?, progress);
    }
    Ok(read.finish())
}

struct Reading {
    context: Context,
    bytes: u64,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            context: Context::new(&SHA256),
            bytes: 0,
        }
    }
}

impl Reading {
    fn add(&mut self, chunk: &[u8], progress: &dyn Progress) {
        self.context.update(chunk);
        self.bytes += chunk.len() as u64;
        progress.advanced(chunk.len() as u64);
    }

    fn finish(self) -> Digest {
        let mut sha256 = String::with_capacity(64);
        for byte in self.context.finish().as_ref() {
            // Writing to a string does not fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        Digest {
            bytes: self.bytes,
            sha256,
        }
    }
}
