//! The inspector: looks for damage in the stored log when all faults are over, as `opendata-log check` does.

use std::sync::Arc;
use std::time::Duration;

use log_adapters::objects::ClientEnvironment;
use log_adapters::store::slate::backup::Source;
use log_adapters::store::slate::check::check;
use log_app::config::Config;
use log_app::storage::{self, Stores};

use super::s3;
use crate::net::SimNetwork;
use crate::planted::{self, Planted};

/// A log that cannot be checked within so many attempts never can.
const ATTEMPTS: u32 = 20;
/// The pause between two.
const AGAIN: Duration = Duration::from_secs(1);

/// What the inspector works with.
pub struct Inspector {
    /// Of the servers.
    pub config: Config,
    /// How long the S3 client waits for an answer.
    pub request_timeout_ms: u64,
    /// What is broken about what it reads.
    pub planted: Option<Planted>,
}

impl Inspector {
    /// What is wrong with the stored log.
    ///
    /// # Errors
    /// Why it could not be checked.
    pub async fn findings(&self) -> Result<Vec<String>, String> {
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            match self.attempt().await {
                Ok(findings) => return Ok(findings),
                Err(error) => why = error.to_string(),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(format!("the stored log was never checked: {why}"))
    }

    async fn attempt(&self) -> log_domain::Result<Vec<String>> {
        let environment = ClientEnvironment {
            variables: s3::variables(self.request_timeout_ms),
            network: Some(Arc::new(SimNetwork)),
        };
        let Stores { objects, wal } = storage::open(&self.config, &environment).await?;
        let source = Source {
            objects,
            path: self.config.place().1,
            wal,
        };
        let source = planted::stored(source, self.planted).await?;
        let report = check(&source, &(), std::future::pending()).await?;
        Ok(report.findings)
    }
}
