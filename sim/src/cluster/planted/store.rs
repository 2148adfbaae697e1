//! A bucket that shows two nodes different clusters, and partitions that nobody has.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::Planted;
use super::claims::Claims;
use crate::cluster::plan::NODES;

/// The bucket that node `number` sees, with the planted bug, if it is one of buckets.
pub(in crate::cluster) fn around(
    store: Arc<dyn ObjectStore>,
    bug: Option<Planted>,
    number: usize,
) -> Arc<dyn ObjectStore> {
    match bug {
        Some(Planted::PlaceApart) => Arc::new(Apart { store, number }),
        Some(bug @ (Planted::MissClaims | Planted::CompactOn)) => Arc::new(Claims::new(store, bug)),
        _ => store,
    }
}

#[derive(Debug)]
struct Apart {
    store: Arc<dyn ObjectStore>,
    number: usize,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, as node {} sees it", self.store, self.number)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Apart {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    /// Every owner has released its partition.
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut found = self.store.get_opts(location, options).await?;
        if !location.as_ref().contains("cluster/owners/") || found.meta.size == 0 {
            return Ok(found);
        }
        let (meta, range) = (found.meta.clone(), found.range.clone());
        let attributes = std::mem::take(&mut found.attributes);
        let extensions = std::mem::take(&mut found.extensions);
        let content = found.bytes().await?;
        let content = String::from_utf8_lossy(&content);
        // As long as before.
        let content = content.replace("\"hold\":\"held\"", "\"hold\":\"free\"");
        let content = stream::once(async move { Ok(Bytes::from(content)) });
        Ok(GetResult {
            payload: GetResultPayload::Stream(content.boxed()),
            meta,
            range,
            attributes,
            extensions,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    /// The first node does not see the second one.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let hides = self.number == 0;
        let seen = self.store.list(prefix).try_filter(move |meta| {
            let is_second = meta.location.filename() == Some(NODES[1]);
            std::future::ready(!(hides && is_second))
        });
        seen.boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
