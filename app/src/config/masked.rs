//! Which values are never shown.

/// What is shown in the place of a secret.
pub(super) const MASK: &str = "********";

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

/// Whether the value is an address with a user's name and password in it.
pub(super) fn names_a_user(value: &str) -> bool {
    let host = value.split_once("://").map(|(_, rest)| rest);
    host.is_some_and(|rest| {
        rest.split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
    })
}

/// Whether the value under this name, of a setting or a variable, is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<_> = name.split(['_', '.']).collect();
    let harmless = words.last().is_some_and(|last| HARMLESS.contains(last));
    let access_key = name.ends_with("access_key_id") || name.ends_with("access_key");
    access_key || !harmless && words.iter().any(|word| WORDS.contains(word))
}
