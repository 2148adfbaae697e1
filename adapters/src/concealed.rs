//! Masks secrets in printed values: messages and `config show` end up in logs.

use std::path::Path;

/// The mask for a secret.
pub const MASK: &str = "********";

/// How the names of files end that certificates, keys, tokens and settings are kept in.
const EXTENSIONS: [&str; 14] = [
    "cer", "conf", "crt", "csv", "json", "jwt", "key", "list", "pem", "toml", "token", "tokens",
    "txt", "yaml",
];

/// The path as it is, or a mask if it could be a secret that was given in the place of the path of its file.
///
/// It is shown if it or its folder is there, or if it looks like a path that was mistyped: see [`looks_like_a_path`].
pub fn path(path: &Path) -> String {
    let folder = path.parent().filter(|folder| folder.parent().is_some());
    let is_there = path.exists() || folder.is_some_and(Path::is_dir);
    match path.to_str() {
        _ if is_there => path.display().to_string(),
        Some(text) if looks_like_a_path(text) => text.to_owned(),
        _ => MASK.to_owned(),
    }
}

/// The name as it is, or a mask if it could be a secret that was written in the place of a name.
pub fn name(name: &str) -> &str {
    let is_separator = |c: char| "._-".contains(c);
    match name.split(is_separator).all(is_chosen_by_people) {
        true => name,
        false => MASK,
    }
}

/// Whether the text looks like a path, and not like a secret: it has a `/`, or an extension that is usual for such files; it
/// consists of letters, digits and `/ . _ - ~ @ + ,` alone; and every word in it looks like one that people choose.
///
/// Secrets in base64 may begin with a slash and have more of them, so a slash alone says nothing.
pub fn looks_like_a_path(text: &str) -> bool {
    let is_separator = |c: char| "/._-~@+,".contains(c);
    let extension = text.rsplit_once('.').map(|(_, extension)| extension);
    let is_file = extension.is_some_and(|extension| EXTENSIONS.contains(&extension));
    let allowed = |c: char| c.is_alphanumeric() || is_separator(c);
    (text.contains('/') || is_file)
        && text.chars().all(allowed)
        && text.split(is_separator).all(is_chosen_by_people)
}

/// Whether this is a name and perhaps a number, such as `tokens`, `v2`, `k8s`, `MyLog` or `20261126`, and not a random mix.
fn is_chosen_by_people(word: &str) -> bool {
    /// So short that it says nothing.
    const SHORT: usize = 4;
    /// Of a date and time.
    const DIGITS: usize = 10;
    const LETTERS: usize = 20;
    /// Of a number after a name.
    const DIGITS_AFTER: usize = 4;
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    let length = letters.chars().count();
    if word.chars().count() <= SHORT || (letters.is_empty() && digits <= DIGITS) {
        return true;
    }
    let is_name = letters.chars().all(char::is_alphabetic) && length <= LETTERS;
    is_name && digits <= DIGITS_AFTER && (is_upper(letters) || has_humps(letters))
}

fn is_upper(letters: &str) -> bool {
    letters.chars().all(char::is_uppercase) && letters.chars().count() <= 10
}

/// Whether capitals only begin parts of three letters and more.
fn has_humps(letters: &str) -> bool {
    let mut parts = letters.split(char::is_uppercase);
    let first = parts.next().unwrap_or_default();
    let long_enough = |part: &str| part.chars().count() >= 2;
    let rest: Vec<_> = parts.collect();
    rest.is_empty() || (first.is_empty() || long_enough(first)) && rest.into_iter().all(long_enough)
}

/// The text of an error in one line, without the passwords that may be in it.
pub(crate) fn in_one_line(text: &str) -> String {
    let text = without_passwords(text);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The text with a mask where a URL in it has a user and a password.
pub fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['/', ' ', '`', ')', '?']).unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        masked.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => masked.push_str(&format!("{MASK}@{host}")),
            None => masked.push_str(authority),
        }
        masked.push_str(rest);
    }
    masked
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use log_testkit::arbitrary;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mistyped_path_is_shown() {
        for text in [
            "/etc/log/tokens.txt",
            "/etc/lgo/tokens.txt",
            "./tokens.txt",
            "../secrets/tls.key",
            "~/log/tokens",
            "secrets/tls.crt",
            "tokens.txt",
            "server-key.pem",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "/var/run/secrets/azure/tokens/azure-identity-token",
            "/mnt/disk01/Certificates/2026-11-26/fullchain.pem",
            "/etc/opendata-log/..2026_11_26_10_36_55.1234567890/tokens",
            "/home/RobertSmith/k8s/x509/v1/CA.pem",
            "/größe/tokens",
            "/srv/data/log@2/README.txt",
        ] {
            assert_eq!(path(Path::new(text)), text);
        }
    }

    #[test]
    fn a_name_is_shown_and_a_secret_in_its_place_is_not() {
        for text in [
            "tokns",
            "l0_sst_size_byte",
            "s3",
            "allow-origin",
            "S3_BUCKET",
        ] {
            assert_eq!(name(text), text);
        }
        for secret in ["S3CR3TVALUE9x", "9tQm0vVtGdQnY8x1c5Wq2A", "a b c d e f"] {
            assert_eq!(name(secret), MASK, "{secret}");
        }
    }

    #[test]
    fn what_is_there_is_shown_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9tQm0vVtGdQnY8x1c5Wq2A", "name read 1"] {
            let there = folder.path().join(name);
            assert_eq!(path(&there), there.display().to_string());
        }
    }

    #[test]
    fn a_secret_is_masked() {
        for secret in [
            "",
            "secret",
            "hunter2",
            "correct horse battery staple",
            "name read 9tQm0vVtGdQnY8x1c5Wq2A",
            "9tQm0vVtGdQnY8x1c5Wq2A",
            "/9tQm0vVtGdQnY8x1c5Wq2A=",
            "9tQm0v/VtGdQnY8x1c5Wq2A",
            "/9tQm0v/VtGdQnY8x1c5Wq2A",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AKIAIOSFODNN7EXAMPLE",
            "JBSWY3DPEHPK3PXP/JBSWY3DPEHPK3PXP",
            "d1f0c3aa-93b1-4c7e-8a55-0e4b5d2f7c11",
            "/d41d8cd98f00b204e9800998ecf8427e",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n",
            "{\"type\": \"service_account\", \"private_key\": \"/a/b\"}",
            "1234567890123456/12",
        ] {
            assert_eq!(path(Path::new(secret)), MASK, "{secret}");
        }
    }

    #[test]
    fn random_secrets_are_masked_in_every_usual_encoding() {
        let outcome = arbitrary::runner(2_000).run(&vec(any::<u8>(), 18..48), |bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            for secret in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes), hex] {
                for secret in [format!("/{secret}"), format!("{secret}.txt"), secret] {
                    prop_assert!(!looks_like_a_path(&secret), "{secret}");
                }
            }
            Ok(())
        });
        outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
    }

    #[test]
    fn paths_of_words_are_shown() {
        let paths = "(/|\\./|\\.\\./|~/)([a-z]{1,15}[0-9]{0,4}[-_.]){0,2}([A-Z]?[a-z]{2,12}/){0,4}[a-z]{1,12}(\\.[a-z]{2,5})?";
        let outcome = arbitrary::runner(2_000).run(&paths, |text| {
            prop_assert!(looks_like_a_path(&text), "{text}");
            Ok(())
        });
        outcome.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}
