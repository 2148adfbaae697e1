//! The soak test in short: each failure about once, on the binary that the other tests use.

use std::path::Path;
use std::process::Command;

#[test]
fn a_short_soak_with_each_failure_breaks_no_promise() {
    let soak = Path::new(env!("CARGO_BIN_EXE_log-soak"));
    let beside = soak.with_file_name("opendata-log");
    let binary = std::env::var_os("LOG_TEST_BINARY").map_or(beside, Into::into);
    assert!(
        binary.exists(),
        "{} is not there: build it with `cargo build`, or name it in LOG_TEST_BINARY",
        binary.display()
    );
    let logs = tempfile::tempdir().unwrap();
    let output = Command::new(soak)
        .arg("--binary")
        .arg(binary)
        .arg("--logs")
        .arg(logs.path())
        .args(["--duration", "40s", "--failure-every", "1s"])
        .args(["--keys", "2000", "--rate", "10"])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{progress}");
    assert!(report.contains("No promise was broken."), "{report}");
    assert!(
        report.contains("| SIGKILL of the server, and a restart |"),
        "{report}"
    );
}
