//! Exports and imports: equal, resumed, each line once.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use log_testkit::ports::free_ports;
use tempfile::TempDir;

use super::{command, ended, given, in_memory, printed, run, run_at};
use crate::support::place::Place;
use crate::support::server::Server;

const LINES: usize = 60_000;
const KILLS: u64 = 8;

/// A folder with a file of so many lines, each with its number.
fn numbers(count: usize) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("numbers.jsonl");
    let mut lines = String::new();
    for number in 0..count {
        let key = number % 7;
        // Writing to a string does not fail.
        let _ = writeln!(
            lines,
            "{{\"keyText\":\"k{key}\",\"valueText\":\"{number}\"}}"
        );
    }
    std::fs::write(&path, lines).expect("written");
    let path = path.to_str().expect("text").to_owned();
    (folder, path)
}

/// The values of the whole log, in its order.
fn values(server: &Server) -> Vec<String> {
    let values = printed(server, &["scan", "--prefix", "k", "-o", "raw"]);
    values.lines().map(str::to_owned).collect()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[test]
fn an_export_is_imported_elsewhere_as_it_was() {
    let server = in_memory();
    given(&server, &["append", "k1", "--lines"], b"a\nb\n");
    printed(&server, &["append", "k2", "c", "--header", "by=me"]);
    given(
        &server,
        &["append", "--key-base64", "AP8="],
        b"\x00\x1b\xff\n",
    );
    printed(&server, &["append", "empty", ""]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let all = path("all.jsonl");
    let exported = run(&server, &["export", "--to", &all]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    assert!(
        exported
            .stderr
            .contains("exported 5 records of the whole log"),
        "{exported:?}"
    );
    assert_eq!(
        std::fs::read_to_string(&all).expect("read"),
        printed(&server, &["export"])
    );
    assert_eq!(
        run(&server, &["export", "--to", &all]).code,
        Some(2),
        "it exists"
    );

    let other = in_memory();
    let said = printed(&other, &["import", &all]);
    assert!(said.starts_with("imported 5 records, "), "{said}");
    let without_times = |server: &Server| {
        let lines = printed(server, &["export"]);
        let lines = lines.lines().map(|line| {
            let (before, after) = line.split_once("\"timestampMs\":").expect("a time");
            let digits = after
                .find(|each: char| !each.is_ascii_digit())
                .expect("more");
            format!("{before}{}", &after[digits..])
        });
        lines.collect::<Vec<_>>()
    };
    assert_eq!(without_times(&other), without_times(&server));
    // The same once more changes nothing, unless it is called otherwise.
    let again = printed(&other, &["import", &all, "-o", "json"]);
    assert!(
        again.contains("\"recordsImported\":0,\"recordsImportedBefore\":5"),
        "{again}"
    );
    let other_id = printed(&other, &["import", &all, "--id", "again", "-o", "raw"]);
    assert_eq!(other_id, "5\n");
    assert_eq!(
        printed(&other, &["count", "--prefix", "", "-o", "raw"]),
        "10\n"
    );
}

#[test]
fn an_export_does_not_continue_a_file_of_other_keys() {
    let server = in_memory();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.jsonl").display().to_string();
    printed(&server, &["append", "a", "1"]);
    printed(&server, &["append", "b", "1"]);
    printed(&server, &["export", "a", "--to", &path]);
    let before = std::fs::read(&path).expect("read");
    let ran = run(&server, &["export", "b", "--to", &path, "--resume"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("of the key a"), "{ran:?}");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[test]
fn an_export_of_a_prefix_is_resumed_after_its_last_whole_line() {
    let server = in_memory();
    let lines: String = (0..5_000).map(|number| format!("{number}\n")).collect();
    given(&server, &["append", "k", "--lines"], lines.as_bytes());
    printed(&server, &["append", "other", "x"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("k.jsonl");
    let to = path.to_str().expect("text");
    let whole = printed(&server, &["export", "--prefix", "k"]);
    assert_eq!(whole.lines().count(), 5_000);
    for kept in [0, 1, 100, whole.len() / 2, whole.len() - 1, whole.len()] {
        std::fs::write(&path, &whole[..kept]).expect("written");
        printed(
            &server,
            &["export", "--prefix", "k", "--to", to, "--resume", "--quiet"],
        );
        let found = std::fs::read_to_string(&path).expect("read");
        assert!(found == whole, "resumed after {kept} bytes");
    }
}

#[test]
fn an_export_is_not_resumed_from_another_server() {
    let (server, other, empty) = (in_memory(), in_memory(), in_memory());
    given(&server, &["append", "k", "--lines"], b"1\n2\n3\n");
    given(&other, &["append", "k", "--lines"], b"1\n2\nthree\n");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("k.jsonl");
    let to = path.to_str().expect("text");
    printed(&server, &["export", "k", "--to", to]);
    let before = std::fs::read(&path).expect("read");
    for (wrong, told) in [
        (&other, "has another record"),
        (&empty, "has no such record"),
    ] {
        let ran = run(wrong, &["export", "k", "--to", to, "--resume"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(told), "{ran:?}");
        assert_eq!(std::fs::read(&path).expect("read"), before);
    }
    printed(&server, &["trim", "--before", "3", "--yes"]);
    printed(&server, &["append", "k", "4"]);
    printed(&server, &["export", "k", "--to", to, "--resume"]);
    let lines = std::fs::read_to_string(&path).expect("read");
    assert_eq!(lines.lines().count(), 4, "{lines}");
}

#[test]
fn a_wrong_line_is_named_and_the_import_goes_on_when_it_is_mended() {
    let server = in_memory();
    let (_folder, path) = numbers(100);
    let text = std::fs::read_to_string(&path).expect("read");
    let lines: Vec<_> = text.lines().collect();
    let broken = [&lines[..60], &["", "{\"keyText\":\"k\"}"], &lines[61..]].concat();
    std::fs::write(&path, broken.join("\n")).expect("written");
    let ran = run(&server, &["import", &path, "--batch-records", "7"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("numbers.jsonl, line 62: value"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("60 records are imported") && ran.stderr.contains("to resume: "),
        "{ran:?}"
    );
    assert_eq!(values(&server), expected(60));
    std::fs::write(&path, &text).expect("written");
    let ran = run(&server, &["import", &path]);
    assert!(
        ran.stdout.starts_with("imported 40 records, 60 before"),
        "{ran:?}"
    );
    assert_eq!(values(&server), expected(100));
    // Lines that are added are imported by the next run, and a shorter file is another one.
    std::fs::write(
        &path,
        format!("{text}{}", "{\"keyText\":\"k\",\"valueText\":\"100\"}"),
    )
    .expect("written");
    assert_eq!(printed(&server, &["import", &path, "-o", "raw"]), "1\n");
    std::fs::write(&path, format!("{}\n", lines[0])).expect("written");
    let ran = run(&server, &["import", &path]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("another --id"), "{ran:?}");
    assert_eq!(values(&server), expected(101));
}

#[test]
fn standard_input_is_imported_and_resumed_by_its_id() {
    let server = in_memory();
    let (_folder, path) = numbers(50);
    let text = std::fs::read(&path).expect("read");
    let half = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(20)
        .flatten()
        .copied();
    let half: Vec<u8> = half.collect();
    let args = ["import", "-", "--id", "piped", "-o", "raw"];
    assert_eq!(given(&server, &args, &half), "20\n");
    assert_eq!(given(&server, &args, &text), "30\n");
    assert_eq!(values(&server), expected(50));
    assert_eq!(
        printed(&server, &["cursors", "-o", "raw"]),
        "import/piped\n"
    );
}

/// A number from a seed, below `below`.
fn drawn(seed: &mut u64, below: u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

#[test]
fn each_line_is_there_once_whoever_is_killed() {
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let url = server.url().to_owned();
    let (_folder, path) = numbers(LINES);
    let args = [
        "import",
        &path,
        "--batch-records",
        "97",
        "--patience",
        "60s",
        "--quiet",
    ];
    let mut seed = 20_260_722;
    let start = || {
        command(&url, &args)
            .stdout(Stdio::null())
            .spawn()
            .expect("start")
    };
    let mut import = start();
    let mut killed = 0;
    while killed < KILLS {
        std::thread::sleep(Duration::from_millis(60 + drawn(&mut seed, 300)));
        if import.try_wait().expect("asked").is_some() {
            break;
        }
        let who = drawn(&mut seed, 3);
        let restart = |server: Server| {
            server.kill9();
            place.starter(port)()
        };
        if who != 1 {
            import.kill().expect("killed");
            import.wait().expect("ended");
        }
        if who != 0 {
            server = restart(server);
        }
        if who != 1 {
            import = start();
        }
        killed += 1;
    }
    let ran = ended(import.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        killed >= 3,
        "only {killed} kills: it is too fast for this test"
    );
    // What it said is durable.
    server.kill9();
    let server = place.starter(port)();
    let (found, expected) = (values(&server), expected(LINES));
    let first = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!((found.len(), first), (LINES, None));
}

#[test]
fn a_server_that_stays_away_is_given_up_and_the_command_to_resume_is_told() {
    let (_folder, path) = numbers(10);
    let ran = run_at("http://127.0.0.1:1", &["import", &path]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("http://127.0.0.1:1"), "{ran:?}");
    assert!(Path::new(&path).exists());
}
