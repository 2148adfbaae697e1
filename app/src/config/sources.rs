//! Where settings come from: defaults < file < environment (`LOG_…`, sections separated by two underscores) < flags.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::error::Kind as Wrong;
use figment::value::{Dict, Map, Num, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use log_adapters::concealed;
use log_adapters::quoted::{cut, quoted, without_user};
use serde::Serialize;

use super::kinds::Kind;
use super::names::{named, nearest, variable};
use super::{Config, Refusal, file, masked, setting_variables, tree};

/// Every setting that was given, and where.
pub(crate) struct Sources {
    figment: Figment,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody gave it.
    Default,
    /// This configuration file.
    File(PathBuf),
    /// This variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(DEFAULT),
            Self::File(file) => write!(f, "{FILE} {}", file.display()),
            Self::Environment(variable) => write!(f, "{ENVIRONMENT} {variable}"),
            Self::Flag => f.write_str(FLAG),
        }
    }
}

const DEFAULT: &str = "default";
const FILE: &str = "file";
const ENVIRONMENT: &str = "environment";
const FLAG: &str = "flag";

impl Sources {
    /// Reads the file and the environment; `flags` is a tree of only what was given.
    pub(super) fn read(path: Option<&Path>, flags: impl Serialize) -> Result<Self, Refusal> {
        let defaults = tree::of(Config::default())?;
        let mut figment = Figment::from(Layer(Metadata::named(DEFAULT), defaults));
        if let Some(path) = path {
            let source = Source::File(path.to_owned());
            let tree = given(file::read(path)?, &[], false, &|_| source.clone())?;
            figment = figment.merge(Layer(Metadata::from(FILE, path), tree));
        }
        let variable = |path: &str| Source::Environment(variable(path));
        let environment = given(setting_variables::read()?, &[], true, &variable)?;
        // A path is all that cannot be a text.
        let flags = tree::of(flags).map_err(|_| {
            Refusal(format!(
                "{} is not text in UTF-8; it must be the path of a folder, for example /var/lib/opendata-log",
                named("storage.data_dir")
            ))
        })?;
        let flags = given(flags, &[], true, &|_| Source::Flag)?;
        let figment = figment
            .merge(Layer(Metadata::named(ENVIRONMENT), environment))
            .merge(Layer(Metadata::named(FLAG), flags));
        Ok(Self { figment })
    }

    /// The settings, parsed; nothing is known yet of whether they go together.
    pub(super) fn parsed(&self) -> Result<Config, Refusal> {
        self.figment.extract().map_err(|error| self.refusal(&error))
    }

    /// Every setting's value as it was given, by section and name.
    pub(super) fn tree(&self) -> Result<Dict, Refusal> {
        self.figment.extract().map_err(|error| self.refusal(&error))
    }

    /// Where the setting of this path comes from.
    pub(super) fn of(&self, path: &str) -> Source {
        let Some(metadata) = self.figment.find_metadata(path) else {
            return Source::Default;
        };
        match (metadata.name.as_ref(), &metadata.source) {
            (ENVIRONMENT, _) => Source::Environment(variable(path)),
            (FLAG, _) => Source::Flag,
            (FILE, Some(figment::Source::File(file))) => Source::File(file.clone()),
            _ => Source::Default,
        }
    }

    /// Whether anybody gave the setting of this path.
    pub(super) fn given(&self, path: &str) -> bool {
        self.of(path) != Source::Default
    }

    /// What is wrong with which setting, where it was set, and what is accepted, on one line, and never a secret.
    fn refusal(&self, error: &Error) -> Refusal {
        let mut names = error.path.clone();
        if let Wrong::UnknownField(name, known) = &error.kind {
            if names.last() != Some(name) {
                names.push(name.clone());
            }
            let source = self.of(&list(&names).join("."));
            return unknown(&names.join("."), name, known, &source);
        }
        names.truncate(list(&names).len());
        let path = names.join(".");
        let kind = Kind::of(&names);
        let value = self.figment.find_value(&path).ok();
        let may_be_secret = masked::is_secret(&path) || masked::is_file_of_secrets(&path);
        let shown = match value {
            _ if kind == Kind::Section || may_be_secret => "the value".to_owned(),
            Some(Value::String(_, text))
                if matches!(kind, Kind::Number(_) | Kind::Flag)
                    && !matches!(kind.parse(&text), Value::String(..)) =>
            {
                return Refusal(format!(
                    "{}: {} is a text, and must be {}: write it without quotes (in {})",
                    named(&path),
                    quoted(&text),
                    kind.accepted(),
                    self.of(&path)
                ));
            }
            Some(Value::Num(_, number)) if matches!(kind, Kind::Number(_)) => {
                return Refusal(format!(
                    "{}: {}; it must be {} (in {})",
                    named(&path),
                    no_such_number(&number),
                    kind.accepted(),
                    self.of(&path)
                ));
            }
            Some(value) => quoted(&tree::text(&value)),
            None => "the value".to_owned(),
        };
        let accepted = match masked::is_file_of_secrets(&path) {
            true => "the path of a file, for example /etc/opendata-log/file".to_owned(),
            false => kind.accepted(),
        };
        Refusal(format!(
            "{}: {shown} is not {} (in {})",
            named(&path),
            accepted,
            self.of(&path)
        ))
    }
}

/// The path of the list, for one of an element of a list or a setting in it.
fn list(path: &[String]) -> &[String] {
    let mut names = path.iter();
    let element = names.position(|name| name.parse::<usize>().is_ok());
    &path[..element.unwrap_or(path.len())]
}

/// What is wrong with a number that a setting does not take.
fn no_such_number(number: &Num) -> String {
    match (number.to_u128(), number.to_i128(), number.to_f64()) {
        (Some(number), ..) => format!("{number} is too large"),
        (_, Some(number), _) => format!("{number} is less than 0"),
        (.., Some(number)) => {
            format!("{number:?} has a point or an exponent, or more digits than any setting takes")
        }
        (.., None) => "the number cannot be read".to_owned(),
    }
}

fn unknown(path: &str, name: &str, known: &[&str], source: &Source) -> Refusal {
    let instead = match nearest(name, known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", known.join(", ")),
    };
    let path = cut(&without_user(path));
    let shown: Vec<_> = path.split('.').map(concealed::name).collect();
    let path = shown.join(".");
    Refusal(format!("unknown setting {path} (in {source}); {instead}"))
}

/// The settings that a source gives: each of the kind that it must be where that is clear, and none that was left empty in
/// a file. Variables and flags give every value as text.
fn given(
    tree: Dict,
    path: &[String],
    as_text: bool,
    source: &dyn Fn(&str) -> Source,
) -> Result<Dict, Refusal> {
    let mut settings = Dict::new();
    for (name, value) in tree {
        let path = [path, std::slice::from_ref(&name)].concat();
        let refuse = |why: &str| {
            let path = path.join(".");
            let (named, source) = (named(&path), source(&path));
            Err(Refusal(format!("{named} {why} (in {source})")))
        };
        let value = match value {
            Value::Dict(_, section) => Value::from(given(section, &path, as_text, source)?),
            // SlateDB has settings that are off when they are null.
            Value::Empty(..) if path.first().is_some_and(|first| first != "slatedb") => continue,
            Value::String(_, text) if text.trim().is_empty() => {
                return refuse("is empty: give it a value, or leave it out");
            }
            Value::String(_, text) if is_too_long(&text) && Kind::of(&path) == Kind::Time => {
                return refuse("is too long: it must be at most 100 years");
            }
            Value::String(_, text) if as_text => Kind::of(&path).parse(&text),
            Value::Num(..) if Kind::of(&path) == Kind::Text => {
                // The options of SlateDB's scheduler are texts that are parsed as numbers again. Others that are written in
                // digits are texts already.
                if path.first().is_some_and(|first| first != "slatedb") {
                    return refuse("is a number and must be a text: write it in quotes");
                }
                Value::from(tree::text(&value))
            }
            Value::Array(..) if Kind::of(&path) == Kind::Section => {
                return refuse("is a section of settings, not a list");
            }
            Value::Bool(..) if Kind::of(&path) == Kind::Text => {
                return refuse("is true or false and must be a text: write it in quotes");
            }
            value => value,
        };
        settings.insert(name, value);
    }
    Ok(settings)
}

/// No wait is longer, so that no clock overflows when it is added to a time.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

fn is_too_long(text: &str) -> bool {
    humantime::parse_duration(text.trim()).is_ok_and(|duration| duration > LONGEST)
}

/// The settings of a source, under a name of our own, so that [`Source`] can tell it.
struct Layer(Metadata, Dict);

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.0.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.1.clone())]))
    }
}
