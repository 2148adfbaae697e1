//! SeaweedFS, a real S3 server, started by the test that needs it.

use std::fs::File;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::leash::Leash;
use crate::ports::free_ports;

/// Names the `weed` binary. `tools/test` sets it.
pub const WEED_VARIABLE: &str = "LOG_TEST_WEED";

/// The access key to use. A server that was started without identities accepts any.
pub const ACCESS_KEY_ID: &str = "test";
/// The secret that goes with it.
pub const SECRET_ACCESS_KEY: &str = "test-secret";
/// The region to use; the server does not look at it.
pub const REGION: &str = "us-east-1";

const POLL: Duration = Duration::from_millis(100);
const UNTIL_UP: Duration = Duration::from_mins(1);
const STARTS: usize = 3;
/// Of one request of the ready check. A server that has no room for an object does not answer at all.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// The environment of a client, with the endpoint of a proxy before the server that it names.
pub fn through(proxy: &str, mut environment: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &mut environment {
        if name.starts_with("AWS_ENDPOINT") {
            proxy.clone_into(value);
        }
    }
    environment
}

/// A running S3 server with its data in a temporary folder. Dropping it kills it and removes the data.
#[derive(Debug)]
pub struct SeaweedFs {
    s3_port: u16,
    // Before `folder`, so that the process is gone when its folder is removed.
    process: Leash,
    folder: TempDir,
}

impl SeaweedFs {
    /// Starts a server and waits until it answers S3 requests, which takes 3 to 8 seconds.
    ///
    /// # Panics
    /// When `LOG_TEST_WEED` is not set (a test that needs S3 fails without it, it is not skipped), or the server does
    /// not come up in a minute.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// As [`SeaweedFs::start`], but requests must be signed with [`ACCESS_KEY_ID`] and [`SECRET_ACCESS_KEY`].
    /// Requests that are not signed at all, as those of [`SeaweedFs::request`], are still let in.
    ///
    /// # Panics
    /// As [`SeaweedFs::start`].
    pub fn start_with_identity() -> Self {
        Self::start_with(Some(&format!(
            r#"{{"identities": [
                {{"name": "log", "credentials": [{{"accessKey": "{ACCESS_KEY_ID}", "secretKey": "{SECRET_ACCESS_KEY}"}}],
                  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}},
                {{"name": "anonymous", "actions": ["Admin", "Read", "Write", "List"]}}]}}"#
        )))
    }

    fn start_with(identities: Option<&str>) -> Self {
        let weed = std::env::var(WEED_VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{WEED_VARIABLE} is not set: this test needs a real S3 server. Run the tests with `tools/test`, \
                 which installs SeaweedFS into .tools/ and sets it."
            )
        });
        let mut last = String::new();
        for _ in 0..STARTS {
            match Self::start_once(&weed, identities) {
                Ok(server) => return server,
                Err(why) => last = why,
            }
        }
        panic!("SeaweedFS did not start in {STARTS} attempts; the last one: {last}");
    }

    fn start_once(weed: &str, identities: Option<&str>) -> Result<Self, String> {
        let folder = TempDir::with_prefix("log-seaweedfs-").map_err(|e| e.to_string())?;
        let log_path = folder.path().join("weed.log");
        let log = File::create(&log_path).map_err(|e| e.to_string())?;
        let [
            s3,
            s3_grpc,
            master,
            master_grpc,
            volume,
            volume_grpc,
            filer,
            filer_grpc,
        ] = free_ports();
        let mut args = vec![
            "server".to_owned(),
            format!("-dir={}", folder.path().display()),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            // Never a word to anyone outside this machine.
            "-master.telemetry=false".to_owned(),
            format!("-master.port={master}"),
            format!("-master.port.grpc={master_grpc}"),
            "-master.volumeSizeLimitMB=512".to_owned(),
            format!("-volume.port={volume}"),
            format!("-volume.port.grpc={volume_grpc}"),
            // Each bucket takes seven.
            "-volume.max=40".to_owned(),
            // By default it takes no write while less than 1 % of the disk is free, and never says so to a client.
            "-volume.minFreeSpace=32MiB".to_owned(),
            format!("-filer.port={filer}"),
            format!("-filer.port.grpc={filer_grpc}"),
            format!(
                "-filer.localSocket={}",
                folder.path().join("filer.sock").display()
            ),
            "-s3".to_owned(),
            format!("-s3.port={s3}"),
            format!("-s3.port.grpc={s3_grpc}"),
            format!(
                "-s3.localSocket={}",
                folder.path().join("s3.sock").display()
            ),
            // Fixed ports by default, on which a second server would fail.
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
        ];
        if let Some(identities) = identities {
            let file = folder.path().join("identities.json");
            std::fs::write(&file, identities).map_err(|e| e.to_string())?;
            args.push(format!("-s3.config={}", file.display()));
        }
        let process =
            Leash::start(weed, &args, log).map_err(|e| format!("could not run {weed}: {e}"))?;
        let server = Self {
            s3_port: s3,
            process,
            folder,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a process is waited for, which no simulation controls"
        )]
        let started = Instant::now();
        while started.elapsed() < UNTIL_UP {
            if server.takes_an_object() {
                return Ok(server);
            }
            if !server.process.is_running() {
                break;
            }
            sleep(POLL);
        }
        let log = std::fs::read_to_string(&log_path).unwrap_or_default();
        let mut tail: Vec<_> = log.lines().rev().take(20).collect();
        tail.reverse();
        Err(format!(
            "it was not ready in time; its log ends:\n{}",
            tail.join("\n")
        ))
    }

    /// The ready check: an object needs the filer, the master and a volume with room.
    fn takes_an_object(&self) -> bool {
        let put = |path: &str, body: &[u8]| {
            let answer = http::request(self.s3_port, "PUT", path, &[], body, READY_TIMEOUT);
            // The bucket is there already at a second look.
            answer.is_ok_and(|answer| matches!(answer.status, 200 | 409))
        };
        put("/ready-check", b"") && put("/ready-check/object", b"data")
    }

    /// The port of the S3 API on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.s3_port
    }

    /// The endpoint, for `AWS_ENDPOINT_URL` or a client's builder.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3_port)
    }

    /// The environment that makes a standard S3 client use this server: endpoint, credentials, region, plain HTTP.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = self.endpoint();
        [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_REGION", REGION),
            ("AWS_ALLOW_HTTP", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Makes a bucket. Names have at least 3 characters.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn create_bucket(&self, name: &str) {
        let answer = self
            .request("PUT", &format!("/{name}"), &[], b"")
            .expect("reach SeaweedFS");
        assert_eq!(
            answer.status,
            200,
            "SeaweedFS refused bucket {name:?}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    /// An unsigned request to the S3 API, with a time-out of 30 s: racing for one object, a server that
    /// lost the race for its lock sleeps whole seconds before it tries again.
    ///
    /// # Errors
    /// As [`http::request`].
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> io::Result<Answer> {
        let timeout = Duration::from_secs(30);
        http::request(self.s3_port, method, path, headers, body, timeout)
    }

    /// The names of the objects in a bucket, at most 1,000, as the server has them.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn objects(&self, bucket: &str) -> Vec<String> {
        let path = format!("/{bucket}?list-type=2");
        let answer = self
            .request("GET", &path, &[], b"")
            .expect("reach SeaweedFS");
        let text = String::from_utf8(answer.body).expect("text");
        assert_eq!(answer.status, 200, "{text}");
        let names = text.split("<Key>").skip(1);
        let names = names.filter_map(|rest| rest.split_once("</Key>"));
        let unescaped = |name: &str| name.replace("&#39;", "'").replace("&amp;", "&");
        names.map(|(name, _)| unescaped(name)).collect()
    }

    /// Deletes the objects of a bucket whose names begin with `prefix`.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn delete(&self, bucket: &str, prefix: &str) {
        for name in self.objects(bucket) {
            if name.starts_with(prefix) {
                let path = format!("/{bucket}/{name}");
                let answer = self.request("DELETE", &path, &[], b"");
                assert_eq!(answer.expect("reach SeaweedFS").status, 204, "{name}");
            }
        }
    }

    /// Begins an outage: connections are still accepted by the kernel, and nothing answers (SIGSTOP). The server has
    /// stopped when this returns.
    pub fn pause(&self) {
        self.process.stop();
    }

    /// Ends the outage that [`SeaweedFs::pause`] began (SIGCONT).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// What the server wrote to its log so far, to print when a test fails.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("weed.log")).unwrap_or_default()
    }
}
