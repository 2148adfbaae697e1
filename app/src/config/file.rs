//! Reads a configuration file.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use log_adapters::quoted::without_user;
use log_adapters::small_file::SmallFile;
use serde::de::{DeserializeSeed, IgnoredAny};
use toml::Spanned;

use super::Refusal;
use super::numbers::{At, as_written};
use super::yaml::Yaml;

/// A byte order mark, which some editors put first.
const BOM: char = '\u{feff}';

/// The settings in the file, by section and name.
///
/// # Errors
/// A [`Refusal`] that names the file: it cannot be read, is no YAML or TOML, or gives a setting twice.
pub(super) fn read(path: &Path) -> Result<Dict, Refusal> {
    let refuse = |why: String| Refusal(format!("{}: {why}", shown(path)));
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let parse = match extension.to_str() {
        Some("toml") => toml,
        Some("yaml" | "yml") => yaml,
        // Standard input, and what a shell makes of <(command).
        _ if path.starts_with("/dev") || path.starts_with("/proc") => yaml,
        _ => {
            return Err(refuse(
                "a configuration file ends in .yaml, .yml or .toml".into(),
            ));
        }
    };
    let text = text(path).map_err(refuse)?;
    parse(text.trim_start_matches(BOM)).map_err(refuse)
}

/// The path, without the password of a URL that was given in its place.
fn shown(path: &Path) -> String {
    let path = path.display().to_string();
    match path.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => without_user(&path),
        _ => path,
    }
}

fn text(path: &Path) -> Result<String, String> {
    let read = SmallFile::or_pipe(path).read();
    let bytes = read.map_err(|error| format!("cannot read the file: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "not text in UTF-8".into())
}

fn yaml(text: &str) -> Result<Dict, String> {
    let Yaml(tree) = serde_yaml::from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    let written = |path: &[String]| {
        let at = At::<String>::path(path);
        at.deserialize(serde_yaml::Deserializer::from_str(text))
            .ok()
    };
    match tree {
        Value::Empty(..) => Ok(Dict::new()),
        Value::Dict(_, settings) => Ok(as_written(settings, &[], &written)),
        _ => Err("holds no settings; they look like `port: 8080`".into()),
    }
}

fn toml(text: &str) -> Result<Dict, String> {
    let settings = Toml::from_str(text).map_err(|error| {
        // Without the line that it quotes, which may hold a secret.
        let message = error.to_string();
        let lines = message.lines().filter(|line| !line.contains('|'));
        format!("not TOML: {}", lines.collect::<Vec<_>>().join(" "))
    })?;
    let written = |path: &[String]| {
        let at = At::<Spanned<IgnoredAny>>::path(path);
        let found = at.deserialize(toml::Deserializer::new(text)).ok()?;
        text.get(found.span()).map(str::to_owned)
    };
    Ok(as_written(settings, &[], &written))
}
