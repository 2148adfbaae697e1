//! Progress of a command on standard error: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};
use log_adapters::store::slate::backup::Progress;
use parking_lot::Mutex;
use tokio::time::Instant;

/// The shortest time between two lines of a stage.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The bar of a stage whose length is known, which is as wide as the terminal, and of one whose length is not.
const KNOWN: &str = "{msg} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const UNKNOWN: &str = "{msg} {bytes}, {bytes_per_sec}";

/// What is shown of a stage.
pub(super) struct Shown {
    /// On a terminal.
    bar: Option<ProgressBar>,
    stage: Mutex<Stage>,
    done: AtomicU64,
}

struct Stage {
    what: String,
    bytes: u64,
    told: Instant,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self {
            bar: stderr().is_terminal().then(ProgressBar::no_length),
            stage: Mutex::new(Stage {
                what: String::new(),
                bytes: 0,
                told: Instant::now(),
            }),
            done: AtomicU64::new(0),
        }
    }

    /// Takes the bar away, before the result is printed.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // Nobody can be told if this fails.
            None => drop(writeln!(stderr(), "{line}")),
        }
    }
}

impl Progress for Shown {
    fn stage(&self, what: &str, bytes: u64) {
        self.done.store(0, Ordering::Relaxed);
        *self.stage.lock() = Stage {
            what: what.to_owned(),
            bytes,
            told: Instant::now(),
        };
        match &self.bar {
            Some(bar) => {
                let template = if bytes > 0 { KNOWN } else { UNKNOWN };
                // The speed of the stage before says nothing about this one.
                bar.reset();
                bar.set_length(bytes);
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_message(what.to_owned());
            }
            None if bytes > 0 => self.line(&format!("{what}: {}", ByteSize(bytes))),
            None => self.line(what),
        }
    }

    fn advanced(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let mut stage = self.stage.lock();
        if stage.told.elapsed() < LINE_EVERY {
            return;
        }
        stage.told = Instant::now();
        let of = match stage.bytes {
            0 => String::new(),
            all => format!(" of {}", ByteSize(all)),
        };
        let line = format!("{}: {}{of}", stage.what, ByteSize(done));
        drop(stage);
        self.line(&line);
    }

    fn note(&self, line: &str) {
        self.line(line);
    }
}
