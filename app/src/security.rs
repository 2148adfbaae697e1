//! TLS and tokens as configured, and their reload.

use std::io;
use std::path::Path;
use std::sync::Arc;

use log_adapters::concealed::{self, MASK};
use log_adapters::http::AllowedOrigins;
use log_adapters::identity::tls::Certificate;
use log_adapters::identity::tokens::TokenFile;
use log_domain::Authorizer;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::ServerConfig;

use crate::config::Config;

/// Authorization and TLS. The default allows all requests, without TLS.
#[derive(Default)]
pub struct Security {
    certificate: Option<Arc<Certificate>>,
    tls: Option<Arc<ServerConfig>>,
    tokens: Option<Arc<TokenFile>>,
}

impl Security {
    /// Reads the files that `config` names.
    ///
    /// # Errors
    /// One line that names the setting and the file.
    pub fn open(config: &Config) -> Result<Self, String> {
        let mut security = Self::default();
        if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
            let opened = Certificate::open(certificate, key).and_then(|certificate| {
                security.tls = Some(certificate.server()?);
                Ok(certificate)
            });
            let opened = opened.map_err(|error| {
                let message = concealed(format!("tls: {error}"), certificate, "tls.certificate");
                concealed(message, key, "tls.key")
            });
            security.certificate = Some(opened?);
        }
        if let Some(path) = &config.auth.tokens {
            let tokens = TokenFile::open(path)
                .map_err(|error| concealed(format!("auth.tokens: {error}"), path, "auth.tokens"))?;
            security.tokens = Some(Arc::new(tokens));
        }
        Ok(security)
    }

    /// What TLS is spoken with; in the clear if there is nothing.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.clone()
    }

    /// Authorizes requests; without one, all are allowed.
    pub fn authorizer(&self) -> Option<Arc<dyn Authorizer>> {
        self.tokens.clone().map(|tokens| tokens as Arc<_>)
    }

    /// Warns of what others can do that should probably not be.
    pub fn warn(&self, config: &Config) {
        let host = config.admin.host;
        // With tokens somebody has thought of it: this listener is then for those who have none.
        if config.admin.port.is_some() && !host.is_loopback() && self.tokens.is_none() {
            tracing::warn!(
                "INSECURE: the admin listener is on {host} without tokens: anyone who can reach it can read the metrics; see admin.host"
            );
        }
        if self.tokens.is_none() && config.http().origins == AllowedOrigins::Any {
            tracing::warn!(
                "INSECURE: http.cors.allow_origins is * and there are no tokens: any web page opened on a machine that can reach this server can read, append and delete everything; list origins, or see auth.tokens"
            );
        }
        if config.host.is_loopback() {
            return;
        }
        let host = config.host;
        if self.tokens.is_none() {
            tracing::warn!(
                "INSECURE: listening on {host} without tokens: anyone who can reach this port can read, append and delete everything; \
                 see auth.tokens"
            );
        }
        if self.tls.is_none() {
            tracing::warn!(
                "INSECURE: listening on {host} without TLS: records and tokens travel in the clear; see tls.certificate"
            );
        }
    }

    /// Reads the files again every `auth.reload` and on SIGHUP, for as long as the runtime lives. SIGHUP never ends the
    /// server, even if there is nothing to read again.
    ///
    /// # Errors
    /// When SIGHUP cannot be heard.
    pub fn keep_fresh(&self, config: &Config) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut ticks = interval(config.auth.reload);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (certificate, tokens) = (self.certificate.clone(), self.tokens.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = heard(&mut hangup) => tracing::info!("SIGHUP: reading certificate and tokens again"),
                }
                if let Some(certificate) = &certificate {
                    reload_certificate(certificate).await;
                }
                if let Some(tokens) = &tokens {
                    reload_tokens(tokens).await;
                }
            }
        });
        Ok(())
    }
}

/// The message without the path, if that may be a secret that was given in the place of its file.
fn concealed(message: String, path: &Path, name: &str) -> String {
    let given = path.display().to_string();
    match concealed::path(path) == MASK && !given.is_empty() {
        true => message.replace(
            &given,
            &format!("{MASK} ({name} must be the path of a file)"),
        ),
        false => message,
    }
}

async fn heard(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        std::future::pending().await
    }
}

async fn reload_certificate(certificate: &Certificate) {
    match certificate.reload().await {
        Ok(false) => {}
        Ok(true) => tracing::info!("tls: loaded a new certificate for new connections"),
        Err(error) => {
            tracing::error!("tls: {error}; keeping the previous certificate");
        }
    }
}

async fn reload_tokens(tokens: &TokenFile) {
    match tokens.reload().await {
        Ok(None) => {}
        Ok(Some(count)) => tracing::info!(count, "auth.tokens: there are new tokens"),
        Err(error) => {
            tracing::error!("auth.tokens: {error}; keeping the previous tokens");
        }
    }
}
