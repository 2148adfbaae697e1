//! `log-load`: sends a bounded amount of one kind of request to a server and prints how it did.
//!
//! It measures a closed loop: each connection sends its next request when the last one was answered, so the latency is
//! that of a server under exactly `--connections` concurrent requests, and a slow server is also asked less often. With `--rate`
//! it is an open loop: requests are due at fixed times, and a latency includes how long a request was late.

mod arguments;
mod encoded;
mod mailboxes;
mod measured;
mod pace;
mod repeat;
mod requests;
mod session;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::time::Instant;

use crate::arguments::{Arguments, Mode};
use crate::measured::{Measured, Problem};
use crate::pace::Pace;
use crate::requests::{Kind, Requests};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match drive(&arguments).await {
        Ok(measured) if !measured.latency.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            complain(&format!(
                "the server at {} cannot be used: {problem}",
                arguments.url
            ));
            ExitCode::FAILURE
        }
    }
}

/// Sends what was asked for, and reports what was measured.
async fn drive(arguments: &Arguments) -> Result<Measured, Problem> {
    let kind = match arguments.mode {
        Mode::Append => Kind::Append,
        Mode::Scan => Kind::Scan,
        Mode::Count => Kind::Count,
        Mode::Repeat => return Ok(reported(arguments, repeat::run(arguments).await?)),
        Mode::Session => return Ok(reported(arguments, session::run(arguments).await?)),
        Mode::Mailbox => {
            let requests = prepare(arguments, Kind::Append).await?;
            let started = Instant::now();
            let [appends, polls] = mailboxes::run(arguments, requests[0].client()).await?;
            report(arguments, &appends, started.elapsed());
            report_polls(&polls, started.elapsed());
            return Ok(appends);
        }
    };
    let requests = prepare(arguments, kind).await?;
    let started = Instant::now();
    let paces = Pace::of_all(arguments, started);
    let connections = requests.into_iter().zip(paces);
    let connections = connections.map(|(requests, pace)| pace.run((requests, kind)));
    let measured = Measured::of_all(connections.collect()).await;
    Ok(reported(arguments, (measured, started.elapsed())))
}

/// All connections, to a server that answers. Reading needs something to read: one durable batch for every key.
async fn prepare(arguments: &Arguments, kind: Kind) -> Result<Vec<Requests>, Problem> {
    let connections = 0..arguments.connections;
    let connections: Vec<_> = connections
        .map(|connection| Requests::new(arguments, connection))
        .collect::<Result<_, _>>()?;
    let first = &connections[0];
    match kind {
        Kind::Append => first.check().await?,
        Kind::Scan | Kind::Count => {
            for key in 0..arguments.keys {
                first.append_to(key, true).await?;
            }
        }
    }
    Ok(connections)
}

fn reported(arguments: &Arguments, (measured, took): (Measured, Duration)) -> Measured {
    report(arguments, &measured, took);
    measured
}

#[expect(clippy::print_stdout, reason = "the report is what the tool is for")]
fn report(arguments: &Arguments, measured: &Measured, took: Duration) {
    println!("{arguments}");
    println!("{}", Summary { measured, took });
}

/// What the polls of the mailbox load measured, with each line marked as theirs.
#[expect(clippy::print_stdout, reason = "the report is what the tool is for")]
fn report_polls(measured: &Measured, took: Duration) {
    let summary = Summary { measured, took }.to_string();
    for line in summary.lines() {
        println!("polls: {line}");
    }
}

/// Three lines: throughput, latency and errors.
struct Summary<'a> {
    measured: &'a Measured,
    took: Duration,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured, took } = self;
        let seconds = took.as_secs_f64();
        let millis = |quantile: f64| measured.latency.value_at_quantile(quantile) as f64 / 1_000.0;
        writeln!(
            f,
            "{:.0} records/s, {:.0} requests/s over {seconds:.1} s",
            measured.records as f64 / seconds,
            measured.latency.len() as f64 / seconds,
        )?;
        writeln!(
            f,
            "latency in ms: mean {:.2}, p50 {:.2}, p99 {:.2}, p999 {:.2}, max {:.2}",
            measured.latency.mean() / 1_000.0,
            millis(0.5),
            millis(0.99),
            millis(0.999),
            measured.latency.max() as f64 / 1_000.0,
        )?;
        match &measured.first_error {
            Some(first) => write!(f, "{} errors; the first: {first}", measured.errors),
            None => write!(f, "0 errors"),
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where the tool complains"
)]
fn complain(message: &str) {
    eprintln!("log-load: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tools/bench` and `tools/nightly/benchmark` read these lines.
    #[test]
    fn a_summary_has_a_line_each_for_throughput_latency_and_errors() {
        let mut measured = Measured::new();
        for millis in [1, 3] {
            measured.latency.record(millis * 1_000).expect("in bounds");
            measured.records += 100;
        }
        let summary = Summary {
            measured: &measured,
            took: Duration::from_secs(2),
        };
        assert_eq!(
            summary.to_string(),
            "100 records/s, 1 requests/s over 2.0 s\n\
             latency in ms: mean 2.00, p50 1.00, p99 3.00, p999 3.00, max 3.00\n\
             0 errors"
        );
    }
}
