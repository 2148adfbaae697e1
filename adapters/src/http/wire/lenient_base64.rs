//! Base64 as clients may send it: standard or URL-safe alphabet, padded or not.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The engine that decodes `text`. A text that mixes the alphabets is not base64 to either.
pub(in crate::http) fn engine_for(text: &str) -> &'static GeneralPurpose {
    if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) {
        &URL_SAFE
    } else {
        &STANDARD
    }
}
