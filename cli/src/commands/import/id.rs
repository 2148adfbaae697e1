//! What an import is called.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::BufReader;

use twox_hash::XxHash3_64;

use super::lines::Source;
use crate::exit::{Failure, Outcome};
use crate::input::{LONGEST_LINE, read_line};

/// What is left of a cursor's name, in bytes.
const LONGEST: usize = 200;

/// An id that was given.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let is_fine = (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
    match is_fine {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "write 1 to {LONGEST} bytes without control characters, such as orders-2026"
        )),
    }
}

/// The id of what is imported without one.
///
/// Only the first line of a file is part of it: if another one is mended, the import is still the same, and before the first one is
/// mended, nothing was imported.
pub(super) fn of(source: &Source) -> Outcome<String> {
    let Source::File(path) = source else {
        return Ok(format!(
            "{:016x}",
            RandomState::new().build_hasher().finish()
        ));
    };
    let cannot =
        |error: &std::io::Error| Failure::io(format!("cannot read {}", path.display()), error);
    let whole = path.canonicalize().map_err(|error| cannot(&error))?;
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let mut line = Vec::new();
    // One that is too long is told when it is imported.
    read_line(&mut BufReader::new(file), LONGEST_LINE, &mut line)
        .map_err(|error| cannot(&error))?;
    let line = line.trim_ascii_end();
    let mut hash = XxHash3_64::with_seed(0);
    hash.write(whole.as_os_str().as_encoded_bytes());
    hash.write(&[0]);
    hash.write(line);
    Ok(format!("{:016x}", hash.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_file_stays_when_lines_are_mended_or_added() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        let id = |content: &str| {
            std::fs::write(&path, content).expect("written");
            of(&Source::File(path.clone())).expect("an id")
        };
        let first = id("{}\nbroken\n");
        assert_eq!(first, id("{}\nmended\n"));
        assert_eq!(first, id("{}"));
        assert_ne!(first, id("{ }\nbroken\n"));
        let other = folder.path().join("b.jsonl");
        std::fs::write(&other, "{}\n").expect("written");
        assert_ne!(first, of(&Source::File(other)).expect("an id"));
        assert_ne!(of(&Source::Stdin), of(&Source::Stdin));
    }

    #[test]
    fn an_id_fits_into_the_name_of_a_cursor() {
        assert!(parse("orders 2026/é").is_ok());
        for wrong in ["", "a\nb", &"x".repeat(201)] {
            assert!(parse(wrong).is_err());
        }
    }
}
