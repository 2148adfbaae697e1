//! The check of a bucket at the start: what is wrong is found out in seconds, not after minutes of retries.

use std::error::Error as _;
use std::time::Duration;

use futures::StreamExt;
use log_domain::{Error, Result};
use object_store::aws::AmazonS3;
use object_store::path::{Path, PathPart};
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, PutMode, RetryConfig};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::credentials::Source;
use super::s3::{Bucket, Reach};

/// The whole check ends within this time.
const WITHIN: Duration = Duration::from_secs(12);

/// A request of the check is tried this often again, within half of the time.
const RETRIES: usize = 2;

/// The object that is put, below the path of the log. It stays, so that later starts need one PUT and no delete.
const OBJECT: &str = "conditional-put-check";
const CONTENT: &[u8] =
    b"Written with If-None-Match: *. A store that lets it be overwritten cannot hold a log.\n";

pub(super) async fn check(bucket: &Bucket, path: &str, reach: &Reach) -> Result<()> {
    let builder = bucket.builder(reach).with_retry(RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: WITHIN / 2,
    });
    let source = Source::of(&builder)?;
    let store = builder.build().map_err(|error| bucket.invalid(&error))?;
    // What the client logs on the way is in the error too.
    let steps = steps(&store, &source, path).with_subscriber(NoSubscriber::default());
    match tokio::time::timeout(WITHIN, steps).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            let seconds = WITHIN.as_secs();
            return Err(Error::unavailable(format!("no answer within {seconds} s")));
        }
    }
    tracing::info!("s3://{}: credentials from {source}", bucket.name);
    Ok(())
}

async fn steps(store: &AmazonS3, source: &Source, path: &str) -> Result<()> {
    if *source != Source::Unsigned {
        let credential = store.credentials().get_credential().await;
        credential.map_err(|error| {
            Error::unavailable(format!(
                "cannot get credentials from {source}: {}",
                reason(&error)
            ))
        })?;
    }
    let path = Path::from(path);
    if let Some(Err(error)) = store.list(Some(&path)).next().await {
        return Err(cannot("list", &error));
    }
    let object = path.join(PathPart::from(OBJECT));
    put_and_not_overwrite(store, &object).await?;
    let content = store.get(&object).await;
    content.map_err(|error| cannot("read", &error))?;
    Ok(())
}

/// Puts the object where nothing may be, until it is there. It may be from an earlier start; so the first PUT may
/// succeed, and the second must not.
async fn put_and_not_overwrite(store: &AmazonS3, object: &Path) -> Result<()> {
    for _ in 0..2 {
        let put = store.put_opts(object, CONTENT.into(), PutMode::Create.into());
        match put.await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
            Err(error) => return Err(cannot("write", &error)),
        }
    }
    Err(Error::invalid(format!(
        "the store has no conditional PUTs: with `If-None-Match: *` it overwrote {object}; a log there could be written \
         by two servers at once"
    )))
}

fn cannot(what: &str, error: &object_store::Error) -> Error {
    use object_store::Error as Kind;
    let text = error.to_string();
    let reason = reason(error);
    // The error of a list has no kind for these.
    let denied = ["401", "403"].map(|status| format!("status code: {status} "));
    Error::unavailable(match error {
        Kind::NotFound { .. } => format!("the bucket does not exist ({reason})"),
        Kind::PermissionDenied { .. } | Kind::Unauthenticated { .. } => denial(what, &reason),
        _ if denied.iter().any(|status| text.contains(status)) => denial(what, &reason),
        _ => format!("cannot {what}: {reason}"),
    })
}

fn denial(what: &str, reason: &str) -> String {
    format!("the credentials are not valid here, or may not {what} ({reason})")
}

/// Why, in one line: the server's code and message if it sent them, else the whole chain of causes.
fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    let between = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0)
    };
    let message = match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => {
            let mut chain = text.clone();
            let mut cause = error.source();
            while let Some(deeper) = cause {
                let deeper_text = deeper.to_string();
                if !chain.contains(&deeper_text) {
                    chain = format!("{chain}: {deeper_text}");
                }
                cause = deeper.source();
            }
            chain
        }
    };
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::reason;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    #[test]
    fn of_an_xml_answer_the_code_and_the_message_are_told() {
        let error = generic(
            "403: <?xml?>\n<Error><Code>AccessDenied</Code>\n<Message>Access\nDenied</Message></Error>",
        );
        assert_eq!(reason(&error), "AccessDenied: Access Denied");
    }

    #[test]
    fn anything_else_is_told_whole_in_one_line() {
        let error = generic("no route\n  to host");
        assert_eq!(reason(&error), "Generic S3 error: no route to host");
    }
}
