//! Where settings come from: defaults < file < environment (`LOG_…`, sections parted by two underscores) < flags.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Env, Format, Serialized, Toml, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use serde::Serialize;

use super::{Config, Refusal, masked};

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
    pub(super) fn read(file: Option<&Path>, flags: impl Serialize) -> Result<Self, Refusal> {
        let defaults = Serialized::defaults(Config::default());
        let mut figment = Figment::from(Layer::new(Metadata::named(DEFAULT), defaults));
        if let Some(file) = file {
            let metadata = Metadata::from(FILE, file);
            figment = match file.extension().and_then(|extension| extension.to_str()) {
                Some("toml") => figment.merge(Layer::new(metadata, Toml::file_exact(file))),
                Some("yaml" | "yml") => figment.merge(Layer::new(metadata, Yaml::file_exact(file))),
                _ => {
                    return Err(Refusal(format!(
                        "{}: a configuration file ends in .yaml, .yml or .toml",
                        file.display()
                    )));
                }
            };
        }
        let sections = Config::sections();
        refuse_unknown_sections(&sections)?;
        let ours = Env::prefixed("LOG_").filter(move |name| {
            let section = name.as_str().split("__").next().unwrap_or_default();
            sections
                .iter()
                .any(|known| section.eq_ignore_ascii_case(known))
        });
        let environment = Metadata::named(ENVIRONMENT)
            .interpolater(|_: &Profile, keys: &[&str]| variable(&keys.join(".")));
        let figment = figment
            .merge(Layer::new(environment, ours.split("__")))
            .merge(Layer::new(
                Metadata::named(FLAG),
                Serialized::globals(flags),
            ));
        Ok(Self {
            figment: scheduler_options_as_texts(figment)?,
        })
    }

    /// The settings, parsed; nothing is known yet of whether they go together.
    pub(super) fn parsed(&self) -> Result<Config, Refusal> {
        self.figment.extract().map_err(|error| refusal(&error))
    }

    /// Every setting's value as it was given, by section and name.
    pub(super) fn tree(&self) -> Result<Dict, Refusal> {
        self.figment.extract().map_err(|error| refusal(&error))
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
}

/// Two underscores part a section from a setting: whoever writes them means us, and may have misspelt the section.
fn refuse_unknown_sections(known: &[String]) -> Result<(), Refusal> {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let section = name
            .strip_prefix("LOG_")
            .and_then(|rest| rest.split_once("__"));
        if let Some((section, _)) = section
            && !known
                .iter()
                .any(|known| section.eq_ignore_ascii_case(known))
        {
            return Err(Refusal(format!(
                "unknown section {section} (in environment {name})"
            )));
        }
    }
    Ok(())
}

/// The variable of a setting.
pub(super) fn variable(path: &str) -> String {
    format!("LOG_{}", path.replace('.', "__").to_ascii_uppercase())
}

/// A provider under a name of our own, so that messages and [`Source`]s can tell it.
struct Layer<P> {
    metadata: Metadata,
    provider: P,
}

impl<P> Layer<P> {
    fn new(mut metadata: Metadata, provider: P) -> Self {
        if metadata.name != ENVIRONMENT {
            metadata = metadata.interpolater(|_: &Profile, keys: &[&str]| keys.join("."));
        }
        Self { metadata, provider }
    }
}

impl<P: Provider> Provider for Layer<P> {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        self.provider.data()
    }
}

/// SlateDB wants the options of its scheduler as texts; in a file or a variable a number is a number.
fn scheduler_options_as_texts(mut figment: Figment) -> Result<Figment, Refusal> {
    const OPTIONS: &str = "slatedb.compactor_options.scheduler_options";
    let Ok(Value::Dict(_, options)) = figment.find_value(OPTIONS) else {
        return Ok(figment);
    };
    for (name, value) in options {
        if let Value::Num(tag, number) = value
            && let Some(metadata) = figment.get_metadata(tag).cloned()
        {
            let number = number
                .to_u128()
                .map(|number| number.to_string())
                .or_else(|| number.to_f64().map(|number| number.to_string()));
            let text = (format!("{OPTIONS}.{name}"), number.unwrap_or_default());
            figment = figment.merge(Layer {
                metadata,
                provider: text,
            });
        }
    }
    Ok(figment)
}

/// Figment's message, on one line, with the name of the setting and where it was set, and never a secret.
fn refusal(error: &Error) -> Refusal {
    if error.path.iter().any(|name| masked::is_secret(name)) {
        return Refusal(format!(
            "{}: not a value of the right kind",
            error.path.join(".")
        ));
    }
    let lines: Vec<_> = error
        .to_string()
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    Refusal(lines.join(" "))
}
