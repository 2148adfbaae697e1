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

/// A small file, which can be read again and again.
#[derive(Debug)]
pub struct SmallFile {
    path: PathBuf,
    /// A thread is still reading it.
    reading: Arc<AtomicBool>,
}

impl SmallFile {
    /// The file at `path`, which need not be there.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            reading: Arc::default(),
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
        outcome
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| Err(too_slow()))
    }

    /// Reads it without blocking the runtime.
    ///
    /// # Errors
    /// As [`SmallFile::read`]. While an earlier read still hangs, no other is begun.
    pub async fn read_again(&self) -> io::Result<Vec<u8>> {
        let (done, outcome) = oneshot::channel();
        self.start_reading(move |read| drop(done.send(read)))?;
        match tokio::time::timeout(PATIENCE, outcome).await {
            Ok(Ok(read)) => read,
            _ => Err(too_slow()),
        }
    }

    fn start_reading(
        &self,
        done: impl FnOnce(io::Result<Vec<u8>>) + Send + 'static,
    ) -> io::Result<()> {
        if self.reading.swap(true, Ordering::AcqRel) {
            return Err(too_slow());
        }
        let (path, reading) = (self.path.clone(), Reading(Arc::clone(&self.reading)));
        let thread = thread::Builder::new().name("small file".to_owned());
        // Not the blocking pool of the runtime: a read that hangs would keep one of its threads.
        thread
            .spawn(move || {
                let read = read(&path);
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

fn too_slow() -> io::Error {
    let message = format!("not read within {} s", PATIENCE.as_secs());
    io::Error::new(ErrorKind::TimedOut, message)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before it is opened: to open a device can have effects, and to open a FIFO blocks.
    must_be_regular(fs::metadata(path)?.file_type())?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    must_be_regular(file.metadata()?.file_type())?;
    read_capped(file)
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

fn read_capped(file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BYTES {
        let message = format!("larger than {} MiB", MAX_BYTES >> 20);
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

    #[tokio::test(start_paused = true)]
    async fn while_a_read_hangs_no_other_is_begun() {
        let file = SmallFile::new(Path::new("/dev/null"));
        file.reading.store(true, Ordering::Release);
        let error = file.read_again().await.unwrap_err();
        assert_eq!(error.to_string(), "not read within 5 s");
    }
}
