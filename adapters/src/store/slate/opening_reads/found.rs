//! What a read has found, to be given again.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetResult, GetResultPayload, ObjectMeta, Result,
};

/// What a read has found.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// An object, or a part of it.
    Object {
        meta: ObjectMeta,
        range: Range<u64>,
        attributes: Attributes,
        bytes: Bytes,
    },
    /// There is no such object.
    Nothing,
}

impl Found {
    /// Reads the answer to the end, if it says that there is or is not such an object, of at most so many bytes.
    ///
    /// # Errors
    /// The answer itself, if it says something else.
    pub(super) async fn of(
        answer: Result<GetResult>,
        max_bytes: u64,
    ) -> std::result::Result<Self, Result<GetResult>> {
        match answer {
            Ok(got) if got.range.end - got.range.start <= max_bytes => {
                let (meta, range) = (got.meta.clone(), got.range.clone());
                let attributes = got.attributes.clone();
                let bytes = got.bytes().await.map_err(Err)?;
                Ok(Self::Object {
                    meta,
                    range,
                    attributes,
                    bytes,
                })
            }
            Err(Error::NotFound { .. }) => Ok(Self::Nothing),
            other => Err(other),
        }
    }

    /// What is known of an object without its content.
    pub(super) fn head(meta: ObjectMeta) -> Self {
        Self::Object {
            range: 0..meta.size,
            meta,
            attributes: Attributes::default(),
            bytes: Bytes::new(),
        }
    }

    /// As an answer to a read of this object.
    pub(super) fn answer(self, location: &Path) -> Result<GetResult> {
        match self {
            Self::Object {
                meta,
                range,
                attributes,
                bytes,
            } => {
                let body = futures::stream::once(async move { Ok(bytes) });
                Ok(GetResult {
                    payload: GetResultPayload::Stream(body.boxed()),
                    meta,
                    range,
                    attributes,
                    extensions: Default::default(),
                })
            }
            Self::Nothing => Err(Error::NotFound {
                path: location.to_string(),
                source: "it was not there a moment ago".into(),
            }),
        }
    }
}

/// Whether this read depends on nothing but what is there.
pub(super) fn is_unconditional(options: &GetOptions) -> bool {
    options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
        && options.version.is_none()
}

/// Whether this read is for the whole object, whatever it is.
pub(super) fn is_plain(options: &GetOptions) -> bool {
    is_unconditional(options) && options.range.is_none()
}
