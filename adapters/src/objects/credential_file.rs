//! Credential files of the store clients, checked before the clients read them.
//!
//! The clients read them by blocking calls on the runtime, whole, and each time that their credentials end: a FIFO in the
//! place of a token stops the server, a device fills the memory, and a line break in a token that becomes a header is a panic.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Error, Result};
use object_store::CredentialProvider;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::library_variables;
use crate::concealed;
use crate::small_file::SmallFile;

/// The file is looked at so often while requests need credentials. The clients read theirs minutes before they end.
const LOOK: Duration = Duration::from_secs(5);

/// A file that a client reads credentials from.
#[derive(Debug)]
pub(super) struct CredentialFile {
    /// The variable that names it.
    variable: &'static str,
    file: SmallFile,
    /// Whether what is in it becomes a header.
    is_header: bool,
    /// How much of it the client can use.
    most_bytes: usize,
}

impl CredentialFile {
    /// The file of this path, which a variable names.
    pub(super) fn new(variable: &'static str, path: &str) -> Self {
        Self {
            variable,
            file: SmallFile::new(Path::new(path)),
            is_header: false,
            most_bytes: usize::MAX,
        }
    }

    /// The same, if what is in the file becomes a header.
    pub(super) fn in_a_header(self) -> Self {
        Self {
            is_header: true,
            ..self
        }
    }

    /// The same, if what is in the file becomes a parameter of a URL: encoded, it grows threefold, and a URL can have 64 KiB.
    pub(super) fn in_a_url(self) -> Self {
        Self {
            most_bytes: 10 << 10,
            ..self
        }
    }

    /// What is in it, if the client can use it. Blocks for some seconds at most.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the variable and the file.
    pub(super) fn read(&self) -> Result<String> {
        self.usable(self.file.read()).map_err(Error::invalid)
    }

    fn usable(&self, read: std::io::Result<Vec<u8>>) -> std::result::Result<String, String> {
        let refuse = |why: &dyn fmt::Display| format!("{self}: {why}");
        let content = read.map_err(|error| refuse(&error))?;
        let content =
            String::from_utf8(content).map_err(|_| refuse(&"the file is not text in UTF-8"))?;
        if content.trim().is_empty() {
            return Err(refuse(&"the file is empty"));
        }
        if content.len() > self.most_bytes {
            return Err(refuse(&"the file is too large to be a token"));
        }
        if self.is_header {
            library_variables::text("the file", &content).map_err(|error| refuse(&error))?;
        }
        Ok(content)
    }
}

/// Its variable and its path, if that can be no secret.
impl fmt::Display for CredentialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = concealed::path(self.file.path());
        write!(f, "{} ({path})", self.variable)
    }
}

/// Provides the credentials that a client reads from a file. If the file is not usable, the previous ones stay in use.
#[derive(Debug)]
pub(super) struct Guarded<C> {
    client: Arc<dyn CredentialProvider<Credential = C>>,
    file: CredentialFile,
    last: Mutex<Option<Last<C>>>,
}

#[derive(Debug)]
struct Last<C> {
    looked: Instant,
    credential: Arc<C>,
    /// The file cannot be used, which was logged.
    is_kept: bool,
}

impl<C> Guarded<C> {
    /// The provider of a client, and the file that it reads.
    pub(super) fn new(
        client: &Arc<dyn CredentialProvider<Credential = C>>,
        file: CredentialFile,
    ) -> Arc<Self> {
        Arc::new(Self {
            client: Arc::clone(client),
            file,
            last: Mutex::default(),
        })
    }
}

#[async_trait]
impl<C: fmt::Debug + Send + Sync + 'static> CredentialProvider for Guarded<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref()
            && last.looked.elapsed() < LOOK
        {
            return Ok(Arc::clone(&last.credential));
        }
        let usable = self.file.usable(self.file.file.read_again().await);
        let (credential, is_kept) = match (usable, last.as_ref()) {
            (Ok(_), _) => (self.client.get_credential().await?, false),
            (Err(why), Some(earlier)) => {
                if !earlier.is_kept {
                    tracing::error!("{why}; keeping the previous credentials");
                }
                (Arc::clone(&earlier.credential), true)
            }
            (Err(why), None) => {
                return Err(object_store::Error::Generic {
                    store: "credentials",
                    source: why.into(),
                });
            }
        };
        *last = Some(Last {
            looked: Instant::now(),
            credential: Arc::clone(&credential),
            is_kept,
        });
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Counts how often it was asked.
    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    #[async_trait]
    impl CredentialProvider for Counting {
        type Credential = u64;

        async fn get_credential(&self) -> object_store::Result<Arc<u64>> {
            Ok(Arc::new(self.0.fetch_add(1, Ordering::Relaxed)))
        }
    }

    #[tokio::test]
    async fn while_the_file_cannot_be_used_the_client_does_not_read_it_and_its_last_credentials_hold()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = || CredentialFile::new("VARIABLE", path.to_str().unwrap()).in_a_header();
        let client: Arc<dyn CredentialProvider<Credential = u64>> = Arc::new(Counting::default());
        let guarded = Guarded::new(&client, file());
        let refusal = guarded.get_credential().await.unwrap_err().to_string();
        assert!(
            refusal.contains("VARIABLE") && refusal.contains("token"),
            "{refusal}"
        );
        std::fs::write(&path, "token").unwrap();
        tokio::time::pause();
        for (content, expected) in [
            (Some("token"), 0),
            (Some("with a line break\n"), 0),
            (None, 0),
            (Some("another"), 1),
        ] {
            let _ = std::fs::remove_file(&path);
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => assert!(
                    Command::new("mkfifo")
                        .arg(&path)
                        .status()
                        .unwrap()
                        .success()
                ),
            }
            tokio::time::advance(LOOK).await;
            tokio::time::resume();
            assert_eq!(
                *guarded.get_credential().await.unwrap(),
                expected,
                "{content:?}"
            );
            tokio::time::pause();
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let write = |name: &str, content: &[u8]| {
            std::fs::write(path(name), content).unwrap();
            path(name)
        };
        assert!(
            Command::new("mkfifo")
                .arg(path("fifo"))
                .status()
                .unwrap()
                .success()
        );
        for (path, why) in [
            (path("missing"), "No such file"),
            (path("fifo"), "FIFO"),
            (path(""), "folder"),
            ("/dev/zero".into(), "device"),
            (write("huge", &vec![b'x'; 2 << 20]), "larger than 1 MiB"),
            (write("empty", b"\n"), "empty"),
            (write("binary", b"\xff"), "UTF-8"),
            (write("line", b"token\n"), "line break"),
            (write("control", b"to\x01ken"), "printable"),
        ] {
            let file = CredentialFile::new("VARIABLE", &path).in_a_header();
            let refusal = file.read().unwrap_err().to_string();
            assert!(
                refusal.contains("VARIABLE") && refusal.contains(why),
                "{refusal}"
            );
            assert!(refusal.contains(&path), "{refusal}");
        }
        let large = CredentialFile::new("VARIABLE", &write("large", &[b'x'; 20 << 10])).in_a_url();
        assert!(large.read().unwrap_err().to_string().contains("too large"));
        // A form takes every text.
        let line = CredentialFile::new("VARIABLE", &write("line", b"token\n"));
        assert_eq!(line.read().unwrap(), "token\n");
        let secret = CredentialFile::new("VARIABLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi");
        assert!(secret.read().unwrap_err().to_string().contains("********"));
    }
}
