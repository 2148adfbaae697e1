//! Kinds of standard error that take no lines.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::path::Path;
use std::process::{Command, Stdio};

/// Default capacity of a pipe.
const PIPE_BYTES: usize = 64 * 1024;

/// A standard error that takes no lines.
#[derive(Debug)]
pub(crate) enum Unwritable {
    /// There is none.
    Closed,
    /// A file on a disk without room.
    FullDisk,
    /// A pipe whose reader is closed: each write fails.
    DeadReader,
    /// A full pipe that is not read: each write blocks.
    FullPipe(PipeWriter, PipeReader),
    /// A FIFO without a reader, which may get one: until then each write fails.
    Fifo(File),
}

impl Unwritable {
    /// One of each kind.
    pub(crate) fn all() -> [Self; 4] {
        let (reader, mut writer) = pipe().expect("make a pipe");
        writer.write_all(&[b'x'; PIPE_BYTES]).expect("fill a pipe");
        let full = Self::FullPipe(writer, reader);
        [Self::Closed, Self::FullDisk, Self::DeadReader, full]
    }

    /// A FIFO at `path`, without a reader.
    pub(crate) fn fifo(path: &Path) -> Self {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.is_ok_and(|status| status.success()), "make a FIFO");
        // Opened for both, as opening for writing alone waits for a reader; and then for writing alone.
        let both = File::options().read(true).write(true).open(path);
        let _both = both.expect("open a FIFO");
        let writer = File::options().write(true).open(path);
        Self::Fifo(writer.expect("open a FIFO for writing"))
    }

    /// For the child process.
    pub(super) fn stdio(&self) -> Stdio {
        match self {
            Self::Closed => Stdio::inherit(),
            Self::FullDisk => {
                let full = File::options().write(true).open("/dev/full");
                full.expect("open /dev/full").into()
            }
            Self::DeadReader => pipe().expect("make a pipe").1.into(),
            Self::Fifo(writer) => writer.try_clone().expect("the FIFO").into(),
            Self::FullPipe(writer, _reader) => writer.try_clone().expect("the pipe").into(),
        }
    }
}
