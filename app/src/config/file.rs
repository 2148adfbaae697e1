//! Reads a configuration file.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use log_adapters::small_file::SmallFile;

use super::Refusal;

/// A byte order mark, which some editors put first.
const BOM: char = '\u{feff}';

/// The settings in the file, by section and name.
///
/// # Errors
/// A [`Refusal`] that names the file: it cannot be read, is no YAML or TOML, or gives a setting twice.
pub(super) fn read(path: &Path) -> Result<Dict, Refusal> {
    let refuse = |why: String| Refusal(format!("{}: {why}", path.display()));
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

fn text(path: &Path) -> Result<String, String> {
    let read = SmallFile::or_pipe(path).read();
    let bytes = read.map_err(|error| format!("cannot read the file: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "not text in UTF-8".into())
}

/// `serde_yaml` refuses a key that a map has twice, at any depth, but only in its own tree.
fn yaml(text: &str) -> Result<Dict, String> {
    let tree: serde_yaml::Value =
        serde_yaml::from_str(text).map_err(|error| format!("not YAML: {error}"))?;
    if tree.is_null() {
        return Ok(Dict::new());
    }
    let tree = Value::serialize(tree).map_err(|error| error.to_string())?;
    tree.into_dict()
        .ok_or_else(|| "holds no settings; they look like `port: 8080`".into())
}

fn toml(text: &str) -> Result<Dict, String> {
    Toml::from_str(text).map_err(|error| {
        // Without the line that it quotes, which may hold a secret.
        let message = error.to_string();
        let lines = message.lines().filter(|line| !line.contains('|'));
        format!("not TOML: {}", lines.collect::<Vec<_>>().join(" "))
    })
}
