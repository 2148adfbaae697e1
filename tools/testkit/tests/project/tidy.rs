//! Habits that are kept because a test fails without them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

const LONGEST_FILE: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helper", "helpers", "manager", "misc",
];

/// Every file that git tracks or would track, as paths from the root of the workspace.
pub(crate) fn files(extension: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .expect("run git");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let listing = String::from_utf8(output.stdout).expect("paths are text");
    let files: Vec<_> = listing
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        // A file that was deleted and not yet committed is still listed.
        .filter(|path| root().join(path).is_file())
        .collect();
    assert!(
        !files.is_empty(),
        "no .{extension} file found: the test would pass on nothing"
    );
    files
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).expect("read a source file")
}

/// Fails with every place at once.
fn none(what: &str, places: &[String]) {
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

fn lines_with(words: &[String]) -> Vec<String> {
    let mut places = Vec::new();
    for path in files("rs") {
        for (number, line) in (1..).zip(read(&path).lines()) {
            if words.iter().any(|word| line.contains(word.as_str())) {
                places.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    places
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<_> = files("rs")
        .iter()
        // What is made of `log.proto` is read there.
        .filter(|path| !path.iter().any(|part| part == "generated"))
        .map(|path| (path.display().to_string(), read(path).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    none("split these by subject", &long);
}

#[test]
fn every_file_is_named_after_what_is_in_it() {
    let empty: Vec<_> = files("rs")
        .iter()
        .filter(|path| {
            path.iter().any(|part| {
                let part = part.to_string_lossy().to_lowercase();
                let stem = part.strip_suffix(".rs").unwrap_or(&part);
                stem.split(['_', '-'])
                    .any(|word| EMPTY_NAMES.contains(&word))
            })
        })
        .map(|path| path.display().to_string())
        .collect();
    none("name these after their subject", &empty);
}

#[test]
fn no_test_is_switched_off() {
    // Put together here, so that this file does not contain what it looks for.
    let words = [["#[ig", "nore"].concat(), ["cfg(an", "y())"].concat()];
    none(
        "a test that does not run tests nothing",
        &lines_with(&words),
    );
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
    ];
    none(
        "do it, or write it where plans are kept",
        &lines_with(&words),
    );
}

#[test]
fn every_relative_link_in_the_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for path in files("md") {
        let folder = root().join(&path);
        let folder = folder.parent().expect("a file is in a folder");
        for target in links(&read(&path)) {
            let file = target.split('#').next().unwrap_or_default();
            let leads_out = target.contains("://") || target.starts_with("mailto:");
            if !leads_out && !file.is_empty() && !folder.join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    none("links that lead nowhere", &broken);
}

/// The targets of `[text](target)` and `[name]: target`, outside code blocks.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Odd pieces are between backticks.
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            targets.push(target.to_owned());
        }
        if let Some((name, target)) = prose.split_once("]: ")
            && name.starts_with('[')
        {
            targets.push(target.trim().to_owned());
        }
    }
    targets
}

#[test]
fn links_are_found_in_prose_and_not_in_code() {
    let text = "See [a](a.md#x), [b](b/c.md \"title\") and `[no](no.md)`.\n\n[d]: d.md\n```\n[no](no.md)\n```\n";
    assert_eq!(links(text), ["a.md#x", "b/c.md", "d.md"]);
}
