//! Settings in the environment: `LOG_` and the setting's name, sections separated by two underscores.

use figment::value::{Dict, Value};
use log_adapters::quoted::quoted;

use super::names::{FLAGS, OF_CLIENT, PREFIX, distance, variable};
use super::{Config, Refusal, near_misses, tree};

/// No setting is in as many sections.
const MAX_DEPTH: usize = 16;

/// The settings that variables of this process give, by section and name.
///
/// # Errors
/// A [`Refusal`] that names the variable: it is not UTF-8, gives a setting that another one gives too, or has a name
/// that is almost the one of a setting.
pub(super) fn read() -> Result<Dict, Refusal> {
    let mut tree = Dict::new();
    let known = Known::new();
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.sort();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(path) = known.path(name)? else {
            continue;
        };
        let value = value
            .to_str()
            .ok_or_else(|| Refusal(format!("{name}: the value is not text in UTF-8")))?;
        insert(&mut tree, &path, Value::from(value)).ok_or_else(|| {
            Refusal(format!(
                "{} is given twice: {name}, and another variable",
                path.join(".")
            ))
        })?;
    }
    Ok(tree)
}

/// `None` if there is a value at this path, or at a part of it.
fn insert(tree: &mut Dict, path: &[String], value: Value) -> Option<()> {
    let (name, rest) = path.split_first()?;
    if rest.is_empty() {
        return match tree.insert(name.clone(), value) {
            None => Some(()),
            Some(_) => None,
        };
    }
    let section = tree
        .entry(name.clone())
        .or_insert_with(|| Value::from(Dict::new()));
    match section {
        Value::Dict(_, section) => insert(section, rest, value),
        _ => None,
    }
}

/// The names that are ours.
struct Known {
    sections: Vec<String>,
    settings: Vec<String>,
}

impl Known {
    fn new() -> Self {
        let tree = tree::of(Config::default()).unwrap_or_default();
        Self {
            settings: tree::leaves(&tree)
                .into_iter()
                .map(|(path, _)| path)
                .collect(),
            sections: tree.into_keys().collect(),
        }
    }

    /// The path of the setting that a variable means, or `None` for one that is none of ours.
    fn path(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let prefix = name.get(..PREFIX.len()).unwrap_or_default();
        if !prefix.eq_ignore_ascii_case(PREFIX) || OF_CLIENT.contains(&name) {
            return Ok(None);
        }
        let rest = name.get(PREFIX.len()..).unwrap_or_default();
        let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        if path
            .first()
            .is_some_and(|name| self.sections.contains(name))
        {
            if path.len() > MAX_DEPTH {
                return Err(Refusal(format!("unknown variable {}", quoted(name))));
            }
            return Ok(Some(path));
        }
        let meant = self
            .nearest(rest)
            .or_else(|| near_misses::meant(rest, &self.settings))
            .map(variable);
        match (meant, rest.contains("__")) {
            (Some(meant), _) => Err(Refusal(format!(
                "unknown variable {}; did you mean {meant}?",
                quoted(name)
            ))),
            // Two underscores separate a section from a setting: the variable is meant for us.
            (None, true) => Err(Refusal(format!(
                "unknown section {} (in environment {}); sections are {}",
                quoted(path.first().map(String::as_str).unwrap_or_default()),
                quoted(name),
                self.sections.join(", ")
            ))),
            (None, false) => Ok(None),
        }
    }

    /// The setting whose variable or flag has almost this name.
    fn nearest(&self, name: &str) -> Option<&str> {
        let plain = |name: &str| {
            name.replace(['_', '-', '.'], "")
                .trim()
                .to_ascii_lowercase()
        };
        let name = plain(name);
        let flags = FLAGS.iter().map(|(path, flag)| (*path, plain(flag)));
        let settings = self.settings.iter();
        let settings = settings.map(|path| (path.as_str(), plain(path)));
        let near = settings
            .chain(flags)
            .filter_map(|(path, known)| distance(&name, &known).map(|distance| (distance, path)));
        near.min().map(|(_, path)| path)
    }
}
