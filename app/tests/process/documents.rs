//! Commands of the documents, pasted into a shell.

use std::path::Path;
use std::process::Command;

use super::support::server::{Server, binary};

/// A command of the README and what it says that it prints.
struct Example {
    command: String,
    output: String,
}

#[test]
fn the_quick_start_of_the_readme_prints_what_it_says() {
    let examples = examples("../README.md", "Quick start");
    assert!(examples.len() >= 6, "found only {}", examples.len());
    let server = Server::start(&["--in-memory".to_owned()], &[]);
    let folder = tempfile::tempdir().expect("a folder");
    for Example { command, output } in examples {
        let printed = run(&server, folder.path(), &command);
        assert_eq!(comparable(&printed), comparable(&output), "{command}");
    }
}

#[test]
fn the_first_looks_of_the_runbook_print_what_they_say_but_for_the_numbers() {
    let examples = examples("../docs/operations.md", "First looks");
    assert!(examples.len() >= 6, "found only {}", examples.len());
    let server = Server::start(&["--in-memory".to_owned()], &[]);
    let folder = tempfile::tempdir().expect("a folder");
    for Example { command, output } in examples {
        let printed = run(&server, folder.path(), &command);
        assert_eq!(
            without_numbers(&printed),
            without_numbers(&output),
            "{command}"
        );
    }
}

#[test]
fn the_page_on_operations_checks_and_shows_a_configuration_as_it_says() {
    let examples = examples("../docs/operations.md", "Configuration");
    assert_eq!(examples.len(), 2);
    let folder = tempfile::tempdir().expect("a folder");
    for Example { command, output } in examples {
        let said = pasted(&command).current_dir(folder.path()).output();
        let said = said.expect("run bash").stdout;
        assert_eq!(String::from_utf8_lossy(&said), output, "{command}");
    }
}

#[test]
fn the_page_on_backups_prints_what_it_says_but_for_the_numbers() {
    let examples = examples("../docs/backup.md", "A first backup");
    assert_eq!(examples.len(), 4);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join(".data").display().to_string();
    let server = Server::start(&["--data-dir".to_owned(), data], &[]);
    let append = r#"curl -s http://localhost:8080/api/v1/log/append -H 'Content-Type: application/json' \
        -d '{"records": [{"keyText": "a", "valueText": "b"}], "awaitDurable": true}'"#;
    run(&server, folder.path(), append);
    // Until the watermark is stored, which is in the listing.
    let watermark = folder.path().join(".data/log/watermark");
    let stored = (0..1_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        watermark.exists()
    });
    assert!(stored, "no watermark");
    for Example { command, output } in examples {
        let said = pasted(&command).current_dir(folder.path()).output();
        let said = String::from_utf8(said.expect("run bash").stdout).expect("text");
        let comparable = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(comparable(&said), comparable(&output), "{command}");
    }
}

/// What a command of a document prints in a folder, said to this server.
fn run(server: &Server, folder: &Path, command: &str) -> String {
    let command = command.replace("http://localhost:8080", server.url());
    let mut shell = pasted(&command);
    shell.env("LOG_URL", server.url()).current_dir(folder);
    let ran = shell.output().expect("run bash");
    assert!(ran.status.success(), "{command}");
    String::from_utf8(ran.stdout).expect("text")
}

/// A shell with the server in its path.
fn pasted(command: &str) -> Command {
    let folder = Path::new(&binary()).parent().map(Path::to_owned);
    let folder = folder.expect("the folder of the binary");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell
        .args(["-c", command])
        .env("PATH", format!("{}:{path}", folder.display()));
    shell
}

/// Each block of shell with the block of output behind it.
fn examples(page: &str, section: &str) -> Vec<Example> {
    let page = std::fs::read_to_string(page).expect("read the page");
    let heading = format!("{section}\n");
    let section = page
        .split("\n## ")
        .find_map(|part| part.strip_prefix(&heading))
        .expect("the section");
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

/// With `#` for what differs from run to run: times, which have a fraction, and sizes, which are long.
fn without_numbers(output: &str) -> String {
    let mut shown = String::new();
    let mut rest = output;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(begin);
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        let differs = number.contains('.') || number.len() > 4 || before.ends_with("_bytes ");
        shown.push_str(before);
        shown.push_str(if differs { "#" } else { number });
        rest = after;
    }
    shown.push_str(rest);
    shown
}
