//! Buckets and the objects in them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::answer::{answer, decoded, escaped, refusal, times, xml};
use super::uploads::Uploads;
use crate::recorder::Call;

const PRECONDITION: &str = "x-goog-if-generation-match";
const METADATA: &str = "x-goog-meta-";
/// The most that one page of a list has.
const PAGE: usize = 1_000;

/// Everything that the emulator keeps.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    uploads: Uploads,
    /// The generation that was given last: none is given twice.
    generation: u64,
}

#[derive(Debug)]
struct Object {
    body: Vec<u8>,
    generation: u64,
    modified: SystemTime,
    /// Header lines.
    metadata: Vec<String>,
}

/// A parsed query.
type Query = BTreeMap<String, String>;

impl Buckets {
    pub(super) fn create(&mut self, name: &str) {
        self.buckets.entry(name.to_owned()).or_default();
    }

    pub(super) fn answer(&mut self, call: &Call) -> Vec<u8> {
        let path = call.path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, key) = (decoded(bucket), decoded(key));
        if !self.buckets.contains_key(&bucket) {
            return refusal(404, "NoSuchBucket", "The specified bucket does not exist.");
        }
        let query = parse(&call.query);
        let has = |name| query.contains_key(name);
        match (call.method.as_str(), key.as_str()) {
            ("GET", "") if query.get("list-type").is_some_and(|v| v == "2") => {
                self.list(&bucket, &query)
            }
            ("POST", key) if !key.is_empty() && has("uploads") => {
                self.uploads.begin(&bucket, key, metadata(call))
            }
            ("PUT", _) if has("partNumber") => self.uploads.part(&query, &call.body),
            ("POST", key) if has("uploadId") => match self.uploads.complete(&query, &call.body) {
                Err(refusal) => refusal,
                Ok((body, metadata)) => {
                    let generation = self.put(&bucket, key, body, metadata);
                    let body = format!(
                        "<CompleteMultipartUploadResult><Location>http://127.0.0.1</Location><Bucket>{bucket}</Bucket>\
                         <Key>{}</Key><ETag>\"{generation}\"</ETag></CompleteMultipartUploadResult>",
                        escaped(key)
                    );
                    xml(200, &[format!("x-goog-generation: {generation}")], &body)
                }
            },
            ("DELETE", _) if has("uploadId") => self.uploads.abort(&query),
            ("PUT", key) if !key.is_empty() && query.is_empty() => self.upload(&bucket, key, call),
            ("GET" | "HEAD", key) if !key.is_empty() => self.download(&bucket, key, call),
            ("DELETE", key) if !key.is_empty() && query.is_empty() => {
                match self.objects(&bucket).remove(key) {
                    Some(_) => answer(204, &[], b""),
                    None => no_such_key(),
                }
            }
            _ => refusal(
                400,
                "InvalidArgument",
                "The emulator does not know this request.",
            ),
        }
    }

    fn objects(&mut self, bucket: &str) -> &mut BTreeMap<String, Object> {
        self.buckets.entry(bucket.to_owned()).or_default()
    }

    fn upload(&mut self, bucket: &str, key: &str, call: &Call) -> Vec<u8> {
        if call.headers.contains_key("x-goog-copy-source") {
            return refusal(400, "InvalidArgument", "The emulator does not copy.");
        }
        if let Some(wanted) = call.headers.get(PRECONDITION) {
            let Ok(wanted) = wanted.parse::<u64>() else {
                return refusal(400, "InvalidArgument", "Invalid argument.");
            };
            // 0 is an object that is not there.
            let is = self.objects(bucket).get(key);
            if is.map_or(0, |object| object.generation) != wanted {
                return refusal(
                    412,
                    "PreconditionFailed",
                    "At least one of the pre-conditions you specified did not hold.",
                );
            }
        }
        let generation = self.put(bucket, key, call.body.clone(), metadata(call));
        let headers = [
            format!("etag: \"{generation}\""),
            format!("x-goog-generation: {generation}"),
        ];
        answer(200, &headers, b"")
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "objects of a real server have times of the real clock"
    )]
    fn put(&mut self, bucket: &str, key: &str, body: Vec<u8>, metadata: Vec<String>) -> u64 {
        self.generation += 1;
        let object = Object {
            body,
            generation: self.generation,
            modified: SystemTime::now(),
            metadata,
        };
        self.objects(bucket).insert(key.to_owned(), object);
        self.generation
    }

    fn download(&mut self, bucket: &str, key: &str, call: &Call) -> Vec<u8> {
        let Some(object) = self.objects(bucket).get(key) else {
            return no_such_key();
        };
        let length = object.body.len();
        let mut headers = vec![
            format!("etag: \"{}\"", object.generation),
            format!("x-goog-generation: {}", object.generation),
            format!("last-modified: {}", times(object.modified).0),
        ];
        headers.extend(object.metadata.clone());
        if call.method == "HEAD" {
            headers.push(format!("content-length: {length}"));
            return answer(200, &headers, b"");
        }
        let Some(range) = call.headers.get("range") else {
            return answer(200, &headers, &object.body);
        };
        let Some((from, to)) = bounds(range, length) else {
            return refusal(
                416,
                "InvalidRange",
                "The requested range cannot be satisfied.",
            );
        };
        headers.push(format!("content-range: bytes {from}-{}/{length}", to - 1));
        answer(206, &headers, &object.body[from..to])
    }

    fn list(&mut self, bucket: &str, query: &Query) -> Vec<u8> {
        let text = |name: &str| query.get(name).cloned().unwrap_or_default();
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let after = text("start-after").max(text("continuation-token"));
        let most = query.get("max-keys").and_then(|most| most.parse().ok());
        let most: usize = most.unwrap_or(PAGE).min(PAGE);
        let (mut entries, mut folders) = (String::new(), Vec::<String>::new());
        let (mut count, mut last, mut is_truncated) = (0, String::new(), false);
        for (key, object) in self.objects(bucket).range(after.clone()..) {
            if *key == after && !after.is_empty() {
                continue;
            }
            let Some(rest) = key.strip_prefix(&prefix) else {
                continue;
            };
            let folder = match delimiter.as_str() {
                "" => None,
                delimiter => rest
                    .find(delimiter)
                    .map(|end| &key[..prefix.len() + end + delimiter.len()]),
            };
            let seen = folder.is_some_and(|folder| {
                folders.iter().any(|seen| seen == folder) || after.starts_with(folder)
            });
            if !seen && count == most {
                is_truncated = true;
                break;
            }
            last.clone_from(key);
            match folder {
                _ if seen => continue,
                Some(folder) => folders.push(folder.to_owned()),
                None => entries.push_str(&format!(
                    "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{}</LastModified><ETag>\"{}\"</ETag>\
                     <Size>{}</Size></Contents>",
                    escaped(key),
                    object.generation,
                    times(object.modified).1,
                    object.generation,
                    object.body.len()
                )),
            }
            count += 1;
        }
        for folder in folders {
            let folder = escaped(&folder);
            entries.push_str(&format!(
                "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
            ));
        }
        if is_truncated {
            let token = escaped(&last);
            entries.push_str(&format!(
                "<NextContinuationToken>{token}</NextContinuationToken>"
            ));
        }
        let body = format!(
            "<ListBucketResult><Name>{bucket}</Name><Prefix>{}</Prefix><IsTruncated>{is_truncated}</IsTruncated>{entries}\
             </ListBucketResult>",
            escaped(&prefix)
        );
        xml(200, &[], &body)
    }
}

fn no_such_key() -> Vec<u8> {
    refusal(404, "NoSuchKey", "The specified key does not exist.")
}

/// The metadata that a request gives to its object.
fn metadata(call: &Call) -> Vec<String> {
    let given = call.headers.iter();
    let given = given.filter(|(name, _)| name.starts_with(METADATA));
    given
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

fn parse(query: &str) -> Query {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
        .collect()
}

/// Where the range of a header begins and ends in so many bytes.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(last)) => (from, (last + 1).min(length)),
        (Ok(from), Err(_)) => (from, length),
        (Err(_), Ok(suffix)) => (length.saturating_sub(suffix), length),
        _ => return None,
    };
    (from < to).then_some((from, to))
}
