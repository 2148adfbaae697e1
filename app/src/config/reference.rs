//! `docs/configuration.md`, from the documented struct.

use std::collections::BTreeMap;

use figment::value::Value;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::names::{FLAGS, variable};
use super::slatedb::ALIASES;
use super::{Config, tree};

/// The whole page.
pub fn reference() -> String {
    let schema = SchemaSettings::default()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Config>();
    let schema = Json::from(schema);
    let defaults: BTreeMap<String, String> = Value::serialize(Config::default())
        .ok()
        .and_then(Value::into_dict)
        .map(|tree| tree::leaves(&tree).into_iter().collect())
        .unwrap_or_default();
    let mut page = include_str!("head.txt").to_owned();
    section(&mut page, "", &schema, &defaults);
    slatedb(&mut page, &defaults);
    page.push_str(include_str!("tail.txt"));
    page
}

/// A table of the settings of a section, then its sections.
fn section(page: &mut String, path: &str, schema: &Json, defaults: &BTreeMap<String, String>) {
    let nothing = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&nothing);
    let full = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    let (sections, settings): (Vec<_>, Vec<_>) = properties
        .iter()
        .partition(|(_, property)| property["type"] == "object");
    if !path.is_empty() {
        page.push_str(&format!("\n## `{path}`\n\n{}\n", described(schema)));
    }
    if !settings.is_empty() {
        page.push_str("\n| setting | default | environment | what it is |\n|---|---|---|---|\n");
    }
    for (name, property) in settings {
        let path = full(name);
        let default = defaults.get(&path).map_or("", String::as_str);
        row(page, &path, default, &described(property));
    }
    for (name, property) in sections {
        if name != "slatedb" {
            section(page, &full(name), property, defaults);
        }
    }
}

/// SlateDB describes its settings itself; here are their names, defaults and variables.
fn slatedb(page: &mut String, defaults: &BTreeMap<String, String>) {
    page.push_str(include_str!("slatedb.txt"));
    page.push_str("\n| setting | default | environment | |\n|---|---|---|---|\n");
    for (path, default) in defaults {
        if path.starts_with("slatedb.") {
            let alias = ALIASES.iter().find(|alias| alias.theirs == path);
            let note = alias.map_or_else(String::new, |alias| format!("is `{}`", alias.ours));
            row(page, path, default, &note);
        }
    }
}

fn row(page: &mut String, path: &str, default: &str, what: &str) {
    let flag = FLAGS.iter().find(|(setting, _)| *setting == path);
    let flag = flag.map_or_else(String::new, |(_, flag)| format!(" (`{flag}`)"));
    let default = match default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    page.push_str(&format!(
        "| `{path}`{flag} | {default} | `{}` | {what} |\n",
        variable(path)
    ));
}

/// The doc comment, on one line.
fn described(schema: &Json) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
