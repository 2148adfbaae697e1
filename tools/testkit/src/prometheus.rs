//! Prometheus, a real one, and its `promtool`.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::leash::Leash;
use crate::ports::free_ports;

/// How often the server scrapes, in seconds.
pub const SCRAPE_SECONDS: u32 = 1;

const POLL: Duration = Duration::from_millis(50);
const POLLS_UNTIL_UP: usize = 600;

/// A running server. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Prometheus {
    port: u16,
    // Before `folder`, so that the process is gone when its folder is removed.
    _process: Leash,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes `/metrics` at this port of 127.0.0.1 each second, as the job `opendata-log`.
    ///
    /// # Panics
    /// When `prometheus` is not on the PATH (`tools/install` puts it there), or does not come up in half a minute.
    pub fn scraping(target: u16) -> Self {
        let folder = TempDir::with_prefix("log-prometheus-").expect("make a temporary folder");
        let configuration = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: {SCRAPE_SECONDS}s, scrape_timeout: {SCRAPE_SECONDS}s }}\n\
             scrape_configs:\n\
             - job_name: opendata-log\n  \
               static_configs: [{{ targets: ['127.0.0.1:{target}'] }}]\n"
        );
        std::fs::write(&configuration, text).expect("write Prometheus' configuration");
        let log = File::create(folder.path().join("prometheus.log")).expect("make a file");
        let [port] = free_ports();
        let arguments = [
            format!("--config.file={}", configuration.display()),
            format!("--storage.tsdb.path={}", folder.path().display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let process = Leash::start("prometheus", &arguments, log)
            .expect("run prometheus (see tools/install)");
        for _ in 0..POLLS_UNTIL_UP {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Self {
                    port,
                    _process: process,
                    _folder: folder,
                };
            }
            assert!(process.is_running(), "prometheus ended (see tools/install)");
            sleep(POLL);
        }
        panic!("prometheus did not come up");
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// What `promtool check metrics` has against a scrape.
///
/// # Errors
/// Its words, when it does not find the scrape good.
///
/// # Panics
/// When `promtool` is not on the PATH (`tools/install` puts it there).
pub fn check_metrics(scrape: &str) -> Result<(), String> {
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run promtool (see tools/install)");
    let mut stdin = tool.stdin.take().expect("stdin is piped");
    let text = scrape.to_owned();
    // It may stop reading at the first error.
    let writer = std::thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
    let output = tool.wait_with_output().expect("wait for promtool");
    writer.join().expect("the scrape is written");
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned())
}
