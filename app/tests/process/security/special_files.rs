//! Files that are not what they should be, in place of tokens, certificate and key.

use std::path::Path;
use std::process::Command;

use super::files::{Files, in_memory, variable};
use crate::support::server::{Server, Variable, run_with};

const TOKEN: &str = "a-token-of-a-test-0123456789";

/// What may be found where a file was, and what is said of it.
const KINDS: [(&str, &str); 4] = [
    ("mkfifo \"$0\"", "is a FIFO, not a regular file"),
    ("ln -s /dev/zero \"$0\"", "is a device, not a regular file"),
    ("mkdir \"$0\"", "is a folder, not a regular file"),
    ("truncate -s 2M \"$0\"", "larger than 1 MiB"),
];

fn put(path: &Path, how: &str) {
    // Renamed into place, as a file that is replaced should be.
    let script = format!(r#"rm -rf "$0" && {how}"#);
    let done = Command::new("sh").args(["-c", &script]).arg(path).status();
    assert!(done.is_ok_and(|status| status.success()), "{how}");
}

fn tokens(files: &Files) -> Vec<Variable> {
    files.write("tokens", &format!("test read,append {TOKEN}\n"));
    let mut settings = files.tls();
    settings.push(variable("LOG_AUTH__TOKENS", &files.text("tokens")));
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_by_something_else_keeps_the_previous_content_and_blocks_nobody() {
    let files = Files::new();
    let mut server = Server::start(&in_memory(), &tokens(&files));
    let client = files.client();
    let url = format!("{}/api/v1/log/keys", server.url());
    for name in ["tokens", "tls.crt", "tls.key"] {
        for (how, why) in KINDS {
            put(&files.path(name), how);
            server
                .until_logged(&format!("{}: {why}", files.text(name)))
                .await;
            let asked = client.get(&url).bearer_auth(TOKEN).send().await;
            assert_eq!(asked.expect("an answer").status(), 200, "{name}: {how}");
        }
        put(&files.path(name), ":");
        files.renew();
    }
    let peak = server.peak_memory();
    assert!(peak < 256 << 20, "{peak} bytes");
    // A server that read any of them again and again would not stop.
    let exit = server.terminate().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
    for kept in [
        "keeping the previous tokens",
        "keeping the previous certificate",
    ] {
        assert!(exit.stderr.contains(kept), "{}", exit.stderr);
    }
}

#[test]
fn a_start_with_something_else_in_place_of_a_file_is_refused_with_one_line() {
    for name in ["tokens", "tls.crt", "tls.key"] {
        for (how, why) in KINDS {
            let files = Files::new();
            let settings = tokens(&files);
            put(&files.path(name), how);
            let exit = run_with(
                &["--in-memory", "--port", "0"].map(str::to_owned),
                &settings,
            );
            assert_eq!(exit.code, Some(2), "{exit:?}");
            assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
            assert!(exit.stderr.contains(why), "{exit:?}");
        }
    }
}
