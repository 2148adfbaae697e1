//! Hands log lines to standard error from a thread of its own.
//!
//! Standard error may be closed, a full disk, a closed pipe, or a pipe that is not read. Lines that it does
//! not take are dropped and counted; the code that logs never waits for it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Bytes of lines that may wait to be written. Lines that do not fit are dropped.
const BUFFER: usize = 1 << 20;
/// Pause before the next attempt when standard error is in non-blocking mode and full.
const RETRY: Duration = Duration::from_millis(20);
/// How long the end of the process waits for the last lines to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// Where log lines are written to. Clones share one thread and one buffer.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

/// How many log lines were not written.
#[derive(Debug, Default)]
pub struct LostLines {
    dropped: AtomicU64,
    rate_limited: AtomicU64,
}

impl LostLines {
    /// Lines that standard error did not take, since the start of the process.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// One more line was over the rate limit.
    pub(super) fn count_rate_limited(&self) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
    }

    /// Lines that were lost since the start of the process, by reason.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 2] {
        let rate_limited = self.rate_limited.load(Ordering::Relaxed);
        [
            ("not_written", self.dropped()),
            ("rate_limited", rate_limited),
        ]
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    lost: Arc<LostLines>,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    /// Of the lines, including the one that is being written.
    bytes: usize,
    writing: bool,
}

impl LogWriter {
    /// Starts the thread that writes to standard error.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start() -> io::Result<Self> {
        Self::start_on(io::stderr())
    }

    fn start_on(out: impl Write + Send + 'static) -> io::Result<Self> {
        let writer = Self(Arc::default());
        let shared = Arc::clone(&writer.0);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write_lines(out))?;
        Ok(writer)
    }

    /// Takes a line, which ends with a newline, or drops it when too many wait. Never blocks.
    pub fn line(&self, line: &[u8]) {
        let mut queue = self.0.queue.lock();
        if queue.bytes + line.len() > BUFFER {
            drop(queue);
            self.0.lost.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.to_vec());
        drop(queue);
        self.0.changed.notify_all();
    }

    /// When dropped, waits until everything is written, or dropped because it cannot be, for at most a second.
    #[must_use]
    pub fn flush_at_exit(&self) -> impl Drop + use<> {
        FlushAtExit(self.clone())
    }

    fn flush_lines(&self) {
        let mut queue = self.0.queue.lock();
        let busy = |queue: &mut Queue| queue.writing || !queue.lines.is_empty();
        // A line that standard error does not take must not delay the exit any longer.
        self.0.changed.wait_while_for(&mut queue, busy, FLUSH);
    }

    /// How many lines were lost.
    pub fn lost(&self) -> Arc<LostLines> {
        Arc::clone(&self.0.lost)
    }
}

struct FlushAtExit(LogWriter);

impl Drop for FlushAtExit {
    fn drop(&mut self) {
        self.0.flush_lines();
    }
}

/// For the formatter, which writes one line in one call.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Writes what is queued, for as long as the process lives.
    fn write_lines(&self, mut out: impl Write) {
        let mut torn = false;
        let mut told = 0;
        loop {
            let line = self.next();
            let written = write_line(&mut out, &line, &mut torn);
            if written.is_err() {
                self.lost.dropped.fetch_add(1, Ordering::Relaxed);
            }
            self.written(line.len());
            if written.is_err() {
                continue;
            }
            let dropped = self.lost.dropped();
            if dropped > told && self.has_room() {
                tracing::warn!(
                    lines = dropped - told,
                    "standard error did not take some log lines; they were dropped"
                );
                told = dropped;
            }
        }
    }

    /// The next line, once there is one.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.writing = true;
                return line;
            }
            self.changed.wait(&mut queue);
        }
    }

    fn written(&self, bytes: usize) {
        let mut queue = self.queue.lock();
        queue.writing = false;
        queue.bytes -= bytes;
        drop(queue);
        self.changed.notify_all();
    }

    /// Whether a report of what was dropped would itself be taken.
    fn has_room(&self) -> bool {
        self.queue.lock().bytes < BUFFER / 2
    }
}

/// Writes one line. After a line that was cut short (`torn`) the next one begins on a line of its own.
fn write_line(out: &mut impl Write, line: &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        write_all(out, b"\n", &mut false)?;
        *torn = false;
    }
    write_all(out, line, torn)
}

/// As [`Write::write_all`], but waits for a standard error that is in non-blocking mode and full, and says in `begun`
/// whether a part of `bytes` was written before an error.
fn write_all(out: &mut impl Write, mut bytes: &[u8], begun: &mut bool) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                *begun = !bytes.is_empty();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
