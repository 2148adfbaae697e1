//! The value of rows that hold a floor.
//!
//! ```text
//! version (1) · floor (u64, big endian)
//! ```

use bytes::{Buf, BufMut, Bytes};
use log_domain::{Error, Result, Sequence};

use super::versioned;

const VERSION: u8 = 1;

/// The value of a row with this floor.
pub(crate) fn value(floor: Sequence) -> Bytes {
    let mut value = Vec::with_capacity(9);
    value.put_u8(VERSION);
    value.put_u64(floor.get());
    value.into()
}

/// Reads the floor of a row of this kind.
///
/// # Errors
/// [`Error::Corrupt`] when it is not one, or of another version.
pub(super) fn decode(value: &Bytes, what: &str) -> Result<Sequence> {
    let mut rest = versioned(value, VERSION, what)?;
    let floor = rest.try_get_u64();
    let floor = floor.map_err(|_| Error::Corrupt(format!("{what} is cut off")))?;
    Ok(Sequence::new(floor))
}
