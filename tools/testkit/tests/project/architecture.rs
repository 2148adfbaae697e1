//! The arrows between the crates go one way: see `docs/architecture.md`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::root;

/// What each crate of the workspace may use of the others, and no more. A crate that is not here fails.
const ARROWS: &[(&str, &[&str])] = &[
    ("log-domain", &[]),
    ("log-adapters", &["log-domain", "opendata-log-messages"]),
    ("log-app", &["log-adapters", "log-cli", "log-domain"]),
    ("log-cli", &["opendata-log-client"]),
    ("log-sim", &["log-app", "log-adapters", "log-domain"]),
    ("log-load", &["opendata-log-client"]),
    ("log-soak", &["log-testkit"]),
    ("log-testkit", &[]),
    ("opendata-log-client", &["opendata-log-messages"]),
    ("opendata-log-messages", &[]),
];

/// Everything that the domain may use. None of it does I/O, knows the time, or draws random numbers.
const DOMAIN: &[&str] = &[
    "bytes",
    "lru",
    "twox-hash",
    "futures",
    "quick_cache",
    "thiserror",
];

/// Of those, what it may use only when a feature asks for it.
const DOMAIN_OPTIONAL: &[&str] = &["futures"];

/// Programs that are tests themselves, and ship with nothing.
const TEST_PROGRAMS: &[&str] = &["log-soak"];

/// What tests of any crate may use besides.
const FOR_TESTS: &[&str] = &["log-testkit"];

/// What tests of a server may speak to it with.
const CLIENT: &str = "opendata-log-client";

struct Dependency {
    name: String,
    optional: bool,
    for_tests: bool,
}

fn dependencies() -> Vec<(String, Vec<Dependency>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("run cargo metadata");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let of_package = |package: &Value| {
        let list = package["dependencies"].as_array().expect("a list");
        list.iter()
            .map(|dependency| Dependency {
                name: name(dependency),
                optional: dependency["optional"] == true,
                for_tests: dependency["kind"] == "dev",
            })
            .collect()
    };
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().map(|p| (name(p), of_package(p))).collect()
}

#[test]
fn the_arrows_between_the_crates_go_one_way() {
    let mut wrong = Vec::new();
    let members: BTreeSet<String> = dependencies().into_iter().map(|(name, _)| name).collect();
    for (member, dependencies) in dependencies() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member) else {
            wrong.push(format!(
                "{member} has no place in the architecture: give it one here"
            ));
            continue;
        };
        for dependency in dependencies.iter().filter(|d| members.contains(&d.name)) {
            let name = dependency.name.as_str();
            let itself_in_tests = dependency.for_tests && name == member;
            let for_tests = FOR_TESTS.contains(&name) || name == CLIENT;
            let fine = allowed.contains(&name) || dependency.for_tests && for_tests;
            if !fine && !itself_in_tests {
                wrong.push(format!("{member} must not use {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_domain_uses_nothing_that_touches_the_outside_world() {
    let all = dependencies();
    let (_, domain) = all
        .iter()
        .find(|(name, _)| name == "log-domain")
        .expect("log-domain");
    for dependency in domain.iter().filter(|d| !d.for_tests) {
        let name = dependency.name.as_str();
        assert!(DOMAIN.contains(&name), "the domain must not use {name}");
        let optional = DOMAIN_OPTIONAL.contains(&name);
        assert_eq!(
            dependency.optional, optional,
            "{name} is optional: {}",
            dependency.optional
        );
    }
}

#[test]
fn no_crate_ships_what_is_for_tests() {
    for (member, dependencies) in dependencies() {
        if TEST_PROGRAMS.contains(&member.as_str()) {
            continue;
        }
        for dependency in dependencies.iter().filter(|d| !d.for_tests) {
            let name = dependency.name.as_str();
            assert!(
                !FOR_TESTS.contains(&name),
                "{member} must use {name} in tests only"
            );
        }
    }
}
