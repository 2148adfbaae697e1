//! Progress of long work on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::output::note;
use crate::text;

/// The time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The time between two changes of a bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);

const KNOWN: &str = "{msg} [{wide_bar}] {percent}%, {eta} left";
const UNKNOWN: &str = "{spinner} {msg}";

/// What is shown of one piece of work.
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    is_quiet: bool,
    began: Instant,
    told: Instant,
    /// Of the work, in its own unit; `None` if nobody knows.
    length: Option<u64>,
    /// What was done before, of the work and in records.
    from: u64,
}

impl Progress {
    /// Of work such as `imported`, with a `length` in a unit of its own, such as bytes, of which `from` is done.
    pub(crate) fn new(what: &'static str, length: Option<u64>, from: u64, is_quiet: bool) -> Self {
        let now = Instant::now();
        let bar = (!is_quiet && stderr().is_terminal()).then(|| {
            let bar = match length {
                Some(length) => ProgressBar::new(length),
                None => ProgressBar::no_length(),
            };
            let template = length.map_or(UNKNOWN, |_| KNOWN);
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style).with_position(from),
                Err(_) => bar,
            }
        });
        if let Some(bar) = &bar {
            bar.reset_eta();
        }
        Self {
            what,
            bar,
            is_quiet,
            began: now,
            told: now,
            length,
            from,
        }
    }

    /// So much is done, and with it so many records.
    pub(crate) fn at(&mut self, done: u64, records: u64) {
        let every = match self.bar {
            Some(_) => DRAW_EVERY,
            None => LINE_EVERY,
        };
        if self.is_quiet || self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        let line = line(self.what, records, self.began.elapsed());
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.set_position(done);
            }
            None => {
                let elapsed = self.began.elapsed();
                let left = self
                    .length
                    .map(|length| remaining(self.from, done, length, elapsed));
                note(&format!("{line}{}", left.unwrap_or_default()));
            }
        }
    }

    /// Says something above the bar.
    pub(crate) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note(line),
        }
    }

    /// Takes the bar away; gives how long it took.
    pub(crate) fn finish(&self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}

/// What was done, and how fast.
pub(crate) fn line(what: &str, records: u64, elapsed: Duration) -> String {
    format!(
        "{what} {}, {}",
        text::count(records, "record"),
        rate(records, elapsed)
    )
}

/// Records a second.
pub(crate) fn rate(records: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    format!(
        "{} records/s",
        text::number((records as f64 / seconds) as u64)
    )
}

/// How much is done and how long the rest takes, as fast as so far.
fn remaining(from: u64, done: u64, length: u64, elapsed: Duration) -> String {
    let (done_now, left) = (done.saturating_sub(from), length.saturating_sub(done));
    if done_now == 0 || length == 0 {
        return String::new();
    }
    let percent = done as f64 * 100.0 / length as f64;
    let seconds = elapsed.as_secs_f64() * left as f64 / done_now as f64;
    let left = humantime::format_duration(Duration::from_secs(seconds.ceil() as u64));
    format!(", {percent:.0}%, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long_still() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(
            line("imported", 3_000_000, elapsed),
            "imported 3,000,000 records, 300,000 records/s"
        );
        assert_eq!(remaining(0, 25, 100, elapsed), ", 25%, 30s left");
        // What was done before says nothing of the speed.
        assert_eq!(remaining(50, 75, 100, elapsed), ", 75%, 10s left");
        assert_eq!(remaining(50, 50, 100, elapsed), "");
    }
}
