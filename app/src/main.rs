//! The `opendata-log` server.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use log_adapters::clock::SystemClock;
use log_adapters::http::{HttpWriter, Setting, Writer, WriterUrl};
use log_adapters::objects::ClientEnvironment;
use log_adapters::quoted;
use log_adapters::small_file::SmallFile;
use log_app::cli::{Asked, Cli};
use log_app::cluster::ClusterParts;
use log_app::commands::LogCommand;
use log_app::config::{Config, Refusal, environment_check, masked};
use log_app::descriptors;
use log_app::lifetime::{self, Ended};
use log_app::listener::Tcp;
use log_app::logging::{self, LogWriter};
use log_app::security::Security;
use log_app::server::{ServerParts, start};
use log_app::storage;
use rustix::fs::Mode;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Many small buffers are made on one thread and dropped on another; see docs/performance.md for what this saves.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What a command printed could not be written.
const NOT_WRITTEN: u8 = 1;
/// A command found damage.
const DAMAGED: u8 = 1;
/// The server cannot start as it is configured.
const CANNOT_START: u8 = 2;
/// Another server took over the data.
const FENCED: u8 = 3;
/// Not everything that was acknowledged is durable, or the storage engine failed.
const NOT_FLUSHED: u8 = 4;

/// Keeps data and cache private to this user: folders are 0700, files 0600.
const FOR_THE_OWNER_ALONE: Mode = Mode::RWXG.union(Mode::RWXO);

type Failure = (u8, String);

fn main() -> ExitCode {
    let parsed = Cli::try_parse().map(Cli::asked);
    // A client has no use for what the server needs of the process.
    let parsed = match parsed {
        Ok(Ok(Asked::Client(command))) => return run_client(command),
        parsed => parsed,
    };
    let log = match begin() {
        Ok(log) => log,
        Err(why) => {
            // Without the thread that writes lines. If this fails, the error cannot be reported.
            let _ = writeln!(std::io::stderr(), "opendata-log: {why}");
            return ExitCode::from(CANNOT_START);
        }
    };
    let _flushed = log.flush_at_exit();
    let outcome = asked(parsed).and_then(|asked| match asked {
        Some(Asked::Serve(args)) => {
            let (config, settings) = args.load_server().map_err(refused)?;
            run_server(&config, settings, &log)
        }
        Some(Asked::Config(command)) => print(&command.answer().map_err(refused)?),
        Some(Asked::Openapi(format)) => print(&format.document()),
        Some(Asked::Log(command)) => run_command(&command, &log),
        Some(Asked::Client(_)) | None => Ok(ExitCode::SUCCESS),
    });
    match outcome {
        Ok(code) => code,
        Err((code, message)) => {
            let message = masked::in_one_line(&message);
            log.line(format!("opendata-log: {message}\n").as_bytes());
            ExitCode::from(code)
        }
    }
}

/// The log, if the environment lets the process have threads.
fn begin() -> Result<LogWriter, String> {
    environment_check::check_process().map_err(|refusal| refusal.to_string())?;
    LogWriter::start().map_err(|error| format!("cannot start a thread: {error}"))
}

fn print(answer: &str) -> Result<ExitCode, Failure> {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(answer.as_bytes());
    printed(written.and_then(|()| stdout.flush()))
}

/// The exit code after printing. A reader that closed the pipe has read enough.
fn printed(written: std::io::Result<()>) -> Result<ExitCode, Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err((
            NOT_WRITTEN,
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Runs a command as a client of a server.
fn run_client(command: log_cli::Command) -> ExitCode {
    let arguments = std::env::args_os().collect();
    ExitCode::from(log_cli::run(command, Cli::command(), arguments))
}

/// Serves until the end. What went wrong is the last line of the log, in the form of the others.
fn run_server(
    config: &Config,
    settings: Vec<Setting>,
    log: &LogWriter,
) -> Result<ExitCode, Failure> {
    // It holds for every file that the process makes, those of the storage engine too.
    rustix::process::umask(FOR_THE_OWNER_ALONE);
    logging::begin(config, log).map_err(|why| (CANNOT_START, why))?;
    let runtime = tokio::runtime::Runtime::new();
    let runtime =
        runtime.map_err(|error| (CANNOT_START, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(serve(config, settings, log));
    // A disk that hangs must not keep a stopped server alive.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err((exit_code, message)) if logging::in_json(config) => {
            logging::last_line(config, log, exit_code, &message);
            Ok(ExitCode::from(exit_code))
        }
        Err(failure) => Err(failure),
    }
}

/// Runs a command for a log, and prints its answer.
fn run_command(command: &LogCommand, log: &LogWriter) -> Result<ExitCode, Failure> {
    rustix::process::umask(FOR_THE_OWNER_ALONE);
    let config = command.config().map_err(refused)?;
    logging::begin(&config, log).map_err(|why| (CANNOT_START, why))?;
    let runtime = tokio::runtime::Runtime::new();
    let runtime =
        runtime.map_err(|error| (CANNOT_START, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(command.run(&config));
    runtime.shutdown_background();
    let answer = outcome.map_err(refused)?;
    let code = print(&answer.text)?;
    Ok(match answer.damaged {
        true => ExitCode::from(DAMAGED),
        false => code,
    })
}

fn refused(refusal: Refusal) -> Failure {
    (CANNOT_START, refusal.to_string())
}

/// What the parsed command line asks for; nothing more when help or the version was printed.
fn asked(parsed: Result<Result<Asked, String>, clap::Error>) -> Result<Option<Asked>, Failure> {
    let refuse = |why| (CANNOT_START, format!("{why} (see opendata-log --help)"));
    match parsed {
        Ok(asked) => asked.map(Some).map_err(refuse),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            printed(error.print()).map(|_success| None)
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(refuse(
                "config needs a command: check or show, for example opendata-log config check"
                    .into(),
            ))
        }
        Err(error) => Err(refuse(without_users(in_one_line(&error.to_string())))),
    }
}

/// The message with each argument in it as other messages quote it.
fn without_users(message: String) -> String {
    let arguments = std::env::args_os().skip(1);
    let texts = arguments.filter_map(|argument| argument.into_string().ok());
    let with_users = texts.filter(|text| text.contains('@'));
    with_users.fold(message, |message, text| {
        message.replace(&text, &quoted::without_user(&text))
    })
}

/// A message of the command line's parser, up to where it repeats the usage.
fn in_one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim);
    let lines =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

async fn serve(config: &Config, settings: Vec<Setting>, log: &LogWriter) -> Result<(), Failure> {
    let mut signals =
        Signals::new().map_err(|error| (CANNOT_START, format!("cannot hear signals: {error}")))?;

    let security = Security::open(config).map_err(|why| (CANNOT_START, why))?;
    security.warn(config);
    security
        .keep_fresh(config)
        .map_err(|error| (CANNOT_START, format!("cannot hear SIGHUP: {error}")))?;
    let mut config = config.clone();
    let fewer_connections = descriptors::settle(&mut config);
    let config = &config;

    // The port comes first: a server that cannot listen must not take the log away from one that does.
    let (acceptor, address) = listen(config.host, config.port).await?;
    let scheme = security.tls().map_or("http", |_| "https");
    let admin = match config.admin.port {
        Some(port) => Some(listen(config.admin.host, port).await?),
        None => None,
    };
    let admin_address = admin.as_ref().map(|(_, address)| *address);

    let (place, path) = config.place();
    let cannot_open = |error: log_domain::Error| {
        (
            match error {
                log_domain::Error::Fenced => FENCED,
                _ => CANNOT_START,
            },
            format!("cannot open the log in {place}: {error}"),
        )
    };
    let environment = ClientEnvironment::of_process();
    let opening = start(
        config,
        ServerParts {
            stores: storage::open(config, &environment),
            clock: Arc::new(SystemClock),
            seed: None,
            request_id_seed: RandomState::new().build_hasher().finish(),
            acceptor,
            admin: admin.map(|(acceptor, _)| acceptor),
            security,
            writer: writer(config).map_err(|why| (CANNOT_START, why))?,
            feed: Arc::default(),
            log_lines: log.lost(),
            cluster: cluster(config, address.port()).map_err(|why| (CANNOT_START, why))?,
            settings,
        },
    );
    let running = tokio::select! {
        opened = opening => opened.map_err(cannot_open)?,
        name = signals.next() => {
            tracing::info!("{name} while opening the log: nothing to flush");
            return Ok(());
        }
    };
    if let Some(fewer) = fewer_connections {
        tracing::warn!("{fewer}");
    }
    if let Some(address) = admin_address {
        tracing::info!("metrics and health on http://{address} only");
    }
    if config.read_only {
        tracing::info!(
            "listening on {scheme}://{address}, reading the data in {place}, path {path}; read-only: new records are shown within about {} \
             after they are durable",
            milliseconds(config.reader.poll_interval),
        );
    } else {
        tracing::info!(
            "listening on {scheme}://{address}, data in {place}, path {path}; appends are acknowledged when applied and durable \
         within about {}, or when durable if they ask for it; reads see applied records unless they ask for durable ones",
            milliseconds(config.durability.flush_interval),
        );
    }
    let fenced_for = config.shutdown.fenced;
    let ended = lifetime::until_ended(running, async || signals.next().await, fenced_for).await;
    ended.map_err(|why| {
        let code = match why {
            Ended::Fenced => FENCED,
            Ended::Failed | Ended::NotFlushed(_) | Ended::Hurried(_) => NOT_FLUSHED,
        };
        (code, why.to_string())
    })
}

/// The server that writes the log, if this one only reads it and forwards to that one.
fn writer(config: &Config) -> Result<Option<Arc<dyn Writer>>, String> {
    let Some(url) = config.writer_url().map_err(|why| why.to_string())? else {
        return Ok(None);
    };
    let writer = HttpWriter::new(url).map_err(|why| format!("reader.writer_url: {why}"))?;
    Ok(Some(Arc::new(writer)))
}

/// What makes this server a node of a cluster, if it is to be one.
fn cluster(config: &Config, port: u16) -> Result<Option<ClusterParts>, String> {
    if !config.cluster.enabled {
        return Ok(None);
    }
    let url = config.advertised(port).map_err(|why| why.to_string())?;
    let authorities = match &config.cluster.ca {
        Some(file) => SmallFile::new(file)
            .read()
            .map_err(|why| why.to_string())
            .and_then(|pem| match pem.is_empty() {
                true => Err("the file is empty".to_owned()),
                false => Ok(pem),
            })
            .map_err(|why| format!("cluster.ca: {why}"))?,
        None => Vec::new(),
    };
    let connect = move |url: &str| {
        let writer = HttpWriter::trusting(WriterUrl::parse(url)?, &authorities)?;
        Ok(Arc::new(writer) as Arc<dyn Writer>)
    };
    // What is wrong with the authorities is said now, and not with the first request.
    connect(&url).map_err(|why| format!("cluster.ca: {why}"))?;
    Ok(Some(ClusterParts {
        url,
        incarnation: RandomState::new().build_hasher().finish(),
        connect: Arc::new(connect),
    }))
}

async fn listen(host: IpAddr, port: u16) -> Result<(Tcp, SocketAddr), Failure> {
    let cannot_listen = |error| {
        (
            CANNOT_START,
            format!("cannot listen on {host}:{port}: {error}"),
        )
    };
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    Ok((Tcp::new(listener).map_err(cannot_listen)?, address))
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        // A file at its size limit (`ulimit -f`) is then a write that fails. Unhandled, the signal ends the process.
        drop(signal(SignalKind::from_raw(libc::SIGXFSZ))?);
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
