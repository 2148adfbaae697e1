//! The server, and how long it is waited for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use opendata_log::{Connection, ErrorKind, LogClient, LogClientBuilder, Retry};
use tokio::time::timeout;

use crate::exit::{Failure, Outcome, UNKNOWN_OUTCOME, UNREACHABLE};
use crate::output::note;

/// How long work that goes on for minutes waits for a server to come back, if nothing else is said.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The pause before a request is sent again, at first and at most.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Which server, and how to reach it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ConnectionArgs {
    /// The address of the server.
    #[arg(
        long,
        value_name = "URL",
        env = "LOG_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,

    /// A token of the server. Other users of this machine can see a command line: rather give it in the variable, or in a
    /// file.
    #[arg(long, value_name = "TOKEN", env = "LOG_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file with a token. It has precedence over the variable LOG_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// A file with the certificate authorities to trust (PEM), in place of those of the system.
    #[arg(long, value_name = "FILE", env = "LOG_CA")]
    ca: Option<PathBuf>,

    /// How long the server may be silent.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
}

/// A time above 0, such as `10s` or `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text);
    let time = time.map_err(|error| format!("{error}: write a time such as 10s or 2m"))?;
    match time.is_zero() {
        true => Err("write a time above 0, such as 10s".to_owned()),
        false => Ok(time),
    }
}

/// A server, for commands that give up when it is silent.
pub(crate) struct Server {
    pub(crate) client: LogClient,
    url: String,
    timeout: Duration,
}

impl ConnectionArgs {
    /// The server, which is given up after the timeout.
    ///
    /// # Errors
    /// When an option is wrong or a file cannot be read.
    pub(crate) fn server(&self) -> Outcome<Server> {
        let retry = Retry {
            // A server that is not there is told soon, and one that starts is waited for.
            attempts: 4,
            pause: PAUSE,
            longest_pause: LONGEST_PAUSE,
            patience: self.timeout,
        };
        self.server_with(|builder| builder.retry(retry))
    }

    /// The server, to which a change is sent once: of one that was sent twice, nobody knows whether the first was made.
    ///
    /// # Errors
    /// As [`ConnectionArgs::server`].
    pub(crate) fn server_for_change(&self) -> Outcome<Server> {
        let once = Retry {
            attempts: 1,
            ..Retry::default()
        };
        self.server_with(|builder| builder.retry(once))
    }

    /// A server that work which takes long waits for: that it comes back within `patience`.
    ///
    /// # Errors
    /// As [`ConnectionArgs::server`].
    pub(crate) fn patient_server(&self, patience: Duration) -> Outcome<Server> {
        let retry = Retry {
            attempts: attempts_within(patience),
            pause: PAUSE,
            longest_pause: LONGEST_PAUSE,
            patience,
        };
        let url = self.url.clone();
        self.server_with(|builder| {
            builder.retry(retry).on_connection(move |what| match what {
                Connection::Lost(error) => note(&format!("waiting for the server: {error}")),
                Connection::Back => note(&format!("{url} answers again")),
                _ => (),
            })
        })
    }

    /// The server, with more settings.
    ///
    /// # Errors
    /// As [`ConnectionArgs::server`].
    pub(crate) fn server_with(
        &self,
        with: impl FnOnce(LogClientBuilder) -> LogClientBuilder,
    ) -> Outcome<Server> {
        let mut builder = LogClient::builder(&self.url).timeout(self.timeout);
        if let Some(token) = self.token()? {
            builder = builder.token(token);
        }
        if let Some(ca) = &self.ca {
            builder = builder.ca_file(ca);
        }
        let client = with(builder).build();
        Ok(Server {
            client: client.map_err(|error| Failure::usage(error.to_string()))?,
            url: self.url.clone(),
            timeout: self.timeout,
        })
    }

    fn token(&self) -> Outcome<Option<String>> {
        let Some(path) = &self.token_file else {
            return Ok(self.token.clone().filter(|token| !token.is_empty()));
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("--token-file {shown}: {error}")))?;
        match text.trim() {
            "" => Err(Failure::usage(format!("--token-file {shown}: it is empty"))),
            token => Ok(Some(token.to_owned())),
        }
    }

    /// The address, as it was given.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// How many attempts take about so long, with the pauses between them.
fn attempts_within(patience: Duration) -> u32 {
    let attempts = patience.as_secs_f64() / LONGEST_PAUSE.as_secs_f64();
    2 + attempts as u32
}

impl Server {
    /// What the server answers within the timeout, retries included.
    ///
    /// # Errors
    /// What the request ended in, or that there was no answer.
    pub(crate) async fn within<T>(
        &self,
        asked: impl Future<Output = Result<T, opendata_log::Error>>,
    ) -> Outcome<T> {
        match timeout(self.timeout, asked).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.silent(UNREACHABLE, "")),
        }
    }

    /// As [`Server::within`], for a request that changes something.
    ///
    /// # Errors
    /// As [`Server::within`]; without an answer, it may have been done.
    pub(crate) async fn changed_within<T>(
        &self,
        asked: impl Future<Output = Result<T, opendata_log::Error>>,
    ) -> Outcome<T> {
        match timeout(self.timeout, asked).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.silent(
                UNKNOWN_OUTCOME,
                "; it is not known whether the change was made",
            )),
        }
    }

    /// As [`Server::changed_within`], for a change that the client takes for one that may be repeated: it does not tell whether it was made.
    ///
    /// # Errors
    /// As [`Server::changed_within`].
    pub(crate) async fn repeatable_within<T>(
        &self,
        asked: impl Future<Output = Result<T, opendata_log::Error>>,
    ) -> Outcome<T> {
        let asked = async {
            Ok::<_, opendata_log::Error>(match asked.await {
                Err(error) if may_be_done(&error) => {
                    let message = format!("it is not known whether the change was made: {error}");
                    Err(Failure::new(UNKNOWN_OUTCOME, message))
                }
                answer => answer.map_err(Failure::from),
            })
        };
        self.changed_within(asked).await?
    }

    fn silent(&self, code: u8, what: &str) -> Failure {
        let time = humantime::format_duration(self.timeout);
        let url = &self.url;
        Failure::new(code, format!("no answer from {url} within {time}{what}"))
    }

    /// The address, as it was given.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Whether a change that ended like this, and is sent once, may have been made.
fn may_be_done(error: &opendata_log::Error) -> bool {
    match error.kind() {
        ErrorKind::DeadlineExceeded | ErrorKind::UnexpectedAnswer => true,
        ErrorKind::Unavailable => error.status().is_none() && !error.was_not_sent(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_is_above_0() {
        assert_eq!(time("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "10", "0s", "x"] {
            let refused = time(wrong).expect_err(wrong);
            assert!(refused.contains("such as 10s"), "{refused}");
        }
    }
}
