//! Azurite, Microsoft's emulator of Azure Blob Storage, started by the test that needs it.

use std::fs::File;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::leash::Leash;
use crate::ports::free_ports;
use crate::recorder::{Call, Recorder};

/// Names the JavaScript of the emulator's blob service. `tools/test` sets it.
pub const AZURITE_VARIABLE: &str = "LOG_TEST_AZURITE";
/// Where `tools/install` puts it.
const INSTALLED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../.tools/node/node_modules/azurite/dist/src/blob/main.js"
);

/// The emulator's well-known account:
/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key>
pub const ACCOUNT: &str = "devstoreaccount1";
/// The account's key.
pub const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A signature of that key for everything and for long, so that a test can ask without signing.
const SIGNATURE: &str = "sv=2021-12-02&ss=b&srt=sco&sp=rwdlacup&se=2999-12-31T00:00:00Z&sig=7p4WS0aciVZrVsjpbrx1tP28A%2FEFsXvvp0Hm7cuAYRk%3D";

const POLL: Duration = Duration::from_millis(50);
const POLLS_UNTIL_UP: usize = 1_200;

/// A running emulator that keeps everything in memory. Dropping it kills it.
#[derive(Debug)]
pub struct Azurite {
    port: u16,
    process: Leash,
    folder: TempDir,
}

impl Azurite {
    /// Starts the emulator and waits until it answers, which takes about a second.
    ///
    /// # Panics
    /// When the emulator is not installed (a test that needs it fails without it, it is not skipped), or does not come
    /// up in a minute.
    pub fn start() -> Self {
        let script = std::env::var(AZURITE_VARIABLE).unwrap_or_else(|_| INSTALLED.into());
        assert!(
            std::path::Path::new(&script).exists(),
            "{script} is missing: run the tests with `tools/test`, which installs Azurite and sets {AZURITE_VARIABLE}"
        );
        let folder = TempDir::with_prefix("log-azurite-").expect("make a temporary folder");
        let log = File::create(folder.path().join("azurite.log")).expect("make a log file");
        let [port] = free_ports();
        let port_text = port.to_string();
        let args = [
            script.as_str(),
            "--inMemoryPersistence",
            "--silent",
            "--disableProductStyleUrl",
            // The client speaks the version of some requests that this emulator does not know yet.
            "--skipApiVersionCheck",
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            &port_text,
        ]
        .map(str::to_owned);
        let process = Leash::start("node", &args, log).expect("run node");
        let azurite = Self {
            port,
            process,
            folder,
        };
        for _ in 0..POLLS_UNTIL_UP {
            let asked = azurite.request("GET", "", "comp=list", &[], b"");
            if asked.is_ok_and(|answer| answer.status == 200) {
                return azurite;
            }
            if !azurite.process.is_running() {
                break;
            }
            sleep(POLL);
        }
        panic!("Azurite did not start; its log: {}", azurite.log());
    }

    /// The port of the blob service on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the account's blob service, at this port, which may be that of a proxy in front.
    pub fn endpoint_at(port: u16) -> String {
        format!("http://127.0.0.1:{port}/{ACCOUNT}")
    }

    /// The environment of a client of this emulator: endpoint, account key, plain HTTP.
    pub fn environment(&self) -> Vec<(String, String)> {
        Self::environment_at(self.port)
    }

    /// As [`Azurite::environment`], at the port of a proxy in front.
    pub fn environment_at(port: u16) -> Vec<(String, String)> {
        let endpoint = Self::endpoint_at(port);
        [
            ("AZURE_STORAGE_ENDPOINT", endpoint.as_str()),
            ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
            ("AZURE_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Makes a container. Names have at least 3 characters.
    ///
    /// # Panics
    /// When the emulator refuses.
    pub fn create_container(&self, name: &str) {
        let made = self.request("PUT", &format!("/{name}"), "restype=container", &[], b"");
        assert_eq!(made.expect("reach Azurite").status, 201);
    }

    /// A request to the account that is allowed everything. `path` begins with the container.
    ///
    /// # Errors
    /// As [`http::request`].
    pub fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[&str],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let and = if query.is_empty() { "" } else { "&" };
        let target = format!("/{ACCOUNT}{path}?{query}{and}{SIGNATURE}");
        let timeout = Duration::from_secs(30);
        http::request(self.port, method, &target, headers, body, timeout)
    }

    /// A proxy in front that lets in who has one of the bearer tokens that `accepts` accepts, as Azure does with tokens
    /// of Entra ID: the emulator takes those over TLS only, and believes all of them.
    pub fn before(&self, accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Recorder {
        Recorder::changing(self.port, move |call: &mut Call| {
            let given = call.headers.remove("authorization");
            let token = given
                .as_deref()
                .and_then(|text| text.strip_prefix("Bearer "));
            if !token.is_some_and(&accepts) {
                let code = "<Error><Code>InvalidAuthenticationInfo</Code><Message>Server failed to authenticate \
                            the request.</Message></Error>";
                return Err(crate::recorder::answer(401, code));
            }
            let and = if call.query.is_empty() { "" } else { "&" };
            call.query = format!("{}{and}{SIGNATURE}", call.query);
            Ok(())
        })
    }

    /// Begins an outage: connections are still accepted by the kernel, and nothing answers (SIGSTOP).
    pub fn pause(&self) {
        self.process.stop();
    }

    /// Ends the outage that [`Azurite::pause`] began (SIGCONT).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What the emulator wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("azurite.log")).unwrap_or_default()
    }
}
