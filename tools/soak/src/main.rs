//! `log-soak`: mixed load on a real server over a real S3 server, with a failure at regular intervals, and then a
//! comparison of everything that clients were told with everything the log holds.
//!
//! It prints its progress to stderr and a report in Markdown to stdout. It exits with 0 only if no promise was broken.
//! It mounts a small tmpfs for the disk cache, to be able to fill it, so it needs root.

mod appender;
mod arguments;
mod batch;
mod check;
mod client;
mod failures;
mod figures;
mod history;
mod load;
mod place;
mod readers;
mod report;
mod server;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::arguments::Arguments;
use crate::failures::Failures;
use crate::figures::Figures;
use crate::history::History;
use crate::load::Load;
use crate::place::Place;
use crate::report::Report;
use crate::server::Servers;

/// How long a server is left without load before its figures are taken, at most. A start opens more than a hundred
/// connections to the store; the server closes idle ones within 10 s.
const QUIET: Duration = Duration::from_secs(120);
/// The part of the duration that this is in a short run.
const QUIET_SHARE: u32 = 20;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match soak(&arguments).await {
        Ok(report) => {
            #[expect(clippy::print_stdout, reason = "the report is what the tool is for")]
            {
                println!("{report}");
            }
            ExitCode::from(u8::from(!report.is_clean()))
        }
        Err(why) => {
            say(&format!("cannot run: {why}"));
            ExitCode::from(2)
        }
    }
}

async fn soak(arguments: &Arguments) -> Result<Report, String> {
    let quiet = QUIET.min(arguments.duration / QUIET_SHARE);
    let place = Place::prepare(arguments)?;
    let history = Arc::new(History::default());
    let servers = Servers::start(&place, Arc::clone(&history)).await?;
    let (stop, stopping) = watch::channel(false);

    say("one record for each key, durable");
    let load = Load::new(arguments, &servers, &history, stopping.clone());
    load.fill().await?;
    sleep(quiet).await;
    let before = Figures::of(&servers.current()).await?;
    say(&format!("before the load: {before}"));

    let started = Instant::now();
    let running = load.start();
    let sampler = tokio::spawn(figures::sample(
        servers.subscribe(),
        stopping,
        Arc::clone(&history),
    ));
    let mut failures = Failures::new(arguments, place, servers);
    while started.elapsed() < arguments.duration {
        let left = arguments.duration.saturating_sub(started.elapsed());
        sleep(arguments.failure_every.min(left)).await;
        if started.elapsed() < arguments.duration {
            failures.inject(&history).await?;
            say(&format!(
                "{} s: {}",
                started.elapsed().as_secs(),
                history.summary()
            ));
        }
    }
    stop.send_replace(true);
    running.join().await;
    let samples = sampler.await.map_err(|error| error.to_string())?;

    let injected = failures.counts();
    let (place, mut servers) = failures.finish();
    sleep(quiet).await;
    let after = Figures::of(&servers.current()).await?;
    say(&format!("after the load: {after}"));
    if let Some(leak) = after.leak_since(&before).filter(|_| quiet == QUIET) {
        history.violation(leak);
    }
    servers.stop_gracefully().await?;
    servers.start_next(&place).await?;
    say("comparing what clients were told with what the log holds");
    let checked = check::check(&servers.current(), &history, load.batches()).await?;
    servers.stop_gracefully().await?;
    Ok(Report {
        arguments: arguments.clone(),
        injected,
        before,
        after,
        samples,
        summary: history.summary(),
        checked,
        violations: history.violations(),
    })
}

/// A line of progress.
#[expect(
    clippy::print_stderr,
    reason = "progress is for the person who runs it"
)]
fn say(line: &str) {
    eprintln!("log-soak: {line}");
}
