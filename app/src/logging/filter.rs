//! The setting `log`: which lines are written.

use log_adapters::quoted::quoted;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

/// The filter that a text describes.
///
/// A word that is no level would be a filter for modules of that name: `infoo` would silence everything else. So a
/// directive without `=` must be a level.
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
    EnvFilter::try_new(parts.join(",")).map_err(|error| format!("log: {error}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

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
