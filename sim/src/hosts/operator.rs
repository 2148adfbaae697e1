//! The host `operator`: backs the log up while its servers run and crash, restores it elsewhere, and reads what was restored.

use std::sync::Arc;
use std::time::Duration;

use log_adapters::objects::ClientEnvironment;
use log_adapters::store::slate::backup::{
    BackupManifest, Destination, Repository, Source, back_up, restore,
};
use log_app::config::{Config, RetentionSection};
use log_app::security::Security;
use log_app::server::{ServerParts, start};
use log_app::storage::{self, Stores};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tokio::time::Instant;

use super::clients::{Connection, Current, Surroundings, audit};
use super::s3;
use super::server::PORT;
use crate::checks::{AUDITOR, FinalLog, Restored};
use crate::history::Recorder;
use crate::net::{SimAcceptor, SimNetwork};
use crate::planted::{self, Face, Planted};
use crate::time::SimClock;

/// Its name on the network.
pub const HOST: &str = "operator";

/// As the host calls itself.
const ITSELF: &str = "127.0.0.1";

/// A backup that does not succeed within so many attempts never does. Before the log is there it cannot, and after the last fault
/// it must.
const ATTEMPTS: u32 = 60;
/// The pause between two.
const AGAIN: Duration = Duration::from_secs(1);

/// What the operator works with.
pub struct Operator {
    /// Of the servers.
    pub config: Config,
    /// When the backup is due.
    pub at: Duration,
    /// How long the S3 client waits for an answer.
    pub request_timeout_ms: u64,
    /// How long clients wait for an answer.
    pub patience: Duration,
    /// Of the run.
    pub seed: u64,
    /// How many keys clients know.
    pub keys: usize,
    /// Tells the time of the history.
    pub recorder: Recorder,
    /// What is broken about it.
    pub planted: Option<Planted>,
}

impl Operator {
    /// Backs the log up and restores it.
    ///
    /// # Errors
    /// Why that was not possible.
    pub async fn work(self) -> Result<Restored, String> {
        tokio::time::sleep(self.at).await;
        let repository: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let repository = Repository::new(repository, "", "the repository");
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let began = self.recorder.moment();
            match self.back_up(&repository).await {
                Ok(manifest) => {
                    let restored = self.restored(&repository, &manifest).await;
                    let log = restored.map_err(|error| error.to_string())?;
                    let log = log.ok_or("the restored log cannot be read")?;
                    return Ok(Restored { began, log });
                }
                Err(error) => why = error.to_string(),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(format!("the log was never backed up: {why}"))
    }

    async fn back_up(&self, repository: &Repository) -> log_domain::Result<BackupManifest> {
        let environment = ClientEnvironment {
            variables: s3::variables(self.request_timeout_ms),
            network: Some(Arc::new(SimNetwork)),
        };
        let Stores { objects, wal } = storage::open(&self.config, &environment).await?;
        let source = Source {
            objects: planted::around_backups(objects, self.planted),
            path: self.config.place().1,
            wal,
        };
        let clock = SimClock::ahead(0);
        let never = std::future::pending();
        let finished = back_up(&source, repository, &clock, &(), never).await?;
        Ok(finished.manifest)
    }

    /// What a server finds that is started on the restored log.
    async fn restored(
        &self,
        repository: &Repository,
        manifest: &BackupManifest,
    ) -> log_domain::Result<Option<FinalLog>> {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let destination = Destination {
            objects: Arc::clone(&objects),
            path: self.config.place().1,
        };
        restore(repository, manifest, &destination, &()).await?;
        let mut config = self.config.clone();
        // It is read as it is.
        config.retention = RetentionSection::default();
        let unavailable = |why: String| log_domain::Error::unavailable(why);
        let acceptor = SimAcceptor::bind(PORT).await;
        // No server of the run has this one.
        let seed = !self.seed;
        let parts = ServerParts {
            stores: async { Ok(Stores { objects, wal: None }) },
            clock: Arc::new(SimClock::ahead(0)),
            seed: Some(seed),
            request_id_seed: seed,
            acceptor: acceptor.map_err(|error| unavailable(error.to_string()))?,
            admin: None,
            security: Security::open(&config).map_err(unavailable)?,
            writer: None,
            feed: Arc::default(),
            log_lines: Arc::default(),
            cluster: None,
            settings: Vec::new(),
        };
        let running = start(&config, parts).await?;
        let connection = Connection::new(
            AUDITOR.into(),
            Surroundings {
                // What is asked of another log is not part of the history.
                recorder: Recorder::default(),
                current: Current::new(ITSELF),
                patience: self.patience,
                face: Face::default(),
                forwarded: false,
            },
        );
        let log = audit(connection, self.seed, self.keys).read().await;
        // Nobody reads it any more.
        drop(running.stop(Instant::now()).await);
        Ok(log)
    }
}
