//! The store of a reader's engine: its polls are observed, what is known of them is answered from memory, and writes are refused.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

use super::fed::{Boundary, File};
use super::polls::Polls;

/// How the names of manifests end, and that of the object that says which are collected.
const MANIFEST: &str = ".manifest";
const BOUNDARY: &str = "manifest.boundary";

/// The name of this store in errors.
const STORE: &str = "the server that writes this log";

/// A store whose polls are observed.
#[derive(Debug)]
pub(super) struct Watched {
    store: Arc<dyn ObjectStore>,
    polls: Arc<Polls>,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Watched {
    /// `store`, with the polls observed, and no writes.
    pub(super) fn around(polls: &Arc<Polls>, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(Self {
            store,
            polls: Arc::clone(polls),
        })
    }

    async fn manifest(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fed = &self.polls.fed;
        if self.polls.asks_for_manifest(location) {
            return Err(missing(location));
        }
        let got = self.store.get_opts(location, options).await;
        if let Err(Error::NotFound { .. }) = &got {
            fed.no_manifest(location);
        }
        got
    }

    async fn boundary(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fed = &self.polls.fed;
        let asked = options.if_none_match.clone();
        match fed.boundary() {
            Some(Boundary::None) => return Err(missing(location)),
            Some(Boundary::Is(tag)) if asked.as_ref() == Some(&tag) => {
                return Err(Error::NotModified {
                    path: location.to_string(),
                    source: "as before".into(),
                });
            }
            _ => {}
        }
        let got = self.store.get_opts(location, options).await;
        fed.boundary_is(match &got {
            Ok(got) => got.meta.e_tag.clone().map(Boundary::Is),
            Err(Error::NotModified { .. }) => asked.map(Boundary::Is),
            Err(Error::NotFound { .. }) => Some(Boundary::None),
            Err(_) => None,
        });
        got
    }

    async fn file(&self, id: u64, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fed = &self.polls.fed;
        self.polls.asks_for_wal();
        let is_read = !options.head;
        let got = match fed.file(id) {
            File::Is(content) => content_of(location, &content, &options),
            File::Missing => Err(missing(location)),
            File::Ask => {
                let got = self.store.get_opts(location, options).await;
                match &got {
                    Ok(_) => fed.file_is_there(id, true),
                    Err(Error::NotFound { .. }) => fed.file_is_there(id, false),
                    Err(_) => {}
                }
                got
            }
        };
        if is_read {
            match &got {
                Ok(got) => self.polls.has_read_wal(id, Some(got.meta.size)),
                Err(Error::NotFound { .. }) => self.polls.has_read_wal(id, None),
                // The engine asks again.
                Err(_) => {}
            }
        }
        got
    }
}

fn missing(location: &Path) -> Error {
    Error::NotFound {
        path: location.to_string(),
        source: "it was not there, and the writer did not tell of it since".into(),
    }
}

/// The answer to a read of an object with this content.
fn content_of(location: &Path, content: &Bytes, options: &GetOptions) -> Result<GetResult> {
    let size = content.len() as u64;
    let range = match &options.range {
        Some(range) if !options.head => range.as_range(size).map_err(|error| Error::Generic {
            store: STORE,
            source: Box::new(error),
        })?,
        _ => 0..size,
    };
    let part = match options.head {
        true => Bytes::new(),
        false => slice(content, &range),
    };
    Ok(GetResult {
        payload: GetResultPayload::Stream(stream::once(async { Ok(part) }).boxed()),
        meta: ObjectMeta {
            location: location.clone(),
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        },
        range,
        attributes: Attributes::default(),
        extensions: Default::default(),
    })
}

/// The part of `content` in `range`, as far as there is one.
fn slice(content: &Bytes, range: &Range<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).map_or(content.len(), |at| at.min(content.len()));
    let (start, end) = (place(range.start), place(range.end));
    content.slice(start.min(end)..end)
}

/// What a write is answered. It is a bug if anything asks.
fn refused() -> Error {
    Error::NotSupported {
        source: "a read-only server writes nothing".into(),
    }
}

#[async_trait::async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        _location: &Path,
        _payload: PutPayload,
        _options: PutOptions,
    ) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if location.as_ref().ends_with(MANIFEST) {
            return self.manifest(location, options).await;
        }
        if location.filename() == Some(BOUNDARY) {
            return self.boundary(location, options).await;
        }
        match self.polls.wal.id(location) {
            Some(id) => self.file(id, location, options).await,
            None => self.store.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let fed = self
            .polls
            .wal
            .id(location)
            .map(|id| self.polls.fed.file(id));
        match fed {
            Some(File::Is(content))
                if ranges.iter().all(|range| range.end <= content.len() as u64) =>
            {
                Ok(ranges.iter().map(|range| slice(&content, range)).collect())
            }
            _ => self.store.get_ranges(location, ranges).await,
        }
    }

    fn delete_stream(
        &self,
        _locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(refused()) }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(refused())
    }
}

#[cfg(test)]
mod tests;
