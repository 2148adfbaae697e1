//! The server as a child process.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::unwritable::Unwritable;

/// How long a start may take. A debug build on a busy machine needs some of it; a hang fails.
const START: Duration = Duration::from_secs(60);
/// How long a stop may take before it counts as hanging.
const STOP: Duration = Duration::from_secs(30);
/// How long a line of the log may take to show on a busy machine.
const SAID: Duration = Duration::from_secs(10);

/// A setting of the environment.
pub(crate) type Variable = (String, String);

pub(crate) fn variable(name: &str, value: &str) -> Variable {
    (name.to_owned(), value.to_owned())
}

pub(crate) fn variables(all: &[(&str, &str)]) -> Vec<Variable> {
    let all = all.iter();
    all.map(|(name, value)| variable(name, value)).collect()
}

/// A running server, killed when dropped. Its log is printed if the test fails.
pub(crate) struct Server {
    child: Child,
    url: String,
    stderr: Captured,
    reader: Option<JoinHandle<()>>,
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct Exit {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

type Captured = Arc<Mutex<Vec<String>>>;

/// The binary under test.
pub(crate) fn binary() -> OsString {
    std::env::var_os("LOG_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_opendata-log").into())
}

/// A command for `binary` that sees none of the developer's own settings, only `env`.
fn command(binary: OsString, args: &[String], env: &[Variable]) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_ours = ["LOG_", "AWS_", "GOOGLE_", "GCE_", "AZURE_"];
        if is_ours.iter().any(|prefix| text.starts_with(prefix)) || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts the server on a free port and waits until it says that it listens.
    pub(crate) fn start(args: &[String], env: &[Variable]) -> Self {
        Self::start_binary(binary(), args, env)
    }

    /// As [`Server::start`], with another binary.
    pub(crate) fn start_binary(binary: OsString, args: &[String], env: &[Variable]) -> Self {
        let mut args = args.to_vec();
        if !args.iter().any(|arg| arg == "--config" || arg == "--port") {
            args.extend(["--port".to_owned(), "0".to_owned()]);
        }
        let (mut server, listening) = Self::spawn(binary, &args, env);
        match listening.recv_timeout(START) {
            Ok(url) => server.url = url,
            Err(RecvTimeoutError::Timeout) => panic!("the server did not listen within {START:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!(
                    "the server ended before it listened: {:?}",
                    server.child.wait()
                )
            }
        }
        server
    }

    /// Starts the server on `port` and waits for nothing: the log may never be open.
    pub(crate) fn begin(args: &[String], env: &[Variable], port: u16) -> Self {
        let port = port.to_string();
        let args = [args, &["--port".to_owned(), port.clone()]].concat();
        let (mut server, _listening) = Self::spawn(binary(), &args, env);
        server.url = format!("http://127.0.0.1:{port}");
        server
    }

    /// As [`Server::begin`], with a standard error that takes no lines.
    pub(crate) fn begin_mute(
        args: &[String],
        env: &[Variable],
        port: u16,
        stderr: &Unwritable,
    ) -> Self {
        let port = port.to_string();
        let args = [args, &["--port".to_owned(), port.clone()]].concat();
        let (mut server, _listening) = Self::spawn_command(mute(binary(), &args, env, stderr));
        server.url = format!("http://127.0.0.1:{port}");
        server
    }

    /// A server that does not know its URL yet, and where that will come from.
    fn spawn(binary: OsString, args: &[String], env: &[Variable]) -> (Self, Receiver<String>) {
        Self::spawn_command(command(binary, args, env))
    }

    fn spawn_command(mut command: Command) -> (Self, Receiver<String>) {
        let mut child = command
            .stdout(Stdio::null())
            .spawn()
            .expect("start the server");
        let stderr = Captured::default();
        let (found, listening) = mpsc::channel();
        let lines = Arc::clone(&stderr);
        let reader = child.stderr.take().map(|pipe| {
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines() {
                    let Ok(line) = line else { break };
                    if let Some(url) = listening_url(&line) {
                        // Fails if the starter has given up; the line is then not needed.
                        let _ = found.send(url);
                    }
                    lines.lock().expect("no panic under this lock").push(line);
                }
            })
        });
        let server = Self {
            child,
            url: String::new(),
            stderr,
            reader,
        };
        (server, listening)
    }

    /// Starts the server as a shell with this umask does.
    pub(crate) fn start_with_umask(umask: &str, args: &[String], env: &[Variable]) -> Self {
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let binary = binary().to_string_lossy().into_owned();
        let shell = ["-c".to_owned(), script, binary];
        let args = [&shell[..], args, &["--port".to_owned(), "0".to_owned()]].concat();
        Self::start_binary("sh".into(), &args, env)
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, address)| address)
    }

    /// SIGKILL: no goodbye. Returns when the process is gone.
    pub(crate) fn kill9(mut self) {
        self.child.kill().expect("kill the server");
        self.child.wait().expect("wait for the killed server");
        self.assert_no_panic();
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn send_sigterm(&self) {
        self.signal("TERM");
    }

    /// Suspends the process: its clients get no answer and no error.
    pub(crate) fn suspend(&self) {
        self.signal("STOP");
    }

    /// Sends the signal of this name, without its SIG.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "send SIG{name}");
    }

    /// SIGTERM, and how the server ended.
    pub(crate) async fn terminate(self) -> Exit {
        self.send_sigterm();
        self.wait().await
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn wait(mut self) -> Exit {
        let deadline = Instant::now() + STOP;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("ask for the server's state") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "the server did not end within {STOP:?}"
            );
            sleep(Duration::from_millis(5)).await;
        };
        self.assert_no_panic();
        Exit {
            code: status.code(),
            stdout: String::new(),
            stderr: self.log(),
        }
    }

    /// The largest resident set the process ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status_in_bytes("VmHWM:")
    }

    /// The resident set of the process, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status_in_bytes("VmRSS:")
    }

    fn status_in_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("read the process status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u64 = kib
            .and_then(|kib| kib.parse().ok())
            .unwrap_or_else(|| panic!("{name} in kB in the process status"));
        kib * 1024
    }

    /// Everything the server wrote to stderr; complete once it has ended.
    pub(crate) fn log(&mut self) -> String {
        if matches!(self.child.try_wait(), Ok(Some(_)))
            && let Some(reader) = self.reader.take()
        {
            let _ = reader.join();
        }
        self.stderr
            .lock()
            .expect("no panic under this lock")
            .join("\n")
    }

    /// Waits until the server has said `what`, which must be soon.
    pub(crate) async fn until_logged(&mut self, what: &str) {
        let deadline = Instant::now() + SAID;
        while !self.log().contains(what) {
            assert!(Instant::now() < deadline, "the server never said {what:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Nothing that a client does may make the server panic, not even in a task of its own.
    pub(crate) fn assert_no_panic(&mut self) {
        let log = self.log();
        assert!(!log.contains("panicked"), "the server panicked:\n{log}");
    }
}

impl Drop for Server {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test is understood from the server's log"
    )]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(60);
            eprintln!(
                "--- the last lines of the server at {}:\n{}\n---",
                self.url,
                lines[from..].join("\n")
            );
        }
    }
}

/// Who runs a server, if not who runs the tests.
pub(crate) struct User(Option<u32>);

impl User {
    pub(crate) fn of_this_process() -> Self {
        Self(None)
    }

    /// One whom permissions hold for: `nobody`, if this is the superuser.
    pub(crate) fn without_privileges() -> Self {
        const NOBODY: u32 = 65534;
        let root = rustix::process::geteuid().is_root();
        Self(root.then_some(NOBODY))
    }

    pub(crate) fn id(&self) -> u32 {
        let own = rustix::process::geteuid().as_raw();
        self.0.unwrap_or(own)
    }

    /// Gives this file to the user.
    pub(crate) fn owns(&self, path: &Path) {
        std::os::unix::fs::chown(path, self.0, self.0).expect("give a file away");
    }
}

/// Runs the binary to its end, which must come soon, and captures what it prints.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> Exit {
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    run_with(&args, &variables(env))
}

/// As [`run`].
pub(crate) fn run_with(args: &[String], env: &[Variable]) -> Exit {
    run_as(&User::of_this_process(), args, env)
}

/// As [`run`], as this user.
pub(crate) fn run_as(user: &User, args: &[String], env: &[Variable]) -> Exit {
    let mut command = command(binary(), args, env);
    if let Some(other) = user.0 {
        command.uid(other).gid(other);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the binary");
    let stdout = drain(child.stdout.take().expect("stdout is piped"));
    let stderr = drain(child.stderr.take().expect("stderr is piped"));
    let status = wait_bounded(&mut child);
    let exit = Exit {
        code: status.and_then(|status| status.code()),
        stdout: stdout.join().expect("stdout is read"),
        stderr: stderr.join().expect("stderr is read"),
    };
    assert!(status.is_some(), "{args:?} did not end by itself: {exit:?}");
    exit
}

/// Runs the binary to its end, which must come soon, with a standard error that takes no lines; gives its exit code.
pub(crate) fn run_mute(args: &[&str], stderr: &Unwritable) -> Option<i32> {
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let mut command = mute(binary(), &args, &[], stderr);
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("start the binary");
    let status = wait_bounded(&mut child);
    status
        .unwrap_or_else(|| panic!("{args:?} did not end by itself with {stderr:?}"))
        .code()
}

fn mute(binary: OsString, args: &[String], env: &[Variable], stderr: &Unwritable) -> Command {
    let mut command = if let Unwritable::Closed = stderr {
        let mut shell = command("sh".into(), &[], env);
        shell.args(["-c", r#"exec "$0" "$@" 2>&-"#]);
        shell.arg(binary).args(args);
        shell
    } else {
        command(binary, args, env)
    };
    command.stderr(stderr.stdio());
    command
}

fn wait_bounded(child: &mut Child) -> Option<ExitStatus> {
    const POLL: Duration = Duration::from_millis(10);
    for _ in 0..STOP.as_millis() / POLL.as_millis() {
        if let Some(status) = child.try_wait().expect("ask for the child's state") {
            return Some(status);
        }
        std::thread::sleep(POLL);
    }
    child.kill().expect("kill a child that does not end");
    child.wait().expect("wait for the killed child");
    None
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn listening_url(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on http")?;
    let (scheme, rest) = rest
        .strip_prefix('s')
        .map_or(("http", rest), |rest| ("https", rest));
    let rest = rest
        .strip_prefix("://127.0.0.1:")
        .or_else(|| rest.strip_prefix("://0.0.0.0:"))?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty()).then(|| format!("{scheme}://127.0.0.1:{port}"))
}
