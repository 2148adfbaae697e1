//! A bucket that knows when a node claims a partition and when it has handed one over.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

use super::{Planted, compactor};

/// Where the claims are, below the path of the cluster.
const OWNERS: &str = "cluster/owners/";

/// The bucket as one process sees it.
#[derive(Debug)]
pub(super) struct Claims {
    store: Arc<dyn ObjectStore>,
    bug: Planted,
    /// What it wrote last to claim a partition, until it gives the claim up or a write shows that it has lost it.
    claims: Mutex<HashMap<Path, (Bytes, PutResult)>>,
}

impl Claims {
    pub(super) fn new(store: Arc<dyn ObjectStore>, bug: Planted) -> Self {
        Self {
            store,
            bug,
            claims: Mutex::default(),
        }
    }

    /// This process has written `content` as the owner of a partition.
    fn wrote(&self, location: &Path, content: Bytes, put: &PutResult) {
        let text = String::from_utf8_lossy(&content).into_owned();
        if self.bug == Planted::MissClaims && text.contains("\"hold\":\"held\"") {
            let claim = (content, put.clone());
            self.claims.lock().insert(location.clone(), claim);
        }
        if self.bug == Planted::CompactOn && text.contains("\"hold\":\"closed\"") {
            let partition = location.as_ref().replace(OWNERS, "p/");
            compactor::goes_on(Arc::clone(&self.store), partition);
        }
    }
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, with {:?}", self.store, self.bug)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Claims {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if !location.as_ref().contains(OWNERS) {
            return self.store.put_opts(location, payload, options).await;
        }
        self.claims.lock().remove(location);
        let content = Bytes::from(payload.clone());
        let put = self.store.put_opts(location, payload, options).await?;
        self.wrote(location, content, &put);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    /// Its own claim, whoever has made one since.
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.store.get_opts(location, options).await?;
        let Some((content, put)) = self.claims.lock().get(location).cloned() else {
            return Ok(found);
        };
        let size = content.len() as u64;
        let meta = ObjectMeta {
            size,
            e_tag: put.e_tag,
            version: put.version,
            ..found.meta
        };
        let content = stream::once(async move { Ok(content) });
        Ok(GetResult {
            payload: GetResultPayload::Stream(content.boxed()),
            meta,
            range: 0..size,
            attributes: found.attributes,
            extensions: found.extensions,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
