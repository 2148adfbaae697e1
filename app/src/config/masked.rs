//! Which values are never shown.

use log_adapters::concealed::without_passwords;

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

/// Settings that are paths of files with secrets.
const FILES: [&str; 6] = [
    "auth.tokens",
    "tls.certificate",
    "tls.key",
    "reader.writer_token_file",
    "cluster.token_file",
    "cluster.ca",
];

/// Settings that may have an `@`: paths of folders, names of servers, and what names of objects begin with.
const WITH_AT: [&str; 6] = [
    "storage.data_dir",
    "storage.instance",
    "cache.dir",
    "storage.s3.prefix",
    "storage.gcs.prefix",
    "storage.azure.prefix",
];

/// Variables that are paths of files with secrets, beside those that end in `_FILE`.
const FILE_VARIABLES: [&str; 3] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
];

/// Whether the value under this name is the path of a file with secrets, so that the secret itself may be given by mistake.
pub(super) fn is_file_of_secrets(name: &str) -> bool {
    FILES.contains(&name) || FILE_VARIABLES.contains(&name) || name.ends_with("_FILE")
}

/// Whether an `@` in the value under this name says nothing of a password before it.
pub(super) fn may_have_at(name: &str) -> bool {
    WITH_AT.contains(&name)
}

/// The text as it is printed: with its control characters escaped, because paths and values with line breaks would look like
/// lines of their own, and without passwords in URLs.
pub fn in_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in without_passwords(text).chars() {
        match char {
            char if char.is_control() || "\u{2028}\u{2029}".contains(char) => {
                line.extend(char.escape_default());
            }
            char => line.push(char),
        }
    }
    line
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
