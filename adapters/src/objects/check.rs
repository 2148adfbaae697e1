//! The startup check of a store: it finds errors in seconds instead of after minutes of retries.

mod trouble;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use log_domain::Error;
use object_store::path::{Path, PathPart};
use object_store::{
    BackoffConfig, CredentialProvider, ObjectStore, ObjectStoreExt, PutMode, RetryConfig,
};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use trouble::Trouble;

/// The whole check ends within this time.
const WITHIN: Duration = Duration::from_secs(12);

/// The pause before the check is made again, when the store was away.
const PAUSE: Duration = Duration::from_millis(500);

/// The object that is put, below the path of the log. It is never deleted, so later starts issue one PUT.
const OBJECT: &str = "conditional-put-check";
const CONTENT: &[u8] =
    b"Written with If-None-Match: *. A store that lets it be overwritten cannot hold a log.\n";

/// A client of a store, which can be checked before it is used.
pub(super) struct Candidate {
    /// The store, for example `s3://bucket`.
    pub(super) name: String,
    /// What the store keeps objects in: a bucket or a container.
    pub(super) holder: &'static str,
    /// The header of a PUT that must not overwrite.
    pub(super) precondition: &'static str,
    /// The client. For the check one that tries nothing again; see [`no_retries`].
    pub(super) store: Arc<dyn ObjectStore>,
    /// Who gives credentials.
    pub(super) source: String,
    /// Gets credentials; none if requests are not signed.
    pub(super) credentials: Option<Credentials>,
    /// The proxy in between.
    pub(super) proxy: Option<String>,
}

/// Gets credentials once.
pub(super) type Credentials =
    Box<dyn Fn() -> BoxFuture<'static, object_store::Result<()>> + Send + Sync>;

/// Gets the credentials of this provider.
pub(super) fn credentials<C: Send + Sync + 'static>(
    provider: &Arc<dyn CredentialProvider<Credential = C>>,
) -> Option<Credentials> {
    let provider = Arc::clone(provider);
    Some(Box::new(move || {
        let provider = Arc::clone(&provider);
        Box::pin(async move { provider.get_credential().await.map(drop) })
    }))
}

/// For the client of a [`Candidate`]: the check makes its own retries, with the last error at hand when time is up.
pub(super) fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: WITHIN,
    }
}

/// Checks within seconds whether a store is usable for a log below `path`: gets credentials, lists, and tests that
/// a conditional PUT does not overwrite. A store that is away (it refuses connections, or answers 429 or 5xx) is
/// asked again until the time is up.
///
/// # Errors
/// [`Error::Invalid`] for a store without conditional PUTs, [`Error::Unavailable`] for anything that the store, or
/// who gives credentials, refuses or does not answer. The message is one line.
pub(super) async fn check(candidate: &Candidate, path: &str) -> Result<(), Error> {
    repeated(candidate, path, true).await
}

/// The same for a log that is only read: gets credentials, and lists.
///
/// # Errors
/// [`Error::Unavailable`], as [`check`].
pub(super) async fn check_to_read(candidate: &Candidate, path: &str) -> Result<(), Error> {
    repeated(candidate, path, false).await
}

async fn repeated(candidate: &Candidate, path: &str, writes: bool) -> Result<(), Error> {
    let Candidate { name, source, .. } = candidate;
    let deadline = Instant::now() + WITHIN;
    let seconds = WITHIN.as_secs();
    let mut last: Option<Trouble> = None;
    loop {
        // What the client logs on the way is in the error too.
        let steps = steps(candidate, path, writes).with_subscriber(NoSubscriber::default());
        match timeout_at(deadline, steps).await {
            Ok(Ok(())) => {
                tracing::info!("{name}: credentials from {source}");
                return Ok(());
            }
            Ok(Err(trouble)) if !trouble.passes => return Err(trouble.error(&candidate.proxy)),
            Ok(Err(trouble)) => {
                if last.is_none() {
                    tracing::info!("{name}: {}; trying again for {seconds} s", trouble.message);
                }
                last = Some(trouble);
            }
            Err(_) => {}
        }
        if Instant::now() + PAUSE >= deadline {
            let trouble = match last {
                Some(trouble) => trouble.after(seconds),
                None => Trouble::passing(format!("no answer within {seconds} s")),
            };
            return Err(trouble.error(&candidate.proxy));
        }
        sleep(PAUSE).await;
    }
}

async fn steps(candidate: &Candidate, path: &str, writes: bool) -> Result<(), Trouble> {
    let Candidate { store, source, .. } = candidate;
    if let Some(credentials) = &candidate.credentials {
        credentials()
            .await
            .map_err(|error| Trouble::of_credentials(source, &error))?;
    }
    let cannot = |what, error| Trouble::of_store(candidate.holder, what, &error);
    let path = Path::from(path);
    if let Some(Err(error)) = store.list(Some(&path)).next().await {
        return Err(cannot("list", error));
    }
    if !writes {
        return Ok(());
    }
    let object = path.join(PathPart::from(OBJECT));
    put_and_not_overwrite(candidate, &object).await?;
    let content = store.get(&object).await;
    content.map_err(|error| cannot("read", error))?;
    Ok(())
}

/// Puts the object where nothing may be, until it is there. It may be from an earlier start; so the first PUT may
/// succeed, and the second must not.
async fn put_and_not_overwrite(candidate: &Candidate, object: &Path) -> Result<(), Trouble> {
    let Candidate { precondition, .. } = candidate;
    for _ in 0..2 {
        let mode = PutMode::Create;
        let put = candidate
            .store
            .put_opts(object, CONTENT.into(), mode.into());
        match put.await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
            Err(error) if trouble::is_not_implemented(&error) => {
                return Err(Trouble::invalid(format!(
                    "the store has no conditional PUTs: it does not implement `{precondition}` ({}); a log needs them, \
                     because without them two servers could write it at once",
                    trouble::reason(&error)
                )));
            }
            Err(error) => return Err(Trouble::of_store(candidate.holder, "write", &error)),
        }
    }
    Err(Trouble::invalid(format!(
        "the store has no conditional PUTs: with `{precondition}` it overwrote {object}; a log there could be written \
         by two servers at once"
    )))
}
