//! Files that hold one token.

use log_adapters::small_file::SmallFile;

/// The token in `file`, which the setting `name` names. It is read again each time: it may have been replaced.
///
/// # Errors
/// Why there is none, in words for an operator.
pub(crate) async fn read(file: &SmallFile, name: &str) -> Result<String, String> {
    let text = file.read_again().await;
    let text = text.map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim();
    match text.is_empty() || text.contains(char::is_whitespace) {
        true => Err(format!(
            "{name}: the file must hold one token and nothing else"
        )),
        false => Ok(text.to_owned()),
    }
}
