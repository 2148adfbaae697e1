//! moto's STS behind TLS, started by the test that needs it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::leash::Leash;
use crate::ports::free_ports;

/// Names the Python in which moto is installed. `tools/test` sets it.
pub const PYTHON_VARIABLE: &str = "LOG_TEST_PYTHON";

const FRONT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sts_front.py");
const POLL: Duration = Duration::from_millis(100);
const POLLS_UNTIL_UP: usize = 600;

/// A running STS with certificates of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Sts {
    port: u16,
    // Before `folder`, so that the process is gone when its folder is removed.
    _process: Leash,
    folder: TempDir,
}

impl Sts {
    /// Starts an STS whose credentials expire after `lifetime`, and waits until it answers.
    ///
    /// # Panics
    /// When `LOG_TEST_PYTHON` is not set (a test that needs STS fails without it, it is not skipped), or the server
    /// does not come up in a minute.
    pub fn start(lifetime: Duration) -> Self {
        let python = std::env::var(PYTHON_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{PYTHON_VARIABLE} is not set: this test needs moto. Run the tests with `tools/test`, which installs \
                 it into .tools/ and sets it."
            )
        });
        let folder = TempDir::with_prefix("log-sts-").expect("make a temporary folder");
        let log = File::create(folder.path().join("sts.log")).expect("make a log file");
        let [port] = free_ports();
        let args = [
            FRONT.to_owned(),
            folder.path().display().to_string(),
            port.to_string(),
            lifetime.as_secs().to_string(),
        ];
        let process = Leash::start(&python, &args, log).expect("run the STS");
        let sts = Self {
            port,
            _process: process,
            folder,
        };
        for _ in 0..POLLS_UNTIL_UP {
            if sts.folder.path().join("ready").exists() {
                return sts;
            }
            sleep(POLL);
        }
        panic!("STS did not start; its log: {}", sts.log());
    }

    /// For `AWS_ENDPOINT_URL_STS`.
    pub fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate of its authority, for `SSL_CERT_FILE`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A folder that is gone with the STS, for example for tokens.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From now on, says no: as STS does to a token that it does not trust.
    ///
    /// # Panics
    /// When its folder cannot be written.
    pub fn refuse(&self) {
        std::fs::write(self.folder.path().join("refuse"), "").expect("write into the STS's folder");
    }

    /// The exchanges so far, one line of JSON each: the parameters as `request`, and of what was given as `given` the
    /// access key and the session token.
    pub fn exchanges(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("exchanges"));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("sts.log")).unwrap_or_default()
    }
}
