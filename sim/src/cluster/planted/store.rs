//! Buckets that show nodes what is not so: different clusters, partitions that nobody has, claims that others have taken, nodes that are back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::claims::{self, Claims, Hold};
use super::{Planted, compactor};
use crate::cluster::plan::NODES;

/// A planted node that lists the nodes again within this time finds what it found before.
const LISTED_AGO: Duration = Duration::from_secs(1);

/// The bucket that node `number` sees, with the planted bug, if it is one of buckets.
pub(in crate::cluster) fn around(
    store: Arc<dyn ObjectStore>,
    bug: Option<Planted>,
    number: usize,
) -> Arc<dyn ObjectStore> {
    match bug {
        Some(
            bug @ (Planted::PlaceApart
            | Planted::MissClaims
            | Planted::StaleDeaths
            | Planted::CompactOn),
        ) => Arc::new(Broken {
            store,
            bug,
            number,
            claims: Claims::default(),
            listed: Arc::default(),
        }),
        _ => store,
    }
}

#[derive(Debug)]
struct Broken {
    store: Arc<dyn ObjectStore>,
    bug: Planted,
    /// Of the node.
    number: usize,
    claims: Claims,
    /// The last listing of the nodes, and when it was.
    listed: Arc<Mutex<Option<Listing>>>,
}

/// What a listing found, and when.
type Listing = (Instant, Vec<ObjectMeta>);

impl Broken {
    /// The node has written `content` as the owner of a partition.
    fn wrote(&self, location: &Path, content: Bytes, put: &PutResult) {
        match (self.bug, Hold::of(&content)) {
            (Planted::MissClaims, Some(Hold::Held)) => {
                self.claims.claimed(location, content, put.clone());
            }
            (Planted::CompactOn, Some(Hold::Closed)) => {
                compactor::goes_on(Arc::clone(&self.store), claims::partition(location));
            }
            _ => {}
        }
    }

    /// The nodes, as they were listed a moment ago.
    fn listed_before(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let last = self.listed.lock().clone();
        if let Some((since, listed)) = last
            && since.elapsed() < LISTED_AGO
        {
            return stream::iter(listed.into_iter().map(Ok)).boxed();
        }
        let (listing, listed) = (self.store.list(prefix), Arc::clone(&self.listed));
        let list = async move {
            let found: Vec<ObjectMeta> = listing.try_collect().await?;
            *listed.lock() = Some((Instant::now(), found.clone()));
            Ok::<_, Error>(stream::iter(found.into_iter().map(Ok)))
        };
        stream::once(list).try_flatten().boxed()
    }

    /// Its own claim, whoever has made one since.
    fn missed(&self, location: &Path, found: GetResult) -> GetResult {
        let Some((content, put)) = self.claims.of(location) else {
            return found;
        };
        let meta = ObjectMeta {
            e_tag: put.e_tag,
            version: put.version,
            ..found.meta.clone()
        };
        with(content, GetResult { meta, ..found })
    }
}

/// The same with other content.
fn with(content: Bytes, found: GetResult) -> GetResult {
    let size = content.len() as u64;
    let body = stream::once(async move { Ok(content) });
    GetResult {
        payload: GetResultPayload::Stream(body.boxed()),
        meta: ObjectMeta { size, ..found.meta },
        range: 0..size,
        attributes: found.attributes,
        extensions: found.extensions,
    }
}

/// Every owner has released its partition.
async fn released(mut found: GetResult) -> Result<GetResult> {
    let emptied = GetResult {
        payload: GetResultPayload::Stream(stream::empty().boxed()),
        meta: found.meta.clone(),
        range: found.range.clone(),
        attributes: std::mem::take(&mut found.attributes),
        extensions: std::mem::take(&mut found.extensions),
    };
    let content = found.bytes().await?;
    let content = String::from_utf8_lossy(&content);
    let content = content.replace("\"hold\":\"held\"", "\"hold\":\"free\"");
    Ok(with(content.into(), emptied))
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            store, bug, number, ..
        } = self;
        write!(f, "{store}, as node {number} sees it with {bug:?}")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Broken {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if !claims::is_owner(location) {
            return self.store.put_opts(location, payload, options).await;
        }
        let own = self.claims.of(location);
        self.claims.writes(location);
        let content = Bytes::from(payload.clone());
        match self.store.put_opts(location, payload, options).await {
            Ok(put) => {
                self.wrote(location, content, &put);
                Ok(put)
            }
            // It believes that it has renewed its claim, once.
            Err(Error::Precondition { .. })
                if self.bug == Planted::MissClaims
                    && matches!(Hold::of(&content), Some(Hold::Held))
                    && let Some((_, put)) = own =>
            {
                Ok(put)
            }
            Err(error) => Err(error),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.store.get_opts(location, options).await?;
        match self.bug {
            Planted::PlaceApart if claims::is_owner(location) && found.meta.size > 0 => {
                released(found).await
            }
            _ => Ok(self.missed(location, found)),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    /// With different clusters, the first node does not see the second one.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.bug == Planted::StaleDeaths && prefix.is_some_and(claims::are_nodes) {
            return self.listed_before(prefix);
        }
        let hides = self.bug == Planted::PlaceApart && self.number == 0;
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
