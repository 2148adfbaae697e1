//! Kinds of standard error that take no lines.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::process::Stdio;

/// What a pipe holds, if nobody changes it.
const PIPE_BYTES: usize = 64 * 1024;

/// A standard error that takes no lines.
#[derive(Debug)]
pub(crate) enum Unwritable {
    /// There is none.
    Closed,
    /// A file on a disk without room.
    FullDisk,
    /// A pipe that nobody can read any more: each write fails.
    DeadReader,
    /// A full pipe that nobody reads: each write blocks.
    FullPipe(PipeWriter, PipeReader),
}

impl Unwritable {
    /// One of each kind.
    pub(crate) fn all() -> [Self; 4] {
        let (reader, mut writer) = pipe().expect("make a pipe");
        writer.write_all(&[b'x'; PIPE_BYTES]).expect("fill a pipe");
        let full = Self::FullPipe(writer, reader);
        [Self::Closed, Self::FullDisk, Self::DeadReader, full]
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
            Self::FullPipe(writer, _reader) => writer.try_clone().expect("the pipe").into(),
        }
    }
}
