#![expect(
    clippy::result_large_err,
    reason = "the error type of figment's test jail"
)]

use figment::Jail;
use log_adapters::objects::Folder;
use serde_json::json;

use super::*;

mod arbitrary;
mod folder;
mod given;
mod numbers;

fn load(jail_file: Option<&str>, flags: serde_json::Value) -> Result<Config, Refusal> {
    Config::load(jail_file.map(Path::new), flags)
}

fn refusal(jail_file: Option<&str>, flags: serde_json::Value) -> String {
    load(jail_file, flags).expect_err("refused").to_string()
}

#[test]
fn without_anything_the_defaults_hold() {
    Jail::expect_with(|_| {
        let config = load(None, json!({})).expect("valid");
        assert_eq!(config, Config::default());
        assert_eq!(config.host.to_string(), "127.0.0.1");
        assert_eq!(config.place().0, Place::Folder(Folder::new(".data")));
        assert_eq!(config.limits(), Limits::default());
        Ok(())
    });
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    Jail::expect_with(|jail| {
        jail.create_file(
            "log.yaml",
            "port: 1\nhost: 0.0.0.0\nlimits: { key_bytes: 1KiB, page_records: 7 }",
        )?;
        jail.set_env("LOG_PORT", "2");
        jail.set_env("LOG_LIMITS__KEY_BYTES", "2048");
        let config = load(Some("log.yaml"), json!({ "port": 3 })).expect("valid");
        assert_eq!(config.port, 3);
        assert_eq!(config.limits.key_bytes, ByteSize::b(2_048));
        assert_eq!(config.limits.page_records, 7);
        assert_eq!(config.host.to_string(), "0.0.0.0");
        assert_eq!(config.limits.batch_records, 100_000);
        Ok(())
    });
}

#[test]
fn toml_and_yaml_say_the_same() {
    Jail::expect_with(|jail| {
        jail.create_file(
            "a.yaml",
            "segments: { seal_interval: 1h, seal_bytes: 1GiB }\nstorage: { s3: { bucket: b } }",
        )?;
        jail.create_file(
            "a.toml",
            "[segments]\nseal_interval = '1h'\nseal_bytes = '1GiB'\n[storage.s3]\nbucket = 'b'",
        )?;
        let yaml = load(Some("a.yaml"), json!({})).expect("valid");
        assert_eq!(yaml, load(Some("a.toml"), json!({})).expect("valid"));
        assert_eq!(yaml.store().seal.interval, Some(Duration::from_secs(3_600)));
        assert_eq!(yaml.store().seal.bytes, Some(1 << 30));
        Ok(())
    });
}

#[test]
fn the_partitions_of_a_cluster_ask_the_bucket_the_more_rarely_the_more_there_are() {
    let of = |partitions: u32, more: serde_json::Value| {
        let mut settings = json!({
            "storage": { "s3": { "bucket": "b" } },
            "cluster": { "enabled": true, "node": "a", "partitions": partitions },
        });
        if !more.is_null() {
            settings["slatedb"] = more;
        }
        let settings = load(None, settings).expect("valid").settings();
        let compactor = settings.compactor_options.expect("compacts");
        let worker = compactor.worker.expect("a worker");
        let seconds = |interval: Duration| interval.as_secs_f64();
        (
            seconds(settings.manifest_poll_interval),
            seconds(compactor.poll_interval),
            seconds(worker.compactions_poll_interval),
        )
    };
    Jail::expect_with(|_| {
        let alone = load(None, json!({})).expect("valid").settings();
        assert_eq!(alone.manifest_poll_interval, Duration::from_secs(1));
        assert_eq!(of(1, json!(null)), (1.0, 5.0, 5.0));
        assert_eq!(of(64, json!(null)), (9.6, 9.6, 9.6));
        assert_eq!(of(4_096, json!(null)), (10.0, 10.0, 10.0));
        let given = json!({ "manifest_poll_interval": "2s", "compactor_options": { "poll_interval": "3s" } });
        assert_eq!(of(64, given), (2.0, 3.0, 9.6));
        Ok(())
    });
}

#[test]
fn with_retention_files_are_collected_soon_unless_the_settings_say_otherwise() {
    let of = |file: Option<&str>| {
        let settings = load(file, json!({})).expect("valid").settings();
        let compactor = settings.compactor_options.expect("compacts");
        let collector = settings.garbage_collector_options.expect("collects");
        let files = [collector.compacted_options, collector.wal_options];
        let files = files.map(|files| files.expect("collects files"));
        let files = files.map(|files| (files.interval, files.min_age));
        (compactor.checkpoint_lifetime, files)
    };
    Jail::expect_with(|jail| {
        let seconds = Duration::from_secs;
        let slow = of(None);
        let is_slow = |(_, age)| age > seconds(60);
        assert!(
            slow.0 > seconds(60) && slow.1.into_iter().all(is_slow),
            "{slow:?}"
        );
        jail.create_file("a.yaml", "retention: { max_age: 1d }")?;
        let soon = (Some(seconds(5)), seconds(10));
        assert_eq!(of(Some("a.yaml")), (seconds(10), [soon, soon]));
        jail.set_env("LOG_SLATEDB__COMPACTOR_OPTIONS__CHECKPOINT_LIFETIME", "99s");
        jail.set_env(
            "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__WAL_OPTIONS__MIN_AGE",
            "98s",
        );
        assert_eq!(
            of(Some("a.yaml")),
            (seconds(99), [soon, (soon.0, seconds(98))])
        );
        jail.create_file("b.yaml", "retention: { purge_within: 16s }")?;
        let sooner = (Some(seconds(2)), seconds(2));
        assert_eq!(
            of(Some("b.yaml")),
            (seconds(99), [sooner, (sooner.0, seconds(98))])
        );
        Ok(())
    });
}

#[test]
fn what_is_wrong_is_named_in_one_line() {
    Jail::expect_with(|jail| {
        jail.create_file("unknown.yaml", "limits: { key_bites: 1 }")?;
        jail.create_file("type.yaml", "port: many")?;
        jail.create_file("log.ini", "")?;
        let s3 = |settings| json!({ "storage": { "s3": settings } });
        for (file, flags, named) in [
            (Some("unknown.yaml"), json!({}), "key_bites"),
            (Some("type.yaml"), json!({}), "port"),
            (Some("log.ini"), json!({}), "log.ini"),
            (Some("missing.yaml"), json!({}), "missing.yaml"),
            (
                None,
                json!({ "storage": { "in_memory": true, "data_dir": "d" } }),
                "--in-memory",
            ),
            (
                None,
                json!({ "storage": { "in_memory": true, "s3": { "bucket": "b" } } }),
                "--s3-bucket",
            ),
            (None, s3(json!({ "region": "r" })), "storage.s3.region"),
            (None, s3(json!({ "bucket": "" })), "storage.s3.bucket"),
            (
                None,
                s3(json!({ "bucket": "b", "encryption": "sse-s3", "kms_key_id": "k" })),
                "storage.s3.kms_key_id",
            ),
            (
                None,
                json!({ "storage": { "wal": { "s3": { "bucket": "w" } } } }),
                "storage.wal.s3.bucket",
            ),
            (
                None,
                json!({ "storage": { "s3": { "bucket": "b" }, "wal": { "s3": { "region": "r" } } } }),
                "storage.wal.s3.region",
            ),
            (
                None,
                json!({ "limits": { "page_records": 0 } }),
                "limits.page_records",
            ),
            (
                None,
                json!({ "limits": { "append_queue_bytes": 1 } }),
                "limits.append_queue_bytes",
            ),
            (
                None,
                json!({ "memory": { "unflushed": "1MiB" } }),
                "memory.unflushed",
            ),
        ] {
            let message = refusal(file, flags);
            assert!(message.contains(named), "{named}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        Ok(())
    });
}

#[test]
fn only_variables_that_name_a_setting_are_ours() {
    Jail::expect_with(|jail| {
        jail.set_env("LOG_SOMETHING_ELSE", "1");
        assert_eq!(load(None, json!({})).expect("valid"), Config::default());
        jail.set_env("LOG_LIMITS__KEY_BITES", "1");
        assert!(refusal(None, json!({})).contains("key_bites"));
        jail.set_env("LOG_LIMITS__KEY_BITES", "");
        Ok(())
    });
}

#[test]
fn a_misspelt_section_in_the_environment_is_refused() {
    Jail::expect_with(|jail| {
        jail.set_env("LOG_TIMEOUT__CHECK", "1s");
        assert!(refusal(None, json!({})).contains("LOG_TIMEOUT__CHECK"));
        Ok(())
    });
}

#[test]
fn every_flag_of_a_setting_is_in_the_reference_and_every_setting_is_described() {
    use clap::CommandFactory;
    let command = crate::cli::Cli::command();
    let flags: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|flag| !["config", "help", "version"].contains(flag))
        .map(|flag| format!("--{flag}"))
        .collect();
    let mut listed = super::names::FLAGS
        .map(|(_, flag)| flag.to_owned())
        .to_vec();
    listed.sort();
    let mut sorted = flags.clone();
    sorted.sort();
    assert_eq!(sorted, listed);

    let page = super::reference();
    for (path, _) in super::names::FLAGS {
        assert!(
            page.contains(&format!("\n| `{path}` (`--")),
            "{path} is not in the page"
        );
    }
    let tree = figment::value::Value::serialize(Config::default()).expect("a tree");
    let leaves = super::tree::leaves(&tree.into_dict().expect("sections"));
    assert!(leaves.len() > 80, "only {} settings", leaves.len());
    for (path, _) in leaves {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{path}`")));
        let row = row.unwrap_or_else(|| panic!("{path} is not in the page"));
        let described = !row.ends_with("|  |");
        assert!(
            described || path.starts_with("slatedb."),
            "{path} is not described"
        );
    }
}

#[test]
fn what_is_a_secret_is_told_by_its_name() {
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY",
        "AWS_SIGNING_KEY",
        "AWS_ENCRYPTION_KEY_B64",
        "AWS_CLIENT_KEY_PASSPHRASE",
        "proxy_password",
    ] {
        assert!(masked::is_secret(name), "{name}");
    }
    for name in [
        "auth.tokens",
        "auth.token_file",
        "limits.key_bytes",
        "memory.key_table",
        "AWS_REGION",
    ] {
        assert!(!masked::is_secret(name), "{name}");
    }
}

#[test]
fn what_has_two_names_has_one_value() {
    Jail::expect_with(|jail| {
        jail.create_file(
            "a.yaml",
            "slatedb: { flush_interval: 70ms, max_unflushed_bytes: 134217728, \
             object_store_cache_options: { root_folder: c, cache_on_flush: true } }",
        )?;
        let config = load(Some("a.yaml"), json!({})).expect("valid");
        assert_eq!(config.durability.flush_interval, Duration::from_millis(70));
        assert_eq!(config.memory.unflushed, ByteSize::mib(128));
        assert_eq!(config.cache.dir, Some("c".into()));
        assert!(config.cache.on_flush);
        jail.set_env("LOG_CACHE__ON_COMPACTION", "true");
        jail.set_env("LOG_SLATEDB__MIN_FILTER_KEYS", "5");
        let settings = load(Some("a.yaml"), json!({}))
            .expect("valid")
            .store()
            .settings;
        assert_eq!(settings.min_filter_keys, 5);
        assert_eq!(settings.flush_interval, Some(Duration::from_millis(70)));
        let cache = settings.object_store_cache_options;
        assert!(cache.cache_on_flush && cache.cache_on_compaction);
        assert_eq!(cache.root_folder, Some("c/opendata-log-cache".into()));
        Ok(())
    });
}

/// What SlateDB is given, by path, but for what is not set.
fn slatedb_settings(config: &Config) -> Vec<(String, String)> {
    let tree = figment::value::Value::serialize(config.store().settings).expect("serializes");
    let mut leaves = super::tree::leaves(&tree.into_dict().expect("settings"));
    leaves.retain(|(_, value)| !value.is_empty());
    leaves
}

/// Another value of the same kind, which any setting takes that takes this one.
fn another(value: &str) -> String {
    let digits = value.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    match (number.parse::<u64>(), unit) {
        (Ok(0), _) => format!("3{unit}"),
        (Ok(number), _) => format!("{}{unit}", 2 * number),
        (Err(_), "true") => "false".into(),
        (Err(_), "false") => "true".into(),
        (Err(_), "Info") => "Debug".into(),
        (Err(_), text) => panic!("what else could {text} be?"),
    }
}

#[test]
fn every_setting_of_slatedb_is_taken_under_its_own_name_from_a_file_and_from_the_environment() {
    let defaults = slatedb_settings(&Config::default());
    assert!(defaults.len() > 50, "only {}", defaults.len());
    for (at, (path, value)) in defaults.iter().enumerate() {
        let mut expected = defaults.clone();
        expected[at].1 = another(value);
        let path = format!("slatedb.{path}");
        let value = &expected[at].1;
        Jail::expect_with(|jail| {
            let sections = path.replace('.', ": { ");
            let ends = " }".repeat(path.matches('.').count());
            jail.create_file("a.yaml", &format!("{sections}: {value}{ends}"))?;
            let config = load(Some("a.yaml"), json!({})).expect(&path);
            assert_eq!(slatedb_settings(&config), expected, "{path} in a file");
            jail.set_env(names::variable(&path), value);
            let config = load(None, json!({})).expect(&path);
            assert_eq!(slatedb_settings(&config), expected, "{path} in a variable");
            Ok(())
        });
    }
}
