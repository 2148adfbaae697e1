//! What a client is made of.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, redirect};

use crate::arguments;
use crate::client::LogClient;
use crate::cluster::Cluster;
use crate::connection::{Connection, Observer};
use crate::error::Error;
use crate::http::Http;
use crate::producer::Producers;
use crate::reading::LONGEST_WAIT;
use crate::retry::Retry;
use crate::seen::Seen;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// The settings of a [`LogClient`].
#[derive(Debug, Clone)]
#[must_use]
pub struct LogClientBuilder {
    url: String,
    token: Option<Token>,
    ca_file: Option<PathBuf>,
    timeout: Duration,
    requests: usize,
    appends: usize,
    producers: bool,
    reads_its_writes: bool,
    proxy: bool,
    cluster: Option<bool>,
    retry: Retry,
    observer: Observer,
}

/// A token that no message shows.
#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl LogClient {
    /// The settings of a client of the server at `url`, such as `http://localhost:8080`.
    pub fn builder(url: &str) -> LogClientBuilder {
        LogClientBuilder {
            url: url.to_owned(),
            token: None,
            ca_file: None,
            timeout: Duration::from_secs(60),
            requests: 100,
            appends: 100,
            producers: true,
            reads_its_writes: true,
            proxy: true,
            cluster: None,
            retry: Retry::default(),
            observer: Observer::default(),
        }
    }
}

impl LogClientBuilder {
    /// A token of the server's token file.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token(token.into()));
        self
    }

    /// A file in PEM format with the certificates of the authorities to trust, in place of those that the system trusts.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// How long a request may stay without an answer, and an answer without its next bytes; 60 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many requests are on their way at a time; others wait. 100 by default. Tails do not count.
    pub fn concurrent_requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// How many appends are on their way at a time; others wait in the order in which they came. 100 by default.
    ///
    /// Appends that are awaited one after another are applied in that order. With 1, so are those that are not awaited.
    pub fn concurrent_appends(mut self, appends: usize) -> Self {
        self.appends = appends;
        self
    }

    /// Sends appends without a producer: the server cannot tell whether it has applied one before, so one with an unknown outcome is not sent
    /// again. For servers that know no producers.
    pub fn without_producers(mut self) -> Self {
        self.producers = false;
        self
    }

    /// Whether reads wait until the server shows what this client appended (with [`AppendOptions::await_durable`]) and read before, as far as
    /// that is durable, which matters with read-only servers; see [`LogClient::at_least`]. By default they do.
    ///
    /// [`AppendOptions::await_durable`]: crate::AppendOptions::await_durable
    pub fn read_your_writes(mut self, read_your_writes: bool) -> Self {
        self.reads_its_writes = read_your_writes;
        self
    }

    /// Whether requests go to the node that serves their partition, at the URL that the cluster tells, and with them the token.
    ///
    /// By default they do, and the client asks for these URLs when an answer shows that there is a cluster; with `true`, before its first request. With
    /// `false`, all requests go to the URL of the client, whose server passes them on.
    pub fn cluster(mut self, cluster: bool) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Connects to the server directly, whatever `HTTP_PROXY` and `HTTPS_PROXY` say.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// How often and how long to try.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Is told when a tail loses its server, and when it has it again. It must not block.
    pub fn on_connection(
        mut self,
        observer: impl Fn(Connection<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Observer::new(observer);
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] names the setting that is wrong and what is accepted.
    pub fn build(self) -> Result<LogClient, Error> {
        let url = arguments::url(&self.url)?;
        let token = self.token.as_ref();
        let authorization = token
            .map(|token| arguments::authorization(&token.0))
            .transpose()?;
        let timeout = arguments::above_zero("timeout", self.timeout)?;
        arguments::at_least_one("concurrent_requests", self.requests as u64)?;
        arguments::at_least_one("concurrent_appends", self.appends as u64)?;
        let retry = arguments::retry(self.retry.clone())?;
        let authorities = self.authorities()?;
        let client = |silence| self.client(silence, authorities.as_deref());
        let cluster = Arc::new(Cluster::new(url.clone(), self.cluster));
        let http = Http::new(
            url,
            authorization,
            [
                client(Some(timeout))?,
                client(Some(timeout.saturating_add(LONGEST_WAIT)))?,
                client(None)?,
            ],
            timeout,
            self.requests,
            self.observer.clone(),
            Arc::clone(&cluster),
        );
        let producers = || Producers::new(self.appends, Arc::clone(&cluster));
        let producers = self.producers.then(producers);
        let seen = Seen::new(self.reads_its_writes, cluster);
        Ok(LogClient::new(http, retry, producers, seen))
    }

    fn authorities(&self) -> Result<Option<Vec<Certificate>>, Error> {
        let Some(path) = &self.ca_file else {
            return Ok(None);
        };
        let shown = path.display();
        let wrong = |why: String| {
            Error::invalid(format!(
                "ca_file must be a file with certificates in PEM format, such as \"ca.pem\": {shown}: {why}"
            ))
        };
        let pem =
            std::fs::read(path).map_err(|error| wrong(error.to_string()).with_source(error))?;
        let found = Certificate::from_pem_bundle(&pem)
            .map_err(|error| wrong(error.to_string()).with_source(error))?;
        if found.is_empty() {
            return Err(wrong("no certificate is in it".to_owned()));
        }
        Ok(Some(found))
    }

    fn client(
        &self,
        silence: Option<Duration>,
        authorities: Option<&[Certificate]>,
    ) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            // A token is for one server, and an append is not to be sent to two.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT.min(self.timeout))
            .tcp_nodelay(true)
            .user_agent(concat!("opendata-log-rust/", env!("CARGO_PKG_VERSION")));
        if let Some(silence) = silence {
            builder = builder.read_timeout(silence);
        }
        if !self.proxy {
            builder = builder.no_proxy();
        }
        if let Some(authorities) = authorities {
            builder = builder.tls_certs_only(authorities.iter().cloned());
        }
        builder.build().map_err(|error| {
            Error::invalid(format!(
                "no HTTP client can be made of these settings: {error}"
            ))
            .with_source(error)
        })
    }
}
