//! Each command: what it does, and what it prints for programs.

use std::io::{BufRead, BufReader};

use super::{given, in_memory, printed, run};

/// The time of a record, taken out of a line.
fn without_time(line: &str) -> String {
    let words = line.split("  ").map(|word| match word.ends_with('Z') {
        true => "TIME",
        false => word,
    });
    words.collect::<Vec<_>>().join("  ")
}

/// The time of a record, taken out of JSON.
fn without_timestamp(line: &str) -> String {
    let (before, after) = line.split_once("\"timestampMs\":").expect("a time");
    let digits = after.find(|each: char| !each.is_ascii_digit());
    format!(
        "{before}\"timestampMs\":0{}",
        &after[digits.expect("more")..]
    )
}

#[test]
fn what_is_appended_is_scanned_for_people_and_for_programs() {
    let server = in_memory();
    let said = printed(&server, &["append", "orders", "first"]);
    assert_eq!(said, "appended 1 record to orders, sequence 0\n");
    let header = [
        "append",
        "orders",
        "a\u{1b}[2J\nb",
        "--header",
        "by=me",
        "--durable",
    ];
    printed(&server, &header);
    let said = given(
        &server,
        &["append", "--key-base64", "/w", "-o", "raw"],
        b"\x00\xff",
    );
    assert_eq!(said, "2\n");
    let said = printed(&server, &["append", "other", "x", "--output", "json"]);
    assert_eq!(said, "{\"recordsAppended\":1,\"startSequence\":3}\n");

    let people = printed(&server, &["scan", "orders"]);
    let lines: Vec<_> = people.lines().map(without_time).collect();
    assert_eq!(
        lines,
        ["0  TIME  first", "1  TIME  a\\u{1b}[2J\\nb", "    by: me"]
    );
    let raw = printed(&server, &["scan", "orders", "--output", "raw"]);
    assert_eq!(raw, "first\na\u{1b}[2J\nb\n");
    let json = printed(&server, &["scan", "orders", "--output", "json"]);
    let json: Vec<_> = json.lines().map(without_timestamp).collect();
    assert_eq!(
        json,
        [
            r#"{"sequence":0,"key":"b3JkZXJz","value":"Zmlyc3Q=","timestampMs":0}"#,
            r#"{"sequence":1,"key":"b3JkZXJz","value":"YRtbMkoKYg==","timestampMs":0,"headers":[{"name":"by","value":"bWU="}]}"#,
        ]
    );
    let all = printed(&server, &["scan", "--prefix", "", "--from", "2"]);
    let all: Vec<_> = all.lines().map(without_time).collect();
    assert_eq!(all, ["2  TIME  \\xff  \\u{0}\\xff", "3  TIME  other  x"]);
}

#[test]
fn lines_and_objects_of_standard_input_become_records_in_their_order() {
    let server = in_memory();
    let numbers: String = (0..25_000).map(|number| format!("{number}\n")).collect();
    let said = given(&server, &["append", "n", "--lines"], numbers.as_bytes());
    assert_eq!(said, "appended 25,000 records to n, sequences 0 to 24999\n");
    assert_eq!(printed(&server, &["scan", "n", "-o", "raw"]), numbers);
    assert_eq!(printed(&server, &["count", "n"]), "25000\n");
    assert_eq!(
        printed(
            &server,
            &["count", "n", "-o", "raw", "--from", "10", "--to", "20"]
        ),
        "10\n"
    );
    assert_eq!(
        printed(&server, &["scan", "n", "-o", "raw", "--last", "2"]),
        "24998\n24999\n"
    );
    let limited = ["scan", "n", "-o", "raw", "--from", "7", "--limit", "2"];
    assert_eq!(printed(&server, &limited), "7\n8\n");
    given(
        &server,
        &["append", "l", "--lines"],
        b"\nlast without newline",
    );
    assert_eq!(
        printed(&server, &["scan", "l", "-o", "raw"]),
        "\nlast without newline\n"
    );
    let objects = b"{\"valueText\":\"a\"}\n\n{\"value\":\"Yg==\",\"keyText\":\"other\"}\n";
    given(&server, &["append", "j", "--json"], objects);
    assert_eq!(printed(&server, &["scan", "j", "-o", "raw"]), "a\nb\n");
    given(&server, &["append", "whole"], b"one\nvalue");
    assert_eq!(
        printed(&server, &["scan", "whole", "-o", "raw"]),
        "one\nvalue\n"
    );
    assert_eq!(printed(&server, &["keys"]), "j\nl\nn\nwhole\n");
    assert_eq!(
        printed(&server, &["keys", "-o", "json", "--limit", "1"]),
        "{\"key\":\"ag==\"}\n"
    );
    assert_eq!(
        printed(&server, &["keys", "-o", "raw", "--prefix", "w"]),
        "whole\n"
    );
    assert_eq!(
        printed(&server, &["count", "--prefix", "", "-o", "json"]),
        "{\"count\":25005}\n"
    );
}

#[test]
fn a_wrong_line_stops_the_append_and_says_what_was_appended() {
    let server = in_memory();
    let child = super::begun_with(
        super::command(server.url(), &["append", "k", "--json"]),
        b"{\"valueText\":\"a\"}\nnot an object\n{\"valueText\":\"b\"}\n",
    );
    let ran = super::ended(child.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr
            .contains("appended 1 record, and nothing after them: line 2: "),
        "{ran:?}"
    );
    assert_eq!(printed(&server, &["scan", "k", "-o", "raw"]), "a\n");
}

#[test]
fn an_append_may_depend_on_that_nobody_was_faster() {
    let server = in_memory();
    let lines: String = "x\n".repeat(15_000);
    let first = ["append", "k", "--lines", "--if-unchanged-since", "0"];
    given(&server, &first, lines.as_bytes());
    let refused = run(&server, &["append", "k", "y", "--if-unchanged-since", "0"]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    printed(
        &server,
        &["append", "k", "y", "--if-unchanged-since", "15000"],
    );
}

#[test]
fn cursors_are_listed_read_moved_and_deleted() {
    let server = in_memory();
    given(&server, &["append", "k", "--lines"], b"a\nb\nc\n");
    assert_eq!(
        printed(&server, &["cursors", "set", "p", "2", "-o", "raw"]),
        "2\n"
    );
    printed(&server, &["cursors", "set", "q/1", "1", "--expected", "0"]);
    let refused = run(&server, &["cursors", "set", "p", "3", "--expected", "1"]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert_eq!(
        printed(&server, &["cursors", "get", "p", "-o", "raw"]),
        "2\n"
    );
    assert_eq!(printed(&server, &["cursors", "-o", "raw"]), "p\nq/1\n");
    let listed = printed(&server, &["cursors", "list", "--prefix", "p"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines[0], "CURSOR  POSITION  LAG  MOVED");
    assert!(
        lines[1].starts_with("p              2    1  20"),
        "{listed}"
    );
    let json = printed(&server, &["cursors", "-o", "json", "--prefix", "p"]);
    assert!(
        json.starts_with(r#"{"name":"p","position":2,"updatedMs":"#),
        "{json}"
    );
    let refused = run(&server, &["cursors", "delete", "p"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    printed(&server, &["cursors", "delete", "p", "--yes"]);
    for gone in [
        &["cursors", "get", "p"][..],
        &["cursors", "delete", "p", "-y"],
    ] {
        let missing = run(&server, gone);
        assert_eq!(missing.code, Some(1), "{missing:?}");
        assert!(
            missing.stderr.contains("there is no cursor p"),
            "{missing:?}"
        );
    }
}

#[test]
fn what_is_removed_is_confirmed_and_readers_are_told() {
    let server = in_memory();
    given(
        &server,
        &["append", "k", "--lines", "--durable"],
        b"a\nb\nc\n",
    );
    printed(&server, &["append", "other", "x"]);
    for refused in [&["trim", "--before", "1"][..], &["delete", "k"]] {
        let refused = run(&server, refused);
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    assert_eq!(printed(&server, &["count", "k"]), "3\n");
    assert_eq!(
        printed(&server, &["trim", "--before", "1", "--yes"]),
        "the log begins at sequence 1\n"
    );
    let scanned = run(&server, &["scan", "k", "-o", "raw"]);
    assert_eq!(scanned.stdout, "b\nc\n");
    assert!(scanned.stderr.contains("below sequence 1"), "{scanned:?}");
    let deleted = ["delete", "k", "--before", "2", "--yes", "-o", "json"];
    assert_eq!(printed(&server, &deleted), "{\"trimmedBefore\":2}\n");
    assert_eq!(printed(&server, &["scan", "k", "-o", "raw"]), "c\n");
    let deleted = printed(&server, &["delete", "k", "--yes", "-o", "raw"]);
    assert_eq!(deleted, "4\n");
    assert_eq!(printed(&server, &["keys"]), "other\n");
    let beyond = run(&server, &["trim", "--before", "99", "--yes"]);
    assert_eq!(beyond.code, Some(1), "{beyond:?}");
}

#[test]
fn status_segments_and_bench_say_how_the_server_does() {
    let server = in_memory();
    printed(&server, &["append", "k", "v", "--durable"]);
    let status = printed(&server, &["status"]);
    assert!(status.contains("state     ready\n"), "{status}");
    assert!(status.contains("durable   below sequence 1\n"), "{status}");
    assert_eq!(printed(&server, &["status", "-o", "raw"]), "ready\n");
    let json = printed(&server, &["status", "-o", "json"]);
    let url = server.url();
    let expected = format!(r#"{{"url":"{url}","ready":true,"durableSequence":1,"segments":1}}"#);
    assert_eq!(json.trim(), expected);
    let segments = printed(&server, &["segments"]);
    assert!(
        segments.starts_with("SEGMENT  FIRST SEQUENCE  STARTED\n"),
        "{segments}"
    );
    let json = printed(&server, &["segments", "-o", "json"]);
    assert!(
        json.starts_with(r#"{"id":"#) && json.contains(r#""startSeq":0"#),
        "{json}"
    );
    assert_eq!(printed(&server, &["segments", "-o", "raw"]), "0\n");
    let bench = [
        "bench",
        "--records",
        "503",
        "--batch",
        "10",
        "--quiet",
        "-o",
        "json",
    ];
    let measured = printed(&server, &bench);
    assert_eq!(measured.matches("\"records\":503").count(), 2, "{measured}");
    assert_eq!(printed(&server, &["count", "--prefix", "bench/"]), "503\n");
}

#[test]
fn a_tail_shows_what_is_there_and_what_comes() {
    let server = in_memory();
    let numbers: String = (0..15).map(|number| format!("{number}\n")).collect();
    given(&server, &["append", "k", "--lines"], numbers.as_bytes());
    let limited = ["tail", "k", "-o", "raw", "--limit", "3"];
    assert_eq!(printed(&server, &limited), "5\n6\n7\n");
    let from = ["tail", "k", "-o", "raw", "--from", "13", "--limit", "2"];
    assert_eq!(printed(&server, &from), "13\n14\n");
    let follow = ["tail", "k", "-o", "raw", "--last", "1", "--limit", "2"];
    let mut tail = super::command(server.url(), &follow)
        .spawn()
        .expect("start");
    let mut shown = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    let mut line = || shown.next().expect("a line").expect("text");
    assert_eq!(line(), "14");
    let several = [
        "tail", "--prefix", "k", "-o", "raw", "--from", "15", "--limit", "2",
    ];
    let several = super::command(server.url(), &several)
        .spawn()
        .expect("start");
    printed(&server, &["append", "k", "new"]);
    printed(&server, &["append", "k/2", "newer"]);
    assert_eq!(line(), "new");
    assert!(tail.wait().expect("ended").success());
    let several = super::ended(several.wait_with_output().expect("ended"));
    assert_eq!(several.stdout, "new\nnewer\n");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let server = in_memory();
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef opendata-log"),
        ("fish", "complete -c opendata-log"),
    ] {
        let script = printed(&server, &["completions", shell]);
        assert!(script.contains(mark), "{shell}");
        for word in ["append", "import", "if-unchanged-since", "serve", "cursors"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = printed(&server, &["completions", "bash"]);
    let checked = std::process::Command::new("bash")
        .args(["-n", "-c", &script])
        .status();
    assert!(checked.expect("run bash").success());
    let page = printed(&server, &["man"]);
    assert!(
        page.contains(".TH opendata-log 1") && page.contains("append"),
        "{page}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("man1");
    printed(&server, &["man", "--to", to.to_str().expect("text")]);
    assert!(to.join("opendata-log-append.1").exists());
}
