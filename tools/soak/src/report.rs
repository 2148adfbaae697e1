//! The report, in Markdown.

use std::collections::BTreeMap;
use std::fmt;

use crate::arguments::Arguments;
use crate::check::Checked;
use crate::failures::Failure;
use crate::figures::{Figures, Lived};

/// Servers that lived the longest are listed.
const LISTED: usize = 8;

/// Everything that a run showed.
pub(crate) struct Report {
    pub(crate) arguments: Arguments,
    pub(crate) injected: BTreeMap<Failure, u32>,
    pub(crate) before: Figures,
    pub(crate) after: Figures,
    pub(crate) samples: Vec<Lived>,
    pub(crate) summary: String,
    pub(crate) checked: Checked,
    pub(crate) violations: Vec<String>,
}

impl Report {
    /// Whether every promise was kept.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = &self.arguments;
        writeln!(
            f,
            "{} of load on {} keys: {} appenders with at most {} appends a second each, {} followers, {} scanners; a failure \
             every {}.\n",
            humantime::format_duration(arguments.duration),
            arguments.keys,
            arguments.appenders,
            arguments.rate,
            arguments.followers,
            arguments.scanners,
            humantime::format_duration(arguments.failure_every),
        )?;
        writeln!(f, "| failure | times |\n|---|---|")?;
        for (failure, times) in &self.injected {
            writeln!(f, "| {failure} | {times} |")?;
        }
        writeln!(f, "\n{}.\n", self.summary)?;
        let checked = &self.checked;
        writeln!(
            f,
            "In the end the log held {} records of {} keys. {} batches that were acknowledged as applied, but not as durable, \
             were lost with a server that was killed or fenced.\n",
            checked.records, checked.keys, checked.applied_and_lost
        )?;
        writeln!(
            f,
            "| server | lived | resident MiB | peak MiB | descriptors | threads | tasks |\n|---|---|---|---|---|---|---|"
        )?;
        row(f, "the first one, idle, before the load", &self.before)?;
        row(f, "the last one, idle, after the load", &self.after)?;
        let mut longest: Vec<_> = self.samples.iter().collect();
        longest.sort_by_key(|lived| std::cmp::Reverse(lived.lived));
        for lived in longest.into_iter().take(LISTED) {
            let seconds = lived.lived.as_secs();
            row(
                f,
                &format!("{} under load | at its start", lived.server),
                &lived.first,
            )?;
            row(
                f,
                &format!("{} under load | after {seconds} s", lived.server),
                &lived.last,
            )?;
        }
        match self.violations.as_slice() {
            [] => writeln!(f, "\nNo promise was broken."),
            violations => {
                writeln!(f, "\n{} violations:\n", violations.len())?;
                violations
                    .iter()
                    .try_for_each(|what| writeln!(f, "- {what}"))
            }
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, which: &str, figures: &Figures) -> fmt::Result {
    let which = if which.contains('|') {
        which.to_owned()
    } else {
        format!("{which} |")
    };
    writeln!(
        f,
        "| {which} | {} | {} | {} | {} | {} |",
        figures.resident_mib, figures.peak_mib, figures.descriptors, figures.threads, figures.tasks
    )
}
