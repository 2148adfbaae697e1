//! Where an export is written.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Read, Seek, SeekFrom, StdoutLock, Write, stdout};
use std::path::{Path, PathBuf};

use crate::arguments::Keys;
use crate::exit::{ANSWERED_WITH_ERROR, Failure, Outcome};
use crate::record_line;
use crate::text;

/// So much of a file is read at a time to find its last line.
const PIECE_BYTES: u64 = 64 * 1024;

/// How each line of an export begins.
const BEGINNING: &[u8] = b"{\"sequence\":";

/// The last line of a file that is continued.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LastLine {
    pub(super) sequence: u64,
    pub(super) key: Vec<u8>,
    /// With its newline.
    pub(super) line: Vec<u8>,
}

/// A file, or standard output.
pub(super) enum Target {
    File(BufWriter<File>, PathBuf),
    Stdout(BufWriter<StdoutLock<'static>>),
}

impl Target {
    /// A file that does not exist, or is continued; standard output without one. Also gives the record to continue after.
    ///
    /// # Errors
    /// When the file exists and is not to be continued, or cannot be, also because its last record is none of these keys.
    pub(super) fn open(
        path: Option<&Path>,
        resume: bool,
        keys: &Keys,
    ) -> Outcome<(Self, Option<LastLine>)> {
        let Some(path) = path else {
            let stdout = BufWriter::with_capacity(256 * 1024, stdout().lock());
            return Ok((Self::Stdout(stdout), None));
        };
        let shown = path.display();
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match resume {
            true => options.create(true).truncate(false),
            false => options.create_new(true),
        };
        let mut file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::usage(format!(
                "{shown} exists: continue it with --resume, or remove it"
            )),
            _ => Failure::io(format!("cannot write to {shown}"), &error),
        })?;
        let after = match resume {
            true => continue_after(&mut file, keys)
                .map_err(|error| Failure::io(format!("cannot read {shown}"), &error))?
                .map_err(|why| Failure::new(ANSWERED_WITH_ERROR, format!("{shown}: {why}")))?,
            false => None,
        };
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok((Self::File(file, path.to_owned()), after))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(_, path) => path.display().to_string(),
            Self::Stdout(_) => "standard output".to_owned(),
        }
    }

    pub(super) fn write(&mut self, line: &[u8]) -> Outcome {
        let written = match self {
            Self::File(file, _) => file.write_all(line),
            Self::Stdout(stdout) => stdout.write_all(line),
        };
        self.wrote(written)
    }

    /// What was written is there, also after a crash of this machine.
    pub(super) fn finish(&mut self) -> Outcome {
        let finished = match self {
            Self::File(file, _) => file.flush().and_then(|()| file.get_ref().sync_all()),
            Self::Stdout(stdout) => stdout.flush(),
        };
        self.wrote(finished)
    }

    fn wrote(&self, written: std::io::Result<()>) -> Outcome {
        written.map_err(|error| match (self, error.kind()) {
            (Self::Stdout(_), ErrorKind::BrokenPipe) => Failure::reader_left(),
            _ => Failure::io(format!("cannot write to {}", self.shown()), &error),
        })
    }
}

/// Cuts what follows the last whole line, and gives that line; `None` in a file without one. The outer result is that of reading. A file that
/// no export of these keys wrote is left as it is.
fn continue_after(
    file: &mut File,
    keys: &Keys,
) -> std::io::Result<Result<Option<LastLine>, String>> {
    let length = file.metadata()?.len();
    let end = end_of_last_line(file, length)?;
    let begin = match end {
        0 => 0,
        end => end_of_last_line(file, end - 1)?,
    };
    let last = if end == 0 { length } else { end };
    let mut line = vec![0; usize::try_from(last - begin).unwrap_or(usize::MAX)];
    file.seek(SeekFrom::Start(begin))?;
    file.read_exact(&mut line)?;
    let is_begun = BEGINNING.starts_with(&line) || line.starts_with(BEGINNING);
    let last = match record_line::place(&line) {
        Some((_, key)) if end > 0 && !keys.have(&key) => {
            return Ok(Err(format!(
                "its last record is of the key {}, and the export is of {}: give the keys of the export that began the file",
                text::shown(&key),
                keys.shown()
            )));
        }
        Some((sequence, key)) if end > 0 => Some(LastLine {
            sequence,
            key,
            line,
        }),
        None if end == 0 && is_begun => None,
        _ => return Ok(Err("its last line is none that an export writes".to_owned())),
    };
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(Ok(last))
}

/// The place after the last newline below `below`; 0 if there is none.
fn end_of_last_line(file: &mut File, below: u64) -> std::io::Result<u64> {
    let mut end = below;
    let mut piece = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(PIECE_BYTES);
        piece.resize((end - begin) as usize, 0);
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(&mut piece)?;
        if let Some(at) = memchr::memrchr(b'\n', &piece) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(content: &str) -> (Outcome<Option<u64>>, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, content).expect("written");
        let keys = Keys::Prefix("or".into());
        let opened = Target::open(Some(&path), true, &keys);
        let after = opened.map(|(mut target, after)| {
            target.write(b"more\n").expect("written");
            target.finish().expect("finished");
            after.map(|last| last.sequence)
        });
        (after, std::fs::read_to_string(&path).expect("read"))
    }

    #[test]
    fn a_file_is_continued_after_its_last_whole_line() {
        let whole =
            "{\"sequence\":3,\"key\":\"b3JkZXJz\"}\n{\"sequence\":7,\"key\":\"b3JkZXJz\"}\n";
        let (after, content) = resumed(whole);
        assert_eq!((after, content), (Ok(Some(7)), format!("{whole}more\n")));
        let (after, content) = resumed(&format!("{whole}{{\"sequence\":9,\"val"));
        assert_eq!((after, content), (Ok(Some(7)), format!("{whole}more\n")));
        let long = format!(
            "{{\"sequence\":1,\"key\":\"b3JkZXJz\",\"value\":\"{}\"}}\n",
            "x".repeat(200_000)
        );
        let (after, content) = resumed(&format!("{whole}{long}{{"));
        assert_eq!(
            (after, content),
            (Ok(Some(1)), format!("{whole}{long}more\n"))
        );
    }

    #[test]
    fn a_file_without_a_whole_line_begins_anew() {
        for content in ["", "{\"seq", "{\"sequence\":9"] {
            let (after, content) = resumed(content);
            assert_eq!((after, content), (Ok(None), "more\n".to_owned()));
        }
    }

    #[test]
    fn a_file_that_is_no_export_is_not_changed() {
        for other in ["something else\n", "something else", "{}\n{\"sequence\""] {
            let (after, content) = resumed(other);
            let failure = after.expect_err("no export");
            assert_eq!(failure.code, ANSWERED_WITH_ERROR);
            assert_eq!(content, other);
        }
    }

    #[test]
    fn a_file_of_other_keys_is_not_changed() {
        let other = "{\"sequence\":3,\"key\":\"ZGV2aWNlcw==\"}\n";
        let (after, content) = resumed(other);
        let failure = after.expect_err("other keys");
        let told = "of the key devices, and the export is of keys with prefix or";
        assert!(failure.message.contains(told), "{failure:?}");
        assert_eq!(content, other);
    }

    #[test]
    fn a_file_that_exists_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "x").expect("written");
        let refused = Target::open(Some(&path), false, &Keys::One("k".into())).map(|_| ());
        let failure = refused.expect_err("it exists");
        assert!(failure.message.contains("--resume"), "{failure:?}");
    }
}
