//! A child process that cannot outlive the test, not even when the test itself is killed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(5);
const POLLS_UNTIL_STOPPED: usize = 2_000;

/// A process held by a shell that waits for the end of its standard input, which this value keeps open. When the
/// value is dropped, or the test process dies in any way, the pipe closes and the shell kills the process.
#[derive(Debug)]
pub(crate) struct Leash {
    shell: Child,
    pid: u32,
}

impl Leash {
    /// Starts `program args…` with its output going to `log`.
    pub(crate) fn start(program: &str, args: &[String], log: File) -> io::Result<Self> {
        // Ctrl-C reaches the whole group: the shell must survive it, to do the killing. The process is not given
        // the shell's standard output, or the reader of the line below would wait for the process as well.
        let script = r#"trap '' INT TERM HUP; "$@" >&2 </dev/null & echo $!; read -r _; kill -KILL $!; wait"#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "leash", program])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        let stdout = shell.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line)?;
        let pid = line
            .trim()
            .parse()
            .map_err(|_| io::Error::other(format!("the shell answered {line:?}, not a pid")))?;
        Ok(Self { shell, pid })
    }

    /// Whether the process still runs (a stopped one does too).
    pub(crate) fn is_running(&self) -> bool {
        let state = state(Path::new(&format!("/proc/{}", self.pid)));
        // One that ended is Z until the shell collects it.
        !matches!(state, None | Some('Z' | 'X'))
    }

    /// Stops the process, and returns when it has stopped: the signal alone only asks for it, and on a busy machine
    /// some of the threads run on for a while.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
        for _ in 0..POLLS_UNTIL_STOPPED {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid))
                .expect("list the threads of the process");
            let stopped = tasks
                .map(|task| state(&task.expect("read the list of threads").path()))
                .all(|state| state == Some('T'));
            if stopped {
                return;
            }
            sleep(POLL);
        }
        panic!("process {} did not stop", self.pid);
    }

    /// Resumes a stopped process.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid)])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "could not send SIG{name} to process {}",
            self.pid
        );
    }
}

/// The state letter of a process or thread, from its folder under `/proc`.
fn state(folder: &Path) -> Option<char> {
    // `pid (name) state …`, and a name may hold anything.
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
