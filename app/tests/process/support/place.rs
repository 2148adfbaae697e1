//! Where a server keeps its log: a local folder or a bucket.

use log_testkit::azurite::{ACCOUNT, Azurite};
use log_testkit::gcs::Gcs;
use log_testkit::seaweedfs::SeaweedFs;
use tempfile::TempDir;

use super::server::{Exit, Server, Variable, run_with, variable};

/// A place that outlives the servers on it.
pub(crate) enum Place {
    Folder(TempDir),
    Bucket(SeaweedFs),
    Google(Gcs),
    Azure(Azurite),
}

/// The bucket, and the prefix of the log in it.
pub(crate) const BUCKET: &str = "process-tests";
const PREFIX: &str = "some/log";

impl Place {
    pub(crate) fn folder() -> Self {
        Self::Folder(TempDir::with_prefix("log-process-").expect("make a temporary folder"))
    }

    pub(crate) fn s3() -> Self {
        let s3 = SeaweedFs::start();
        s3.create_bucket(BUCKET);
        Self::Bucket(s3)
    }

    /// A bucket in an emulator of Google Cloud Storage.
    pub(crate) fn google() -> Self {
        let gcs = Gcs::start();
        gcs.create_bucket(BUCKET);
        Self::Google(gcs)
    }

    /// A container in an emulator of Azure Blob Storage.
    pub(crate) fn azure() -> Self {
        let azurite = Azurite::start();
        azurite.create_container(BUCKET);
        Self::Azure(azurite)
    }

    /// Starts a server on this place.
    pub(crate) fn serve(&self) -> Server {
        Server::start(&self.arguments(), &self.environment())
    }

    /// Starts a server on this place, with more settings of the environment.
    pub(crate) fn serve_with(&self, settings: &[Variable]) -> Server {
        Server::start(&self.arguments(), &self.environment_and(settings))
    }

    /// Starts a server on this place that must end by itself, and soon.
    pub(crate) fn ends(&self, settings: &[Variable]) -> Exit {
        let mut arguments = self.arguments();
        arguments.extend(["--port", "0"].map(str::to_owned));
        run_with(&arguments, &self.environment_and(settings))
    }

    /// Runs a command for the log of this place, with more settings of the environment.
    pub(crate) fn run(&self, command: &[&str], settings: &[Variable]) -> Exit {
        let command = command.iter().map(|&part| part.to_owned());
        let arguments: Vec<_> = command.chain(self.arguments()).collect();
        run_with(&arguments, &self.environment_and(settings))
    }

    /// Begins a command for the log of this place, to kill it.
    pub(crate) fn begin_command(&self, command: &[&str]) -> Server {
        let command = command.iter().map(|&part| part.to_owned());
        let arguments: Vec<_> = command.chain(self.arguments()).collect();
        // The command does not listen.
        Server::begin(&arguments, &self.environment(), 0)
    }

    /// Starts a server on this place that need not ever open its log.
    pub(crate) fn begin(&self) -> Server {
        let port = log_testkit::ports::free_ports::<1>()[0];
        Server::begin(&self.arguments(), &self.environment(), port)
    }

    /// What starts a server on this place at `port` and waits until it has opened the log, for a thread of its own.
    pub(crate) fn starter(&self, port: u16) -> impl FnOnce() -> Server + Send + 'static {
        self.starter_with(port, &[])
    }

    /// As [`Place::starter`], with more settings of the environment.
    pub(crate) fn starter_with(
        &self,
        port: u16,
        settings: &[Variable],
    ) -> impl FnOnce() -> Server + Send + 'static {
        let mut arguments = self.arguments();
        arguments.extend(["--port".to_owned(), port.to_string()]);
        let environment = self.environment_and(settings);
        move || Server::start(&arguments, &environment)
    }

    /// Suspends the store: clients get no response and no error.
    pub(crate) fn pause(&self) {
        match self {
            Self::Folder(_) => panic!("a folder has no server"),
            Self::Bucket(s3) => s3.pause(),
            Self::Google(gcs) => gcs.pause(),
            Self::Azure(azurite) => azurite.pause(),
        }
    }

    /// Resumes it.
    pub(crate) fn resume(&self) {
        match self {
            Self::Folder(_) => panic!("a folder has no server"),
            Self::Bucket(s3) => s3.resume(),
            Self::Google(gcs) => gcs.resume(),
            Self::Azure(azurite) => azurite.resume(),
        }
    }

    /// The path of the folder.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().display().to_string(),
            Self::Bucket(_) | Self::Google(_) | Self::Azure(_) => panic!("a bucket has no path"),
        }
    }

    /// Deletes what of the log is named so, `manifest/` for example; everything, if nothing is named.
    pub(crate) fn delete(&self, part: &str) {
        match self {
            Self::Folder(folder) => {
                let part = folder.path().join("log").join(part);
                // A server may be writing a file into it.
                let mut attempts = (0..100).map(|_| std::fs::remove_dir_all(&part));
                assert!(attempts.any(|deleted| deleted.is_ok()), "delete {part:?}");
            }
            Self::Bucket(s3) => s3.delete(BUCKET, &format!("{PREFIX}/{part}")),
            Self::Google(_) | Self::Azure(_) => panic!("no test deletes objects of an emulator"),
        }
    }

    /// Deletes the files of the WAL, and leaves their folder.
    pub(crate) fn delete_wal_files(&self) {
        let Self::Folder(_) = self else {
            return self.delete("wal/");
        };
        for file in self.wal_files() {
            std::fs::remove_file(file).expect("delete a file");
        }
    }

    /// Makes the files of the WAL in a folder empty.
    pub(crate) fn empty_wal_files(&self) {
        for file in self.wal_files() {
            std::fs::write(file, "").expect("empty a file");
        }
    }

    fn wal_files(&self) -> Vec<std::path::PathBuf> {
        let folder = std::path::Path::new(&self.path()).join("log/wal");
        let listed = std::fs::read_dir(folder).expect("list a folder");
        listed
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }

    /// Gives an object of the log another name.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        match self {
            Self::Folder(folder) => {
                let log = folder.path().join("log");
                std::fs::rename(log.join(from), log.join(to)).expect("rename a file");
            }
            Self::Bucket(s3) => {
                let path = |name| format!("/{BUCKET}/{PREFIX}/{name}");
                let found = s3.request("GET", &path(from), &[], b"").expect("read");
                let put = s3.request("PUT", &path(to), &[], &found.body).expect("put");
                assert_eq!(put.status, 200, "{to}");
                let gone = s3.request("DELETE", &path(from), &[], b"");
                assert_eq!(gone.expect("delete").status, 204, "{from}");
            }
            Self::Google(_) | Self::Azure(_) => panic!("no test renames objects of an emulator"),
        }
    }

    /// What a second server needs to take the log over: on a folder it must be told to.
    pub(crate) fn take_over(&self) -> Vec<Variable> {
        match self {
            Self::Folder(_) => vec![variable("LOG_STORAGE__TAKE_OVER", "true")],
            Self::Bucket(_) | Self::Google(_) | Self::Azure(_) => Vec::new(),
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Folder(folder) => {
                vec!["--data-dir".to_owned(), folder.path().display().to_string()]
            }
            Self::Bucket(_) => ["--s3-bucket", BUCKET, "--s3-prefix", PREFIX]
                .map(str::to_owned)
                .to_vec(),
            Self::Google(_) => ["--gcs-bucket", BUCKET, "--gcs-prefix", "some/log"]
                .map(str::to_owned)
                .to_vec(),
            Self::Azure(_) => ["--azure-account", ACCOUNT, "--azure-container", BUCKET]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    fn environment_and(&self, settings: &[Variable]) -> Vec<Variable> {
        [self.environment(), settings.to_vec()].concat()
    }

    /// What servers and commands need to reach this place.
    pub(crate) fn environment(&self) -> Vec<Variable> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Bucket(s3) => s3.environment(),
            Self::Google(gcs) => gcs.environment_with_token(),
            Self::Azure(azurite) => azurite.environment(),
        }
    }
}
