//! Reads small files that others write and replace while the server runs: tokens, certificates, keys.
//!
//! Only a regular file is read (links are followed: Kubernetes mounts secrets as links), up to [`MAX_BYTES`], on a thread of
//! its own, for at most [`PATIENCE`]. So a FIFO, `/dev/zero`, a huge file or a network file system that hangs is an error, and
//! never blocks the runtime or fills the memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// A larger file is not one of tokens, certificates or a key.
pub const MAX_BYTES: u64 = 1 << 20;
/// How long a file may take to be read.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a pipe may take to be read.
pub const PATIENCE_FOR_PIPES: Duration = Duration::from_secs(15);

/// A small file, which can be read again and again.
#[derive(Debug)]
pub struct SmallFile {
    path: PathBuf,
    /// A larger file is refused.
    most_bytes: u64,
    /// A pipe or a device is read too.
    or_pipe: bool,
    /// A thread is still reading it.
    reading: Arc<AtomicBool>,
}

impl SmallFile {
    /// The file at `path`, which need not be there.
    pub fn new(path: &Path) -> Self {
        Self::up_to(path, MAX_BYTES)
    }

    /// The file at `path`, which may have this many bytes.
    pub fn up_to(path: &Path, most_bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            most_bytes,
            or_pipe: false,
            reading: Arc::default(),
        }
    }

    /// The file at `path`, or the pipe or device there (standard input, what a shell makes of `<(command)`, `/dev/null`), which
    /// is read to its end. That may take [`PATIENCE_FOR_PIPES`]: a command writes into it.
    pub fn or_pipe(path: &Path) -> Self {
        Self {
            or_pipe: true,
            ..Self::new(path)
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, and blocks for at most [`PATIENCE`]. For a start.
    ///
    /// # Errors
    /// When it is not there, is not a regular file, is larger than [`MAX_BYTES`], or takes too long.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.start_reading(move |read| drop(done.send(read)))?;
        let patience = self.patience();
        outcome
            .recv_timeout(patience)
            .unwrap_or_else(|_| Err(too_slow(patience)))
    }

    /// Reads it without blocking the runtime.
    ///
    /// # Errors
    /// As [`SmallFile::read`]. While an earlier read still hangs, no other is begun.
    pub async fn read_again(&self) -> io::Result<Vec<u8>> {
        let (done, outcome) = oneshot::channel();
        self.start_reading(move |read| drop(done.send(read)))?;
        let patience = self.patience();
        match tokio::time::timeout(patience, outcome).await {
            Ok(Ok(read)) => read,
            _ => Err(too_slow(patience)),
        }
    }

    fn patience(&self) -> Duration {
        match self.or_pipe {
            true => PATIENCE_FOR_PIPES,
            false => PATIENCE,
        }
    }

    fn start_reading(
        &self,
        done: impl FnOnce(io::Result<Vec<u8>>) + Send + 'static,
    ) -> io::Result<()> {
        if self.reading.swap(true, Ordering::AcqRel) {
            return Err(too_slow(self.patience()));
        }
        let (path, most_bytes, or_pipe) = (self.path.clone(), self.most_bytes, self.or_pipe);
        let reading = Reading(Arc::clone(&self.reading));
        let thread = thread::Builder::new().name("small file".to_owned());
        // Not the blocking pool of the runtime: a read that hangs would keep one of its threads.
        thread
            .spawn(move || {
                let read = read(&path, most_bytes, or_pipe);
                drop(reading);
                done(read);
            })
            .map(drop)
    }
}

/// Held while a thread reads.
struct Reading(Arc<AtomicBool>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn too_slow(patience: Duration) -> io::Error {
    let message = format!("not read within {} s", patience.as_secs());
    io::Error::new(ErrorKind::TimedOut, message)
}

fn read(path: &Path, most_bytes: u64, or_pipe: bool) -> io::Result<Vec<u8>> {
    // Asked before it is opened: to open a device can have effects, and to open a FIFO blocks.
    let kind = fs::metadata(path)?.file_type();
    if or_pipe && (kind.is_fifo() || kind.is_char_device()) {
        // Waits for a writer.
        return read_capped(File::open(path)?, most_bytes);
    }
    must_be_regular(kind)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    must_be_regular(file.metadata()?.file_type())?;
    read_capped(file, most_bytes)
}

fn must_be_regular(kind: fs::FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    let message = format!("is {what}, not a regular file");
    Err(io::Error::new(ErrorKind::InvalidInput, message))
}

fn read_capped(file: File, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(most_bytes + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most_bytes {
        let message = format!("larger than {} MiB", most_bytes >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn refusal(path: &Path) -> String {
        SmallFile::new(path).read().unwrap_err().to_string()
    }

    #[test]
    fn only_a_regular_file_of_a_mebibyte_or_a_link_to_one_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), vec![b'x'; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        let read = SmallFile::new(&path("link")).read();
        assert_eq!(read.unwrap().len(), 1 << 20);

        fs::write(path("file"), vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(refusal(&path("link")), "larger than 1 MiB");
        let made = Command::new("mkfifo").arg(path("fifo")).status();
        assert!(made.unwrap().success());
        assert_eq!(refusal(&path("fifo")), "is a FIFO, not a regular file");
        assert_eq!(refusal(folder.path()), "is a folder, not a regular file");
        assert_eq!(
            refusal(Path::new("/dev/zero")),
            "is a device, not a regular file"
        );
    }

    #[test]
    fn a_pipe_is_read_to_its_end_where_it_may_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let written = pipe.clone();
        let writer = thread::spawn(move || fs::write(written, "content").unwrap());
        assert_eq!(SmallFile::or_pipe(&pipe).read().unwrap(), b"content");
        writer.join().unwrap();
        let zero = SmallFile::or_pipe(Path::new("/dev/zero")).read();
        assert!(zero.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_read_hangs_no_other_is_begun() {
        let file = SmallFile::new(Path::new("/dev/null"));
        file.reading.store(true, Ordering::Release);
        let error = file.read_again().await.unwrap_err();
        assert_eq!(error.to_string(), "not read within 5 s");
    }
}
