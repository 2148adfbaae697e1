//! How messages quote what they were given: on one line, cut at one length, and without what could be a password.

use crate::concealed::MASK;

/// Characters of a value that are quoted.
pub const SHOWN: usize = 60;

/// The schemes that are shown before a mask. Any other text before `://` could be a part of a password.
const SCHEMES: [&str; 10] = [
    "http", "https", "s3", "gs", "az", "socks4", "socks4a", "socks5", "socks5h", "ftp",
];

/// The value as a message quotes it.
pub fn quoted(value: &str) -> String {
    format!("{:?}", cut(&without_user(value)))
}

/// The value as a message quotes it that is a URL, or should be: its query can hold a signature.
pub fn quoted_url(value: &str) -> String {
    let value = without_user(value);
    let shown = match value.find(['?', '#']) {
        Some(end) => format!("{}{MASK}", &value[..=end]),
        None => value,
    };
    format!("{:?}", cut(&shown))
}

/// An entry of a list as a message quotes it. If any has an `@`, the list is quoted in its place: a password may have had the comma
/// that separates entries.
pub fn quoted_entry(entry: &str, list: &[String]) -> String {
    match list.iter().any(|entry| entry.contains('@')) {
        true => quoted_url(&list.join(",")),
        false => quoted_url(entry),
    }
}

/// The beginning of a text, with a mark if there is more of it.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The value with a mask for everything before its last `@`, but for a scheme. No parser is asked: a password with `/`, `?`, `#`, a
/// space or another `@` makes a URL that none reads as it was meant.
pub fn without_user(value: &str) -> String {
    let Some((user, host)) = value.rsplit_once('@') else {
        return value.to_owned();
    };
    match user.split_once("://") {
        Some((scheme, _)) if SCHEMES.contains(&scheme) => format!("{scheme}://{MASK}@{host}"),
        _ => format!("{MASK}@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use log_testkit::arbitrary;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn whatever_a_password_consists_of_it_is_not_quoted() {
        let secret = "BEGIN[ -~\\PC]{0,20}[a-z0-9]{6}";
        let before = [
            "https://user:",
            "htps://user:",
            "http:/user:",
            "user:",
            "//",
            "",
        ];
        let input = (secret, select(before.to_vec()), any::<bool>());
        let outcome = arbitrary::runner(2_000).run(&input, |(secret, before, is_long)| {
            let rest = match is_long {
                true => "/PATH".repeat(20_000),
                false => String::new(),
            };
            let value = format!("{before}{secret}@HOST{rest}");
            let end: String = secret.chars().skip(secret.chars().count() - 6).collect();
            for said in [quoted(&value), quoted_url(&value)] {
                prop_assert!(!said.contains(&end) && !said.contains("BEGIN"), "{said}");
                prop_assert!(
                    said.contains("@HOST") && said.chars().count() <= SHOWN + 3,
                    "{said}"
                );
            }
            Ok(())
        });
        outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
    }

    #[test]
    fn what_is_no_secret_is_quoted() {
        assert_eq!(quoted("eu central"), "\"eu central\"");
        assert_eq!(quoted("http//minio:9000"), "\"http//minio:9000\"");
        assert_eq!(
            quoted("http://a:b/c@minio:9000"),
            "\"http://********@minio:9000\""
        );
        assert_eq!(
            quoted_url("https://host/c?sig=secret"),
            "\"https://host/c?********\""
        );
        assert_eq!(quoted(&"ö".repeat(61)), format!("\"{}…\"", "ö".repeat(60)));
    }
}
