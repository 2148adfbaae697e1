//! Uploads in parts: <https://cloud.google.com/storage/docs/multipart-uploads>.

use std::collections::BTreeMap;

use super::answer::{answer, escaped, refusal, xml};

/// Each part but the last has at least this size.
const LEAST: usize = 5 << 20;

/// Uploads that are neither complete nor aborted.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: BTreeMap<String, Upload>,
    next: u64,
}

#[derive(Debug)]
struct Upload {
    metadata: Vec<String>,
    parts: BTreeMap<u32, Vec<u8>>,
}

type Query = BTreeMap<String, String>;

impl Uploads {
    pub(super) fn begin(&mut self, bucket: &str, key: &str, metadata: Vec<String>) -> Vec<u8> {
        self.next += 1;
        let id = format!("upload-{}", self.next);
        let body = format!(
            "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>",
            escaped(key)
        );
        let parts = BTreeMap::new();
        self.uploads.insert(id, Upload { metadata, parts });
        xml(200, &[], &body)
    }

    pub(super) fn part(&mut self, query: &Query, body: &[u8]) -> Vec<u8> {
        let number = query.get("partNumber").and_then(|n| n.parse::<u32>().ok());
        let (Some(number @ 1..=10_000), Some(upload)) = (number, self.of(query)) else {
            return no_such_upload();
        };
        upload.parts.insert(number, body.to_vec());
        answer(200, &[format!("etag: \"part-{number}\"")], b"")
    }

    /// The whole object and its metadata, or why not.
    pub(super) fn complete(
        &mut self,
        query: &Query,
        body: &[u8],
    ) -> Result<(Vec<u8>, Vec<String>), Vec<u8>> {
        let upload = self.of(query).ok_or_else(no_such_upload)?;
        let body = String::from_utf8_lossy(body);
        let named = body.split("<PartNumber>").skip(1);
        let named: Vec<u32> = named
            .filter_map(|rest| rest.split_once('<')?.0.parse().ok())
            .collect();
        let invalid = || {
            refusal(
                400,
                "InvalidPart",
                "One or more of the specified parts could not be found.",
            )
        };
        let mut whole = Vec::new();
        for (place, number) in named.iter().enumerate() {
            let part = upload.parts.get(number).ok_or_else(invalid)?;
            if part.len() < LEAST && place + 1 < named.len() {
                return Err(refusal(400, "EntityTooSmall", "The part is too small."));
            }
            whole.extend_from_slice(part);
        }
        if named.is_empty() {
            return Err(invalid());
        }
        let metadata = upload.metadata.clone();
        self.abort(query);
        Ok((whole, metadata))
    }

    pub(super) fn abort(&mut self, query: &Query) -> Vec<u8> {
        let id = query.get("uploadId");
        match id.and_then(|id| self.uploads.remove(id)) {
            Some(_) => answer(204, &[], b""),
            None => no_such_upload(),
        }
    }

    fn of(&mut self, query: &Query) -> Option<&mut Upload> {
        self.uploads.get_mut(query.get("uploadId")?)
    }
}

fn no_such_upload() -> Vec<u8> {
    refusal(404, "NoSuchUpload", "The specified upload does not exist.")
}
