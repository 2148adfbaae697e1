//! `opendata-log config show`: what is in force, and where it comes from.

use std::collections::BTreeMap;
use std::path::Path;

use figment::value::{Dict, Value};
use log_adapters::objects::Place;
use serde::Serialize;

use super::slatedb::TWICE;
use super::sources::{Source, Sources};
use super::{Config, IN_KUBERNETES, Refusal, masked};

/// One line for each setting: its name, its value, and its source. Secrets are masked.
///
/// # Errors
/// As [`Config::load`].
pub fn show(file: Option<&Path>, flags: impl Serialize) -> Result<String, Refusal> {
    let sources = Sources::read(file, flags)?;
    let config = Config::from_sources(&sources)?;
    let mut text = String::new();
    for (path, value) in leaves(&sources.tree()?) {
        if let Some((value, source)) = effective(&path, value, &config, &sources)? {
            line(&mut text, &path, &value, &source.to_string());
        }
    }
    if matches!(config.place().0, Place::S3 { .. }) {
        // The S3 client takes whatever it knows of them.
        let variables: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with("AWS_"))
            .collect();
        for (name, value) in variables {
            line(&mut text, &name, &value.to_string_lossy(), "environment");
        }
    }
    Ok(text)
}

/// The settings of a tree, each with its path, in the order of their names.
pub(super) fn leaves(tree: &Dict) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    for (name, value) in tree {
        match value {
            Value::Dict(_, section) => leaves.extend(
                self::leaves(section)
                    .into_iter()
                    .map(|(path, value)| (format!("{name}.{path}"), value)),
            ),
            value => leaves.push((name.clone(), text(value))),
        }
    }
    leaves
}

/// The value that holds, and its source. `None` for what is shown under its other name.
fn effective(
    path: &str,
    value: String,
    config: &Config,
    sources: &Sources,
) -> Result<Option<(String, Source)>, Refusal> {
    if TWICE.iter().any(|twice| twice.theirs == path) {
        return Ok(None);
    }
    let source = sources.of(path);
    if source != Source::Default {
        return Ok(Some((value, source)));
    }
    if let Some(twice) = TWICE.iter().find(|twice| twice.ours == path)
        && sources.given(twice.theirs)
    {
        let leaves = leaves(&sources.tree()?);
        let given = leaves.into_iter().find(|(path, _)| path == twice.theirs);
        return Ok(given.map(|(_, value)| (value, sources.of(twice.theirs))));
    }
    Ok(Some(match (path, config.place()) {
        ("storage.data_dir", (Place::Folder(folder), _)) => {
            (folder.path.display().to_string(), Source::Default)
        }
        ("storage.instance", _) => (config.instance(), Source::Default),
        ("shutdown.lame_duck", _) => {
            let lame_duck = humantime::format_duration(config.lame_duck()).to_string();
            match std::env::var_os(IN_KUBERNETES) {
                Some(_) => (lame_duck, Source::Environment(IN_KUBERNETES.into())),
                None => (lame_duck, Source::Default),
            }
        }
        ("storage.s3.prefix", (Place::S3 { .. }, prefix)) => (prefix, Source::Default),
        ("storage.s3.region", (Place::S3 { .. }, _)) => match std::env::var("AWS_REGION") {
            Ok(region) => (region, Source::Environment("AWS_REGION".into())),
            Err(_) => (value, Source::Default),
        },
        _ => (value, Source::Default),
    }))
}

fn line(text: &mut String, name: &str, value: &str, source: &str) {
    let value = match value {
        "" => "-",
        _ if masked::is_secret(name) || masked::names_a_user(value) => masked::MASK,
        value => value,
    };
    text.push_str(&format!("{name} = {value}  ({source})\n"));
}

/// A value as it is written in a file; nothing for a setting that is not set.
fn text(value: &Value) -> String {
    match value {
        // A size is printed with a fraction, which says nothing when it is 0.
        Value::String(_, text) => text.replace(".0 ", " "),
        Value::Char(_, char) => char.to_string(),
        Value::Bool(_, bool) => bool.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|number| number.to_string())
            .or_else(|| number.to_i128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => String::new(),
        Value::Array(_, values) => {
            let values: Vec<_> = values.iter().map(text).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Dict(_, dict) => {
            let values: Vec<_> = leaves(dict)
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("{{{}}}", values.join(", "))
        }
    }
}
