//! Configuration: where a setting may come from, which one wins, and how a bad one is refused.

use std::net::TcpListener;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::client::{Client, Outcome};
use crate::support::server::{Exit, Server, run};

/// The exit code for a configuration that cannot be meant.
const BAD_CONFIGURATION: i32 = 2;

const FLAGS: [&str; 8] = [
    "--port",
    "--host",
    "--data-dir",
    "--in-memory",
    "--s3-bucket",
    "--s3-region",
    "--s3-prefix",
    "--config",
];

/// Refused with exit code 2 and one line on stderr that names what is wrong.
fn refused(exit: &Exit, name: &str) {
    assert_eq!(exit.code, Some(BAD_CONFIGURATION), "{exit:?}");
    let lines: Vec<_> = exit.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "one line, not {}: {exit:?}", lines.len());
    assert!(
        lines[0].to_lowercase().contains(&name.to_lowercase()),
        "{:?} does not name {name}",
        lines[0]
    );
}

fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("write a configuration file");
    (folder, path)
}

#[test]
fn an_unknown_flag_is_refused() {
    refused(&run(&["--prot", "8080"], &[]), "--prot");
}

#[test]
fn a_flag_whose_value_is_no_number_is_refused() {
    refused(&run(&["--port", "eighty"], &[]), "port");
}

#[test]
fn a_number_out_of_range_is_refused() {
    refused(&run(&["--port", "65536"], &[]), "port");
}

#[test]
fn an_unknown_setting_in_a_file_is_refused() {
    let (_folder, yaml) = file("log.yaml", "limits:\n  key_bites: 16\n");
    refused(
        &run(&["--config", yaml.to_str().unwrap()], &[]),
        "key_bites",
    );
    let (_folder, toml) = file("log.toml", "[limits]\nkey_bites = 16\n");
    refused(
        &run(&["--config", toml.to_str().unwrap()], &[]),
        "key_bites",
    );
}

#[test]
fn an_unknown_setting_in_the_environment_is_refused() {
    let exit = run(&["--in-memory"], &[("LOG_LIMITS__KEY_BITES", "16")]);
    refused(&exit, "key_bites");
}

#[test]
fn a_setting_in_the_environment_that_is_no_number_is_refused() {
    let exit = run(&["--in-memory"], &[("LOG_LIMITS__KEY_BYTES", "many")]);
    refused(&exit, "key_bytes");
}

#[test]
fn a_file_that_does_not_exist_is_refused() {
    let exit = run(&["--config", "/does/not/exist.yaml"], &[]);
    refused(&exit, "/does/not/exist.yaml");
}

#[test]
fn a_file_that_is_neither_yaml_nor_toml_is_refused() {
    let (_folder, path) = file("broken.yaml", "limits: [\n");
    refused(
        &run(&["--config", path.to_str().unwrap()], &[]),
        "broken.yaml",
    );
}

#[test]
fn memory_and_a_bucket_at_once_are_refused() {
    let exit = run(&["--in-memory", "--s3-bucket", "bucket"], &[]);
    refused(&exit, "in-memory");
    refused(&exit, "s3-bucket");
}

#[test]
fn a_limit_of_zero_is_refused() {
    let exit = run(&["--in-memory"], &[("LOG_LIMITS__KEY_BYTES", "0")]);
    refused(&exit, "key_bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let in_memory = ["--in-memory".to_owned()];
    let server = Server::start(&in_memory, &[]);
    assert_eq!(
        longest_key(&server, &[16, 17, 18, 19]).await,
        19,
        "the default"
    );

    let (_folder, path) = file("log.yaml", "limits:\n  key_bytes: 18\n");
    let arguments = [
        "--in-memory",
        "--port",
        "0",
        "--config",
        path.to_str().unwrap(),
    ];
    let arguments = arguments.map(str::to_owned);
    let server = Server::start(&arguments, &[]);
    assert_eq!(longest_key(&server, &[17, 18, 19]).await, 18, "the file");

    let environment = [("LOG_LIMITS__KEY_BYTES".to_owned(), "17".to_owned())];
    let server = Server::start(&arguments, &environment);
    assert_eq!(
        longest_key(&server, &[16, 17, 18]).await,
        17,
        "the environment"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let [by_file, by_environment, by_flag] = log_testkit::ports::free_ports();
    let (_folder, path) = file("log.toml", &format!("port = {by_file}\n"));
    let from_file = ["--in-memory", "--config", path.to_str().unwrap()].map(str::to_owned);
    let server = Server::start(&from_file, &[]);
    assert_eq!(server.address(), format!("127.0.0.1:{by_file}"));

    let environment = [("LOG_PORT".to_owned(), by_environment.to_string())];
    let server = Server::start(&from_file, &environment);
    assert_eq!(server.address(), format!("127.0.0.1:{by_environment}"));

    let mut with_flag = from_file.to_vec();
    with_flag.extend(["--port".to_owned(), by_flag.to_string()]);
    let server = Server::start(&with_flag, &environment);
    assert_eq!(server.address(), format!("127.0.0.1:{by_flag}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subcommand_serve_may_be_said_or_left_out() {
    let arguments = ["serve", "--in-memory"].map(str::to_owned);
    let server = Server::start(&arguments, &[]);
    Client::new(&server).append_one("key", "value", true).await;
    assert_eq!(server.terminate().await.code, Some(0));
}

#[test]
fn help_names_every_flag_and_version_says_the_version() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.code, Some(0), "{help:?}");
    for flag in FLAGS {
        assert!(
            help.stdout.contains(flag),
            "{flag} is not in:\n{}",
            help.stdout
        );
    }
    let version = run(&["--version"], &[]);
    assert_eq!(version.code, Some(0), "{version:?}");
    assert!(
        version.stdout.contains(env!("CARGO_PKG_VERSION")),
        "{version:?}"
    );
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let exit = run(&["--in-memory", "--port", &port], &[]);
    assert!(exit.code.is_some_and(|code| code != 0), "{exit:?}");
    let about_it = exit
        .stderr
        .lines()
        .filter(|line| line.contains(&port) && line.to_lowercase().contains("in use"));
    assert_eq!(about_it.count(), 1, "{exit:?}");
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
}

/// The longest of these keys, in ascending order of length, that the server takes. It must refuse all longer ones.
async fn longest_key(server: &Server, lengths: &[usize]) -> usize {
    let client = Client::new(server);
    let mut longest = 0;
    let mut refused = false;
    for &length in lengths {
        match client
            .append(&[(vec![b'k'; length], b"value".to_vec())], false)
            .await
        {
            Outcome::Acknowledged(_) => {
                assert!(
                    !refused,
                    "a key of {length} bytes was taken after a shorter one was not"
                );
                longest = length;
            }
            Outcome::Refused { status, code } => {
                assert_eq!((status, code.as_str()), (413, "too_large"));
                refused = true;
            }
            Outcome::Unknown(why) => panic!("{why}"),
        }
    }
    longest
}
