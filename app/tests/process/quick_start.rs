//! The README's quick start, pasted into a shell.

use std::process::Command;

use super::support::server::Server;

/// A command of the README and what it says that it prints.
struct Example {
    command: String,
    output: String,
}

#[test]
fn the_quick_start_of_the_readme_prints_what_it_says() {
    let readme = std::fs::read_to_string("../README.md").expect("read the README");
    let section = readme
        .split("\n## ")
        .find_map(|section| section.strip_prefix("Quick start\n"))
        .expect("a section `Quick start`");
    let examples = examples(section);
    assert!(examples.len() >= 6, "found only {}", examples.len());

    let server = Server::start(&["--in-memory".to_owned()], &[]);
    for Example { command, output } in examples {
        let here = command.replace("http://localhost:8080", server.url());
        let ran = Command::new("bash")
            .args(["-c", &here])
            .output()
            .expect("run bash");
        assert!(ran.status.success(), "{command}");
        let printed = String::from_utf8(ran.stdout).expect("text");
        assert_eq!(comparable(&printed), comparable(&output), "{command}");
    }
}

/// Each block of shell with the block of output behind it.
fn examples(section: &str) -> Vec<Example> {
    let blocks: Vec<(&str, &str)> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .collect();
    let pairs = blocks
        .windows(2)
        .filter(|two| two[0].0 == "sh" && two[1].0 != "sh");
    pairs
        .map(|two| Example {
            command: two[0].1.to_owned(),
            output: two[1].1.to_owned(),
        })
        .collect()
}

/// Without what differs from run to run (the time of an append) or is only layout (line ends between answers).
fn comparable(output: &str) -> String {
    let mut kept = String::new();
    let mut rest = output;
    while let Some((before, after)) = rest.split_once("\"timestampMs\":") {
        kept.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    kept.push_str(rest);
    kept.split_whitespace().collect()
}
