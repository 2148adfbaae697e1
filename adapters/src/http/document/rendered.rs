//! The OpenAPI document as it is written out: what `poem-openapi` writes, and what it has no words for, which are links, an
//! example of each error, and several of one answer.

use bytes::Bytes;
use poem_openapi::{OpenApi, OpenApiService};
use serde_yaml::{Mapping, Value as Yaml};

use super::answer_examples;
use super::error_examples;
use super::links;

/// The document, with its fields in the order in which they were written.
pub(in crate::http) struct Rendered {
    pub(in crate::http) json: Bytes,
    pub(in crate::http) yaml: Bytes,
}

impl Rendered {
    pub(in crate::http) fn new<T: OpenApi>(service: &OpenApiService<T, ()>) -> Self {
        let written = service.spec();
        // JSON is YAML too, and this reader keeps the order of fields.
        let mut document: Yaml =
            serde_yaml::from_str(&written).expect("poem-openapi writes what can be read");
        for (path, operation) in operations(&mut document) {
            complete(&path, operation);
        }
        let json = serde_json::to_string_pretty(&document).expect("a document is JSON") + "\n";
        let yaml = serde_yaml::to_string(&document).expect("a document is YAML");
        Self {
            json: json.into(),
            yaml: yaml.into(),
        }
    }
}

/// Every operation, with its path.
fn operations(document: &mut Yaml) -> impl Iterator<Item = (String, &mut Mapping)> {
    let paths = document["paths"].as_mapping_mut().into_iter().flatten();
    paths.flat_map(|(path, operations)| {
        let path = text(path);
        let operations = operations.as_mapping_mut().into_iter();
        operations
            .flat_map(|operations| operations.values_mut())
            .filter_map(move |operation| Some((path.clone(), operation.as_mapping_mut()?)))
    })
}

fn complete(path: &str, operation: &mut Mapping) {
    let id = text(&operation["operationId"]);
    let responses = operation["responses"].as_mapping_mut();
    for (status, response) in responses.into_iter().flatten() {
        let status = text(status);
        let Some(response) = response.as_mapping_mut() else {
            continue;
        };
        let links = links::of(&id);
        if status == "200" && !links.is_empty() {
            response.insert("links".into(), links.into());
        }
        let examples = match status.as_str() {
            "200" => answer_examples::of(&id),
            _ => error_examples::of(&id, path, status.parse().unwrap_or_default()),
        };
        let json = response
            .get_mut("content")
            .and_then(|content| content.get_mut("application/json"));
        if let Some(json) = json.and_then(Yaml::as_mapping_mut)
            && !examples.is_empty()
        {
            json.insert("examples".into(), examples.into());
        }
    }
}

fn text(value: &Yaml) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
