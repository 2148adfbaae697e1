//! The folders of `adapters` (rooms) do not import each other, and those of `http` import only the ones below.

use std::path::Path;

use crate::circles::{Modules, modules, named, read};

/// The folders of `adapters/src`. `http` drives the domain, and the domain drives the others.
const ROOMS: &[&str] = &[
    "http",
    "store",
    "cluster",
    "objects",
    "telemetry",
    "identity",
];

/// The layers of `http`; each may import only the ones after it.
const HTTP: &[&str] = &["edge", "cluster", "routes", "document", "remote", "wire"];

#[test]
fn no_room_names_what_it_must_not() {
    let modules = modules(Path::new("adapters/src"));
    for room in ROOMS {
        let inside = modules
            .keys()
            .filter(|path| path.first().is_some_and(|first| first == room))
            .count();
        assert!(inside > 1, "the room {room} is empty");
    }
    let wrong: Vec<_> = modules
        .iter()
        .flat_map(|(path, file)| wrong(path, &read(file), &modules))
        .collect();
    assert!(
        wrong.is_empty(),
        "names against the direction (see docs/architecture.md):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_name_against_the_direction_is_found() {
    let paths = [
        "",
        "clock",
        "http",
        "http::edge",
        "http::edge::hosts",
        "http::routes",
        "http::routes::scan",
        "http::wire",
        "http::wire::json",
        "objects",
        "objects::s3",
        "store",
        "store::slate",
    ];
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split("::").filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let modules: Modules = paths
        .iter()
        .map(|path| (parts(path), path.into()))
        .collect();
    for (path, text, expected) in [
        ("http", "use edge::hosts::Host; use wire::json::Text;", 0),
        ("http::edge::hosts", "use crate::http::routes::scan::A;", 0),
        ("http::edge", "use super::wire::json::A; use hosts::B;", 0),
        ("http::routes::scan", "use crate::http::edge::hosts::A;", 1),
        ("http::wire::json", "fn f() { crate::http::edge::g() }", 1),
        ("http::wire::json", "use crate::http::HttpOptions;", 1),
        ("http::wire::json", "pub(in crate::http) fn f() {}", 0),
        ("http::routes::scan", "use crate::store::slate::A;", 1),
        ("store::slate", "use crate::{clock::A, objects::s3::B};", 1),
        ("objects::s3", "use crate::http::wire::json::A;", 1),
        ("clock", "use crate::store::slate::A;", 1),
        (
            "store::slate",
            "#[cfg(test)] mod tests { use crate::http::A; }",
            0,
        ),
        ("cellar::shelf", "", 1),
    ] {
        let found = wrong(&parts(path), text, &modules);
        assert_eq!(found.len(), expected, "{path}: {text}: {found:?}");
    }
}

/// What the module at `path` names and must not, as lines.
fn wrong(path: &[String], text: &str, modules: &Modules) -> Vec<String> {
    let room = |path: &[String]| {
        let first = path.first()?;
        ROOMS.iter().find(|room| *room == first)
    };
    let here = room(path);
    let mut wrong = Vec::new();
    if path.len() > 1 && here.is_none() {
        wrong.push(format!(
            "{} is in no room: give its folder a place in ROOMS",
            path.join("::")
        ));
    }
    if path.is_empty() {
        return wrong;
    }
    for (at, taken) in named(path, text, modules) {
        let other_room = room(&at).is_some_and(|there| Some(there) != here);
        let inner = |path: &[String]| {
            HTTP.iter()
                .position(|room| path.get(1).is_some_and(|inner| inner == room))
        };
        let upwards = here == Some(&"http")
            && at.first() == path.first()
            && inner(path).is_some_and(|from| inner(&at).is_none_or(|to| to < from));
        if other_room || upwards {
            wrong.push(format!("{} -> {}: {taken}", path.join("::"), at.join("::")));
        }
    }
    wrong
}
