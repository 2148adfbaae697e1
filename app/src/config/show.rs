//! What is in force, and where it comes from: for `opendata-log config show`, and for the console.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use log_adapters::concealed;
use log_adapters::http::Setting;
use log_adapters::objects::Place;
use log_adapters::objects::library_variables::Reader;
use log_adapters::quoted::without_user;
use serde::Serialize;

use super::slatedb::ALIASES;
use super::sources::{Source, Sources};
use super::tree::leaves;
use super::{Config, IN_KUBERNETES, Refusal, masked};

/// One line for each setting: its name, its value, and its source. Secrets are masked.
///
/// # Errors
/// As [`Config::load`].
pub fn show(file: Option<&Path>, flags: impl Serialize) -> Result<String, Refusal> {
    let (_, settings) = load_shown(file, flags)?;
    let lines = settings.into_iter().map(|setting| {
        let Setting {
            name,
            value,
            source,
        } = setting;
        format!("{name} = {value}  ({source})\n")
    });
    Ok(lines.collect())
}

/// The configuration, as [`Config::load`] reads it, and each of its settings as [`show`] shows it.
///
/// # Errors
/// As [`Config::load`].
pub fn load_shown(
    file: Option<&Path>,
    flags: impl Serialize,
) -> Result<(Config, Vec<Setting>), Refusal> {
    let sources = Sources::read(file, flags)?;
    let config = Config::from_sources(&sources)?;
    let mut settings = Vec::new();
    for (path, value) in leaves(&sources.tree()?) {
        if let Some((value, source)) = effective(&path, value, &config, &sources)? {
            settings.push(shown(&path, &value, &source.to_string()));
        }
    }
    let places = [Some(config.place().0), config.wal_place()];
    let readers = places.iter().flatten().filter_map(Place::reader);
    let prefixes = readers.filter_map(Reader::prefix);
    for prefix in prefixes.collect::<BTreeSet<_>>() {
        // The store's client takes whatever it knows of them.
        let variables: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        for (name, value) in variables {
            settings.push(shown(&name, &value.to_string_lossy(), "environment"));
        }
    }
    Ok((config, settings))
}

/// The value that holds, and its source. `None` for what is shown under its other name.
fn effective(
    path: &str,
    value: String,
    config: &Config,
    sources: &Sources,
) -> Result<Option<(String, Source)>, Refusal> {
    if ALIASES.iter().any(|alias| alias.theirs == path) {
        return Ok(None);
    }
    let source = sources.of(path);
    if source != Source::Default {
        return Ok(Some((value, source)));
    }
    if let Some(alias) = ALIASES.iter().find(|alias| alias.ours == path)
        && sources.given(alias.theirs)
    {
        let leaves = leaves(&sources.tree()?);
        let given = leaves.into_iter().find(|(path, _)| path == alias.theirs);
        return Ok(given.map(|(_, value)| (value, sources.of(alias.theirs))));
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
        ("storage.s3.prefix", (Place::S3 { .. }, prefix))
        | ("storage.gcs.prefix", (Place::Gcs { .. }, prefix))
        | ("storage.azure.prefix", (Place::Azure { .. }, prefix)) => (prefix, Source::Default),
        ("storage.s3.region", (Place::S3 { .. }, _)) => match std::env::var("AWS_REGION") {
            Ok(region) => (region, Source::Environment("AWS_REGION".into())),
            Err(_) => (value, Source::Default),
        },
        _ => (value, Source::Default),
    }))
}

/// The setting, without what must not be seen, each part in one line.
fn shown(name: &str, value: &str, source: &str) -> Setting {
    let value = match value {
        "" => "-".to_owned(),
        _ if masked::is_secret(name) => concealed::MASK.to_owned(),
        path if masked::is_file_of_secrets(name) => concealed::path(Path::new(path)),
        path if masked::may_have_at(name) && !path.contains("://") => path.to_owned(),
        value => without_user(value),
    };
    Setting {
        name: masked::in_one_line(name),
        value: masked::in_one_line(&value),
        source: masked::in_one_line(source),
    }
}
