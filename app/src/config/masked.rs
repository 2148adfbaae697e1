//! Which values are never shown.

use std::path::Path;

/// What is shown in the place of a secret.
pub(crate) const MASK: &str = "********";

/// Words in the name of a setting or variable that make its value a secret.
const WORDS: [&str; 8] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "base64",
    "b64",
    "customer",
    "signing",
];

/// Last words of names that lead to a secret and are none.
const HARMLESS: [&str; 4] = ["file", "dir", "path", "folder"];

/// Whether this could be the secret itself, given in the place of the path of its file: no such file is there, nor the
/// folder for it.
pub(crate) fn may_be_a_secret(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| folder.parent().is_some());
    !path.exists() && !folder.is_some_and(Path::is_dir)
}

/// Whether the value is an address with a user's name and password in it.
pub(super) fn names_a_user(value: &str) -> bool {
    let host = value.split_once("://").map(|(_, rest)| rest);
    host.is_some_and(|rest| {
        rest.split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
    })
}

/// A value as a message quotes it: on one line, cut short, and masked if it could be a secret.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN: usize = 60;
    if names_a_user(value) {
        return MASK.to_owned();
    }
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Whether the value under this name, of a setting or a variable, is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<_> = name.split(['_', '.']).collect();
    let harmless = words.last().is_some_and(|last| HARMLESS.contains(last));
    // Among them those of Azure's accounts and Google's service accounts.
    let key = name.ends_with("access_key_id") || name.ends_with("_key");
    key || !harmless && words.iter().any(|word| WORDS.contains(word))
}
