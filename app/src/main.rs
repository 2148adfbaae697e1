//! The `opendata-log` server.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use log_adapters::clock::SystemClock;
use log_adapters::objects::{self, Place};
use log_app::cli::{Asked, Cli};
use log_app::config::{Config, Refusal};
use log_app::listener::Tcp;
use log_app::server::{NotFlushed, Parts, Running, start};
use log_domain::Stopped;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The server cannot start as it is configured.
const CANNOT_START: u8 = 2;
/// Another server took over the data.
const FENCED: u8 = 3;
/// Not everything that was acknowledged is durable, or the storage engine failed.
const NOT_FLUSHED: u8 = 4;

type Failure = (u8, String);

fn main() -> ExitCode {
    let outcome = parse().and_then(|asked| match asked {
        Asked::Serve(args) => {
            let config = args.load().map_err(refused)?;
            let runtime = tokio::runtime::Runtime::new();
            let runtime = runtime
                .map_err(|error| (CANNOT_START, format!("cannot start threads: {error}")))?;
            runtime.block_on(serve(config))
        }
        Asked::Config(command) => {
            let answer = command.answer().map_err(refused)?;
            // Whoever closed the pipe has read enough.
            let _ = std::io::stdout().write_all(answer.as_bytes());
            Ok(())
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            #[expect(
                clippy::print_stderr,
                reason = "the one line that says why the server does not run"
            )]
            {
                eprintln!("opendata-log: {message}");
            }
            ExitCode::from(code)
        }
    }
}

fn refused(refusal: Refusal) -> Failure {
    (CANNOT_START, refusal.to_string())
}

fn parse() -> Result<Asked, Failure> {
    let cli = Cli::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => {
            let message = error.to_string();
            let first = message
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            (CANNOT_START, format!("{first} (see opendata-log --help)"))
        }
    })?;
    Ok(cli.asked())
}

async fn serve(config: Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log);
    let filter = filter.map_err(|error| (CANNOT_START, format!("log: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let mut signals =
        Signals::new().map_err(|error| (CANNOT_START, format!("cannot hear signals: {error}")))?;

    // The port comes first: a server that cannot listen must not take the log away from one that does.
    let address = (config.host, config.port);
    let cannot_listen = |error| {
        (
            CANNOT_START,
            format!("cannot listen on {}:{}: {error}", config.host, config.port),
        )
    };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let acceptor = Tcp::new(listener).map_err(cannot_listen)?;

    let (place, path) = config.place();
    let cannot_open = |error: log_domain::Error| {
        (
            CANNOT_START,
            format!("cannot open the log in {place}: {error}"),
        )
    };
    let objects = place.open().map_err(cannot_open)?;
    let opening = async {
        if matches!(place, Place::S3 { .. }) {
            objects::probe(&*objects, &path, config.timeouts.open).await?;
        }
        let parts = Parts {
            objects: Arc::clone(&objects),
            clock: Arc::new(SystemClock),
            seed: None,
            request_id_seed: RandomState::new().build_hasher().finish(),
            acceptor,
        };
        start(&config, parts).await
    };
    let running = tokio::select! {
        opened = opening => opened.map_err(cannot_open)?,
        name = signals.next() => {
            tracing::info!("{name} while opening the log: nothing to flush");
            return Ok(());
        }
    };
    tracing::info!(
        "listening on http://{address}, data in {place}, path {path}; appends are acknowledged when applied and durable \
         within about {}, or when durable if they ask for it; reads see applied records unless they ask for durable ones",
        humantime(config.durability.flush_interval),
    );
    run(running, signals, config.timeouts.fenced).await
}

/// Serves until a signal comes or the log is taken away.
async fn run(running: Running, mut signals: Signals, fenced_for: Duration) -> Result<(), Failure> {
    let broken = tokio::select! {
        name = signals.next() => {
            tracing::info!("{name}: stopping; a second signal stops at once");
            None
        }
        why = running.broken() => Some(why),
    };
    if broken == Some(Stopped::Fenced) {
        tracing::error!(
            "FENCED: another server has taken over this log; this one acknowledges nothing any more and stops"
        );
        tokio::select! {
            () = tokio::time::sleep(fenced_for) => {}
            name = signals.next() => tracing::info!("{name}: stopping"),
        }
    }
    let stopped = tokio::select! {
        stopped = running.stop() => stopped,
        name = signals.next() => return Err((NOT_FLUSHED, format!("{name} again: stopped without waiting for the flush"))),
    };
    match (broken, stopped) {
        (Some(Stopped::Fenced), _) | (_, Err(NotFlushed(log_domain::Error::Fenced))) => Err((
            FENCED,
            "fenced: another server has taken over this log".into(),
        )),
        (Some(_), _) => Err((
            NOT_FLUSHED,
            "the storage engine failed; what was not durable yet may be lost".into(),
        )),
        (None, Err(not_flushed)) => Err((NOT_FLUSHED, not_flushed.to_string())),
        (None, Ok(())) => {
            tracing::info!("stopped; everything acknowledged is durable");
            Ok(())
        }
    }
}

fn humantime(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
