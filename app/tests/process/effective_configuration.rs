//! `config check`, `config show` and the generated page: what an operator sees of the configuration.

use std::path::Path;

use crate::support::server::{Exit, run};

/// A file as a Kubernetes ConfigMap carries it.
const FILE: &str = "\
limits:
  key_bytes: 2KiB
slatedb:
  flush_interval: 50ms
  l0_sst_size_bytes: 1048576
  compression_codec: Zstd
  compactor_options:
    max_concurrent_compactions: 2
    scheduler_options: { min_compaction_sources: 6 }
  garbage_collector_options:
    wal_options: { min_age: 1h }
";

fn with_file(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Exit {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let file = folder.path().join("log.yaml");
    std::fs::write(&file, text).expect("write a configuration file");
    let mut all = arguments.to_vec();
    all.extend(["--config", file.to_str().expect("a path in text")]);
    run(&all, environment)
}

fn shown<'a>(exit: &'a Exit, name: &str) -> &'a str {
    let line = exit.stdout.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(" = "))
    });
    line.unwrap_or_else(|| panic!("{name} is not in:\n{exit:?}"))
}

#[test]
fn a_check_of_what_can_start_says_ok() {
    let exit = with_file(FILE, &["config", "check", "--port", "9000"], &[]);
    assert_eq!(
        (exit.code, exit.stdout.as_str()),
        (Some(0), "ok\n"),
        "{exit:?}"
    );
}

#[test]
fn a_check_of_what_cannot_start_says_so_in_one_line_with_exit_code_2() {
    for (file, named) in [
        ("limits: { key_bites: 1 }", "key_bites"),
        ("slatedb: { l0_sst_size: 1 }", "slatedb.l0_sst_size"),
        (
            "slatedb: { compactor_options: { worker: { max_sst_sizes: 1 } } }",
            "slatedb.compactor_options.worker.max_sst_sizes",
        ),
        (
            "slatedb: { compactor_options: { scheduler_options: { min_sources: 1 } } }",
            "slatedb.compactor_options.scheduler_options.min_sources",
        ),
        (
            "slatedb: { compactor_options: { scheduler_options: { min_compaction_sources: few } } }",
            "scheduler_options.min_compaction_sources",
        ),
        (
            "slatedb: { compactor_options: { scheduler_options: { max_compaction_sources: 1 } } }",
            "scheduler_options.max_compaction_sources must be at least 2",
        ),
        (
            "slatedb: { l0_max_ssts: 1 }",
            "l0_max_ssts must be at least 2, such as 64",
        ),
        ("slatedb: { wal_enabled: false }", "slatedb.wal_enabled"),
        (
            "slatedb: { l0_sst_size_bytes: big }",
            "slatedb.l0_sst_size_bytes",
        ),
        (
            "slatedb: { l0_sst_size_bytes: 1000000000 }",
            "l0_sst_size_bytes",
        ),
        ("slatedb: { default_ttl_millis: 1 }", "default_ttl_millis"),
        (
            "slatedb: { flush_interval: null }",
            "slatedb.flush_interval",
        ),
        ("cache: { on_flush: true }", "cache.on_flush"),
        ("cache: { dir: c, part_bytes: 1000 }", "cache.part_bytes"),
        ("cache: { dir: c, max_bytes: 1KiB }", "cache.max_bytes"),
        ("cache: { dir: .data/cache }", "cache.dir"),
        ("cache: { dir: c, preload: some }", "cache.preload"),
        ("log: 'a=b=c'", "log:"),
    ] {
        let exit = with_file(file, &["config", "check"], &[]);
        assert_eq!(exit.code, Some(2), "{file}: {exit:?}");
        assert_eq!(exit.stderr.lines().count(), 1, "{file}: {exit:?}");
        assert!(exit.stderr.contains(named), "{file}: {exit:?}");
    }
}

#[test]
fn a_setting_given_under_both_its_names_must_say_the_same() {
    for (ours, theirs, same, other) in [
        (
            "durability: { flush_interval: 50ms }",
            "flush_interval",
            "50ms",
            "60ms",
        ),
        (
            "memory: { unflushed: 100MiB }",
            "max_unflushed_bytes",
            "104857600",
            "104857601",
        ),
        ("cache: { dir: c }", "root_folder", "c", "d"),
        (
            "cache: { dir: c, max_bytes: 1GiB }",
            "max_cache_size_bytes",
            "1073741824",
            "5000000000",
        ),
        (
            "cache: { dir: c, part_bytes: 1MiB }",
            "part_size_bytes",
            "1048576",
            "2097152",
        ),
        (
            "cache: { dir: c, on_flush: true }",
            "cache_on_flush",
            "true",
            "false",
        ),
        (
            "cache: { dir: c, on_compaction: true }",
            "cache_on_compaction",
            "true",
            "false",
        ),
        (
            "cache: { dir: c, preload: all }",
            "preload_disk_cache_on_startup",
            "AllSst",
            "L0Sst",
        ),
    ] {
        let check = |value: &str| {
            let section = if theirs == "flush_interval" || theirs == "max_unflushed_bytes" {
                format!("slatedb: {{ {theirs}: {value} }}")
            } else {
                format!("slatedb: {{ object_store_cache_options: {{ {theirs}: {value} }} }}")
            };
            with_file(&format!("{ours}\n{section}\n"), &["config", "check"], &[])
        };
        let exit = check(same);
        assert_eq!(exit.code, Some(0), "{theirs}: {exit:?}");
        let exit = check(other);
        assert_eq!(exit.code, Some(2), "{theirs}: {exit:?}");
        assert!(exit.stderr.contains(theirs), "{theirs}: {exit:?}");
        let section = ours.split(':').next().expect("a section");
        assert!(
            exit.stderr.contains(&format!("{section}.")),
            "{theirs}: {exit:?}"
        );
        assert_eq!(exit.stderr.lines().count(), 1, "{theirs}: {exit:?}");
    }
}

#[test]
fn every_value_is_shown_with_its_source() {
    let exit = with_file(
        FILE,
        &["config", "show", "--port", "9000"],
        &[
            ("LOG_LIMITS__PAGE_RECORDS", "7"),
            ("LOG_SLATEDB__L0_MAX_SSTS", "16"),
            (
                "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__WAL_OPTIONS__DRY_RUN",
                "true",
            ),
        ],
    );
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(shown(&exit, "host"), "host = 127.0.0.1  (default)");
    assert_eq!(shown(&exit, "port"), "port = 9000  (flag)");
    assert_eq!(
        shown(&exit, "storage.data_dir"),
        "storage.data_dir = .data  (default)"
    );
    assert!(shown(&exit, "limits.key_bytes").contains(" = 2KiB  (file "));
    assert!(shown(&exit, "limits.key_bytes").ends_with("log.yaml)"));
    assert_eq!(
        shown(&exit, "limits.page_records"),
        "limits.page_records = 7  (environment LOG_LIMITS__PAGE_RECORDS)"
    );
    assert_eq!(
        shown(&exit, "slatedb.l0_max_ssts"),
        "slatedb.l0_max_ssts = 16  (environment LOG_SLATEDB__L0_MAX_SSTS)"
    );
    assert!(shown(&exit, "durability.flush_interval").contains(" = 50ms  (file "));
    let scheduler = "slatedb.compactor_options.scheduler_options.min_compaction_sources";
    assert!(shown(&exit, scheduler).contains(" = 6  (file "));
    let garbage = "slatedb.garbage_collector_options.wal_options";
    assert!(shown(&exit, &format!("{garbage}.min_age")).contains(" = 1h  (file "));
    assert!(shown(&exit, &format!("{garbage}.dry_run")).contains(" = true  (environment "));
    assert!(shown(&exit, &format!("{garbage}.interval")).ends_with("(default)"));
}

#[test]
fn the_lame_duck_is_shown_as_it_is_here_and_in_kubernetes() {
    let here = run(&["config", "show"], &[]);
    assert_eq!(
        shown(&here, "shutdown.lame_duck"),
        "shutdown.lame_duck = 0s  (default)"
    );
    let pod = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let in_kubernetes = run(&["config", "show"], &[pod]);
    assert_eq!(
        shown(&in_kubernetes, "shutdown.lame_duck"),
        "shutdown.lame_duck = 5s  (environment KUBERNETES_SERVICE_HOST)"
    );
    let given = run(
        &["config", "show"],
        &[pod, ("LOG_SHUTDOWN__LAME_DUCK", "1s")],
    );
    assert!(shown(&given, "shutdown.lame_duck").contains(" = 1s  "));
}

#[test]
fn secrets_are_masked() {
    let exit = run(
        &["config", "show", "--s3-bucket", "b"],
        &[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIASHOWNNOWHERE"),
            ("AWS_SECRET_ACCESS_KEY", "shown-nowhere"),
            ("AWS_SESSION_TOKEN", "shown-nowhere-either"),
        ],
    );
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!exit.stdout.contains("shown-nowhere"), "{exit:?}");
    assert!(!exit.stdout.contains("SHOWNNOWHERE"), "{exit:?}");
    assert_eq!(
        shown(&exit, "AWS_SECRET_ACCESS_KEY"),
        "AWS_SECRET_ACCESS_KEY = ********  (environment)"
    );
    assert_eq!(
        shown(&exit, "storage.s3.region"),
        "storage.s3.region = eu-central-1  (environment AWS_REGION)"
    );
}

#[test]
fn the_page_on_configuration_is_the_one_that_the_settings_make() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = std::fs::read_to_string(page).expect("read docs/configuration.md");
    let exit = run(&["config", "docs"], &[]);
    assert!(
        page == exit.stdout,
        "docs/configuration.md is out of date: cargo run -- config docs > docs/configuration.md"
    );
}
