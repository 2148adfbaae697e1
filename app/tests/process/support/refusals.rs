//! Starts that are refused: with exit code 2, and one line that says why.

use super::server::{Variable, run_with, variables};

/// The environment with these in addition, or in the place of others.
pub(crate) fn and(mut environment: Vec<Variable>, more: &[(&str, &str)]) -> Vec<Variable> {
    for (name, value) in variables(more) {
        environment.retain(|(earlier, _)| *earlier != name);
        environment.push((name, value));
    }
    environment
}

/// Starts the server, which must end by itself with exit code 2 and one line, and gives that line.
pub(crate) fn refused(flags: &[String], environment: &[Variable]) -> String {
    let exit = run_with(flags, environment);
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let lines = exit.stderr.lines();
    // What went well before, for example the first of two buckets, may be told too.
    let mut lines: Vec<_> = lines
        .filter(|line| !line.contains("\"level\":\"INFO\""))
        .collect();
    assert_eq!(lines.len(), 1, "one line, not {}: {exit:?}", lines.len());
    lines.remove(0).to_owned()
}

/// The line has all of these.
#[track_caller]
pub(crate) fn says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{line:?} does not say {part:?}");
    }
}
