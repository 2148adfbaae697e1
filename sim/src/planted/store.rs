//! Object stores that break their promises.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use log_domain::CommitFeed;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::Planted;

/// How long after it was said a file is written.
const LATER: Duration = Duration::from_millis(400);

/// The store with the planted bug, if it is one of stores.
pub fn around(store: Arc<dyn ObjectStore>, planted: Option<Planted>) -> Arc<dyn ObjectStore> {
    match planted {
        Some(bug @ (Planted::StoreLies | Planted::StoreOverwrites | Planted::HideWatermark)) => {
            Arc::new(Broken {
                store,
                bug,
                feed: None,
            })
        }
        _ => store,
    }
}

/// The store of a server that offers what it writes to `feed`, with the planted bug, if it is one of offers.
pub fn around_offers(
    store: Arc<dyn ObjectStore>,
    planted: Option<Planted>,
    feed: &Arc<CommitFeed>,
) -> Arc<dyn ObjectStore> {
    match planted {
        Some(bug @ Planted::OfferEarly) => Arc::new(Broken {
            store,
            bug,
            feed: Some(Arc::clone(feed)),
        }),
        _ => store,
    }
}

/// The store that backups read, with the planted bug, if it is one of those.
pub fn around_backups(
    store: Arc<dyn ObjectStore>,
    planted: Option<Planted>,
) -> Arc<dyn ObjectStore> {
    match planted {
        Some(bug @ Planted::HideWal) => Arc::new(Broken {
            store,
            bug,
            feed: None,
        }),
        _ => store,
    }
}

#[derive(Debug)]
struct Broken {
    store: Arc<dyn ObjectStore>,
    bug: Planted,
    feed: Option<Arc<CommitFeed>>,
}

impl Broken {
    /// Offers a file of the WAL.
    fn offer(&self, location: &Path, payload: &PutPayload) {
        let name = location
            .filename()
            .and_then(|name| name.strip_suffix(".sst"));
        let id = name.and_then(|id| id.parse().ok());
        if let (Some(feed), Some(id)) = (&self.feed, id) {
            feed.offer(id, Some(|| Bytes::from(payload.clone())));
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.store, self.bug)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Broken {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let of_wal = location.as_ref().contains("/wal/");
        // The empty file that a server puts to fence the one before is left alone: the bug is in appends.
        let fence = payload.content_length() < 256;
        match self.bug {
            Planted::StoreLies if of_wal && !fence => {
                let (store, location) = (Arc::clone(&self.store), location.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(LATER).await;
                    drop(store.put_opts(&location, payload, options).await);
                });
                Ok(PutResult {
                    e_tag: None,
                    version: None,
                    extensions: Default::default(),
                })
            }
            Planted::OfferEarly if of_wal && !fence => {
                self.offer(location, &payload);
                tokio::time::sleep(LATER).await;
                self.store.put_opts(location, payload, options).await
            }
            Planted::StoreOverwrites if of_wal => {
                options.mode = PutMode::Overwrite;
                self.store.put_opts(location, payload, options).await
            }
            _ => self.store.put_opts(location, payload, options).await,
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
        if self.bug == Planted::HideWatermark && location.filename() == Some("watermark") {
            return Err(object_store::Error::NotFound {
                path: location.to_string(),
                source: "it is hidden".into(),
            });
        }
        self.store.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = self.store.list(prefix);
        if self.bug != Planted::HideWal {
            return listed;
        }
        let all = listed.try_collect::<Vec<_>>().map_ok(|mut all| {
            let files = all.iter().map(|meta| &meta.location);
            let newest = files
                .filter(|file| file.as_ref().contains("/wal/"))
                .max()
                .cloned();
            all.retain(|meta| Some(&meta.location) != newest.as_ref());
            stream::iter(all).map(Ok)
        });
        all.try_flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
