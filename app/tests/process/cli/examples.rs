//! The examples of `--help`, each run in a shell.

use std::process::Command;

use clap::CommandFactory;
use log_app::cli::Cli;

use super::{command, given, in_memory, printed};
use crate::support::server::binary;

/// A command with its examples.
struct Helped {
    name: String,
    examples: Vec<String>,
}

/// The commands of the client: all that know a server, and those about this program.
fn of_client(command: &clap::Command, path: &str, found: &mut Vec<Helped>) {
    for sub in command.get_subcommands() {
        let name = format!("{path} {}", sub.get_name()).trim().to_owned();
        let knows_a_server = sub.get_arguments().any(|arg| arg.get_id() == "url");
        if knows_a_server || ["completions", "man"].contains(&name.as_str()) {
            let help = sub
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
            let examples = lines.take_while(|line| line.starts_with("  "));
            found.push(Helped {
                name: name.clone(),
                examples: examples.map(|line| line.trim().to_owned()).collect(),
            });
        }
        of_client(sub, &name, found);
    }
}

#[test]
fn every_example_of_every_command_does_what_it_says() {
    let mut commands = Vec::new();
    of_client(&Cli::command(), "", &mut commands);
    let names: Vec<_> = commands
        .iter()
        .map(|command| command.name.as_str())
        .collect();
    for expected in [
        "append",
        "scan",
        "tail",
        "count",
        "keys",
        "segments",
        "cursors",
        "cursors set",
        "trim",
        "delete",
        "export",
        "import",
        "status",
        "bench",
        "completions",
        "man",
    ] {
        assert!(
            names.contains(&expected),
            "{expected} is missing: {names:?}"
        );
    }
    for helped in &commands {
        assert!(
            !helped.examples.is_empty(),
            "{} has no examples",
            helped.name
        );
        let server = in_memory();
        given(
            &server,
            &["append", "orders", "--lines"],
            b"0\n1\n2\n3\n4\n",
        );
        printed(&server, &["append", "orders/1", "x"]);
        printed(&server, &["append", "customer-4711", "x"]);
        printed(&server, &["cursors", "set", "projection", "2"]);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("orders.jsonl");
        std::fs::write(
            &file,
            "{\"keyText\":\"orders\",\"valueText\":\"imported\"}\n",
        )
        .expect("written");
        for example in &helped.examples {
            assert!(example.contains("opendata-log "), "{example}");
            let follows = example.starts_with("opendata-log tail") && !example.contains("--limit");
            let function = format!(
                "opendata-log() {{ command {} \"$@\"; }}; set -e -o pipefail; ",
                binary().to_string_lossy()
            );
            // The shell is replaced, so that the signal reaches the command.
            let script = match follows {
                true => example.replacen(
                    "opendata-log",
                    &format!("exec {}", binary().to_string_lossy()),
                    1,
                ),
                false => format!("{function}{example}"),
            };
            let mut shell = Command::new("timeout");
            if follows {
                shell.args(["--preserve-status", "--signal=INT", "1"]);
            } else {
                shell.arg("30");
            }
            let cleared = command(server.url(), &[]);
            for (name, value) in cleared.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            shell
                .args(["bash", "-c", &script])
                .current_dir(folder.path());
            let ran = super::ended(shell.output().expect("run bash"));
            let expected = if follows { 130 } else { 0 };
            assert_eq!(ran.code, Some(expected), "{example}: {ran:?}");
        }
    }
}

#[test]
fn the_help_of_each_command_names_its_exit_codes_or_the_page_that_does() {
    let server = in_memory();
    let help = printed(&server, &["--help"]);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in [
        "5 a precondition",
        "6 the server cannot be reached",
        "7 it is not known",
    ] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

/// The blocks of the page on the command line: what is run, and what it prints.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let blocks = page.split("```").skip(1).step_by(2);
    let blocks: Vec<_> = blocks.filter_map(|block| block.split_once('\n')).collect();
    let run = (0..blocks.len()).filter(|at| blocks[*at].0 == "sh");
    run.map(|at| match blocks.get(at + 1) {
        Some((kind, output)) if *kind != "sh" => (blocks[at].1, *output),
        _ => panic!("without output: {}", blocks[at].1),
    })
    .collect()
}

/// Without times, which differ from run to run.
fn comparable(output: &str) -> String {
    let words = output.split(' ').map(|word| match word.ends_with('Z') {
        true => "TIME".to_owned(),
        false => match word.split_once("\"timestampMs\":") {
            Some((before, after)) => {
                format!("{before}{}", after.trim_start_matches(char::is_numeric))
            }
            None => word.to_owned(),
        },
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_on_the_command_line_prints_what_it_says() {
    let page = std::fs::read_to_string("../docs/cli.md").expect("read the page");
    let blocks = blocks(&page);
    assert!(blocks.len() >= 10, "found only {}", blocks.len());
    let server = in_memory();
    let folder = tempfile::tempdir().expect("a folder");
    for (script, output) in blocks {
        let own = binary().to_string_lossy().into_owned();
        let script = format!("opendata-log() {{ command {own} \"$@\"; }}\n{script}");
        let mut shell = Command::new("timeout");
        shell.args(["30", "bash", "-c", &script]);
        shell
            .env("LOG_URL", server.url())
            .current_dir(folder.path());
        let ran = super::ended(shell.output().expect("run bash"));
        assert_eq!(
            comparable(&ran.stdout),
            comparable(output),
            "{script}: {ran:?}"
        );
    }
}
