//! `log-load`: sends a bounded amount of one kind of request to a server and prints how it did.
//!
//! It measures a closed loop: each connection sends its next request when the last one was answered, so the latency is
//! that of a server under exactly `--connections` concurrent requests, and a slow server is also asked less often. With `--rate`
//! it is an open loop: requests are due at fixed times, and a latency includes how long a request was late.

mod arguments;
mod pace;
mod requests;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hdrhistogram::Histogram;
use opendata_log::{Error, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::arguments::{Arguments, Mode};
use crate::pace::Pace;
use crate::requests::Requests;

/// Longer latencies count as this one. No request takes so long: the client gives up before.
const LONGEST_MICROS: u64 = 600_000_000;

/// What one connection, or all of them, measured.
struct Measured {
    /// Of the requests that succeeded, in microseconds.
    latency: Histogram<u64>,
    records: u64,
    errors: u64,
    /// To show one: most errors of a run are the same.
    first_error: Option<Error>,
}

impl Measured {
    fn new() -> Self {
        Self {
            latency: Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
                .expect("bounds that are allowed"),
            records: 0,
            errors: 0,
            first_error: None,
        }
    }

    fn add(&mut self, other: Self) {
        self.latency
            .add(other.latency)
            .expect("histograms of the same bounds");
        self.records += other.records;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let connections = match prepare(&arguments).await {
        Ok(connections) => connections,
        Err(error) => {
            complain(&format!(
                "the server at {} cannot be used: {error}",
                arguments.url
            ));
            return ExitCode::FAILURE;
        }
    };
    let started = Instant::now();
    let until = started + Duration::from_secs(arguments.seconds);
    let paces = Pace::of_all(&arguments, started);
    let connections = connections.into_iter().zip(paces).collect();
    let measured = run(connections, arguments.mode, until).await;
    report(&arguments, &measured, started.elapsed());
    if measured.latency.is_empty() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// All connections, to a server that answers. Reading needs something to read: one durable batch for every key.
async fn prepare(arguments: &Arguments) -> Result<Vec<Requests>> {
    let connections = 0..arguments.connections;
    let connections: Vec<_> = connections
        .map(|connection| Requests::new(arguments, connection))
        .collect::<Result<_>>()?;
    let first = &connections[0];
    match arguments.mode {
        Mode::Append => first.check().await?,
        Mode::Scan | Mode::Count => {
            for key in 0..arguments.keys {
                first.append_to(key, true).await?;
            }
        }
    }
    Ok(connections)
}

async fn run(connections: Vec<(Requests, Pace)>, mode: Mode, until: Instant) -> Measured {
    let mut running: JoinSet<_> = connections
        .into_iter()
        .map(|(requests, pace)| run_connection(requests, pace, mode, until))
        .collect();
    let mut all = Measured::new();
    while let Some(measured) = running.join_next().await {
        all.add(measured.expect("a connection's task does not panic"));
    }
    all
}

async fn run_connection(
    mut requests: Requests,
    mut pace: Pace,
    mode: Mode,
    until: Instant,
) -> Measured {
    /// A server that refuses everything is not asked as fast as it can refuse.
    const AFTER_AN_ERROR: Duration = Duration::from_millis(10);

    let mut measured = Measured::new();
    loop {
        let due = pace.next().unwrap_or_else(Instant::now);
        sleep_until(due.min(until)).await;
        if due >= until {
            return measured;
        }
        let answer = match mode {
            Mode::Append => requests.append().await,
            Mode::Scan => requests.scan().await,
            Mode::Count => requests.count().await,
        };
        match answer {
            Ok(records) => {
                let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                measured.latency.saturating_record(micros.max(1));
                measured.records += records;
            }
            Err(error) => {
                measured.errors += 1;
                measured.first_error.get_or_insert(error);
                tokio::time::sleep(AFTER_AN_ERROR).await;
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report is what the tool is for")]
fn report(arguments: &Arguments, measured: &Measured, took: Duration) {
    let seconds = took.as_secs_f64();
    let millis = |quantile: f64| measured.latency.value_at_quantile(quantile) as f64 / 1_000.0;
    println!("{arguments}");
    println!(
        "{:.0} records/s, {:.0} requests/s over {seconds:.1} s",
        measured.records as f64 / seconds,
        measured.latency.len() as f64 / seconds,
    );
    println!(
        "latency in ms: mean {:.2}, p50 {:.2}, p99 {:.2}, p999 {:.2}, max {:.2}",
        measured.latency.mean() / 1_000.0,
        millis(0.5),
        millis(0.99),
        millis(0.999),
        measured.latency.max() as f64 / 1_000.0,
    );
    match &measured.first_error {
        Some(first) => println!("{} errors; the first: {first}", measured.errors),
        None => println!("0 errors"),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where the tool complains"
)]
fn complain(message: &str) {
    eprintln!("log-load: {message}");
}
