//! `opendata-log check`.

use std::fmt::Write;

use clap::Args;
use log_adapters::store::slate::check::{Report, check};

use super::progress::Shown;
use super::{Answer, refusal, stores, told_to_stop};
use crate::config::{Config, Refusal};
use crate::serve_args::ServeArgs;

const EXAMPLES: &str = "\
Examples:
  opendata-log check --data-dir /data
  opendata-log check --config log.yaml
  opendata-log check --s3-bucket my-log

The log is named as its server names it. The server keeps running. It needs not be on this machine if the log is in
a bucket. For a log in a folder, run the command as the user of the server.

Exit codes: 0 nothing is wrong; 1 the log is damaged: restore a backup; 2 the check could not be made.";

/// Look for damage in the log, also while its server runs.
///
/// Reads the whole log as it is when the command begins, and checks that every row can be read, that sequences ascend,
/// that counts are right, and that the listings of keys and segments and the order of the records agree with the
/// records. Says what is wrong and where, and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    #[command(flatten)]
    pub(super) serve: ServeArgs,
}

impl CheckArgs {
    pub(super) async fn run(&self, config: &Config) -> Result<Answer, Refusal> {
        let sources = stores::sources(config).await?;
        let mut answer = Answer::default();
        let mut failed = Vec::new();
        for (of, source) in &sources.each {
            let shown = Shown::new();
            let report = check(source, &shown, told_to_stop()).await;
            shown.finish();
            match report {
                Ok(report) => {
                    answer.text.push_str(&text(&report, of));
                    answer.damaged |= !report.findings.is_empty();
                }
                Err(error) => {
                    let (place, _) = config.place();
                    let why = refusal(&error);
                    failed.push(format!("cannot check the log in {place}{of}: {why}"));
                }
            }
        }
        match failed.first() {
            None => Ok(answer),
            // Damage is told, whatever else could not be looked at.
            Some(_) if answer.damaged => {
                failed.iter().for_each(|line| {
                    let _ = writeln!(answer.text, "{line}");
                });
                Ok(answer)
            }
            Some(first) => Err(Refusal::new(first.clone())),
        }
    }
}

/// What was found, in a log or in a partition that is called `of`.
fn text(report: &Report, of: &str) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "damaged{of}: {finding}");
    }
    if report.more > 0 {
        let _ = writeln!(text, "damaged{of}: {} more findings", report.more);
    }
    let Report {
        segments,
        keys,
        records,
        end,
        ..
    } = report;
    let _ = writeln!(
        text,
        "checked {records} records of {keys} keys in {segments} segments{of}, up to sequence {end}: {}",
        match report.findings.is_empty() {
            true => "nothing is wrong",
            false => "the log is damaged",
        }
    );
    text
}
