//! Base64 as clients may send it: standard or URL-safe alphabet, padded or not.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, DecodeSliceError, Engine, alphabet};
use base64_simd::{AsOut, STANDARD_NO_PAD};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes `text` to the beginning of `out`; how many bytes it is.
///
/// # Errors
/// When it is not base64, or longer than `out`.
pub(in crate::http) fn decode_slice(text: &str, out: &mut [u8]) -> Result<usize, DecodeSliceError> {
    // Nearly every text is in the standard alphabet and is decoded several bytes at a time. The engine decides about all others, and says what
    // is wrong with them.
    let bare = without_padding(text).as_bytes();
    if out.len() >= STANDARD_NO_PAD.estimated_decoded_length(bare.len())
        && let Ok(decoded) = STANDARD_NO_PAD.decode(bare, out.as_out())
    {
        return Ok(decoded.len());
    }
    engine_for(text).decode_slice(text, out)
}

/// What `text` is.
///
/// # Errors
/// When it is not base64.
pub(in crate::http) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    engine_for(text).decode(text)
}

/// `text` without its padding, if it is padded to groups of four.
fn without_padding(text: &str) -> &str {
    if !text.len().is_multiple_of(4) {
        return text;
    }
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('='));
    bare.unwrap_or(text)
}

/// The engine that decodes `text`. A text that mixes the alphabets is not base64 to either.
fn engine_for(text: &str) -> &'static GeneralPurpose {
    if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) {
        &URL_SAFE
    } else {
        &STANDARD
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, room: usize) {
        let (mut fast, mut slow) = (vec![7; room], vec![7; room]);
        let decoded = decode_slice(text, &mut fast);
        assert_eq!(
            decoded,
            engine_for(text).decode_slice(text, &mut slow),
            "{text:?}"
        );
        if let Ok(length) = decoded {
            assert_eq!(fast[..length], slow[..length], "{text:?}");
        }
    }

    #[test]
    fn what_is_decoded_fast_is_what_the_engine_decodes() {
        for text in [
            "", "=", "==", "YQ", "YQ=", "YQ==", "YQ===", "YR==", "YWI", "YWI=", "YWJ=", "YWJj",
            "YWJj=", "YWJj====", "Y", "YWJjZ", "a-_b", "a+/b", "a-/b", "YQ==YQ==", " YQ==",
        ] {
            check(text, 40);
            check(text, 1);
        }
    }

    proptest! {
        #[test]
        fn of_arbitrary_bytes_too(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..8_usize, room in 0..200_usize) {
            for engine in [&general_purpose::STANDARD, &general_purpose::URL_SAFE, &general_purpose::STANDARD_NO_PAD] {
                let text = engine.encode(&bytes);
                check(&text, room);
                check(&text, 200);
                check(&text[..text.len().saturating_sub(cut)], 200);
            }
        }

        #[test]
        fn of_arbitrary_text_too(text in "[A-Za-z0-9+/=_-]{0,50}|.{0,50}") {
            check(&text, 160);
        }
    }
}
