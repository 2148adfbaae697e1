//! The objects, and the operations of S3 that a log needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use parking_lot::Mutex;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Metadata, Object,
    PutObjectInput, PutObjectOutput, Range, StreamingBlob, Timestamp, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use twox_hash::XxHash3_64;

use crate::determinism::EPOCH_MS;
use crate::time::now_ms;

/// All objects of the only bucket. They outlive every host.
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Upload>,
    /// How many uploads there ever were, for their names.
    begun: u64,
}

#[derive(Clone)]
struct Stored {
    data: Bytes,
    etag: ETag,
    modified_ms: u64,
    metadata: Option<Metadata>,
}

#[derive(Default)]
struct Upload {
    parts: BTreeMap<i32, Bytes>,
    metadata: Option<Metadata>,
}

impl Objects {
    /// The names of all objects, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().objects.keys().cloned().collect()
    }

    /// Puts these data in the place of an object, or nothing. The answer is what was there.
    pub(super) fn replace(&self, name: &str, data: Option<Bytes>) -> Option<Bytes> {
        let mut kept = self.0.lock();
        let before = kept.objects.remove(name);
        if let Some(data) = data {
            let metadata = before.as_ref().and_then(|before| before.metadata.clone());
            kept.put(name.to_owned(), data, metadata);
        }
        before.map(|before| before.data)
    }
}

impl Kept {
    fn put(&mut self, key: String, data: Bytes, metadata: Option<Metadata>) -> ETag {
        // As that of S3, equal for equal data: a write on the condition that an object has not changed finds one that has changed back.
        let etag = ETag::Strong(format!("{:032x}", XxHash3_64::oneshot(&data)));
        let stored = Stored {
            data,
            etag: etag.clone(),
            modified_ms: now_ms(),
            metadata,
        };
        self.objects.insert(key, stored);
        etag
    }

    fn get(&self, key: &str) -> S3Result<&Stored> {
        self.objects.get(key).ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Whether an object may be written under these conditions.
    fn admits(
        &self,
        key: &str,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<()> {
        let there = self.objects.get(key).map(|stored| &stored.etag);
        let is = |condition: &ETagCondition| match (condition, there) {
            (_, None) => false,
            (ETagCondition::Any, Some(_)) => true,
            (ETagCondition::ETag(wanted), Some(etag)) => wanted == etag,
        };
        if if_match.is_some_and(|wanted| !is(wanted)) || if_none_match.is_some_and(is) {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(())
    }
}

fn timestamp(stored: &Stored) -> Timestamp {
    let since_epoch = Duration::from_millis(EPOCH_MS as u64 + stored.modified_ms);
    Timestamp::from(UNIX_EPOCH + since_epoch)
}

fn body_of(data: Bytes) -> StreamingBlob {
    StreamingBlob::from(s3s::Body::from(data))
}

async fn received(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else {
        return Ok(Bytes::new());
    };
    let all = body.try_fold(BytesMut::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    });
    let all = all.await.map_err(|_| s3_error!(IncompleteBody))?;
    Ok(all.freeze())
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let data = received(input.body).await?;
        let mut kept = self.0.lock();
        kept.admits(
            &input.key,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        let etag = kept.put(input.key, data, input.metadata);
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(etag),
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let kept = self.0.lock();
        let stored = kept.get(&request.input.key)?;
        let length = stored.data.len() as u64;
        let mut output = GetObjectOutput {
            e_tag: Some(stored.etag.clone()),
            last_modified: Some(timestamp(stored)),
            metadata: stored.metadata.clone(),
            ..GetObjectOutput::default()
        };
        let data = match &request.input.range {
            None => stored.data.clone(),
            Some(range) => {
                let range: &Range = range;
                let part = range.check(length).map_err(|_| s3_error!(InvalidRange))?;
                let told = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                output.content_range = Some(told);
                stored.data.slice(part.start as usize..part.end as usize)
            }
        };
        output.content_length = Some(data.len() as i64);
        output.body = Some(body_of(data));
        Ok(S3Response::new(output))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let kept = self.0.lock();
        let stored = kept.get(&request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(stored.data.len() as i64),
            e_tag: Some(stored.etag.clone()),
            last_modified: Some(timestamp(stored)),
            metadata: stored.metadata.clone(),
            ..HeadObjectOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let after = input.continuation_token.or(input.start_after);
        let most = input.max_keys.unwrap_or(1000).clamp(1, 1000) as usize;
        let kept = self.0.lock();
        let (mut contents, mut prefixes): (Vec<Object>, Vec<CommonPrefix>) = Default::default();
        let (mut next, mut last) = (None, String::new());
        for (key, stored) in kept.objects.range(prefix.clone()..) {
            let Some(rest) = key.strip_prefix(&prefix) else {
                break;
            };
            if after.as_ref().is_some_and(|after| key <= after) {
                continue;
            }
            if contents.len() + prefixes.len() == most {
                next = Some(last);
                break;
            }
            last.clone_from(key);
            let below = input.delimiter.as_ref().and_then(|delimiter| {
                let (folder, _) = rest.split_once(delimiter.as_str())?;
                Some(format!("{prefix}{folder}{delimiter}"))
            });
            match below {
                Some(folder) => {
                    let known = |p: &CommonPrefix| p.prefix.as_ref() == Some(&folder);
                    if !prefixes.iter().any(known) {
                        prefixes.push(CommonPrefix {
                            prefix: Some(folder),
                        });
                    }
                }
                None => contents.push(Object {
                    key: Some(key.clone()),
                    size: Some(stored.data.len() as i64),
                    e_tag: Some(stored.etag.clone()),
                    last_modified: Some(timestamp(stored)),
                    ..Object::default()
                }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            key_count: Some((contents.len() + prefixes.len()) as i32),
            max_keys: Some(most as i32),
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.0.lock().objects.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let mut kept = self.0.lock();
        let deleted = request.input.delete.objects.into_iter().map(|object| {
            kept.objects.remove(&object.key);
            DeletedObject {
                key: Some(object.key),
                ..DeletedObject::default()
            }
        });
        let deleted = Some(deleted.collect());
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted,
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let mut kept = self.0.lock();
        kept.begun += 1;
        let id = format!("upload-{}", kept.begun);
        let upload = Upload {
            metadata: input.metadata,
            ..Upload::default()
        };
        kept.uploads.insert(id.clone(), upload);
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let data = received(input.body).await?;
        let mut kept = self.0.lock();
        let upload = kept.uploads.get_mut(&input.upload_id);
        let upload = upload.ok_or_else(|| s3_error!(NoSuchUpload))?;
        upload.parts.insert(input.part_number, data);
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(format!("part-{}", input.part_number))),
            ..UploadPartOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let mut kept = self.0.lock();
        kept.admits(
            &input.key,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        let upload = kept.uploads.remove(&input.upload_id);
        let upload = upload.ok_or_else(|| s3_error!(NoSuchUpload))?;
        let whole: Vec<u8> = upload.parts.into_values().flatten().collect();
        let etag = kept.put(input.key.clone(), whole.into(), upload.metadata);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.lock().uploads.remove(&request.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
