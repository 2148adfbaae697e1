//! Variables that libraries read, checked before they do: some of them panic on a value that they cannot use, and others
//! ignore it in silence.

use std::ops::RangeInclusive;
use std::path::Path;

use log_adapters::objects::Place;

use super::{Config, Refusal};

/// A variable that a library reads.
struct Variable {
    /// Its name, or what its name begins with when this ends in `_`.
    name: &'static str,
    accepts: Accepts,
    /// Whether only the client of an object store reads it.
    of_stores: bool,
}

/// What the value of a variable must be.
enum Accepts {
    /// Text in UTF-8. The options of object stores are checked when they are opened.
    Text,
    /// A whole number.
    Number(RangeInclusive<u64>),
    /// The path of a regular file.
    File,
    /// Paths of folders, separated by colons.
    Folders,
}

const fn of_process(name: &'static str, accepts: Accepts) -> Variable {
    Variable {
        name,
        accepts,
        of_stores: false,
    }
}

const fn of_stores(name: &'static str, accepts: Accepts) -> Variable {
    Variable {
        name,
        accepts,
        of_stores: true,
    }
}

/// All of them that can end or mislead the process.
const VARIABLES: [Variable; 15] = [
    // Tokio panics on what is no number, and on 0; and when the machine cannot have as many threads.
    of_process("TOKIO_WORKER_THREADS", Accepts::Number(1..=1024)),
    // Tokio panics when there is no room for a thread's stack.
    of_process("RUST_MIN_STACK", Accepts::Number(64 << 10..=256 << 20)),
    // A device would be read without end.
    of_stores("SSL_CERT_FILE", Accepts::File),
    of_stores("SSL_CERT_DIR", Accepts::Folders),
    of_stores("AWS_", Accepts::Text),
    of_stores("GOOGLE_", Accepts::Text),
    of_stores("AZURE_", Accepts::Text),
    of_stores("HTTP_PROXY", Accepts::Text),
    of_stores("HTTPS_PROXY", Accepts::Text),
    of_stores("ALL_PROXY", Accepts::Text),
    of_stores("NO_PROXY", Accepts::Text),
    of_stores("http_proxy", Accepts::Text),
    of_stores("https_proxy", Accepts::Text),
    of_stores("all_proxy", Accepts::Text),
    of_stores("no_proxy", Accepts::Text),
];

/// Checks what the process itself reads, before its first thread is started.
///
/// # Errors
/// A [`Refusal`] that names the variable and says what is accepted.
pub fn check_process() -> Result<(), Refusal> {
    check(false)
}

/// Checks what the clients of object stores read, if the configuration has one.
///
/// # Errors
/// As [`check_process`].
pub(crate) fn check_stores(config: &Config) -> Result<(), Refusal> {
    match config.place().0 {
        Place::Memory | Place::Folder(_) => Ok(()),
        Place::S3(_) | Place::Gcs(_) | Place::Azure(_) => check(true),
    }
}

fn check(of_stores: bool) -> Result<(), Refusal> {
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.sort();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let is_ours = |variable: &&Variable| {
            let same = match variable.name.ends_with('_') {
                true => name.starts_with(variable.name),
                false => name == variable.name,
            };
            same && variable.of_stores == of_stores
        };
        let Some(variable) = VARIABLES.iter().find(is_ours) else {
            continue;
        };
        let accepted = value
            .to_str()
            .and_then(|value| variable.accepts.taken(value));
        if accepted.is_none() {
            let accepted = variable.accepts.described();
            return Err(Refusal(format!("{name} must be {accepted}")));
        }
    }
    Ok(())
}

impl Accepts {
    /// `None` for a value that is not accepted.
    fn taken(&self, value: &str) -> Option<()> {
        let taken = match self {
            Self::Text => true,
            Self::Number(range) => value.parse().is_ok_and(|number| range.contains(&number)),
            Self::File => Path::new(value).is_file(),
            Self::Folders => std::env::split_paths(value).all(|folder| folder.is_dir()),
        };
        taken.then_some(())
    }

    /// What is accepted, with an example.
    fn described(&self) -> String {
        match self {
            Self::Text => "text in UTF-8".into(),
            Self::Number(range) => {
                let (least, most) = (range.start(), range.end());
                format!("a whole number from {least} to {most}, for example {least}")
            }
            Self::File => {
                "the path of a regular file, for example /etc/ssl/certs/ca-certificates.crt".into()
            }
            Self::Folders => "paths of folders, for example /etc/ssl/certs".into(),
        }
    }
}
