//! The setting `log`: which lines are written.

use log_adapters::quoted::quoted;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

/// Every crate that is in the server, by name: what is logged, is logged by one of them.
const CRATES: &str = include_str!("../../../Cargo.lock");

/// The server itself, and what it logs under another name.
const OWN: [&str; 2] = ["opendata_log", "requests"];

/// Those that are worth asking for.
const TARGETS: [&str; 6] = [
    "requests",
    "opendata_log",
    "log_adapters",
    "log_app",
    "slatedb",
    "object_store",
];

/// The filter that a text describes.
///
/// A word that is no level would be a filter for modules of that name: `infoo` would silence everything else. So a
/// directive without `=` must be a level, and one with a target must name something that is in the server.
///
/// # Errors
/// One line that quotes the part that is wrong, and says what is accepted.
pub(crate) fn parse(text: &str) -> Result<EnvFilter, String> {
    let parts = text.split(',').map(str::trim);
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    for part in &parts {
        let is_level = part.parse::<LevelFilter>().is_ok();
        let names_a_target = part.contains(['=', '[']) && part.parse::<Directive>().is_ok();
        if !is_level && !names_a_target {
            let part = quoted(part);
            return Err(format!(
                "log: {part} is neither a level nor target=level; levels are off, error, warn, info, debug and trace, for \
                 example info or warn,slatedb=debug"
            ));
        }
    }
    for part in parts.iter().filter(|part| part.contains(['=', '['])) {
        let end = part.find(['=', '[', ':']).unwrap_or(part.len());
        let target = part[..end].trim();
        if !target.is_empty() && !is_known(target) {
            let (part, targets) = (quoted(part), TARGETS.join(", "));
            return Err(format!(
                "log: nothing in this server logs under the target of {part}; targets are the names of modules, for example {targets}"
            ));
        }
    }
    EnvFilter::try_new(parts.join(",")).map_err(|error| format!("log: {error}"))
}

/// Whether a target begins with the name of a crate. A filter is for all targets that begin with it, so parts of names will do.
fn is_known(target: &str) -> bool {
    let lines = CRATES.lines();
    let mut names = lines.filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let is_crate = |name: &str| name.replace('-', "_").starts_with(target);
    OWN.iter().any(|own| own.starts_with(target)) || names.any(is_crate)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_target_that_nothing_logs_under_is_refused() {
        for text in [
            "log_adpters=debug",
            "info,slatdb=trace",
            "hypre::proto[span]=info",
        ] {
            let message = parse(text).map(drop).expect_err(text);
            assert!(message.contains("log_adapters"), "{text}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        for text in [
            "log_adapters=debug",
            "log_adapters::slate=debug",
            "opendata_log=off",
            "requests=debug",
            "object_store::aws=trace,h2=warn",
            "foyer=info",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_with_what_is_accepted() {
        for text in [
            "infoo",
            "warning",
            "info,slatedb",
            "info,slatedb=infoo",
            "a=b=c",
            "\n",
        ] {
            let refused = parse(text).map(|filter| filter.to_string());
            if text.trim().is_empty() {
                continue;
            }
            let message = refused.expect_err(text);
            assert!(message.contains("levels are off"), "{text}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn levels_targets_and_spans_are_taken() {
        for text in [
            "info",
            "OFF",
            "3",
            "warn, slatedb=debug",
            "info,requests=debug,",
            "[request{route}]=trace,warn",
            "slatedb::db[flush]=trace",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
