//! Log lines that cannot be written: the server keeps its promises and its exit codes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use futures::future::join_all;
use log_testkit::ports::free_ports;
use log_testkit::seaweedfs::SeaweedFs;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::client::{Client, http, ready, until_ready_is};
use crate::support::server::{Server, Variable, binary, run_mute, variables};
use crate::support::unwritable::Unwritable;

/// How long a start or a request may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);
const BUCKET: &str = "dead-stderr";

/// A server with this standard error, once it is ready.
async fn serve(args: &[String], env: &[Variable], stderr: &Unwritable) -> Server {
    let [port] = free_ports::<1>();
    let server = Server::begin_mute(args, env, port, stderr);
    let ready = format!("{}/-/ready", server.url());
    let is_ready = async {
        loop {
            match http().get(&ready).send().await {
                Ok(answer) if answer.status() == 200 => break,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let started = timeout(SOON, is_ready).await;
    assert!(started.is_ok(), "not ready with {stderr:?}");
    server
}

fn data_dir(folder: &TempDir) -> Vec<String> {
    vec![
        "--data-dir".to_owned(),
        folder.path().display().to_string(),
        "--take-over".to_owned(),
    ]
}

/// Acknowledgements are then not durable before the server stops.
fn no_flush() -> Vec<Variable> {
    variables(&[("LOG_DURABILITY__FLUSH_INTERVAL", "10m")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_without_a_standard_error_keeps_what_was_acknowledged_and_exits_with_0() {
    for stderr in Unwritable::all() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = serve(&data_dir(&folder), &no_flush(), &stderr).await;
        Client::new(&server)
            .append_one("k", "acknowledged", false)
            .await;
        let exit = server.terminate().await;
        assert_eq!(exit.code, Some(0), "{stderr:?}");
        let server = Server::start(&data_dir(&folder), &[]);
        let kept = Client::new(&server).scan_all(b"k", 10).await;
        assert_eq!(kept.len(), 1, "{stderr:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_server_without_a_standard_error_exits_with_3() {
    for stderr in Unwritable::all() {
        let folder = tempfile::tempdir().expect("a folder");
        let older = serve(&data_dir(&folder), &[], &stderr).await;
        let newer = Server::start(&data_dir(&folder), &[]);
        assert_eq!(older.wait().await.code, Some(3), "{stderr:?}");
        assert_eq!(newer.terminate().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_to_a_server_without_a_standard_error_exits_with_4() {
    for stderr in Unwritable::all() {
        let lame_duck = variables(&[("LOG_SHUTDOWN__LAME_DUCK", "20s")]);
        let server = serve(&["--in-memory".to_owned()], &lame_duck, &stderr).await;
        server.send_sigterm();
        until_ready_is(&server, 503, SOON).await;
        assert_eq!(server.terminate().await.code, Some(4), "{stderr:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_fails_without_a_standard_error_exits_with_4() {
    for stderr in Unwritable::all() {
        let folder = tempfile::tempdir().expect("a folder");
        let env = variables(&[("LOG_SLATEDB__MANIFEST_POLL_INTERVAL", "100ms")]);
        let server = serve(&data_dir(&folder), &env, &stderr).await;
        Client::new(&server).append_one("k", "v", true).await;
        // An unreadable manifest, as the next one.
        let manifests = folder.path().join("log/manifest");
        let names = fs::read_dir(&manifests).expect("a folder of manifests");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let ids = names.filter_map(|name| name.to_str()?.strip_suffix(".manifest")?.parse().ok());
        let next = ids.max().unwrap_or(0_u64) + 1;
        let next = manifests.join(format!("{next:020}.manifest"));
        fs::write(next, "no manifest").expect("written");
        assert_eq!(server.wait().await.code, Some(4), "{stderr:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_were_lost_are_counted_and_told_when_standard_error_takes_lines_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("stderr");
    let stderr = Unwritable::fifo(&fifo);
    let server = serve(&["--in-memory".to_owned()], &[], &stderr).await;
    let client = Client::new(&server);
    let metrics = client.metrics().await;
    let lost = metrics.lines().find_map(|line| {
        line.strip_prefix(r#"log_stderr_lines_lost_total{reason="not_written"} "#)
    });
    let lost: u64 = lost.expect("a metric").parse().expect("a number");
    assert!(lost >= 1, "nothing was lost");

    let (found, told) = mpsc::channel();
    // Before the server ends, which has it open for writing: afterwards this would wait for the next one.
    let reader = BufReader::new(File::open(fifo).expect("open"));
    std::thread::spawn(move || {
        let lines = reader.lines();
        for line in lines.map_while(Result::ok) {
            // Fails when the test has ended.
            drop(found.send(line));
        }
    });
    // What is written next, whatever it is, is followed by the count.
    server.send_sigterm();
    loop {
        let line = told.recv_timeout(SOON).expect("a line about lost ones");
        if line.contains("did not take some log lines") {
            let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            // On a busy machine, more were lost since the metric was read.
            let lines = told["lines"].as_u64().expect("a number");
            assert!(lines >= lost && line.contains("WARN"), "{line}");
            break;
        }
    }
    assert_eq!(server.wait().await.code, Some(0));
}

#[test]
fn a_start_that_is_refused_without_a_standard_error_exits_with_2() {
    for stderr in Unwritable::all() {
        for args in [
            &["--no-such-flag"][..],
            &["--config", "/does/not/exist.yaml"],
            &["--in-memory", "--host", "192.0.2.1", "--port", "0"],
        ] {
            assert_eq!(run_mute(args, &stderr), Some(2), "{args:?} with {stderr:?}");
        }
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_not() {
    let run = |args: &str, to: &str| {
        let script = format!(r#"trap '' PIPE; "$0" {args} {to} && echo 0 >&2 || echo $? >&2"#);
        let run = Command::new("bash")
            .args(["-c", &script])
            .arg(binary())
            .output()
            .expect("run bash");
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    for args in ["openapi", "config show --in-memory", "--help", "--version"] {
        let said = run(args, "> /dev/full");
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{args}: {said}");
        assert!(
            lines[0].contains("cannot write to standard output"),
            "{said}"
        );
        assert_eq!(lines[1], "1", "{args}: {said}");
        let said = run(args, "1> >(exec true)");
        assert_eq!(said.trim(), "0", "{args}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_survived_without_a_standard_error() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let kinds = Unwritable::all();
    let place = |n: usize| {
        let prefix = format!("log/{n}");
        ["--s3-bucket", BUCKET, "--s3-prefix", &prefix].map(str::to_owned)
    };
    let mut env = s3.environment();
    env.extend(variables(&[("LOG_TIMEOUTS__CHECK", "500ms")]));
    let servers = join_all(kinds.iter().enumerate().map(|(n, stderr)| {
        let (args, env) = (place(n), env.clone());
        async move { serve(&args, &env, stderr).await }
    }))
    .await;
    for server in &servers {
        // The first append reserves sequences, durably.
        Client::new(server).append_one("k", "before", true).await;
    }
    s3.pause();
    for (server, stderr) in servers.iter().zip(&kinds) {
        // Again and again: what was logged the first time must not have broken the second.
        until_ready_is(server, 503, SOON).await;
        for _ in 0..3 {
            let asked = timeout(SOON, ready(server)).await;
            let (status, reason) = asked.unwrap_or_else(|_| panic!("no answer with {stderr:?}"));
            assert_eq!(status, 503, "{reason}");
        }
        let append = Client::new(server);
        let append = append.append_one("k", "during", false);
        assert!(timeout(SOON, append).await.is_ok(), "{stderr:?}");
    }
    s3.resume();
    for (n, (server, stderr)) in servers.into_iter().zip(&kinds).enumerate() {
        until_ready_is(&server, 200, SOON).await;
        assert_eq!(server.terminate().await.code, Some(0), "{stderr:?}");
        let server = Server::start(&place(n), &env);
        let kept = Client::new(&server).scan_all(b"k", 10).await;
        assert_eq!(kept.len(), 2, "{stderr:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_an_outage_without_a_standard_error_exits_with_4_in_time() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let mut env = s3.environment();
    env.extend(variables(&[("LOG_SHUTDOWN__TIMEOUT", "3s")]));
    let kinds = Unwritable::all();
    let servers = join_all(kinds.iter().enumerate().map(|(n, stderr)| {
        let prefix = format!("stopped/{n}");
        let args = ["--s3-bucket", BUCKET, "--s3-prefix", &prefix].map(str::to_owned);
        let env = env.clone();
        async move { serve(&args, &env, stderr).await }
    }))
    .await;
    for server in &servers {
        Client::new(server).append_one("k", "before", true).await;
    }
    s3.pause();
    for server in &servers {
        let client = Client::new(server);
        client.append_one("k", "not durable", false).await;
    }
    let stops = join_all(
        servers
            .into_iter()
            .map(|server| timeout(SOON, server.terminate())),
    )
    .await;
    s3.resume();
    for (stop, stderr) in stops.into_iter().zip(&kinds) {
        let exit = stop.unwrap_or_else(|_| panic!("no end with {stderr:?}"));
        assert_eq!(exit.code, Some(4), "{stderr:?}");
    }
}
