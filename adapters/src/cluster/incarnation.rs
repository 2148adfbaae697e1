//! Incarnations as they are stored: as text, because not every JSON library has whole numbers of 64 bits.

pub(super) fn encode(incarnation: u64) -> String {
    format!("{incarnation:016x}")
}

/// Reads one, or says what is wrong with it.
pub(super) fn decode(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|error| error.to_string())
}
