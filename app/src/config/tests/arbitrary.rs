//! Whatever is in a variable, a flag or a file: the answer is a configuration that a server can be made of, or one line.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::Parser;
use log_testkit::arbitrary;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::cli::{Asked, Cli};
use crate::config::{masked, tree};

/// Every setting's path.
fn settings() -> Vec<String> {
    let tree = tree::of(Config::default()).expect("a tree");
    let leaves = tree::leaves(&tree).into_iter();
    leaves.map(|(path, _)| path).collect()
}

/// What a start makes of the settings, before it asks anybody anything.
fn use_of(loaded: Result<Config, Refusal>) -> Result<(), TestCaseError> {
    match loaded {
        Ok(config) => {
            let _ = (config.store(), config.http(), config.bounds());
            let _ = (config.instance(), config.lame_duck(), config.wal_place());
            for place in [Some(config.place().0), config.wal_place()]
                .iter()
                .flatten()
            {
                let _ = place.to_string();
            }
            Ok(())
        }
        Err(refusal) => {
            let said = refusal.to_string();
            prop_assert!(
                !said.is_empty() && !said.contains(char::is_control),
                "{said:?}"
            );
            prop_assert!(!said.contains("password@"), "{said}");
            prop_assert!(said.chars().count() < 3_000, "{} characters", said.len());
            Ok(())
        }
    }
}

fn in_a_jail(
    run: impl FnOnce(&mut Jail) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut outcome = Ok(());
    Jail::expect_with(|jail| {
        outcome = run(jail);
        Ok(())
    });
    outcome
}

#[test]
fn any_value_of_any_setting_in_the_environment_is_a_configuration_or_one_line() {
    let input = (select(settings()), arbitrary::value());
    let outcome = arbitrary::runner(400).run(&input, |(path, value)| {
        in_a_jail(|jail| {
            jail.set_env(names::variable(&path), &value);
            use_of(load(None, json!({})))?;
            if let Ok(shown) = show(None, json!({})) {
                let lines = shown.lines();
                prop_assert!(
                    lines.into_iter().all(|line| line.contains(" = ")),
                    "{shown}"
                );
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn any_variable_with_a_name_like_a_setting_is_a_configuration_or_one_line() {
    let name = "LOG_([A-Z]{1,8}_{1,2}){0,3}[A-Z_\\PC]{0,12}"
        .prop_map(|name| name.replace(['\0', '='], ""));
    let outcome = arbitrary::runner(80).run(&(name, arbitrary::value()), |(name, value)| {
        in_a_jail(|jail| {
            jail.set_env(&name, &value);
            use_of(load(None, json!({})))
        })
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn any_value_of_any_flag_is_a_configuration_or_one_line() {
    let mut flags = names::FLAGS.map(|(_, flag)| flag).to_vec();
    flags.extend(["--config", "--format", "--", "serve"]);
    let input = (select(flags), arbitrary::bytes(), any::<bool>());
    let outcome = arbitrary::runner(250).run(&input, |(flag, value, in_one)| {
        // Devices are read where a file of settings is asked for, and wait for input.
        prop_assume!(flag != "--config" || !value.starts_with(b"/"));
        let value = OsString::from_vec(value);
        let mut arguments = vec![OsString::from("opendata-log"), flag.into()];
        match in_one {
            true => {
                arguments[1].push("=");
                arguments[1].push(value);
            }
            false => arguments.push(value),
        }
        in_a_jail(|_| match Cli::try_parse_from(arguments).map(Cli::asked) {
            Ok(Ok(Asked::Serve(args))) => use_of(args.load_server().map(|(config, _)| config)),
            Ok(_) | Err(_) => Ok(()),
        })
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn any_file_is_a_configuration_or_one_line() {
    let input = (arbitrary::file(), select(&["a.yaml", "a.toml"][..]));
    let outcome = arbitrary::runner(400).run(&input, |(content, file)| {
        in_a_jail(|jail| {
            std::fs::write(jail.directory().join(file), content).expect("written");
            use_of(load(Some(file), json!({})))
        })
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn any_value_of_any_setting_in_a_file_is_a_configuration_or_one_line() {
    let as_yaml = |path: &str, value: &str| {
        let ends = " }".repeat(path.matches('.').count());
        format!("{}: {value}{ends}\n", path.replace('.', ": { "))
    };
    let as_toml = |path: &str, value: &str| format!("{path} = {value}\n");
    let quoted = |value: &str| serde_json::to_string(value).expect("a text");
    let scalar = prop_oneof![
        1 => arbitrary::value(),
        4 => arbitrary::value().prop_map(move |value| quoted(&value)),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        1 => select(&["null", "~", "[]", "[[]]", "{}", "{a: 1}", "[1, a]", "!t x", ".nan", "2026-11-26", "true"][..])
            .prop_map(str::to_owned),
    ];
    let input = (select(settings()), scalar, any::<bool>());
    let outcome = arbitrary::runner(300).run(&input, |(path, value, yaml)| {
        in_a_jail(|jail| {
            let (file, text) = match yaml {
                true => ("a.yaml", as_yaml(&path, &value)),
                false => ("a.toml", as_toml(&path, &value)),
            };
            std::fs::write(jail.directory().join(file), text).expect("written");
            use_of(load(Some(file), json!({})))
        })
    });
    outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn a_duration_is_at_most_a_hundred_years() {
    Jail::expect_with(|jail| {
        jail.create_file("a.yaml", "timeouts: { idle: 101years }")?;
        let message = refusal(Some("a.yaml"), json!({}));
        assert!(
            message.contains("timeouts.idle") && message.contains("100 years"),
            "{message}"
        );
        jail.set_env("LOG_SEGMENTS__SEAL_INTERVAL", "500000000000y");
        let message = refusal(None, json!({}));
        assert!(message.contains("segments.seal_interval"), "{message}");
        // A name may look like one.
        jail.set_env("LOG_SEGMENTS__SEAL_INTERVAL", "99years");
        jail.set_env("LOG_STORAGE__INSTANCE", "101years");
        assert_eq!(load(None, json!({})).expect("valid").instance(), "101years");
        Ok(())
    });
}

#[test]
fn a_password_in_a_url_is_not_printed_wherever_it_was_given() {
    let url = "https://user:password@host";
    let in_file = refusal(Some(url), json!({}));
    let mut in_list = String::new();
    Jail::expect_with(|jail| {
        jail.set_env("LOG_HTTP__ALLOWED_HOSTS", url);
        in_list = refusal(None, json!({}));
        Ok(())
    });
    for said in [in_file, in_list] {
        assert!(
            !said.contains("password") && said.contains("********@host"),
            "{said}"
        );
    }
}

#[test]
fn a_line_that_is_printed_stays_one_line() {
    assert_eq!(
        masked::in_one_line("a\nb\u{1b}[31m\u{2028}ö"),
        "a\\nb\\u{1b}[31m\\u{2028}ö"
    );
}
