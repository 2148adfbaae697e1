//! Folders and URLs of buckets, as commands for backups take them.

use std::path::PathBuf;

use log_adapters::objects::{Folder, Place, Purpose, check_prefix};

use super::{Config, Refusal, azure, gcs, s3};

/// What is accepted, for messages.
const ACCEPTED: &str = "a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://ACCOUNT/CONTAINER/PREFIX, for example \
                        /backups/my-log or s3://my-backups/my-log";

/// How a URL begins that is not complete.
const SCHEMES: [&str; 3] = ["s3:", "gs:", "az:"];

/// What separates an S3 bucket in another region from its region.
const REGION: &str = "?region=";

/// A place for objects that is not that of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The folder or the bucket.
    pub place: Place,
    /// What the URL says behind the bucket.
    pub prefix: Option<String>,
}

impl Config {
    /// Where `text` leads, a folder or a URL. Buckets are reached as those of the log: with its credentials, endpoints and
    /// encryption.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is accepted.
    pub fn location(&self, text: &str) -> Result<Location, Refusal> {
        let refuse = |why: &str| Err(Refusal(format!("{text:?} {why}: use {ACCEPTED}")));
        if text.is_empty() {
            return refuse("is empty");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
                return refuse("is neither a URL nor the name of a folder");
            }
            let folder = Folder {
                purpose: Purpose::Backups,
                ..Folder::new(PathBuf::from(text))
            };
            let place = Place::Folder(folder);
            return Ok(Location {
                place,
                prefix: None,
            });
        };
        let (rest, region) = match rest.split_once(REGION) {
            Some((rest, region)) => (rest, Some(region.to_owned())),
            None => (rest, None),
        };
        if region.is_some() && scheme != "s3" {
            return refuse("has a region, which only s3:// URLs take");
        }
        let storage = &self.storage;
        let (first, rest) = split(rest);
        if first.is_empty() {
            return refuse("names no bucket");
        }
        let (place, prefix) = match scheme {
            "s3" => {
                let region = region.as_ref().or(storage.s3.region.as_ref());
                (s3::place(&storage.s3, first, region), rest)
            }
            "gs" => (gcs::place(&storage.gcs, first), rest),
            "az" => {
                let (container, prefix) = split(rest.unwrap_or_default());
                if container.is_empty() {
                    return refuse("names no container");
                }
                let account = first.to_owned();
                // The endpoint is one of an account.
                let azure = match storage.azure.account.as_ref() == Some(&account) {
                    true => storage.azure.clone(),
                    false => azure::Azure::default(),
                };
                (azure::place(&azure, Some(&account), container), prefix)
            }
            _ => return refuse("is not a URL of a known kind"),
        };
        let prefix = prefix.map(|prefix| prefix.trim_end_matches('/'));
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = prefix {
            check_prefix(prefix).map_err(|why| Refusal(format!("{text:?}: {why}")))?;
        }
        Ok(Location {
            place,
            prefix: prefix.map(str::to_owned),
        })
    }
}

/// The part before the first slash, and what is behind it.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Config::default().location(text) {
            Ok(Location { place, prefix }) => format!("{place} {}", prefix.unwrap_or_default()),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn folders_and_urls_of_every_kind_of_store_are_accepted() {
        assert_eq!(shown("/a/b"), "folder /a/b ");
        assert_eq!(shown("s3://b/c/d/"), "s3://b c/d");
        assert_eq!(shown("s3://b"), "s3://b ");
        assert_eq!(shown("gs://b/c"), "gs://b c");
        assert_eq!(shown("az://a/b/c/d"), "az://a/b c/d");
    }

    #[test]
    fn an_s3_bucket_can_be_in_another_region() {
        let location = Config::default().location("s3://b/c?region=eu-west-1");
        let place = location.expect("accepted").place;
        assert!(
            matches!(place, Place::S3(bucket) if bucket.region.as_deref() == Some("eu-west-1"))
        );
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for (text, why) in [
            ("", "is empty"),
            ("s3://", "names no bucket"),
            ("s3:/bucket/c", "neither a URL"),
            ("az://account", "names no container"),
            ("ftp://b/c", "not a URL of a known kind"),
            ("gs://b/c?region=x", "has a region"),
        ] {
            let refusal = shown(text);
            assert!(refusal.contains(why), "{refusal}");
            assert!(refusal.contains("s3://my-backups/my-log"), "{refusal}");
        }
        assert!(
            shown("s3://b/ö").contains("for example"),
            "{}",
            shown("s3://b/ö")
        );
    }
}
