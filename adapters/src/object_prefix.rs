//! Which texts a log's objects can lie below.
//!
//! The object store client encodes some characters in the name of an object (`ö` becomes `%C3%B6`), and the storage engine
//! makes names out of names, so that these are encoded once, twice, or not at all: the objects of one log would lie
//! below several prefixes, and a copy of the one that was named would open empty. So only what is never encoded is accepted.

use object_store::path::Path;

use crate::quoted::quoted;

/// At most so many bytes: S3, Google and Azure allow 1,024 for the name of an object, and the log's own part takes 40.
const MOST_BYTES: usize = 900;

/// Refuses a prefix below which not all objects of a log would lie.
///
/// # Errors
/// What is wrong with it, and what is accepted, in one line.
pub fn check_prefix(prefix: &str) -> Result<(), String> {
    let refuse = |why: String| {
        let shown = quoted(prefix);
        Err(format!(
            "{shown} cannot be a prefix: {why}. Accepted are letters and digits of ASCII, spaces and !$&'()+,-.:;=@_, in \
             parts that are separated by single slashes, for example `logs/orders`"
        ))
    };
    if prefix.is_empty() {
        return refuse("it is empty".into());
    }
    if prefix.len() > MOST_BYTES {
        return refuse(format!(
            "it has {} bytes, and the maximum is {MOST_BYTES}",
            prefix.len()
        ));
    }
    for part in prefix.split('/') {
        if part.is_empty() {
            let parts: Vec<_> = prefix.split('/').filter(|part| !part.is_empty()).collect();
            return refuse(format!(
                "it begins or ends with a slash, or has two in a row; without them it is {}",
                quoted(&parts.join("/"))
            ));
        }
        if part == "." || part == ".." {
            return refuse(format!("a part of it is `{part}`"));
        }
        if part.trim() != part {
            return refuse("a part of it begins or ends with a space".into());
        }
    }
    let encoded = |character: &char| Path::from(character.to_string()).as_ref().len() != 1;
    let bad = prefix
        .chars()
        .filter(|character| !matches!(character, '/' | '.'))
        .find(encoded);
    match bad {
        Some(character) => refuse(format!("it contains {character:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(prefix: &str, says: &str) {
        let why = check_prefix(prefix).expect_err(prefix);
        assert!(why.contains(says), "{prefix:?}: {why}");
        assert!(why.contains("for example `logs/orders`"), "{why}");
        assert!(!why.contains('\n') && why.len() < 600, "{why}");
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_accepted() {
        refused("", "empty");
        refused("größe", "contains 'ö'");
        refused("100%", "contains '%'");
        refused("a/../b", "`..`");
        refused("./a", "`.`");
        refused("/a", "slash");
        refused("a/", "slash");
        refused("a//b", "slash");
        refused("a#b", "'#'");
        refused("a?b", "'?'");
        refused("a\nb", "'\\n'");
        refused("a\0b", "'\\0'");
        refused(" a", "space");
        refused("a /b", "space");
        refused(&"a".repeat(901), "901 bytes");
        refused("~", "'~'");
    }

    #[test]
    fn what_is_said_to_be_accepted_is() {
        for prefix in [
            "log",
            "some/log",
            "a b",
            "Log-1.2/x_y",
            "!$&'()+,-.:;=@_",
            "...",
            &format!("{}aa", "a/".repeat(449)),
        ] {
            check_prefix(prefix).expect(prefix);
        }
    }

    proptest! {
        #[test]
        fn an_accepted_prefix_is_the_same_however_often_it_is_made_a_path_of(
            prefix in prop_oneof![".*", "[ -~]{0,12}", "[a-z./ %]{0,8}"],
        ) {
            if check_prefix(&prefix).is_ok() {
                let once = Path::from(prefix.as_str());
                prop_assert_eq!(once.as_ref(), &prefix);
                let file = Path::from(format!("{once}/wal/1.sst"));
                prop_assert_eq!(file.as_ref(), format!("{prefix}/wal/1.sst"));
                prop_assert_eq!(Path::parse(&prefix).expect("a path"), once);
            }
        }
    }
}
