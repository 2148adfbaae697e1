//! No two files import each other, directly or over others.
//!
//! A module and the modules in its folder are one subject, and the module is its interface: they may import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

use crate::root;
use crate::tidy::files;

/// The modules of one crate: their paths, and the files that they are in.
pub(crate) type Modules = BTreeMap<Vec<String>, PathBuf>;
/// What a file imports, by the names that it takes.
type Imports = BTreeMap<PathBuf, BTreeSet<String>>;

/// The folders with sources of a crate.
const SOURCES: &[&str] = &[
    "domain/src",
    "adapters/src",
    "app/src",
    "cli/src",
    "sim/src",
    "tools/testkit/src",
    "tools/load/src",
    "tools/soak/src",
    "openapi/clients/rust/src",
    "openapi/messages/src",
];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    let mut read = 0;
    for folder in SOURCES {
        let modules = modules(Path::new(folder));
        assert!(!modules.is_empty(), "{folder} has no sources");
        read += modules.len();
        let graph: BTreeMap<_, _> = modules
            .iter()
            .map(|(path, file)| (file.clone(), imports(path, file, &modules)))
            .collect();
        circles.extend(edges_in_circles(&graph));
    }
    assert!(read > 100, "only {read} files were read");
    assert!(
        circles.is_empty(),
        "these imports lie on a circle; move what both need to a file of its own:\n{}",
        circles.join("\n")
    );
}

#[test]
fn a_circle_is_found() {
    let file = |name: &str| PathBuf::from(name);
    let takes = |name: &str| Imports::from([(file(name), BTreeSet::from(["It".to_owned()]))]);
    let graph = BTreeMap::from([
        (file("a"), takes("b")),
        (file("b"), takes("c")),
        (file("c"), takes("b")),
    ]);
    assert_eq!(edges_in_circles(&graph), ["b -> c: It", "c -> b: It"]);
}

/// The modules whose sources are below `folder`, but for tests.
pub(crate) fn modules(folder: &Path) -> Modules {
    let below = files("rs");
    let below = below.into_iter().filter(|path| path.starts_with(folder));
    below
        .filter_map(|file| {
            let inner = file.strip_prefix(folder).ok()?.with_extension("");
            let mut path: Vec<String> = inner
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if path.iter().any(|part| part == "tests") {
                return None;
            }
            if path.last().is_some_and(|last| last == "mod")
                || matches!(&path[..], [one] if one == "lib" || one == "main")
            {
                path.pop();
            }
            Some((path, file))
        })
        .collect()
}

/// What the module at `path` imports from other files of its crate, tests left out.
fn imports(path: &[String], file: &Path, modules: &Modules) -> Imports {
    let mut imports = Imports::new();
    for (at, taken) in named(path, &read(file), modules) {
        if !at.starts_with(path) && !path.starts_with(&at) {
            let target = modules[&at].clone();
            imports.entry(target).or_default().insert(taken);
        }
    }
    imports
}

/// The modules of its crate that the module at `path` names, and what it takes of each, tests left out. `text` is its source.
pub(crate) fn named(path: &[String], text: &str, modules: &Modules) -> Vec<(Vec<String>, String)> {
    let parsed = syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", path.join("::")));
    let mut seen = Seen::default();
    seen.visit_file(&parsed);
    let found = seen.paths.into_iter().filter_map(|name| {
        let at = resolve(path, &name, modules)?;
        Some((at, name.last().cloned().unwrap_or_default()))
    });
    found.collect()
}

/// The text of a source file.
pub(crate) fn read(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).expect("read a source file")
}

/// The module that the longest part of `name` stands for, as seen from the module at `path`.
fn resolve(path: &[String], name: &[String], modules: &Modules) -> Option<Vec<String>> {
    let mut at = path.to_vec();
    let mut rest = name;
    match name.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &name[1..];
        }
        "self" => rest = &name[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        first => {
            at.push(first.to_owned());
            if !modules.contains_key(&at) {
                return None;
            }
            at.pop();
        }
    }
    for part in rest {
        at.push(part.clone());
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
    }
    modules.contains_key(&at).then_some(at)
}

/// The paths that a file names.
#[derive(Default)]
struct Seen {
    paths: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.flatten(&item.tree, &mut Vec::new());
    }

    // `pub(in crate::http)` takes nothing from there.
    fn visit_visibility(&mut self, _visibility: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        let parts: Vec<String> = parts.collect();
        if parts.len() > 1 {
            self.paths.push(parts);
        }
        visit::visit_path(self, path);
    }
}

impl Seen {
    fn flatten(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.flatten(&path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.flatten(tree, before);
                }
            }
            UseTree::Name(name) => self.take(before, name.ident.to_string()),
            UseTree::Rename(rename) => self.take(before, rename.ident.to_string()),
            UseTree::Glob(_) => self.paths.push(before.clone()),
        }
    }

    fn take(&mut self, before: &[String], name: String) {
        let mut path = before.to_vec();
        path.push(name);
        self.paths.push(path);
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let is_cfg = attribute.path().is_ident("cfg");
    is_cfg
        && attribute
            .meta
            .require_list()
            .is_ok_and(|list| list.tokens.to_string() == "test")
}

/// The imports that lie on a circle, as lines.
fn edges_in_circles(graph: &BTreeMap<PathBuf, Imports>) -> Vec<String> {
    let reaches = |from: &PathBuf, to: &PathBuf| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.extend(graph.get(next).into_iter().flat_map(BTreeMap::keys));
            }
        }
        false
    };
    let edges = graph
        .iter()
        .flat_map(|(from, imports)| imports.iter().map(move |(to, names)| (from, to, names)));
    edges
        .filter(|(from, to, _)| reaches(to, from))
        .map(|(from, to, names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!(
                "{} -> {}: {}",
                from.display(),
                to.display(),
                names.join(", ")
            )
        })
        .collect()
}
