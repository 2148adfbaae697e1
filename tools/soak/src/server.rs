//! The servers, one after the other (two while the log is being taken over), and the processes that read their logs.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use log_testkit::ports::free_ports;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::client::Client;
use crate::history::{Ended, History};
use crate::place::Place;

/// How long a server may take until it is ready. Opening waits for the store, which may just have come back.
const START: Duration = Duration::from_secs(60);
/// How long a server may take to end by itself.
const STOP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// What an exit code of a server means.
const FENCED: i32 = 3;

/// Who is served by the log at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// Counts the servers of a run.
    pub(crate) number: u32,
    pub(crate) pid: u32,
    pub(crate) client: Client,
}

struct Process {
    current: Current,
    child: Child,
    /// Reads what the server logs, and writes it to a file.
    log_reader: Child,
    log: PathBuf,
}

/// All servers of a run.
pub(crate) struct Servers {
    active: Process,
    current: watch::Sender<Current>,
    instance: u32,
    started: u32,
    history: Arc<History>,
}

impl Servers {
    /// Starts the first one.
    pub(crate) async fn start(place: &Place, history: Arc<History>) -> Result<Self, String> {
        let active = Process::start(place, 1, 1).await?;
        let (current, _) = watch::channel(active.current.clone());
        Ok(Self {
            active,
            current,
            instance: 1,
            started: 1,
            history,
        })
    }

    pub(crate) fn current(&self) -> Current {
        self.active.current.clone()
    }

    /// Tells who serves the log, now and later.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Current> {
        self.current.subscribe()
    }

    /// SIGKILL, and a new server of the same name.
    pub(crate) async fn kill(&mut self, place: &Place) -> Result<(), String> {
        self.history
            .ended(self.active.current.number, Ended::Abruptly);
        self.active
            .child
            .kill()
            .await
            .map_err(|error| error.to_string())?;
        self.start_next(place).await
    }

    /// SIGTERM, and a new server of the same name.
    pub(crate) async fn terminate(&mut self, place: &Place) -> Result<(), String> {
        self.stop_gracefully().await?;
        self.start_next(place).await
    }

    /// SIGTERM; the exit code must be 0.
    pub(crate) async fn stop_gracefully(&mut self) -> Result<(), String> {
        let number = self.active.current.number;
        signal("TERM", self.active.current.pid).await?;
        let code = self.active.exit().await?.code();
        if code != Some(0) {
            self.history.violation(format!(
                "server {number} was stopped by SIGTERM and ended with {code:?}, not 0"
            ));
        }
        self.history.ended(number, Ended::Gracefully);
        Ok(())
    }

    /// A second server that takes the log over from the one that runs.
    pub(crate) async fn take_over(&mut self, place: &Place) -> Result<(), String> {
        let fenced = self.active.current.number;
        self.history.ended(fenced, Ended::Abruptly);
        self.instance += 1;
        self.started += 1;
        let next = Process::start(place, self.instance, self.started).await?;
        let mut before = std::mem::replace(&mut self.active, next);
        self.current.send_replace(self.active.current.clone());
        let code = before.exit().await?.code();
        if code != Some(FENCED) {
            self.history.violation(format!(
                "server {fenced} was taken over and ended with {code:?}, not {FENCED}"
            ));
        }
        place.drop_cache(self.instance - 1);
        Ok(())
    }

    /// Starts a server of the name of the last one, which has ended.
    pub(crate) async fn start_next(&mut self, place: &Place) -> Result<(), String> {
        self.started += 1;
        self.active = Process::start(place, self.instance, self.started).await?;
        self.current.send_replace(self.active.current.clone());
        Ok(())
    }

    /// Ends the process that reads the server's log. The server's standard error is a broken pipe from then on.
    pub(crate) async fn kill_log_reader(&mut self) -> Result<(), String> {
        let killed = self.active.log_reader.kill().await;
        killed.map_err(|error| error.to_string())
    }

    /// Waits until the server is ready; answers whether it was in time.
    pub(crate) async fn until_ready(&mut self) -> bool {
        self.active.until_ready().await.is_ok()
    }

    /// Fails if the server has ended by itself.
    pub(crate) fn check_that_it_runs(&mut self) {
        if let Ok(Some(status)) = self.active.child.try_wait() {
            self.history.violation(format!(
                "server {} ended by itself: {status}",
                self.active.current.number
            ));
        }
    }
}

impl Process {
    async fn start(place: &Place, instance: u32, number: u32) -> Result<Self, String> {
        let [port] = free_ports::<1>();
        let log = place.logs.join(format!("server-{number}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let mut log_reader = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(file.map_err(|error| format!("{}: {error}", log.display()))?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cat: {error}"))?;
        let pipe = log_reader.stdin.take().ok_or("cat has no standard input")?;
        let pipe = pipe.into_owned_fd().map_err(|error| error.to_string())?;
        let mut command = Command::new(&place.binary);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["LOG_", "AWS_", "RUST_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                command.env_remove(&name);
            }
        }
        let child = command
            .args(["--port", &port.to_string()])
            .envs(place.environment(instance))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(pipe))
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", place.binary.display()))?;
        let current = Current {
            number,
            pid: child.id().ok_or("the server ended")?,
            client: Client::new(&format!("http://127.0.0.1:{port}")),
        };
        let mut process = Self {
            current,
            child,
            log_reader,
            log,
        };
        process.until_ready().await?;
        Ok(process)
    }

    async fn until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START;
        while !self.current.client.is_ready().await {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!(
                    "server {} ended while it started: {status}; see {}",
                    self.current.number,
                    self.log.display()
                ));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "server {} was not ready in {START:?}",
                    self.current.number
                ));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn exit(&mut self) -> Result<ExitStatus, String> {
        let ended = timeout(STOP, self.child.wait()).await;
        let ended =
            ended.map_err(|_| format!("server {} did not end in {STOP:?}", self.current.number))?;
        ended.map_err(|error| error.to_string())
    }
}

async fn signal(name: &str, pid: u32) -> Result<(), String> {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status()
        .await;
    match sent {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("cannot send SIG{name} to {pid}")),
    }
}
