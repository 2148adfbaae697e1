//! Refuses names that this server does not know, and tells the nearest one that it does.
//!
//! A misspelt name that is ignored answers a question that was not asked, and a name of a newer version may be a
//! condition: neither may be acted on as if it were not there.

use strsim::osa_distance;

use crate::quoted::cut;

/// What is answered to `name`, a `what` that is none of `known`.
pub(in crate::http) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let name = cut(name);
    let hint = nearest(&name, known).map(|known| format!("; did you mean {known}?"));
    let accepted = if known.is_empty() {
        "none is accepted here".to_owned()
    } else {
        format!("accepted: {}", known.join(", "))
    };
    let hint = hint.unwrap_or_default();
    format!("unknown {what} {name:?}{hint} ({accepted})")
}

/// The one of `known` that `name` is a misspelling of: in another case, with or without underscores, or with about one
/// letter in three mistaken.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = folded(name);
    let distance = |known: &str| osa_distance(&name, &folded(known));
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let longest = name.chars().count().max(nearest.len());
    (distance(nearest) <= (longest / 3).max(1)).then_some(*nearest)
}

fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | '.'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["key", "key_base64", "start_seq", "end_seq", "awaitDurable"];

    #[test]
    fn the_nearest_name_is_told_if_one_is_near() {
        for (name, expected) in [
            ("startseq", Some("start_seq")),
            ("startSeq", Some("start_seq")),
            ("start-seq", Some("start_seq")),
            ("strat_seq", Some("start_seq")),
            ("awaitDurbale", Some("awaitDurable")),
            ("await_durable", Some("awaitDurable")),
            ("Key", Some("key")),
            ("keys", Some("key")),
            ("keyBase64", Some("key_base64")),
            ("offset", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &KNOWN), expected, "{name}");
        }
        assert_eq!(nearest("key", &[]), None);
    }

    #[test]
    fn what_is_quoted_is_short_and_has_no_control_characters() {
        let said = unknown("field", &"\n\u{1b}ä".repeat(100_000), &KNOWN);
        assert!(said.len() < 400, "{said}");
        assert!(!said.contains(['\n', '\u{1b}']), "{said}");
        assert!(said.ends_with("(accepted: key, key_base64, start_seq, end_seq, awaitDurable)"));
        let said = unknown("query parameter", "x", &[]);
        assert_eq!(
            said,
            "unknown query parameter \"x\" (none is accepted here)"
        );
    }
}
